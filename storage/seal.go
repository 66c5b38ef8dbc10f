package storage

import (
	"context"
	"time"

	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/event"
	"github.com/siltstone-db/siltstone/storage/index"
	"github.com/siltstone-db/siltstone/storage/manifest"
	"github.com/siltstone-db/siltstone/storage/table"
)

// seal writes the oldest live segment of a table into a file and puts the file in its place. It takes over a
// reference to the segment.
func (db *DB) seal(t *tableState, l *liveState) {
	defer l.segment.Release()
	db.sealMu.Lock()
	defer db.sealMu.Unlock()
	db.mu.Lock()
	if !t.stillLive(l) { // dropped, or sealed by a checkpoint meanwhile
		db.mu.Unlock()
		return
	}
	info := t.info
	db.mu.Unlock()
	start := time.Now()
	meta, err := db.sealLocked(info, t, l)
	db.mu.Lock()
	defer db.mu.Unlock()
	if err != nil {
		l.failures++
		l.err = err
		l.retry = db.o.Now().Add(db.retryAfter(l.failures))
		db.metrics.SealFailures.Add(1)
		db.o.Events(event.Event{Kind: event.SealFailed, Table: info.Name, Rows: int64(l.segment.Rows()), Err: err})
	} else {
		l.err = nil
		db.countSeal(info, &meta, time.Since(start))
	}
	db.cond.Broadcast()
}

func (db *DB) countSeal(info *catalog.Table, meta *manifest.Segment, took time.Duration) {
	db.metrics.Seals.Add(1)
	db.metrics.SealedRows.Add(meta.Rows)
	db.metrics.SealedBytes.Add(meta.Bytes)
	db.o.Events(event.Event{Kind: event.Sealed, Table: info.Name, File: uint64(meta.File), Rows: meta.Rows, Bytes: meta.Bytes, Took: took})
}

// sealLocked does the work of seal: BUILDING, DURABLE, PUBLISHED. sealMu is held. Rows that are deleted while the file
// is built are deleted in the file, too; a live segment without any row left needs none.
func (db *DB) sealLocked(info *catalog.Table, t *tableState, l *liveState) (manifest.Segment, error) {
	db.mu.Lock()
	empty := l.deleted.Len() == l.segment.Rows()
	fatal := db.fatal
	db.mu.Unlock()
	if fatal != nil { // live rows may be part of a record: a position says where a record ends
		return manifest.Segment{}, fatal
	}
	w := &sealing{table: t, live: l}
	e := &manifest.Edit{}
	if empty {
		if err := db.edit(e, w); err != nil {
			return manifest.Segment{}, err
		}
		db.publishSealed(w, nil)
		return manifest.Segment{Table: info.ID}, nil
	}
	b := build{info: info, live: l.segment, rows: l.segment.Rows(), workers: db.o.SealWorkers}
	defer b.discharge()
	meta := manifest.Segment{
		File: manifest.FileID(db.nextFile.Add(1)), Table: info.ID, Rows: int64(b.rows),
		First: l.segment.First(), Last: l.last,
	}
	meta.Number(l.base)
	var err error
	if meta.Bytes, err = db.build(context.Background(), &b, meta.File); err != nil {
		return meta, err
	}
	s, err := db.openSegment(meta)
	if err != nil {
		_ = db.o.FS.Remove(db.segmentName(meta.File))
		return meta, err
	}
	w.file, w.places = true, b.places()
	e.Add, e.NextFile = []manifest.Segment{meta}, meta.File+1
	if err := db.edit(e, w); err != nil {
		// The edit may be on the disk all the same, until the next one starts a new manifest without it: the file
		// must stay so long.
		db.mu.Lock()
		db.dropped = append(db.dropped, s)
		db.mu.Unlock()
		return meta, err
	}
	db.publishSealed(w, s)
	return meta, nil
}

// publishSealed puts a file in the place of the live segment that it was made of, or nothing in the place of one
// without rows. It takes over the reference to the file.
func (db *DB) publishSealed(w *sealing, s *table.Segment) {
	db.mu.Lock()
	defer db.mu.Unlock()
	t, l := w.table, w.live
	if !db.replaceLocked(t, l) {
		if s != nil {
			db.dropped = append(db.dropped, s)
		}
		return
	}
	if s != nil {
		if len(t.claims) > 0 && w.places != nil {
			s.Keep(w.places)
		}
		t.segments = append(t.segments[:len(t.segments):len(t.segments)], sealedState{Sealed: table.Sealed{Segment: s}})
		n := &t.segments[len(t.segments)-1]
		n.Deleted = db.countedLocked(nil, w.written)
		if now := w.deleted(l.deleted); l.deleted != w.collected {
			db.setDeletedLocked(n, now)
			db.dropEmptyLocked(t)
		}
	}
	db.publishLocked()
}

// sealing is a live segment on its way into a file.
type sealing struct {
	table     *tableState
	live      *liveState
	file      bool          // the first one that the edit adds; false: there are no rows left
	places    []uint32      // of its rows in the file; nil: as they were
	collected *index.RowSet // its deleted rows as of the edit
	written   *index.RowSet // their places
}

// deleted returns the places in the file of some of the rows.
func (w *sealing) deleted(rows *index.RowSet) *index.RowSet {
	if w.places == nil {
		return rows
	}
	return rows.Moved(w.places)
}

// stillLive tells whether the segment is there to be replaced: its table may have been dropped or truncated.
func (t *tableState) stillLive(l *liveState) bool { return len(t.live) > 0 && t.live[0] == l }

// replaceLocked takes the oldest live segment out of its table; false when it has gone already. What takes its place is
// published with it.
func (db *DB) replaceLocked(t *tableState, l *liveState) bool {
	if !t.stillLive(l) {
		return false
	}
	t.live = append([]*liveState(nil), t.live[1:]...)
	db.countedLocked(l.deleted, nil)
	db.dirty = true
	db.noteFreedLocked(l.segment.Bytes())
	l.segment.Release() // the version that readers see has a reference, too
	return true
}
