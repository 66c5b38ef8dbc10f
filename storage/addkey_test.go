package storage

import (
	"fmt"
	"sync"
	"testing"

	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/check"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/table"
	"github.com/siltstone-db/siltstone/storage/vfs"
	"github.com/siltstone-db/siltstone/storage/vfs/errorfs"
)

// keyless is a table of pairs that has no key yet.
func keyless(options ...catalog.Option) *catalog.Table {
	t := pairs("pairs", options...)
	t.Constraints = nil
	return t
}

// withKey returns the table as it is to be: with its primary key.
func withKey(db *DB, t *catalog.Table) *catalog.Table {
	made := *t
	k := pairs("pairs").Constraints[0]
	k.OID, k.Index = db.NewOID(), db.NewOID()
	made.Constraints = []catalog.Constraint{k}
	return &made
}

// addKey gives table pairs its primary key.
func addKey(db *DB) error {
	t := db.Catalog().Table("public", "pairs")
	made := withKey(db, t)
	release, err := db.IndexKey(ctx, made, "pairs_pkey", table.Hidden{})
	if err != nil {
		return err
	}
	defer release()
	return db.Apply(ctx, catalog.Replace(t, func(now *catalog.Table) (*catalog.Table, error) {
		knows, err := db.KnowsKey(t.ID, made.Constraints[0].Columns, false)
		if err == nil && !knows {
			err = fmt.Errorf("the key is not known any more")
		}
		now.Constraints = made.Constraints
		return now, err
	}))
}

// fillKeyless makes the table with rows in several files, of which some are deleted, merged, sorted, and live.
func fillKeyless(db *DB, options ...catalog.Option) error {
	if err := db.Apply(ctx, catalog.Create(keyless(options...))); err != nil {
		return err
	}
	tab := db.Catalog().Table("public", "pairs")
	for i := range int64(9) {
		var list []pair
		for j := range int64(30) {
			list = append(list, pair{i*30 + j, 1000 - i*30 - j})
		}
		if _, err := db.Commit(ctx, table.Write{Rows: []table.Rows{pairRows(tab, list...)}}); err != nil {
			return err
		}
		if i == 5 {
			if err := db.Cluster(ctx, tab.ID); err != nil && len(tab.Options.SortKey) > 0 {
				return err
			}
		}
	}
	return removePair(db, 7)
}

// removePair deletes a row by its key.
func removePair(db *DB, k int64) error {
	s := db.Snapshot()
	defer s.Release()
	tab := s.Catalog().Table("public", "pairs")
	list, err := pairsOf(s, tab.ID)
	for _, x := range list {
		if x.k == k && err == nil {
			_, err = db.Commit(ctx, table.Write{Rows: []table.Rows{remove(tab, x.number)}})
		}
	}
	return err
}

// checkAdded holds a table that has its key: each row is found by it, and 7, which is deleted, is free.
func checkAdded(db *DB) error {
	tab := db.Catalog().Table("public", "pairs")
	for k := range int64(270) {
		_, err := db.Commit(ctx, table.Write{Rows: []table.Rows{pairRows(tab, pair{k, 0})}})
		if want := k != 7; errs.Is(err, errs.UniqueViolation) != want {
			return fmt.Errorf("key %d again: %w", k, err)
		}
	}
	return nil
}

