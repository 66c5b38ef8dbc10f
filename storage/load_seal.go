package storage

import (
	"context"
	"time"

	"github.com/siltstone-db/siltstone/storage/event"
	"github.com/siltstone-db/siltstone/storage/shelf"
)

// pendingSeal is a part of a load that somebody has undertaken to write into a file.
type pendingSeal struct {
	l     *Load
	t     *shelf.Shelf
	p     *shelf.Part
	build shelf.Build
}

// nextPending undertakes the oldest frozen part of some load that is not waiting for its next attempt. Loads take turns.
func (db *DB) nextPending() (*pendingSeal, bool) {
	db.mu.Lock()
	loads := db.loads
	db.turn++
	turn := db.turn
	db.mu.Unlock()
	now := db.o.Now()
	for i := range loads {
		l := loads[(turn+i)%len(loads)]
		if l.frozen.Load() == 0 {
			continue
		}
		l.mu.Lock()
		s, ok := l.dueLocked(now, false)
		l.mu.Unlock()
		if ok {
			return s, true
		}
	}
	return nil, false
}

// dueLocked undertakes the first frozen part that may be tried now, or at all.
func (l *Load) dueLocked(now time.Time, anyway bool) (*pendingSeal, bool) {
	for _, t := range l.shelves {
		if p := t.Due(now, anyway); p != nil {
			return &pendingSeal{l, t, p, shelf.Build{Table: t.Table, Live: p.Live, Rows: p.Rows, Whole: true}}, true
		}
	}
	return nil, false
}

// run writes the file, which no manifest names. The context ends it early, as the end of the load does.
func (s *pendingSeal) run(ctx context.Context, workers int) error {
	l, db, b := s.l, s.l.db, &s.build
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(l.ctx, cancel)()
	start := time.Now()
	b.Workers = workers
	defer b.Discharge()
	db.builder.Run(ctx, b)
	var freed int64
	l.mu.Lock()
	if b.Err != nil {
		s.t.Failed(s.p, b.Err, db.o.SealRetry)
	} else {
		piece := b.Pieces[0]
		order := piece.Order
		if !l.savepoints.Load() {
			order = nil
		}
		freed = s.t.Sealed(s.p, piece.File, order)
	}
	l.measureLocked()
	l.cond.Broadcast()
	l.mu.Unlock()
	if b.Err != nil && ctx.Err() != nil {
		return b.Err
	}
	db.mu.Lock()
	defer db.mu.Unlock()
	if l.failure = b.Err; b.Err != nil {
		db.metrics.SealFailures.Add(1)
		db.o.Events(event.Event{Kind: event.SealFailed, Table: b.Table.Name, Rows: int64(b.Rows), Err: b.Err})
	} else {
		db.countSeal(b.Table, &b.Pieces[0].File.Meta, time.Since(start))
		db.noteFreedLocked(freed)
	}
	db.cond.Broadcast()
	return b.Err
}
