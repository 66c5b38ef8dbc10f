package storage

import (
	"testing"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/index"
	"github.com/siltstone-db/siltstone/storage/table"
	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/vfs"
)

// A column becomes NOT NULL, or is added so, when no row is left that has no value. Recovery meets those rows again, in
// records that are older than the catalog which the manifest has.
func TestNotNullAfterDeletedRows(t *testing.T) {
	m := vfs.NewMem()
	db := mustOpen(t, testOptions(m))
	tab, other := mustCreate(t, db, "clicks"), mustCreate(t, db, "other")
	w := rowsOf(tab, 0, 4)
	null := &batch.Vector{}
	null.ResetConstant(types.NullOf(types.T(types.Text)), 4)
	w.Batches[0].Cols[1] = null
	if _, err := db.Commit(ctx, table.Write{Rows: []table.Rows{w}}); err != nil {
		t.Fatal(err)
	}
	all := index.NewRowIDs()
	all.AddMany([]uint64{0, 1, 2, 3})
	if _, err := db.Commit(ctx, table.Write{Rows: []table.Rows{{Table: tab.ID, Version: tab.Version, Deleted: all}}}); err != nil {
		t.Fatal(err)
	}
	err := db.Apply(ctx, catalog.Replace(tab, func(t *catalog.Table) (*catalog.Table, error) {
		t.Columns[1].NotNull = true
		t.Columns = append(t.Columns, catalog.Column{Name: "n", Type: types.T(types.Int8), NotNull: true})
		return t, nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	if err := insert(db, other, 0, db.o.SealRows); err != nil { // is sealed, and brings the catalog to the manifest
		t.Fatal(err)
	}
	if err := db.flush(); err != nil {
		t.Fatal(err)
	}
	db2 := mustOpen(t, testOptions(m.CrashClone(1, 0)))
	now := db2.Catalog().TableByID(tab.ID)
	if len(now.Columns) != 4 || !now.Columns[3].NotNull || now.Columns[3].ID != 4 {
		t.Fatalf("columns %+v", now.Columns)
	}
	w = rowsOf(now, 4, 1)
	w.Batches[0].Cols[3].AppendDatum(types.IntOf(types.T(types.Int8), 9))
	if _, err := db2.Commit(ctx, table.Write{Rows: []table.Rows{w}}); err != nil {
		t.Fatal(err)
	}
	s := db2.Snapshot()
	if rel, err := s.Table(tab.ID); err != nil || rel.Rows() != 1 {
		t.Errorf("%v rows, %v", rel, err)
	}
	s.Release()
	if err := db2.Checkpoint(ctx); err != nil { // also rows that have no value and are deleted settle
		t.Fatal(err)
	}
	mustClose(t, db2)
	mustClose(t, db)
}
