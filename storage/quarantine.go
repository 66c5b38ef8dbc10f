package storage

import (
	"errors"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/event"
	"github.com/siltstone-db/siltstone/storage/manifest"
	"github.com/siltstone-db/siltstone/storage/shelf"
	"github.com/siltstone-db/siltstone/storage/vfs"
)

// setAside notes in the manifest that a segment is damaged, and moves its file out of the way. The note comes first: a
// crash in between leaves a file that nobody opens.
func (db *DB) setAside(meta *manifest.Segment, cause error) error {
	reason := cause.Error()
	if e := errs.From(cause); e.Code == errs.IOError && errors.Is(cause, e) && vfs.IsNotExist(cause) {
		reason = "the file is missing"
	}
	meta.Quarantined = reason
	if _, err := db.set.Apply(&manifest.Edit{Quarantined: map[manifest.FileID]string{meta.File: reason}}); err != nil {
		return err
	}
	db.metrics.Quarantined.Add(1)
	db.o.Events(event.Event{Kind: event.Quarantined, File: uint64(meta.File), Rows: meta.Rows, Err: cause})
	return db.files.MoveAside(meta.File)
}

// damaged is told by a scan that a segment's bytes are not what was written. The segment is set aside in the
// background; the query that met it fails with the error. Recovery, which may hold mu, sees to it by itself.
func (db *DB) damaged(s *shelf.File, cause error) {
	if db.log == nil {
		return
	}
	db.mu.Lock()
	defer db.mu.Unlock()
	if db.closing {
		return
	}
	db.wg.Add(1)
	go func() {
		defer db.wg.Done()
		db.quarantine(s, cause)
	}()
}

// nameAll makes the manifest name all files of the tables. sealMu is held.
func (db *DB) nameAll() error {
	n := 0
	db.mu.Lock()
	for t := range db.busy {
		n += len(t.Unnamed)
	}
	db.mu.Unlock()
	if n == 0 {
		return nil
	}
	return db.edit(&manifest.Edit{})
}

// quarantine sets a segment aside that a scan has found damaged, unless its file turns out to be sound when it is read
// again, or cannot be read at all now: what is out of reach may come back, what is set aside does not by itself.
func (db *DB) quarantine(s *shelf.File, cause error) {
	db.sealMu.Lock()
	defer db.sealMu.Unlock()
	if !db.holds(s) { // dropped, or set aside already
		return
	}
	meta := s.Meta
	tell := func(k event.Kind, err error) { db.o.Events(event.Event{Kind: k, File: uint64(meta.File), Err: err}) }
	switch err := db.files.Verify(meta); {
	case err == nil:
		tell(event.ReadAgain, cause)
		return
	case !shelf.IsDamage(err):
		tell(event.QuarantineFailed, err)
		return
	}
	if err := db.nameAll(); err != nil { // what the manifest does not name cannot be set aside in it
		tell(event.QuarantineFailed, err)
		return
	}
	if err := db.putAside(s, cause); err != nil {
		tell(event.QuarantineFailed, err)
	}
}

// putAside sets a segment of a table aside that the manifest names.
func (db *DB) putAside(s *shelf.File, cause error) error {
	meta := s.Meta
	if err := db.setAside(&meta, cause); err != nil {
		return err
	}
	n := db.files.File(meta)
	db.mu.Lock()
	defer db.mu.Unlock()
	if !db.holdsLocked(s) { // dropped meanwhile: nobody will name the file
		n.Obsolete()
		n.Release()
		return nil
	}
	t := db.tables[meta.Table]
	t.Replace(s, n)
	db.changedLocked(t)
	db.publishLocked()
	return nil
}

// holds tells whether a file is part of its table.
func (db *DB) holds(f *shelf.File) bool {
	db.mu.Lock()
	defer db.mu.Unlock()
	return db.holdsLocked(f)
}

func (db *DB) holdsLocked(f *shelf.File) bool {
	t := db.tables[f.Meta.Table]
	if t == nil {
		return false
	}
	_, ok := t.Holds(f)
	return ok
}
