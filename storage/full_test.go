package storage

import (
	"testing"

	"github.com/siltstone-db/siltstone/storage/check"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/table"
	"github.com/siltstone-db/siltstone/storage/vfs"
)

// TestFullDisk: on a full disk writes answer 53100 and reads go on, over a restart too; with space they go on by
// themselves, and nothing is lost or there twice.
func TestFullDisk(t *testing.T) {
	m := vfs.NewMem()
	db := mustOpen(t, testOptions(m))
	tab := mustCreate(t, db, "clicks")
	if _, err := db.Commit(ctx, table.Write{Rows: []table.Rows{rowsOf(tab, 0, 10)}, Token: &table.Token{Client: "push", Key: "1"}}); err != nil {
		t.Fatal(err)
	}
	n := 10
	for round := range 4 {
		m.SetCapacity(m.Used())
		var err error
		for err == nil { // the log has some room
			if err = insert(db, tab, n, 10); err == nil {
				n += 10
			}
		}
		if !errs.Is(err, errs.DiskFull) {
			t.Fatalf("round %d: %v", round, err)
		}
		wantTotals(t, db, tab, n)
		if round%2 == 1 {
			if err := db.Close(); err != nil && !errs.Is(err, errs.DiskFull) {
				t.Fatal(err)
			}
			db = mustOpen(t, testOptions(m))
			wantTotals(t, db, tab, n)
			if err := insert(db, tab, n, 500); !errs.Is(err, errs.DiskFull) {
				t.Fatalf("round %d: a large write after the restart: %v", round, err)
			}
			wantTotals(t, db, tab, n)
		}
		m.SetCapacity(0)
		for i := 0; ; i++ {
			if err = insert(db, tab, n, 10); err == nil {
				break
			} else if i == 100 || !errs.Is(err, errs.DiskFull) {
				t.Fatalf("round %d: intake does not resume: %v", round, err)
			}
		}
		n += 10
		if err := db.Checkpoint(ctx); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		wantTotals(t, db, tab, n)
	}
	ack, err := db.Commit(ctx, table.Write{Rows: []table.Rows{rowsOf(tab, 0, 10)}, Token: &table.Token{Client: "push", Key: "1"}})
	if err != nil || !ack.Duplicate {
		t.Fatalf("a token from before: %+v, %v", ack, err)
	}
	mustClose(t, db)
	for _, f := range check.Check(m, "db", check.Options{}) {
		if f.Fatal {
			t.Error(f)
		}
	}
	db = mustOpen(t, testOptions(m))
	wantTotals(t, db, tab, n)
	mustClose(t, db)
}
