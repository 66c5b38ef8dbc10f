package storage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/rebuild"
	"github.com/siltstone-db/siltstone/storage/table"
	"github.com/siltstone-db/siltstone/storage/tokens"
	"github.com/siltstone-db/siltstone/storage/unique"
	"github.com/siltstone-db/siltstone/storage/vfs"
)

// looked is a context that ends when it is looked at for the at-th time, so that an operation is canceled at every
// place in turn that minds it, whatever the machine's speed.
type looked struct {
	context.Context
	cancel context.CancelFunc
	at     int64
	looks  atomic.Int64
}

func lookedAt(at int64) *looked {
	l := &looked{at: at}
	l.Context, l.cancel = context.WithCancel(ctx)
	return l
}

func (l *looked) look() {
	if l.looks.Add(1) == l.at {
		l.cancel()
	}
}

func (l *looked) Done() <-chan struct{} { l.look(); return l.Context.Done() }
func (l *looked) Err() error            { l.look(); return l.Context.Err() }

// TestCancelAtEveryLook: an operation that is canceled has happened as a whole or not at all, whichever of its looks at the
// context finds that it has ended; the database goes on, and nothing stays behind.
func TestCancelAtEveryLook(t *testing.T) {
	before, after := upTo(110), upTo(120)
	less := before
	less.rows, less.distinct, less.sum = less.rows-2, less.distinct-2, less.sum-5-105
	for _, op := range []struct {
		name  string
		do    func(ctx context.Context, db *DB, tab *catalog.Table) error
		after totals
	}{
		{"insert", func(ctx context.Context, db *DB, tab *catalog.Table) error {
			_, err := db.Commit(ctx, table.Write{Rows: []table.Rows{rowsOf(tab, 110, 10)}, Token: &table.Token{Table: tab.ID, Client: "c", Key: "k"}})
			return err
		}, after},
		{"delete", func(ctx context.Context, db *DB, tab *catalog.Table) error {
			s := db.Snapshot()
			defer s.Release()
			at, err := rowNumbersOf(s, tab.ID)
			if err == nil {
				_, err = db.Commit(ctx, table.Write{Rows: []table.Rows{remove(tab, at[5], at[105])}})
			}
			return err
		}, less},
		{"load", func(ctx context.Context, db *DB, tab *catalog.Table) error {
			l := db.NewLoad()
			defer l.Abort()
			for i := range 2 {
				r := rowsOf(tab, 110+5*i, 5)
				if err := l.Append(ctx, tab, r.Batches[0]); err != nil {
					return err
				}
			}
			_, err := l.Commit(ctx, table.Write{}, db.Catalog(), none)
			return err
		}, after},
		{"checkpoint", func(ctx context.Context, db *DB, _ *catalog.Table) error { return db.Checkpoint(ctx) }, before},
		{"vacuum", func(ctx context.Context, db *DB, tab *catalog.Table) error { return db.Vacuum(ctx, tab.ID, true) }, before},
		{"cluster", func(ctx context.Context, db *DB, tab *catalog.Table) error { return db.Cluster(ctx, tab.ID) }, before},
		{"reindex", func(ctx context.Context, db *DB, tab *catalog.Table) error {
			return db.Reindex(ctx, tab.ID, func(rebuild.Line) error { return nil })
		}, before},
		{"verify", func(ctx context.Context, db *DB, tab *catalog.Table) error {
			_, err := db.Verify(ctx, tab.ID)
			return err
		}, before},
		{"alter", func(ctx context.Context, db *DB, _ *catalog.Table) error {
			return db.Apply(ctx, catalog.Create(clicks("other")))
		}, before},
	} {
		t.Run(op.name, func(t *testing.T) {
			t.Parallel()
			canceled := 0
			for at := int64(1); ; at++ {
				db, tab := sealedAndLive(t)
				c := lookedAt(at)
				err := op.do(c, db, tab)
				c.cancel()
				if err != nil && !errors.Is(err, context.Canceled) {
					t.Fatalf("look %d: %v", at, err)
				}
				if err != nil {
					canceled++
				}
				wantEither(t, fmt.Sprintf("look %d, %v", at, err), db, tab, err != nil, before, op.after)
				if err := insert(db, tab, 1000, 1); err != nil {
					t.Fatalf("look %d: a write afterwards: %v", at, err)
				}
				if err := db.Checkpoint(ctx); err != nil {
					t.Fatalf("look %d: a checkpoint afterwards: %v", at, err)
				}
				mustClose(t, db)
				if c.looks.Load() < at {
					break
				}
			}
			if canceled == 0 {
				t.Error("it looks at its context nowhere")
			}
		})
	}
}

