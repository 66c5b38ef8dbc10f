package storage

import (
	"testing"

	"github.com/siltstone-db/siltstone/storage/table"
	"github.com/siltstone-db/siltstone/storage/vfs"
)

// A table has grown when rows have come, by the log or into an open part that is there already, and not when some went.
func TestGrowth(t *testing.T) {
	db := mustOpen(t, testOptions(vfs.NewMem()))
	tab := mustCreate(t, db, "clicks")
	growth := func() table.Growth {
		s := db.Snapshot()
		defer s.Release()
		return s.Growth(tab.ID)
	}
	before := growth()
	for i := range 3 {
		if err := insert(db, tab, 5*i, 5); err != nil {
			t.Fatal(err)
		}
		if g := growth(); g == before {
			t.Errorf("insert %d: the same as before", i)
		} else {
			before = g
		}
	}
	if _, err := db.Commit(ctx, table.Write{Rows: []table.Rows{remove(tab, 3, 4)}}); err != nil {
		t.Fatal(err)
	}
	if growth() != before {
		t.Error("a table grows when rows are deleted")
	}
	if err := db.Checkpoint(ctx); err != nil {
		t.Fatal(err)
	}
	if growth() != before {
		t.Error("a table grows when rows are sealed")
	}
	if err := insert(db, tab, 15, 1); err != nil {
		t.Fatal(err)
	}
	if growth() == before {
		t.Error("a table does not grow behind sealed rows")
	}
	mustClose(t, db)
}
