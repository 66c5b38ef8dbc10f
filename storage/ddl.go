package storage

import (
	"context"

	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/shelf"
	"github.com/siltstone-db/siltstone/storage/table"
)

// Apply changes the catalog, all edits or none: a Commit without rows.
func (db *DB) Apply(ctx context.Context, edits ...catalog.Edit) error {
	_, err := db.Commit(ctx, table.Write{Edits: edits})
	return err
}

// Numbered returns edits whose tables and schemas have ids and OIDs that no other has, before they are committed.
func (db *DB) Numbered(edits ...catalog.Edit) []catalog.Edit { return db.numbers.Fill(edits) }

// edited returns the newest catalog with edits applied, and the edits as they take effect.
func (db *DB) edited(edits []catalog.Edit) (*catalog.Snapshot, []catalog.Edit, error) {
	was := db.Catalog()
	next, done, err := was.Apply(edits...)
	if err != nil {
		return nil, nil, err
	}
	for _, t := range next.Tables() {
		if was.TableByID(t.ID) == t {
			continue
		}
		if _, err := db.limits().Of(t); err != nil {
			return nil, nil, err
		}
	}
	return next, done, nil
}

// editLocked changes catalog and tables.
func (db *DB) editLocked(sequence uint64, edits []catalog.Edit) error {
	next, _, err := db.catalog.Apply(edits...)
	if err != nil {
		return err
	}
	db.catalog = next
	db.ddl = append(db.ddl, edits...)
	db.ddlLast = sequence
	return db.syncTablesLocked()
}

// syncTablesLocked makes the tables those of the catalog.
func (db *DB) syncTablesLocked() error {
	for _, info := range db.catalog.Tables() {
		limits, _ := db.limits().Of(info) // those of a table were checked when it was made
		t := db.tables[info.ID]
		if t == nil {
			t = shelf.New(&db.shelves, info, limits, 0)
			db.tables[info.ID] = t
		}
		t.Table, t.Limits = info, limits
	}
	for id, t := range db.tables {
		if db.catalog.TableByID(id) != nil {
			continue
		}
		delete(db.tables, id)
		t.Drop()
		db.changedLocked(t)
		db.cond.Broadcast()
		db.wake() // their files go
	}
	return nil
}

// limits are those of tables that have none of their own.
func (db *DB) limits() shelf.Limits {
	return shelf.Limits{Rows: db.o.SealRows, Bytes: db.o.SealBytes, Age: db.o.SealAge}
}
