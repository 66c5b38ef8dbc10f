package storage

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/table"
	"github.com/siltstone-db/siltstone/storage/vfs"
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
	wantTotals(t, db, tab, 101) // the write was durable, though it could not be shown
	mustClose(t, db)
}
