package storage

import (
	"context"
	"time"

	"github.com/siltstone-db/siltstone/storage/event"
	"github.com/siltstone-db/siltstone/storage/manifest"
	"github.com/siltstone-db/siltstone/storage/table"
)

// pendingSeal is a part of a load that somebody has undertaken to write into a file.
type pendingSeal struct {
	l    *Load
	t    *loadTable
	p    *loadPart
	rows int
}

// nextPending undertakes the oldest frozen part of some load that is not waiting for its next attempt. Loads take turns.
func (db *DB) nextPending() (pendingSeal, bool) {
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
		s, ok := l.claimLocked(now)
		l.mu.Unlock()
		if ok {
			return s, true
		}
	}
	return pendingSeal{}, false
}

// claimLocked undertakes the first frozen part that may be tried now.
func (l *Load) claimLocked(now time.Time) (pendingSeal, bool) {
	for _, t := range l.tables {
		for _, p := range t.parts {
			if p.live != nil && p.frozen && !p.building && !now.Before(p.retry) {
				p.building = true
				return pendingSeal{l, t, p, p.rows}, true
			}
		}
	}
	return pendingSeal{}, false
}

// run writes the file. The context ends it early, as the end of the load does.
func (s pendingSeal) run(ctx context.Context, workers int) error {
	l, db := s.l, s.l.db
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(l.ctx, cancel)()
	start := time.Now()
	b := build{info: s.t.info, live: s.p.live, rows: s.rows, workers: workers}
	defer b.discharge()
	file, err := db.buildPending(ctx, &b)
	var meta manifest.Segment
	if err == nil {
		meta = file.Meta
	}
	var freed int64
	l.mu.Lock()
	s.p.building = false
	if err == nil {
		freed = s.p.live.Bytes()
		s.p.file = file
		if l.savepoints.Load() {
			l.setOrder(s.p, b.order)
		}
		s.p.live.Release()
		s.p.live = nil
	} else {
		s.p.failures++
		s.p.retry = db.o.Now().Add(db.retryAfter(s.p.failures))
	}
	if s.p.dropped {
		l.dropLocked(s.p)
	}
	l.measureLocked()
	l.cond.Broadcast()
	l.mu.Unlock()
	if err != nil && ctx.Err() != nil {
		return err
	}
	db.mu.Lock()
	defer db.mu.Unlock()
	if l.failure = err; err != nil {
		db.metrics.SealFailures.Add(1)
		db.o.Events(event.Event{Kind: event.SealFailed, Table: s.t.info.Name, Rows: int64(b.rows), Err: err})
	} else {
		db.countSeal(s.t.info, &meta, time.Since(start))
		db.noteFreedLocked(freed)
	}
	db.cond.Broadcast()
	return err
}

// buildPending writes a file that no manifest names.
func (db *DB) buildPending(ctx context.Context, b *build) (*table.Segment, error) {
	meta := manifest.Segment{File: manifest.FileID(db.nextFile.Add(1)), Rows: int64(b.rows)}
	var err error
	if meta.Bytes, err = db.build(ctx, b, meta.File); err != nil {
		return nil, err
	}
	s, err := db.openSegment(meta)
	if err != nil {
		_ = db.o.FS.Remove(db.segmentName(meta.File))
	}
	return s, err
}
