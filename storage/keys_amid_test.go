package storage

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/unique"
)

// Keys are looked up in the files that can have them, where their first column says which those are, and found in each.
func TestKeysOfFewFiles(t *testing.T) {
	db, m := many(t, 1, 30) // with the ids 0, 1, 2, ...
	tab := db.Catalog().Tables()[0]
	has := map[int]bool{}
	for id := range 30 {
		has[id] = true
	}
	check := func(r *rand.Rand) {
		t.Helper()
		for range 60 {
			id, n := r.IntN(60)-5, 1+r.IntN(3)
			there := false
			for i := id; i < id+n; i++ {
				there = there || has[i]
			}
			err := insert(db, tab, id, n)
			if twice := err != nil && errs.From(err).Code == errs.UniqueViolation; twice != there || err != nil && !twice {
				t.Fatalf("%d rows from %d on, of which some are there (%t): %v", n, id, there, err)
			}
			for i := id; i < id+n && !there; i++ {
				has[i] = true
			}
		}
	}
	check(rand.New(rand.NewPCG(1, 2)))
	s := db.Snapshot()
	id := tab.Columns[0].ID
	for _, c := range []struct {
		within unique.Bounds
		files  int
	}{
		{unique.Bounds{}, 30},
		{unique.Bounds{Column: id, Kind: types.Int8, Known: true, Least: 7, Most: 7}, 1},
		{unique.Bounds{Column: id, Kind: types.Int8, Known: true, Least: 27, Most: 90}, 3},
		{unique.Bounds{Column: id, Kind: types.Int8, Known: true, Least: 100, Most: 200}, 0},
		{unique.Bounds{Column: id, Kind: types.Date, Known: true, Least: 100, Most: 200}, 30}, // another kind of value
		{unique.Bounds{Column: 99, Kind: types.Int8, Known: true, Least: 100, Most: 200}, 30}, // which no file has
	} {
		parts, err := s.Keyed(tab.ID, c.within)
		if err != nil || len(parts.Files) != c.files {
			t.Errorf("%+v: %d files, want %d: %v", c.within, len(parts.Files), c.files, err)
		}
	}
	s.Release()
	mustClose(t, db)
	db = mustOpen(t, testOptions(m)) // no file is open
	check(rand.New(rand.NewPCG(3, 4)))
	mustClose(t, db)
}

// BenchmarkKeyedAmid is a commit of one row into a table with a key amid few and many segments of it.
func BenchmarkKeyedAmid(b *testing.B) {
	for _, n := range []int{10, 4000} {
		b.Run(fmt.Sprint(n, " segments"), func(b *testing.B) {
			db, _ := many(b, 1, n)
			tab := db.Catalog().Tables()[0]
			runtime.GC()
			for i := n; b.Loop(); i++ {
				if err := insert(db, tab, i, 1); err != nil {
					b.Fatal(err)
				}
			}
			mustClose(b, db)
		})
	}
}
