package storage

import (
	"fmt"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/manifest"
	"github.com/siltstone-db/siltstone/storage/segment"
	"github.com/siltstone-db/siltstone/storage/table"
	"github.com/siltstone-db/siltstone/storage/vfs"
)

func (db *DB) segmentName(f manifest.FileID) string {
	return fmt.Sprintf("%s/segments/%010d.seg", db.dir, f)
}

func (db *DB) quarantineName(f manifest.FileID) string {
	return fmt.Sprintf("%s/quarantine/%010d.seg", db.dir, f)
}

// openSegment opens a segment file.
func (db *DB) openSegment(meta manifest.Segment) (*table.Segment, error) {
	name := db.segmentName(meta.File)
	f, err := db.o.FS.Open(name)
	if err != nil {
		return nil, vfs.Error("open", name, err)
	}
	size, err := f.Size()
	if err != nil {
		f.Close()
		return nil, vfs.Error("open", name, err)
	}
	s, err := segment.Open(f, size, segment.Options{Name: name, Cache: db.cache})
	if err == nil && (s.ID() != uint64(meta.File) || int64(s.Rows()) != meta.Rows) {
		err = errs.Corrupt("segment %s: it is segment %d with %d rows, want %d rows", name, s.ID(), s.Rows(), meta.Rows)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	t := table.NewSegment(meta, s, func() { s.Close(); _ = f.Close() }, db.remover(name))
	t.Damaged = db.damaged
	return t, nil
}

// remover returns what removes the file of an obsolete segment. A file that cannot be removed now goes at the next
// start, when nobody names it.
func (db *DB) remover(name string) func() { return func() { _ = db.o.FS.Remove(name) } }
