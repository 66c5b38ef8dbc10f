package storage

import (
	"context"

	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/table"
)

// Hold keeps other writes to a table waiting from when it returns until Release: those that are on their way are over
// then. A snapshot that is taken next shows the rows as they stay. A write that carries the hold passes. Others that hold the same table
// wait for each other; the context ends that.
func (db *DB) Hold(ctx context.Context, id catalog.TableID) (*table.Hold, error) {
	defer context.AfterFunc(ctx, func() { db.mu.Lock(); db.cond.Broadcast(); db.mu.Unlock() })()
	for {
		if err := db.awaitUnheld(ctx, id); err != nil {
			return nil, err
		}
		if h := db.tryHold(id); h != nil {
			return h, nil
		}
	}
}

// awaitUnheld waits until nobody holds a table.
func (db *DB) awaitUnheld(ctx context.Context, id catalog.TableID) error {
	db.mu.Lock()
	defer db.mu.Unlock()
	for db.held[id] != nil && ctx.Err() == nil {
		db.cond.Wait()
	}
	return ctx.Err()
}

// tryHold holds a table while no write is on its way; nil: somebody else does.
func (db *DB) tryHold(id catalog.TableID) *table.Hold {
	db.gate.Lock()
	defer db.gate.Unlock()
	db.mu.Lock()
	defer db.mu.Unlock()
	if db.held[id] != nil {
		return nil
	}
	h := &table.Hold{Table: id}
	db.held[id] = h
	db.heldTables.Add(1)
	return h
}

// Release ends a hold. It may be called again.
func (db *DB) Release(h *table.Hold) {
	db.mu.Lock()
	defer db.mu.Unlock()
	if h == nil || db.held[h.Table] != h {
		return
	}
	delete(db.held, h.Table)
	db.heldTables.Add(-1)
	db.cond.Broadcast()
}

// enter takes the gate when no table of the write is held by another one.
func (db *DB) enter(ctx context.Context, c *commit, w *table.Write, exclusive bool) error {
	for {
		if exclusive {
			db.gate.Lock()
		} else {
			db.gate.RLock()
		}
		if db.heldTables.Load() == 0 || !db.isHeld(c, w) {
			return nil
		}
		db.leave(exclusive)
		if err := db.awaitHolds(ctx, c, w); err != nil {
			return err
		}
	}
}

func (db *DB) leave(exclusive bool) {
	if exclusive {
		db.gate.Unlock()
	} else {
		db.gate.RUnlock()
	}
}

// awaitHolds waits until no table of the write is held by another one.
func (db *DB) awaitHolds(ctx context.Context, c *commit, w *table.Write) error {
	if db.heldTables.Load() == 0 {
		return nil
	}
	defer context.AfterFunc(ctx, func() { db.mu.Lock(); db.cond.Broadcast(); db.mu.Unlock() })()
	db.mu.Lock()
	defer db.mu.Unlock()
	for db.isHeldLocked(c, w) {
		if err := ctx.Err(); err != nil {
			return err
		}
		db.cond.Wait()
	}
	return nil
}

func (db *DB) isHeld(c *commit, w *table.Write) bool {
	db.mu.Lock()
	defer db.mu.Unlock()
	return db.isHeldLocked(c, w)
}

func (db *DB) isHeldLocked(c *commit, w *table.Write) bool {
	other := func(id catalog.TableID) bool { return db.held[id] != nil && db.held[id] != w.Hold }
	for i := range w.Rows {
		if other(w.Rows[i].Table) {
			return true
		}
	}
	for i := range c.files {
		if other(c.files[i].Meta.Table) {
			return true
		}
	}
	return false
}
