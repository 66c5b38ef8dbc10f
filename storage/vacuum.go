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

// mergeNow does the merges of a client, one after the other.
func (db *DB) mergeNow(ctx context.Context, id catalog.TableID, pick func([]compact.File) []compact.Plan) error {
	list, ctx, done, err := db.undertake(ctx, id, pick)
	if err != nil {
		return err
	}
	defer done()
	var first error
	for _, m := range list {
		if first != nil { // what was undertaken ends all the same
			db.endMerge(m, first)
		} else if err := db.runMerge(ctx, m); err != nil && !m.gone {
			first = err
		}
	}
	return first
}

// undertake begins the merges that a client asks for. Those of the background that are on their way are waited for. The
// context that it returns also ends with the database, which waits for done.
func (db *DB) undertake(ctx context.Context, id catalog.TableID, pick func([]compact.File) []compact.Plan) (list []*merging, _ context.Context, done func(), err error) {
	defer context.AfterFunc(ctx, func() { db.mu.Lock(); db.cond.Broadcast(); db.mu.Unlock() })()
	db.mu.Lock()
	defer db.mu.Unlock()
	t := db.tables[id]
	for t != nil && (db.mergesOfLocked(t) || db.kept[id] > 0) && ctx.Err() == nil && !db.closing {
		db.cond.Wait()
	}
	switch {
	case ctx.Err() != nil:
		return nil, ctx, nil, ctx.Err()
	case db.closing:
		return nil, ctx, nil, errs.New(errs.AdminShutdown, "the database is closing")
	case t == nil || db.tables[id] != t:
		return nil, ctx, nil, errs.New(errs.UndefinedTable, "table with id %d does not exist", id)
	}
	for _, p := range pick(db.filesLocked(t)) {
		if m := db.startLocked(t, p); m != nil {
			list = append(list, m)
		}
	}
	db.wg.Add(1)
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(db.background, cancel)
	return list, ctx, func() { stop(); cancel(); db.wg.Done() }, nil
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
