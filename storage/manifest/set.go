package manifest

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/record"
	"github.com/siltstone-db/siltstone/storage/vfs"
)

// Types of records in a manifest file.
const (
	typeVersion record.Type = 1
	typeEdit    record.Type = 2
)

// rewriteAfter is how many bytes of edits a file takes at least before a new one replaces it: opening reads little
// more than the version itself, and rewriting costs at most as much as the edits did.
const rewriteAfter = 256 << 10

// maxRecord bounds a record of a damaged file: a version of ten million segments is a third of it.
const maxRecord = 1 << 30

// Set is the manifest of an open database. It is safe for concurrent use; edits are one after the other.
type Set struct {
	fs  vfs.FS
	dir string

	mu struct { // edits hold it while they write: they are one after the other
		sync.Mutex
		version *Version
		number  uint64          // of the file in use
		f       vfs.File        // nil: Open met a full disk
		a       record.Appender // behind its last record
		records uint64
		base    int64 // bytes of the file that are the version it began with
		broken  bool  // the file in use must be replaced
	}
}

// Open reads the manifest of a directory, or begins one, and starts a new file with what it found; on a full disk the
// first edit does that, so that what is there can be read. Before anything is changed found is called with what was
// there, nil when there was no manifest; its error ends the opening. Segment file ids below NextFile that the version
// does not name belong to nobody.
func Open(fsys vfs.FS, dir string, found func(*Version) error) (*Set, error) {
	s := &Set{fs: fsys, dir: dir}
	var err error
	if s.mu.version, s.mu.number, err = Read(fsys, dir); err != nil {
		return nil, fmt.Errorf("open the manifest: %w", err)
	}
	there := s.mu.number > 0
	was := s.mu.version
	if !there {
		was = nil
	}
	if err := found(was); err != nil {
		return nil, err
	}
	running := *s.mu.version
	running.Held.Stopped = nil // from now on
	s.mu.version = &running
	if there { // a new directory begins with 1 again, so that leftover knows what its first starts have left
		if s.mu.number, err = s.highest(s.mu.number); err != nil {
			return nil, err
		}
	}
	if err := s.rewriteLocked(s.mu.version); there && vfs.Passes(err) {
		s.mu.broken = true
		return s, nil
	} else if err != nil {
		return nil, fmt.Errorf("start a manifest file: %w", err)
	}
	return s, s.removeOthersLocked()
}

// Read returns the version on disk and the number of its file without changing anything. A directory without a
// manifest has the empty version.
func Read(fsys vfs.FS, dir string) (*Version, uint64, error) {
	b, err := vfs.ReadFile(fsys, dir+"/CURRENT", 100)
	if vfs.IsNotExist(err) {
		return Empty(), 0, orphaned(fsys, dir)
	}
	if err != nil {
		return nil, 0, vfs.Error("read", dir+"/CURRENT", err)
	}
	number, ok := fileNumber(strings.TrimSuffix(string(b), "\n"))
	if !ok || !strings.HasSuffix(string(b), "\n") {
		return nil, 0, errs.Corrupt("file %s/CURRENT: holds %q, want the name of a manifest", dir, b)
	}
	v, err := readFile(fsys, dir, number)
	return v, number, err
}

// orphaned refuses a directory that has been in use and has no CURRENT: starting empty would remove what is there.
func orphaned(fsys vfs.FS, dir string) error {
	used, err := leftover(fsys, dir)
	if err != nil || used == "" {
		return err
	}
	return errs.Corrupt("directory %s has no file CURRENT, though %s is there", dir, used).
		WithHint("Restore CURRENT from a backup: it holds the name of the newest manifest file.")
}

// leftover returns the name of a file that comes only when there is a CURRENT.
func leftover(fsys vfs.FS, dir string) (string, error) {
	for _, sub := range []string{"", "/wal", "/tokens", "/segments"} {
		infos, err := fsys.List(dir + sub)
		if vfs.IsNotExist(err) {
			continue
		}
		if err != nil {
			return "", vfs.Error("list", dir+sub, err)
		}
		for _, i := range infos {
			name := dir + sub + "/" + i.Name
			number, ok := fileNumber(i.Name)
			switch {
			case i.Dir || sub == "" && !ok:
			case sub == "" && number == 1: // CURRENT comes after it
				if v, err := readFile(fsys, dir, 1); err == nil && v.Held != (Held{}) {
					return name, nil
				}
			default:
				return name, nil
			}
		}
	}
	return "", nil
}

func fileName(number uint64) string { return fmt.Sprintf("manifest-%06d", number) }

func fileNumber(name string) (uint64, bool) {
	n, err := strconv.ParseUint(strings.TrimPrefix(name, "manifest-"), 10, 64)
	return n, err == nil && fileName(n) == name
}

