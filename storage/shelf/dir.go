package shelf

import (
	"bufio"
	"fmt"
	"io"
	"sync/atomic"

	"github.com/siltstone-db/siltstone/storage/cache"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/event"
	"github.com/siltstone-db/siltstone/storage/handle"
	"github.com/siltstone-db/siltstone/storage/manifest"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/segment"
	"github.com/siltstone-db/siltstone/storage/vfs"
)

// Dir is the folder of a database's segment files.
type Dir struct {
	FS     *handle.Table
	Path   string // of the database
	Cache  *cache.Cache
	Events event.Listener
	// Account is charged for what is kept of where rows stand; it does not refuse.
	Account *mem.Account
	// Damaged is told of damage that a reader met in an open file.
	Damaged func(f *File, cause error)

	last atomic.Uint64
}

// Next returns a number that no file has had.
func (d *Dir) Next() manifest.FileID { return manifest.FileID(d.last.Add(1)) }

// Skip lets Next return higher numbers than one. Recovery calls it, before any file is made.
func (d *Dir) Skip(id manifest.FileID) { d.last.Store(max(d.last.Load(), uint64(id))) }

// Folder returns where the files lie.
func (d *Dir) Folder() string { return d.Path + "/segments" }

// Name returns the name of a segment file.
func (d *Dir) Name(f manifest.FileID) string { return fmt.Sprintf("%s/segments/%010d.seg", d.Path, f) }

// AsideName returns the name of a file that was set aside.
func (d *Dir) AsideName(f manifest.FileID) string {
	return fmt.Sprintf("%s/quarantine/%010d.seg", d.Path, f)
}

// Open opens a segment file. Damage is believed when it is seen twice: bytes can go wrong on their way, too.
func (d *Dir) Open(meta manifest.Segment) (*File, error) {
	f := d.file(meta)
	if _, err := f.Segment(); err != nil {
		return nil, err
	}
	return f, nil
}

// open is Open of the bytes.
func (d *Dir) open(meta *manifest.Segment) (*handle.File, *segment.Segment, error) {
	f, s, err := d.openOnce(meta, d.Cache)
	if errs.Is(err, errs.DataCorrupted) {
		first := err
		if f, s, err = d.openOnce(meta, d.Cache); err == nil {
			d.Events(event.Event{Kind: event.ReadAgain, File: uint64(meta.File), Err: first})
		}
	}
	return f, s, err
}

// openOnce opens a segment file and holds it against what the manifest says of it. The caller closes both.
func (d *Dir) openOnce(meta *manifest.Segment, c *cache.Cache) (*handle.File, *segment.Segment, error) {
	name := d.Name(meta.File)
	f, err := d.FS.File(name)
	if err != nil {
		return nil, nil, vfs.Error("open", name, err)
	}
	s, err := segment.Open(f, f.Size(), segment.Options{Name: name, Cache: c})
	if err == nil && (s.ID() != uint64(meta.File) || int64(s.Rows()) != meta.Rows) {
		err = errs.Corrupt("segment %s: it is segment %d with %d rows, want %d rows", name, s.ID(), s.Rows(), meta.Rows)
	}
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	return f, s, nil
}

// OpenApart opens the bytes of a file once more, for a reader that goes through all of it and keeps what it reads in a
// cache of its own. The caller calls close after its last scan.
func (d *Dir) OpenApart(meta manifest.Segment, c *cache.Cache) (s *segment.Segment, close func(), err error) {
	f, s, err := d.openOnce(&meta, c)
	if err != nil {
		return nil, nil, err
	}
	return s, func() { s.Close(); _ = f.Close() }, nil
}

// Verify reads all of a segment file again.
func (d *Dir) Verify(meta manifest.Segment) error {
	f, s, err := d.openOnce(&meta, d.Cache)
	if err != nil {
		return err
	}
	defer f.Close()
	defer s.Close()
	return s.Verify()
}

// IsDamage tells that a segment's file is not what was written. A file that cannot be read now, 58030, may be.
func IsDamage(err error) bool { return errs.Is(err, errs.DataCorrupted) || vfs.IsNotExist(err) }

// Remove removes a file that nobody names. One that cannot be removed now goes at the next start.
func (d *Dir) Remove(f manifest.FileID) { _ = d.FS.Remove(d.Name(f)) }

// MoveAside moves a damaged file out of the way, if it is there.
func (d *Dir) MoveAside(f manifest.FileID) error {
	if err := d.FS.Rename(d.Name(f), d.AsideName(f)); err != nil && !vfs.IsNotExist(err) {
		return vfs.Error("set aside", d.Name(f), err)
	}
	return nil
}

// Write makes a segment file, under another name until it is whole, and returns its size. Its bytes are durable, its name
// is with the next Sync. After an error there is none.
func (d *Dir) Write(in *segment.Input) (bytes int64, err error) {
	return d.write(in, func(w io.Writer) (segment.Info, error) { return segment.Write(w, in) })
}

// Extend is Write of what a segment has, and more columns and keys of in (segment.Extend).
func (d *Dir) Extend(s *segment.Segment, more int, in *segment.Input) (bytes int64, err error) {
	return d.write(in, func(w io.Writer) (segment.Info, error) { return segment.Extend(w, s, more, in) })
}

func (d *Dir) write(in *segment.Input, put func(io.Writer) (segment.Info, error)) (bytes int64, err error) {
	name := d.Name(manifest.FileID(in.ID))
	tmp := name + ".tmp"
	f, err := d.FS.Create(tmp)
	if err != nil {
		return 0, vfs.Error("create", tmp, err)
	}
	defer func() {
		if err != nil {
			_ = d.FS.Remove(tmp)
			_ = d.FS.Remove(name)
		}
	}()
	w := bufio.NewWriterSize(f, min(1<<20, 4096+8*in.Rows*len(in.Columns))) // a few rows do not need a large one
	out, err := put(w)
	if err == nil {
		err = w.Flush()
	}
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = d.FS.Rename(tmp, name)
	}
	if err != nil {
		return 0, vfs.Error("write", name, err)
	}
	return out.Bytes, nil
}

// Sync makes the names of files durable that were written before.
func (d *Dir) Sync() error {
	if err := d.FS.SyncDir(d.Folder()); err != nil {
		return vfs.Error("sync", d.Folder(), err)
	}
	return nil
}
