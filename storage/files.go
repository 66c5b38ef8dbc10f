package storage

import (
	"fmt"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/event"
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

// openSegment opens a segment file. Damage is believed when it is seen twice: bytes can go wrong on their way, too.
func (db *DB) openSegment(meta manifest.Segment) (*table.Segment, error) {
	f, s, err := db.openFile(meta)
	if errs.Is(err, errs.DataCorrupted) {
		first := err
		if f, s, err = db.openFile(meta); err == nil {
			db.o.Events(event.Event{Kind: event.ReadAgain, File: uint64(meta.File), Err: first})
		}
	}
	if err != nil {
		return nil, err
	}
	t := table.NewSegment(meta, s, func() { s.Close(); _ = f.Close() }, db.remover(db.segmentName(meta.File)))
	t.Damaged = db.damaged
	return t, nil
}

// openFile opens a segment file and holds it against what the manifest says of it. The caller closes both.
func (db *DB) openFile(meta manifest.Segment) (vfs.File, *segment.Segment, error) {
	name := db.segmentName(meta.File)
	f, err := db.o.FS.Open(name)
	if err != nil {
		return nil, nil, vfs.Error("open", name, err)
	}
	size, err := f.Size()
	if err != nil {
		f.Close()
		return nil, nil, vfs.Error("stat", name, err)
	}
	s, err := segment.Open(f, size, segment.Options{Name: name, Cache: db.cache})
	if err == nil && (s.ID() != uint64(meta.File) || int64(s.Rows()) != meta.Rows) {
		err = errs.Corrupt("segment %s: it is segment %d with %d rows, want %d rows", name, s.ID(), s.Rows(), meta.Rows)
	}
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	return f, s, nil
}

// verifyFile reads all of a segment file again.
func (db *DB) verifyFile(meta manifest.Segment) error {
	f, s, err := db.openFile(meta)
	if err != nil {
		return err
	}
	defer f.Close()
	defer s.Close()
	return s.Verify()
}

// damagedFile tells that a segment's file is not what was written. A file that cannot be read now, 58030, may be.
func damagedFile(err error) bool { return errs.Is(err, errs.DataCorrupted) || vfs.IsNotExist(err) }

// remover returns what removes the file of an obsolete segment. A file that cannot be removed now goes at the next
// start, when nobody names it.
func (db *DB) remover(name string) func() { return func() { _ = db.o.FS.Remove(name) } }
