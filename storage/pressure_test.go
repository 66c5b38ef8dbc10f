package storage

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/table"
	"github.com/siltstone-db/siltstone/storage/vfs"
	"github.com/siltstone-db/siltstone/storage/wal"
)

// TestFasterThanTheSealer: writers that are faster than the sealer wait for it. Live rows never take much more than they may,
// nothing is refused or lost, and what sealing takes is charged and given back.
func TestFasterThanTheSealer(t *testing.T) {
	o := testOptions(vfs.NewMem())
	o.SealRows, o.LiveBytes, o.Pool = 1<<20, 4<<20, mem.NewPool(0)
	o.LogFileMin, o.LogFileMax = 1<<20, 1<<20
	db := mustOpen(t, o)
	tab := mustCreate(t, db, "t")
	const writers, commits, rows = 4, 50, 2000
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range commits {
				if err := insert(db, tab, (w*commits+i)*rows, rows); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	s := db.Snapshot()
	got, err := read(s, tab.ID)
	s.Release()
	const n = writers * commits * rows
	if err != nil || got.rows != n || got.sum != n*(n-1)/2 {
		t.Errorf("%+v, %v; want %d rows", got, err, n)
	}
	// Every writer may have one commit on its way, and a segment's chunks double.
	if peak := db.liveAccount.Peak(); peak > 2*o.LiveBytes {
		t.Errorf("live rows took %d bytes, the limit is %d", peak, o.LiveBytes)
	}
	if err := db.Checkpoint(ctx); err != nil {
		t.Fatal(err)
	}
	if db.metrics.Seals.Value() < 2 || db.sealAccount.Peak() < 8*rows || db.sealAccount.Used() != 0 {
		t.Errorf("%d seals, %d bytes charged at most, %d still", db.metrics.Seals.Value(), db.sealAccount.Peak(), db.sealAccount.Used())
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if o.Pool.Used() != 0 {
		t.Errorf("%d bytes are still charged", o.Pool.Used())
	}
}

// TestReadersAreNotWaitedFor: live rows that are sealed and that a reader still holds are no reason to wait: the reader
// may be who writes.
func TestReadersAreNotWaitedFor(t *testing.T) {
	o := testOptions(vfs.NewMem())
	o.SealRows, o.LiveBytes, o.Pool = 1<<20, 1<<20, mem.NewPool(0)
	o.LogFileMin, o.LogFileMax = 1<<20, 1<<20
	db := mustOpen(t, o)
	tab := mustCreate(t, db, "t")
	n := 0
	var readers []*table.Snapshot // one after each write: what the sealer takes away meanwhile is still held
	for db.liveAccount.Used() <= o.LiveBytes {
		if err := insert(db, tab, n, 2000); err != nil {
			t.Fatal(err)
		}
		n += 2000
		readers = append(readers, db.Snapshot())
	}
	if err := db.Checkpoint(ctx); err != nil {
		t.Fatal(err)
	}
	if used := db.liveAccount.Used(); used <= o.LiveBytes {
		t.Fatalf("the readers hold %d bytes", used)
	}
	limited, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if _, err := db.Commit(limited, table.Write{Rows: []table.Rows{rowsOf(tab, n, 10)}}); err != nil {
		t.Errorf("the write waits for the readers: %v", err)
	}
	for _, r := range readers {
		r.Release()
	}
	wantTotals(t, db, tab, n+10)
	mustClose(t, db)
}

// TestNothingIsSealedAfterAFatalError: rows of a record that could be shown only in part stay out of segments, so that
// the next start finds each of them once.
func TestNothingIsSealedAfterAFatalError(t *testing.T) {
	o := testOptions(vfs.NewMem())
	o.SealRows = 1 << 20
	db := mustOpen(t, o)
	tab := mustCreate(t, db, "t")
	if err := insert(db, tab, 0, 100); err != nil {
		t.Fatal(err)
	}
	db.mu.Lock()
	db.fatal = errs.New(errs.OutOfMemory, "no memory")
	db.mu.Unlock()
	if err := db.Checkpoint(ctx); !errs.Is(err, errs.OutOfMemory) || db.metrics.Seals.Value() != 0 {
		t.Errorf("%v, %d seals", err, db.metrics.Seals.Value())
	}
	if err := insert(db, tab, 100, 1); !errs.Is(err, errs.OutOfMemory) {
		t.Errorf("a write after it: %v", err)
	}
	mustClose(t, db)
	db = mustOpen(t, o)
	wantTotals(t, db, tab, 100) // the write was refused before it came to the log
	mustClose(t, db)
}

// TestNobodySeesHalfAWrite: a write whose catalog changes are applied and whose rows cannot be shows neither, and no
// edit of the manifest takes half of it along.
func TestNobodySeesHalfAWrite(t *testing.T) {
	db := mustOpen(t, testOptions(vfs.NewMem()))
	tab := mustCreate(t, db, "t")
	if err := insert(db, tab, 0, 100); err != nil {
		t.Fatal(err)
	}
	l := db.NewLoad()
	if err := appendRows(l, tab, 100, 50, 50); err != nil {
		t.Fatal(err)
	}
	files, err := l.settle(ctx, &table.Write{}, db.Catalog(), none)
	if err != nil || len(files) != 1 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	rows := rowsOf(tab, 150, 10).Batches[0]
	rows.Cols = rows.Cols[:2] // which no live segment takes
	e := &wal.Entry{Sequence: db.Sequence() + 1, Data: &commit{
		files:    files,
		edits:    db.Numbered(catalog.Create(clicks("half"))),
		logged:   []table.Deletion{{Table: tab.ID, Below: 50}},
		sections: []table.Section{{Table: tab.ID, Version: tab.Version, Batch: rows}},
	}}
	db.applyGroup([]*wal.Entry{e})
	if !errs.Is(e.Err, errs.InternalError) {
		t.Fatal(e.Err)
	}
	l.letGo(files, false)
	l.Abort()
	if err := db.flush(); !errs.Is(err, errs.InternalError) {
		t.Errorf("an edit of the manifest: %v", err)
	}
	if db.Catalog().Table("public", "half") != nil {
		t.Error("the table is there without the rows")
	}
	wantTotals(t, db, tab, 100)
	mustClose(t, db)
}
