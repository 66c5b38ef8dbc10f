package storage

import (
	"fmt"
	"sync"
	"testing"

	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/check"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/rebuild"
	"github.com/siltstone-db/siltstone/storage/table"
	"github.com/siltstone-db/siltstone/storage/vfs"
)

// TestAddKeyBesideMerges: a table gets its key, loses it and gets it again while its segments are built anew, merged and sorted,
// and rows of it come and go. Whoever meets somebody else tries again; in the end each row is found by its key.
func TestAddKeyBesideMerges(t *testing.T) {
	m := vfs.NewMem()
	db := mustOpen(t, testOptions(m))
	if err := fillKeyless(db, catalog.Option{Name: "sort_key", Value: "v"}); err != nil {
		t.Fatal(err)
	}
	id := db.Catalog().Table("public", "pairs").ID
	met := func(err error) bool {
		return err == nil || errs.Is(err, errs.SerializationFailure) || errs.Is(err, errs.ObjectNotInPrerequisiteState)
	}
	done := make(chan struct{})
	var wg sync.WaitGroup
	beside := func(what string, do func(i int) error) {
		wg.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-done:
					return
				default:
				}
				if err := do(i); !met(err) {
					t.Errorf("%s: %v", what, err)
					return
				}
			}
		})
	}
	beside("reindex", func(int) error { return db.Reindex(ctx, id, func(rebuild.Line) error { return nil }) })
	beside("vacuum", func(int) error { return db.Vacuum(ctx, id, true) })
	beside("cluster", func(int) error { return db.Cluster(ctx, id) })
	beside("write", func(i int) error {
		tab := db.Catalog().TableByID(id)
		if i%4 == 3 {
			return removePair(db, int64(10_000+i-1))
		}
		_, err := db.Commit(ctx, table.Write{Rows: []table.Rows{pairRows(tab, pair{int64(10_000 + i), int64(i)})}})
		return err
	})
	added := 0
	for tries := 0; added < 6; tries++ {
		h, err := db.Hold(ctx, id) // as ALTER TABLE does
		if err != nil {
			t.Fatal(err)
		}
		err = addKey(db)
		db.Release(h)
		if err != nil {
			if tries > 500 {
				t.Errorf("after %d keys: %v", added, err)
				break
			}
			continue // somebody was there
		}
		added++
		tab := db.Catalog().TableByID(id)
		if _, err := db.Commit(ctx, table.Write{Rows: []table.Rows{pairRows(tab, pair{20, 1})}}); !errs.Is(err, errs.UniqueViolation) {
			t.Errorf("a key that is there, the table having got it for the %dth time: %v", added, err)
		}
		if added == 6 {
			break
		}
		if err := db.Apply(ctx, catalog.Replace(tab, func(now *catalog.Table) (*catalog.Table, error) {
			now.Constraints = nil
			return now, nil
		})); err != nil {
			t.Error(err)
		}
	}
	close(done)
	wg.Wait()
	s := db.Snapshot()
	list, err := pairsOf(s, id)
	s.Release()
	if err != nil || len(list) < 269 {
		t.Fatalf("%d rows, %v", len(list), err)
	}
	tab := db.Catalog().TableByID(id)
	for _, x := range list {
		if _, err := db.Commit(ctx, table.Write{Rows: []table.Rows{pairRows(tab, x.pair)}}); !errs.Is(err, errs.UniqueViolation) {
			t.Fatalf("row %d is not found by its key: %v", x.k, err)
		}
	}
	mustClose(t, db)
	if found := check.Check(m, "db", check.Options{}); len(found) > 0 {
		t.Error(fmt.Sprint(found))
	}
}
