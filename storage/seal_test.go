package storage

import (
	"sync/atomic"
	"testing"

	"github.com/siltstone-db/siltstone/storage/event"
	"github.com/siltstone-db/siltstone/storage/table"
	"github.com/siltstone-db/siltstone/storage/vfs"
	"github.com/siltstone-db/siltstone/storage/vfs/errorfs"
)

// The edit that lets a live segment go whose rows were all deleted also names the file of a load: the deletions are not
// the file's.
func TestEmptySealBesideALoad(t *testing.T) {
	m := vfs.NewMem()
	db := mustOpen(t, testOptions(m))
	a, b := mustCreate(t, db, "a"), mustCreate(t, db, "b")
	// Whatever the sealer does meanwhile, the edit waits for the load.
	db.sealMu.Lock()
	if err := insert(db, b, 0, 3); err != nil {
		t.Fatal(err)
	}
	l := db.NewLoad()
	if err := appendRows(l, a, 0, 50, 50); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Commit(ctx, table.Write{}, db.Catalog(), none); err != nil {
		t.Fatal(err)
	}
	s := db.Snapshot()
	at := numbers(t, s, b.ID)
	s.Release()
	if _, err := db.Commit(ctx, table.Write{Rows: []table.Rows{remove(b, at[0], at[1], at[2])}}); err != nil {
		t.Fatal(err)
	}
	db.mu.Lock()
	tb := db.tables[b.ID]
	tb.Close()
	w := db.sealingLocked(tb, tb.Undertake(), 1)
	unnamed := len(db.tables[a.ID].Unnamed)
	db.mu.Unlock()
	if unnamed != 1 {
		t.Fatalf("%d files wait for an edit", unnamed)
	}
	if db.settle([]*sealing{w}, 0); w.build.Err != nil || !w.empty {
		t.Fatal(w.build.Err, w.empty)
	}
	db.sealMu.Unlock()
	mustClose(t, db)
	db = mustOpen(t, testOptions(m))
	wantTotals(t, db, a, 50)
	wantTotals(t, db, b, 0)
	mustClose(t, db)
}

// A log file that cannot be removed is told of, and goes with a later edit.
func TestRetireFails(t *testing.T) {
	m := vfs.NewMem()
	fsys := errorfs.New(m, 0)
	var failed, retired atomic.Int64
	o := testOptions(fsys)
	o.Events = func(e event.Event) {
		switch e.Kind {
		case event.RetireFailed:
			failed.Add(1)
		case event.Retired:
			retired.Add(1)
		}
	}
	db := mustOpen(t, o)
	tab := mustCreate(t, db, "clicks")
	fsys.FailKinds(errorfs.Remove, 1, true, nil)
	for n := 0; n < 400; n += 10 {
		if err := insert(db, tab, n, 10); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Checkpoint(ctx); err != nil {
		t.Fatal(err)
	}
	if failed.Load() == 0 || retired.Load() != 0 {
		t.Errorf("%d failures told, %d files removed", failed.Load(), retired.Load())
	}
	fsys.Heal()
	if err := insert(db, tab, 400, 10); err != nil {
		t.Fatal(err)
	}
	if err := db.Checkpoint(ctx); err != nil {
		t.Fatal(err)
	}
	if retired.Load() == 0 {
		t.Error("the files stay")
	}
	wantTotals(t, db, tab, 410)
	mustClose(t, db)
}
