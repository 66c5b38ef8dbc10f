package storage

import (
	"context"

	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/counter"
	"github.com/siltstone-db/siltstone/storage/shelf"
	"github.com/siltstone-db/siltstone/storage/table"
)

// Apply changes the catalog, all edits or none: a Commit without rows.
func (db *DB) Apply(ctx context.Context, edits ...catalog.Edit) error {
	_, err := db.Commit(ctx, table.Write{Edits: edits})
	return err
}

// Numbered returns edits whose objects have ids and OIDs that no other has, before they are committed.
func (db *DB) Numbered(edits ...catalog.Edit) []catalog.Edit { return db.numbers.Fill(edits) }

// NewOID returns an OID that no object has: for a constraint that a Replace adds.
func (db *DB) NewOID() uint32 { return db.numbers.OID() }

// NextNumbers gives out up to n numbers of a sequence, one at least. They are durable.
func (db *DB) NextNumbers(ctx context.Context, r *counter.Rule, n int64) (counter.Run, error) {
	return db.counters.Take(ctx, r, n, db.logCounter)
}

// SetNumber sets the counter of a sequence.
func (db *DB) SetNumber(ctx context.Context, r *counter.Rule, at counter.State) error {
	return db.counters.Put(ctx, r, at, db.logCounter)
}

// Number returns how far a sequence has come.
func (db *DB) Number(ctx context.Context, r *counter.Rule) (counter.State, error) {
	return db.counters.At(ctx, r)
}

// keepCounters forgets what the log has told of sequences that are gone.
func (db *DB) keepCounters() {
	there := db.catalog.Counters()
	db.counters.Keep(func(n uint32) bool { return there[n] })
}

func (db *DB) logCounter(ctx context.Context, m counter.Move) error {
	_, err := db.Commit(ctx, table.Write{Counters: []counter.Move{m}})
	return err
}

// editLocked changes catalog and tables.
func (db *DB) editLocked(sequence uint64, edits []catalog.Edit) error {
	next, _, err := db.catalog.Apply(edits...)
	if err != nil {
		return err
	}
	for _, n := range catalog.Forgotten(db.catalog, next, edits) {
		db.counters.Drop(n)
	}
	db.catalog = next
	db.ddl = append(db.ddl, edits...)
	db.ddlLast = sequence
	for _, e := range edits {
		for _, id := range e.IDs() {
			if db.syncTableLocked(id); e.Drops() {
				db.positions.Drop(uint64(id)) // if it was a source
			}
		}
	}
	return nil
}

// syncTableLocked makes a table what it is in the catalog.
func (db *DB) syncTableLocked(id catalog.TableID) {
	info, t := db.catalog.TableByID(id), db.tables[id]
	switch {
	case info != nil && t == nil:
		t = shelf.New(&db.shelves, info, db.limits().Of(info), 0)
		t.SetKeys(db.writeAccount)
		db.tables[id] = t
		db.retainedLocked(t)
	case info != nil:
		t.Alter(info, db.limits().Of(info))
		t.SetKeys(db.writeAccount)
		db.retainedLocked(t)
		db.changedLocked(t)
		db.wake() // what was open may be frozen
	case t != nil: // else it is an object of another kind
		delete(db.tables, id)
		delete(db.retained, t)
		t.Drop()
		db.snapshots.Samples.Forget(id)
		db.changedLocked(t)
		db.cond.Broadcast()
		db.wake() // their files go
	}
}

// limits are those of tables that have none of their own.
func (db *DB) limits() shelf.Limits {
	return shelf.Limits{Rows: db.o.SealRows, Bytes: db.o.SealBytes, Age: db.o.SealAge}
}