// sealedAndLive makes a table with a key, of three files and ten live rows: 0 to 109.
func sealedAndLive(t *testing.T) (*DB, *catalog.Table) {
	t.Helper()
	o := testOptions(vfs.NewMem())
	o.NoMerge = true // but for what is asked for
	db := mustOpen(t, o)
	c := clicks("t")
	set(c, "sort_key", "url")
	if err := db.Apply(ctx, catalog.Create(c)); err != nil {
		t.Fatal(err)
	}
	tab := db.Catalog().Table("public", "t")
	for i := range 3 {
		if err := insert(db, tab, 30*i, 30); err != nil {
			t.Fatal(err)
		}
		if err := db.Checkpoint(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if err := insert(db, tab, 90, 20); err != nil {
		t.Fatal(err)
	}
	return db, tab
}

// wantEither reads a table that holds what it should after an operation, or before one that failed.
func wantEither(t *testing.T, what string, db *DB, tab *catalog.Table, failed bool, before, after totals) {
	t.Helper()
	s := db.Snapshot()
	defer s.Release()
	got, err := read(s, tab.ID)
	if err != nil || got != after && (!failed || got != before) {
		t.Fatalf("%s: the table holds %+v, want %+v or, canceled, %+v: %v", what, got, after, before, err)
	}
}

// waitsIn returns when a goroutine stands in a function, and waits there for another one.
func waitsIn(t *testing.T, function string) {
	t.Helper()
	buf := make([]byte, 1<<20)
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		for g := range bytes.SplitSeq(buf[:runtime.Stack(buf, true)], []byte("\n\n")) {
			head, stack, _ := strings.Cut(string(g), "\n")
			if strings.Contains(stack, function+"(") && (strings.Contains(head, "[sync.Cond.Wait") || strings.Contains(head, "[select") || strings.Contains(head, "[chan ")) {
				return
			}
		}
	}
	t.Fatalf("nobody waits in %s", function)
}

// TestCancelOfWaits: each wait of the database ends when its context does, though what it waits for never comes.
func TestCancelOfWaits(t *testing.T) {
	for _, w := range []struct {
		where string // the function that waits
		hold  func(db *DB, tab *catalog.Table) (let func())
		do    func(ctx context.Context, db *DB, tab *catalog.Table) error
	}{
		{"storage.(*DB).awaitClaimsLocked", func(db *DB, tab *catalog.Table) func() {
			db.mu.Lock()
			defer db.mu.Unlock()
			db.tables[tab.ID].Claims = append(db.tables[tab.ID].Claims, remove(tab, 5).Deleted)
			return func() { db.mu.Lock(); db.tables[tab.ID].Claims = nil; db.mu.Unlock() }
		}, func(ctx context.Context, db *DB, tab *catalog.Table) error {
			_, err := db.Commit(ctx, table.Write{Rows: []table.Rows{remove(tab, 5)}})
			return err
		}},
		{"storage.(*DB).reserve", func(db *DB, tab *catalog.Table) func() {
			c := &commit{keyed: []keyed{{table: tab.ID, all: true}}}
			c.keyed[0].rows.Reset(unique.Of(tab))
			if err := db.reserve(ctx, c); err != nil {
				t.Error(err)
			}
			return func() { db.release(c) }
		}, func(ctx context.Context, db *DB, tab *catalog.Table) error {
			_, err := db.Commit(ctx, table.Write{Rows: []table.Rows{rowsOf(tab, 200, 1)}})
			return err
		}},
		{"tokens.(*Set).Begin", func(db *DB, tab *catalog.Table) func() {
			id := tokens.NewID(uint64(tab.ID), "c", "k", 0)
			if _, err := db.tokens.Begin(ctx, id); err != nil {
				t.Error(err)
			}
			return func() { db.tokens.Abort(id) }
		}, func(ctx context.Context, db *DB, tab *catalog.Table) error {
			_, err := db.Commit(ctx, table.Write{Rows: []table.Rows{rowsOf(tab, 200, 1)}, Token: &table.Token{Table: tab.ID, Client: "c", Key: "k"}})
			return err
		}},
		{"storage.(*DB).Checkpoint", holdSlot, func(ctx context.Context, db *DB, _ *catalog.Table) error { return db.Checkpoint(ctx) }},
		{"storage.(*Load).Commit", holdSlot, func(ctx context.Context, db *DB, tab *catalog.Table) error {
			l := db.NewLoad()
			defer l.Abort()
			if err := appendRows(l, tab, 200, 60, 60); err != nil {
				return err
			}
			_, err := l.Commit(ctx, table.Write{}, db.Catalog(), none)
			return err
		}},
		{"storage.(*DB).awaitRoom", func(db *DB, tab *catalog.Table) func() {
			let := holdSlot(db, tab)
			db.inFlight.Add(db.o.LiveBytes)
			return func() { db.inFlight.Add(-db.o.LiveBytes); let() }
		}, func(ctx context.Context, db *DB, tab *catalog.Table) error {
			_, err := db.Commit(ctx, table.Write{Rows: []table.Rows{rowsOf(tab, 200, 1)}})
			return err
		}},
	} {
		t.Run(w.where, func(t *testing.T) {
			db, tab := sealedAndLive(t)
			let := w.hold(db, tab)
			c, cancel := context.WithCancel(ctx)
			done := make(chan error, 1)
			go func() { done <- w.do(c, db, tab) }()
			waitsIn(t, w.where)
			cancel()
			select {
			case err := <-done:
				if !errors.Is(err, context.Canceled) {
					t.Errorf("the wait ended with %v", err)
				}
				let()
			case <-time.After(time.Minute):
				let()
				t.Fatalf("the wait did not end: %v", <-done)
			}
			wantTotals(t, db, tab, 110)
			if err := insert(db, tab, 110, 1); err != nil {
				t.Errorf("a write afterwards: %v", err)
			}
			if err := db.Checkpoint(ctx); err != nil {
				t.Errorf("a checkpoint afterwards: %v", err)
			}
			mustClose(t, db)
		})
	}
}

// holdSlot keeps files from being written.
func holdSlot(db *DB, _ *catalog.Table) func() {
	db.builder.Slots <- struct{}{}
	return func() { <-db.builder.Slots }
}
