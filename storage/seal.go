package storage

import (
	"context"
	"errors"
	"time"

	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/event"
	"github.com/siltstone-db/siltstone/storage/index"
	"github.com/siltstone-db/siltstone/storage/manifest"
	"github.com/siltstone-db/siltstone/storage/shelf"
)

// sealing is the first part of a table on its way into a file: BUILDING, DURABLE, PUBLISHED.
type sealing struct {
	table     *shelf.Shelf
	part      *shelf.Part
	empty     bool // all of its rows were deleted before it began: it needs no file
	build     shelf.Build
	gone      bool          // the part has gone before the edit
	collected *index.RowSet // its deleted rows as of the edit
	took      time.Duration
}

// sealingLocked begins to seal a part that was undertaken.
func (db *DB) sealingLocked(t *shelf.Shelf, p *shelf.Part, workers int) *sealing {
	w := &sealing{table: t, part: p, empty: p.Deleted.Len() == p.Rows}
	w.build = shelf.Build{Table: t.Table, Live: p.Live, Rows: p.Rows, Gone: p.Deleted, Workers: workers}
	w.build.Meta = manifest.Segment{Table: t.Table.ID, First: p.Live.First(), Last: p.Last, Ranges: []manifest.Range{{Base: p.Base, Rows: uint64(p.Rows)}}}
	w.build.Err = db.fatal // live rows may be half of a record: a position says where a record ends
	return w
}

// seal writes parts, each the first of another table, into files and puts the files in their places, with one edit of
// the manifest. Rows that are deleted while the files are built are deleted in them, too.
func (db *DB) seal(ctx context.Context, list []*sealing) {
	start := time.Now()
	var builds []*shelf.Build
	for _, w := range list {
		if !w.empty && w.build.Err == nil {
			builds = append(builds, &w.build)
		}
	}
	if len(builds) > 0 {
		db.builder.Run(ctx, builds...)
	}
	db.sealMu.Lock()
	defer db.sealMu.Unlock()
	db.settle(list, time.Since(start)/time.Duration(max(1, len(builds))))
}

// settle puts the files that were built into their places. sealMu is held.
func (db *DB) settle(list []*sealing, took time.Duration) {
	var good []*sealing
	var settled []settler
	for _, w := range list {
		defer w.build.Discharge()
		if w.took = took; w.build.Err == nil {
			good, settled = append(good, w), append(settled, w)
		}
	}
	if len(good) > 0 {
		if err := db.edit(&manifest.Edit{}, settled...); err != nil {
			db.forsake(good, err)
		}
	}
	db.mu.Lock()
	defer db.mu.Unlock()
	for _, w := range list {
		db.sealedLocked(w)
	}
	db.publishLocked()
	db.cond.Broadcast()
}

// forsake gives up files whose edit failed. It may be on the disk all the same, until the next one starts a new manifest
// without it: they must stay so long.
func (db *DB) forsake(list []*sealing, err error) {
	db.mu.Lock()
	defer db.mu.Unlock()
	for _, w := range list {
		w.build.Err = err
		for _, p := range w.build.Pieces {
			db.unsure = append(db.unsure, p.File)
		}
	}
}

// collectLocked implements settler.
func (w *sealing) collectLocked() {
	if w.gone = !w.table.Settling(w.part); !w.gone {
		w.collected = w.part.Deleted
	}
}

// name implements settler: it adds the files to an edit. Their part has not gone.
func (w *sealing) name(e *manifest.Edit) {
	if w.gone {
		return
	}
	for _, p := range w.build.Pieces {
		meta := p.File.Meta
		if p.Written = p.Set(w.collected); p.Written.Len() > 0 {
			meta.Deleted = string(p.Written.Append(nil))
		}
		e.Add = append(e.Add, meta)
	}
}

// sealedLocked puts files in the place of the live segment that they were made of, or nothing in the place of one without
// rows, and tells of it.
func (db *DB) sealedLocked(w *sealing) {
	t, rows := w.table, int64(w.build.Rows)
	if err := w.build.Err; errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		t.Left(w.part) // by a checkpoint that nobody waits for any more; the sealer goes on with it
		db.wake()
		return
	} else if err != nil {
		t.Failed(w.part, err, db.o.SealRetry)
		db.metrics.SealFailures.Add(1)
		db.o.Events(event.Event{Kind: event.SealFailed, Table: t.Table.Name, Rows: rows, Err: err})
		return
	}
	db.changedLocked(t)
	if w.gone { // and nobody names the files
		for _, p := range w.build.Pieces {
			p.File.Obsolete()
			p.File.Release()
		}
		w.build.Pieces = nil
	}
	db.noteFreedLocked(t.Settled(w.part, w.build.Pieces, w.collected))
	for _, p := range w.build.Pieces {
		db.countSeal(t.Table, &p.File.Meta, w.took)
	}
}

func (db *DB) countSeal(info *catalog.Table, meta *manifest.Segment, took time.Duration) {
	db.metrics.Seals.Add(1)
	db.metrics.SealedRows.Add(meta.Rows)
	db.metrics.SealedBytes.Add(meta.Bytes)
	db.o.Events(event.Event{Kind: event.Sealed, Table: info.Name, File: uint64(meta.File), Rows: meta.Rows, Bytes: meta.Bytes, Took: took})
}

// groupBytes and groupMax bound how much is sealed with one edit of the manifest when it is many small segments: what is
// built is in memory twice for a moment, and the first of them waits for the last.
const (
	groupBytes = 64 << 20
	groupMax   = 4096
)

// due undertakes what is to be sealed next: the oldest frozen segment that is first in its table and, if it is small,
// others that are as well. wanted, if not nil, says which parts count, also those that have just failed.
func (db *DB) dueLocked(workers int, wanted map[*shelf.Part]bool) []*sealing {
	now := db.o.Now()
	var oldest *shelf.Shelf
	ready := func(t *shelf.Shelf) bool {
		return db.tables[t.Table.ID] == t && t.Ready(now, wanted)
	}
	for t := range db.busy {
		if ready(t) && (oldest == nil || t.Parts[0].Live.First() < oldest.Parts[0].Live.First()) {
			oldest = t
		}
	}
	if oldest == nil {
		return nil
	}
	first := oldest.Undertake()
	list := []*sealing{db.sealingLocked(oldest, first, workers)}
	if !shelf.Small(first.Live) {
		return list
	}
	bytes := first.Live.Bytes()
	for t := range db.busy {
		if len(list) == groupMax || bytes > groupBytes {
			break
		}
		if ready(t) && shelf.Small(t.Parts[0].Live) {
			bytes += t.Parts[0].Live.Bytes()
			list = append(list, db.sealingLocked(t, t.Undertake(), 1))
		}
	}
	return list
}