// TestAddKey: rows that are there are found by a key that comes later, also when their files are merged afterwards; a key
// that is there twice changes nothing.
func TestAddKey(t *testing.T) {
	for _, options := range [][]catalog.Option{nil, {{Name: "sort_key", Value: "v"}}} {
		o := testOptions(vfs.NewMem())
		db := mustOpen(t, o)
		if err := fillKeyless(db, options...); err != nil {
			t.Fatal(err)
		}
		tab := db.Catalog().Table("public", "pairs")
		twice := func(k int64) {
			t.Helper()
			e := errs.From(addKey(db))
			if e.Code != errs.UniqueViolation || e.Message != `could not create unique index "pairs_pkey"` || e.Detail != fmt.Sprintf("Key (k)=(%d) is duplicated.", k) {
				t.Fatalf("key %d is there twice: %v, %s", k, e, e.Detail)
			}
			if known, err := db.KnowsKey(tab.ID, []uint32{1}, false); known || err != nil {
				t.Fatal("a key that could not be added is known", err)
			}
		}
		for _, k := range []int64{1, 200} {
			if _, err := db.Commit(ctx, table.Write{Rows: []table.Rows{pairRows(tab, pair{k, -k})}}); err != nil {
				t.Fatal(err)
			}
			twice(k)
			if err := removePair(db, k); err != nil { // both
				t.Fatal(err)
			}
			if _, err := db.Commit(ctx, table.Write{Rows: []table.Rows{pairRows(tab, pair{k, k})}}); err != nil {
				t.Fatal(err)
			}
		}
		if err := addKey(db); err != nil {
			t.Fatal(err)
		}
		if err := db.Vacuum(ctx, tab.ID, true); err != nil {
			t.Fatal(err)
		}
		if err := checkAdded(db); err != nil {
			t.Fatal(err)
		}
		mustClose(t, db)
		if found := check.Check(o.FS, "db", check.Options{}); len(found) > 0 {
			t.Fatal(found)
		}
	}
}

// TestAddKeyKeeps: between a key's runs and the key nothing is merged, not by others either, who wait.
func TestAddKeyKeeps(t *testing.T) {
	db := mustOpen(t, testOptions(vfs.NewMem()))
	defer mustClose(t, db)
	if err := fillKeyless(db); err != nil {
		t.Fatal(err)
	}
	tab := db.Catalog().Table("public", "pairs")
	release, err := db.IndexKey(ctx, withKey(db, tab), "pairs_pkey", table.Hidden{})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	var failed error
	done := make(chan struct{})
	wg.Go(func() { failed = db.Vacuum(ctx, tab.ID, true); close(done) })
	for range 100 {
		db.mu.Lock()
		shelf := db.tables[tab.ID]
		m := db.startLocked(shelf, db.o.Merge.Cluster(db.filesLocked(shelf))[0])
		db.mu.Unlock()
		if m != nil {
			t.Fatal("a merge begins")
		}
		if known, err := db.KnowsKey(tab.ID, []uint32{1}, false); !known || err != nil {
			t.Fatal("files were merged", err)
		}
	}
	select {
	case <-done:
		t.Error("a VACUUM did not wait")
	default:
	}
	release()
	release()
	wg.Wait()
	if failed != nil {
		t.Fatal(failed)
	}
}

// TestAddKeyCrash takes the power away before each change of the disk while a key is added: the table has all of its rows
// then, and the key or not, and can get it.
func TestAddKeyCrash(t *testing.T) {
	steps := 1
	if testing.Short() {
		steps = 9
	}
	for n := 1; ; n += steps {
		m := vfs.NewMem()
		db := mustOpen(t, testOptions(m))
		if err := fillKeyless(db); err != nil {
			t.Fatal(err)
		}
		mustClose(t, db)
		fsys := errorfs.New(m, errorfs.All)
		var mu sync.Mutex
		var disk *vfs.Mem
		left := n
		db = mustOpen(t, testOptions(fsys))
		fsys.Before = func(_ int, k errorfs.Kind, _ string) {
			mu.Lock()
			defer mu.Unlock()
			if k&errorfs.Changes == 0 || disk != nil {
				return
			}
			if left--; left == 0 {
				disk = m.CrashClone(uint64(n), []float64{0, 0.4, 1}[n%3])
			}
		}
		if err := addKey(db); err != nil {
			t.Fatal(err)
		}
		mustClose(t, db)
		if disk == nil {
			return
		}
		db = mustOpen(t, testOptions(disk))
		s := db.Snapshot()
		list, err := pairsOf(s, db.Catalog().Table("public", "pairs").ID)
		s.Release()
		if err != nil || len(list) != 269 {
			t.Fatalf("crash before change %d: %d rows, %v", n, len(list), err)
		}
		if len(db.Catalog().Table("public", "pairs").Constraints) == 0 {
			if err := addKey(db); err != nil {
				t.Fatalf("crash before change %d: %v", n, err)
			}
		}
		if err := checkAdded(db); err != nil {
			t.Fatalf("crash before change %d: %v", n, err)
		}
		mustClose(t, db)
	}
}
