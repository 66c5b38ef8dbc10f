package storage

import (
	"context"

	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/compact"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/shelf"
)

// Vacuum gives back the space of all deleted rows of a table. full also seals its live rows and makes its segments as
// large as they get.
func (db *DB) Vacuum(ctx context.Context, id catalog.TableID, full bool) error {
	if full {
		if err := db.Checkpoint(ctx); err != nil {
			return err
		}
	}
	return db.mergeNow(ctx, id, func(files []compact.File) []compact.Plan { return db.o.Merge.Vacuum(files, full) })
}

// Cluster seals the live rows of a table and sorts all of its rows by its sort key.
func (db *DB) Cluster(ctx context.Context, id catalog.TableID) error {
	if err := db.Checkpoint(ctx); err != nil {
		return err
	}
	return db.mergeNow(ctx, id, db.o.Merge.Cluster)
}

// mergeNow does the merges of a client, one after the other. Those of the background that are on their way are waited for.
func (db *DB) mergeNow(ctx context.Context, id catalog.TableID, pick func([]compact.File) []compact.Plan) error {
	defer context.AfterFunc(ctx, func() { db.mu.Lock(); db.cond.Broadcast(); db.mu.Unlock() })()
	db.mu.Lock()
	defer db.mu.Unlock()
	t := db.tables[id]
	for t != nil && db.mergesOfLocked(t) && ctx.Err() == nil && !db.closing {
		db.cond.Wait()
	}
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case db.closing:
		return errs.New(errs.AdminShutdown, "the database is closing")
	case t == nil || db.tables[id] != t:
		return errs.New(errs.UndefinedTable, "table with id %d does not exist", id)
	}
	var list []*merging
	for _, p := range pick(db.filesLocked(t)) {
		if m := db.startLocked(t, p); m != nil {
			list = append(list, m)
		}
	}
	db.wg.Add(1) // Close ends it, and waits
	db.mu.Unlock()
	defer db.mu.Lock()
	defer db.wg.Done()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(db.background, cancel)()
	var first error
	for _, m := range list {
		if err := db.runMerge(ctx, m); err != nil && !m.gone && first == nil {
			first = err
			cancel() // what was undertaken ends all the same
		}
	}
	return first
}

// mergesOfLocked tells whether files of a table are being merged.
func (db *DB) mergesOfLocked(t *shelf.Shelf) bool {
	for f := range db.merges {
		if _, ok := t.Files.Get(uint64(f)); ok {
			return true
		}
	}
	return false
}
