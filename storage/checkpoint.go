package storage

import (
	"context"

	"github.com/siltstone-db/siltstone/storage/errs"
)

// Checkpoint seals every row that is visible when it is called, and lets the log files go that held them.
func (db *DB) Checkpoint(ctx context.Context) error {
	type work struct {
		t *tableState
		l *liveState
	}
	var todo []work
	db.mu.Lock()
	for _, t := range db.tables {
		for _, l := range t.live {
			if l.segment.Rows() > 0 {
				l.frozen = true
				l.segment.Retain()
				todo = append(todo, work{t, l})
			}
		}
	}
	db.mu.Unlock()
	var first error
	for _, w := range todo {
		if first == nil {
			first = ctx.Err()
		}
		if first != nil {
			w.l.segment.Release()
			continue
		}
		db.seal(w.t, w.l)
		db.mu.Lock()
		first = w.l.err
		for _, l := range w.t.live {
			if l == w.l && first == nil { // an older one of the table is in the way
				first = errs.New(errs.ObjectNotInPrerequisiteState, "table %q could not be sealed", w.t.info.Name)
			}
		}
		if db.closing && first == nil {
			first = errs.New(errs.AdminShutdown, "the database is closing")
		}
		db.mu.Unlock()
	}
	if first != nil {
		return first
	}
	return db.flush()
}
