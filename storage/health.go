package storage

import (
	"errors"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/event"
	"github.com/siltstone-db/siltstone/storage/manifest"
	"github.com/siltstone-db/siltstone/storage/table"
	"github.com/siltstone-db/siltstone/storage/vfs"
)

// Health tells what is not as it should be. The zero value is good health.
type Health struct {
	// Intake is why writes are refused: the log stopped, or the disk is full.
	Intake error
	// Seal is the last error of a live segment that could not be sealed yet.
	Seal error
	// Quarantined are the segments that were set aside.
	Quarantined []table.SegmentInfo
	LiveBytes   int64
	LogFiles    int
	Sequence    uint64
}

// Good tells that nothing is wrong.
func (h Health) Good() bool { return h.Intake == nil && h.Seal == nil && len(h.Quarantined) == 0 }

// Health returns how the database is.
func (db *DB) Health() Health {
	s := db.log.Status()
	h := Health{Intake: s.Failed, LogFiles: s.Files, LiveBytes: db.liveAccount.Used(), Sequence: db.Sequence()}
	if h.Intake == nil {
		h.Intake = s.Full
	}
	db.mu.Lock()
	if db.fatal != nil {
		h.Intake = db.fatal
	}
	h.Seal = db.sealFailureLocked()
	db.mu.Unlock()
	for _, i := range db.Segments() {
		if i.State == "quarantined" {
			h.Quarantined = append(h.Quarantined, i)
		}
	}
	return h
}

// sealFailureLocked returns the error of a live segment whose last attempt failed, or nil.
func (db *DB) sealFailureLocked() error {
	for _, t := range db.tables {
		for _, l := range t.live {
			if l.err != nil && l.failures > 0 {
				return l.err
			}
		}
	}
	for _, l := range db.loads {
		if l.failure != nil {
			return l.failure
		}
	}
	return nil
}

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
	if err := db.o.FS.Rename(db.segmentName(meta.File), db.quarantineName(meta.File)); err != nil && !vfs.IsNotExist(err) {
		return vfs.Error("set aside", db.segmentName(meta.File), err)
	}
	return nil
}

// damaged is told by a scan that a segment's bytes are not what was written. The segment is set aside in the
// background; the query that met it fails with the error.
func (db *DB) damaged(s *table.Segment, cause error) {
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
	db.mu.Lock()
	n := len(db.unnamed)
	db.mu.Unlock()
	if n == 0 {
		return nil
	}
	return db.edit(&manifest.Edit{}, nil)
}

func (db *DB) quarantine(s *table.Segment, cause error) {
	db.sealMu.Lock()
	defer db.sealMu.Unlock()
	db.mu.Lock()
	t, at := db.tables[s.Meta.Table], -1
	if t != nil {
		for i := range t.segments {
			if t.segments[i].Segment == s {
				at = i
			}
		}
	}
	db.mu.Unlock()
	if at < 0 { // dropped, or set aside already
		return
	}
	meta := s.Meta
	if err := db.nameAll(); err != nil { // what the manifest does not name cannot be set aside in it
		db.o.Events(event.Event{Kind: event.Quarantined, File: uint64(meta.File), Err: err})
		return
	}
	if err := db.setAside(&meta, cause); err != nil {
		db.o.Events(event.Event{Kind: event.Quarantined, File: uint64(meta.File), Err: err})
		return
	}
	n := table.NewSegment(meta, nil, nil, db.remover(db.quarantineName(meta.File)))
	db.mu.Lock()
	defer db.mu.Unlock()
	if db.tables[s.Meta.Table] != t || at >= len(t.segments) || t.segments[at].Segment != s {
		n.Release()
		return
	}
	t.segments[at].Segment = n
	s.Release()
	db.dirty = true
	db.publishLocked()
}
