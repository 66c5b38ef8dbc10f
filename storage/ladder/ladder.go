// Package ladder keeps the format of a data directory: one number, in the file FORMAT, for all its files. A server opens
// directories of its own format and of each before it, which it brings up step by step; one of a newer format it refuses
// by name.
//
// # The file
//
// FORMAT is one line of text: "siltstone format <number>, <CRC32C of what stands before the comma, 8 hexadecimal
// digits>\n". It is the first file of a new directory, and is replaced by a rename (vfs.WriteFile) after the files of a
// step are durable: a crash in the middle of a step leaves the old number, and the step is taken again.
//
// # Steps
//
//	1  tagged records: catalog, manifest, log, tokens and metadata of segments are records of package field
//
// What comes with a new step: its line here, its entry in Steps with a function that makes a directory of the step
// before one of this, as often as it is called, and a golden directory in testdata of the database, which a test opens
// for ever. Fields that an older server may pass over, or refuses by their number, need no step (package field).
package ladder

import (
	"fmt"
	"hash/crc32"
	"strings"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/vfs"
)

// Version is the number of a format.
type Version int

// The formats.
const (
	none          Version = 0 // no file
	TaggedRecords Version = 1
)

// Step leads to a format from the one before it.
type Step struct {
	To   Version
	Name string
	// Migrate makes a directory of the format before one of this; it may find that it was begun before. The first step
	// has none.
	Migrate func(fsys vfs.FS, dir string) error
}

// Steps are all steps, in order.
var Steps = []Step{{To: TaggedRecords, Name: "tagged records"}}

// Newest is the format that this server writes.
func Newest() Version { return Steps[len(Steps)-1].To }

const fileName = "FORMAT"

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func text(v Version) string {
	s := fmt.Sprintf("siltstone format %d", v)
	return fmt.Sprintf("%s, %08x\n", s, crc32.Checksum([]byte(s), castagnoli))
}

// Open brings a directory to the newest format, and gives a new one its number. Nobody else may use it meanwhile.
func Open(fsys vfs.FS, dir string) error { return open(fsys, dir, Steps) }

func open(fsys vfs.FS, dir string, steps []Step) error {
	newest := steps[len(steps)-1].To
	v, err := read(fsys, dir, newest)
	if err != nil {
		return err
	}
	if v == none {
		return write(fsys, dir, newest)
	}
	for _, s := range steps {
		if s.To <= v {
			continue
		}
		if err := s.Migrate(fsys, dir); err != nil {
			return fmt.Errorf("bring the directory from format %d to %d, %s: %w", v, s.To, s.Name, err)
		}
		if err := write(fsys, dir, s.To); err != nil {
			return err
		}
		v = s.To
	}
	return nil
}

func write(fsys vfs.FS, dir string, v Version) error {
	if err := vfs.WriteFile(fsys, dir, fileName, []byte(text(v))); err != nil {
		return vfs.Error("write", dir+"/"+fileName, err)
	}
	return nil
}

// Read returns the format of a directory without changing it, 0 for a new one. A format that this server does not read
// is an error.
func Read(fsys vfs.FS, dir string) (Version, error) { return read(fsys, dir, Newest()) }

func read(fsys vfs.FS, dir string, newest Version) (Version, error) {
	name := dir + "/" + fileName
	b, err := vfs.ReadFile(fsys, name, 100)
	if vfs.IsNotExist(err) {
		return none, firstBuilds(fsys, dir)
	}
	if err != nil {
		return none, vfs.Error("read", name, err)
	}
	var v Version
	if _, err := fmt.Sscanf(string(b), "siltstone format %d,", &v); err != nil || text(v) != string(b) || v < 1 {
		return none, errs.Corrupt("file %s: holds %q, which is no number of a format", name, b).
			WithHint("It holds the line %q in a directory of this version. Restore it from a backup.", strings.TrimSpace(text(newest)))
	}
	if v > newest {
		return none, errs.Unsupported("format %d of the data directory %s (this server knows up to %d), written by a newer version,", v, dir, newest).
			WithHint("Start the version that wrote it, or a later one.")
	}
	return v, nil
}

// firstBuilds refuses a directory that is not new and has no number.
func firstBuilds(fsys vfs.FS, dir string) error {
	used, err := holds(fsys, dir, "CURRENT")
	for _, sub := range []string{"wal", "tokens", "segments"} {
		if used == "" && err == nil {
			used, err = holds(fsys, dir+"/"+sub, "")
		}
	}
	if err != nil || used == "" {
		return err
	}
	return errs.Unsupported("a data directory without the file FORMAT, though %s is there: it was written by a build before format 1,", used).
		WithHint("Start the build that wrote it, copy the tables out (COPY ... TO STDOUT), and load them into a new directory. " +
			"If only the file is lost, restore it from a backup.")
}

// holds returns the name of a file of a directory, of one with that name if it is given.
func holds(fsys vfs.FS, dir, name string) (string, error) {
	infos, err := fsys.List(dir)
	if vfs.IsNotExist(err) {
		return "", nil
	}
	if err != nil {
		return "", vfs.Error("list", dir, err)
	}
	for _, i := range infos {
		if !i.Dir && (name == "" || i.Name == name) {
			return dir + "/" + i.Name, nil
		}
	}
	return "", nil
}
