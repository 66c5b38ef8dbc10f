package storage

import (
	"context"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/shelf"
)

// Checkpoint seals every row that is visible when it is called, and lets the log files go that held them.
func (db *DB) Checkpoint(ctx context.Context) error {
	defer context.AfterFunc(ctx, func() { db.mu.Lock(); db.cond.Broadcast(); db.mu.Unlock() })()
	db.mu.Lock()
	wanted := db.freezeAllLocked()
	for {
		if err := db.checkpointedLocked(ctx, wanted); err != nil || len(wanted) == 0 {
			db.mu.Unlock()
			if err != nil {
				return err
			}
			if err := db.flush(); err != nil {
				return err
			}
			db.archiveNow(ctx)
			return nil
		}
		list := db.dueLocked(shelf.AllWorkers(), wanted)
		if list == nil { // all that is left is on its way
			db.cond.Wait()
			continue
		}
		db.mu.Unlock()
		db.seal(ctx, list) // which ends before the edit, or not
		db.mu.Lock()
		for _, w := range list {
			if err := w.build.Err; err != nil {
				db.mu.Unlock()
				return err
			}
		}
	}
}

// freezeAllLocked freezes all live segments, and returns those with rows.
func (db *DB) freezeAllLocked() map[*shelf.Part]bool {
	wanted := map[*shelf.Part]bool{}
	for t := range db.busy {
		for _, p := range t.Parts {
			if p.Rows > 0 {
				wanted[p] = true
			}
		}
		if p := t.Open(); p != nil && p.Rows > 0 {
			t.Freeze(p)
			db.changedLocked(t)
		}
	}
	return wanted
}

// checkpointedLocked takes out of the wanted what is not live any more.
func (db *DB) checkpointedLocked(ctx context.Context, wanted map[*shelf.Part]bool) error {
	if db.closing {
		return errs.New(errs.AdminShutdown, "the database is closing")
	}
	for p := range wanted {
		if p.Live == nil {
			delete(wanted, p)
		}
	}
	return ctx.Err()
}