func readFile(fsys vfs.FS, dir string, number uint64) (*Version, error) {
	name := dir + "/" + fileName(number)
	f, err := fsys.Open(name)
	if err != nil {
		return nil, vfs.Error("open", name, err)
	}
	defer f.Close()
	r, err := record.NewReader(f, record.Manifest, number, maxRecord)
	if err != nil {
		return nil, err
	}
	var v *Version
	for {
		rec, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		if v, err = step(v, rec); err != nil {
			return nil, fmt.Errorf("file %s, record at offset %d: %w", name, rec.Offset, err)
		}
	}
	if v == nil {
		return nil, errs.Corrupt("file %s: holds no version", name)
	}
	return v, nil
}

func step(v *Version, rec record.Frame) (*Version, error) {
	switch {
	case rec.Type == typeVersion && v == nil:
		return DecodeVersion(rec.Payload)
	case rec.Type == typeEdit && v != nil:
		e, err := DecodeEdit(rec.Payload)
		if err != nil {
			return nil, err
		}
		return v.Apply(e)
	}
	return nil, errs.Corrupt("manifest: record of type %d out of place", rec.Type)
}

// highest returns the highest number of any manifest file, so that a new one meets no old bytes.
func (s *Set) highest(n uint64) (uint64, error) {
	infos, err := s.fs.List(s.dir)
	if err != nil {
		return 0, vfs.Error("list", s.dir, err)
	}
	for _, i := range infos {
		if k, ok := fileNumber(i.Name); ok {
			n = max(n, k)
		}
	}
	return n, nil
}

// rewriteLocked makes a new file with a version and makes it the current one.
func (s *Set) rewriteLocked(v *Version) error {
	number := s.mu.number + 1
	s.mu.number = number // never used again, whatever becomes of it
	name := s.dir + "/" + fileName(number)
	f, err := s.fs.Create(name)
	if err != nil {
		return vfs.Error("create", name, err)
	}
	a := record.Appender{Number: number, Offset: record.HeaderBytes}
	b := record.AppendHeader(nil, record.Header{Kind: record.Manifest, Number: number, First: 1})
	b = a.Append(b, typeVersion, 1, v.Append(nil))
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = s.fs.SyncDir(s.dir)
	}
	if err == nil {
		err = vfs.WriteFile(s.fs, s.dir, "CURRENT", []byte(fileName(number)+"\n"))
	}
	if err != nil {
		f.Close()
		return vfs.Error("write", name, err)
	}
	if s.mu.f != nil {
		old := s.mu.f.Name()
		_ = s.mu.f.Close() // given up
		_ = s.fs.Remove(old)
	}
	s.mu.f, s.mu.a, s.mu.records, s.mu.broken, s.mu.base = f, a, 1, false, a.Offset
	s.mu.version = v
	return nil
}

// removeOthersLocked removes manifest files that are not in use.
func (s *Set) removeOthersLocked() error {
	infos, err := s.fs.List(s.dir)
	if err != nil {
		return vfs.Error("list", s.dir, err)
	}
	for _, i := range infos {
		if k, ok := fileNumber(i.Name); ok && k != s.mu.number || i.Name == "CURRENT.tmp" {
			if err := s.fs.Remove(s.dir + "/" + i.Name); err != nil {
				return vfs.Error("remove", i.Name, err)
			}
		}
	}
	return nil
}

// Version returns the version as of the last edit.
func (s *Set) Version() *Version {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mu.version
}

// Apply makes an edit durable and returns the version after it. After an error the edit has not happened; whether its
// bytes reached the disk is unknown, so that the next one starts a new file without it.
func (s *Set) Apply(e *Edit) (*Version, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	next, err := s.mu.version.Apply(e)
	if err != nil {
		return nil, err
	}
	if s.mu.broken || s.mu.a.Offset-s.mu.base > max(rewriteAfter, s.mu.base) {
		if err := s.rewriteLocked(s.mu.version); err != nil {
			s.mu.broken = true
			return nil, err
		}
	}
	a := s.mu.a
	a.Group = a.Offset
	b := a.Append(nil, typeEdit, s.mu.records+1, e.Append(nil))
	_, err = s.mu.f.WriteAt(b, s.mu.a.Offset)
	if err == nil {
		err = s.mu.f.SyncData()
	}
	if err != nil {
		s.mu.broken = true
		return nil, vfs.Error("write", s.mu.f.Name(), err)
	}
	s.mu.a, s.mu.version = a, next
	s.mu.records++
	return next, nil
}

// Close closes the file.
func (s *Set) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.f == nil { // opened on a full disk
		return nil
	}
	return s.mu.f.Close()
}
