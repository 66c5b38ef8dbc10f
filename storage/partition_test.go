package storage

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/index"
	"github.com/siltstone-db/siltstone/storage/partition"
	"github.com/siltstone-db/siltstone/storage/table"
	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/vfs"
	"github.com/siltstone-db/siltstone/storage/vfs/errorfs"
)

// mustCreateParts makes a table of rows as rowsOf makes them, whose partitions are so many ids.
func mustCreateParts(t testing.TB, db *DB, name string, width int64) *catalog.Table {
	t.Helper()
	def := clicks(name)
	def.Options.PartitionBy, def.Options.Unit, def.Options.Width = 1, partition.Width, width
	if err := db.Apply(ctx, catalog.Create(def)); err != nil {
		t.Fatal(err)
	}
	return db.Catalog().Table("public", name)
}

// pieces describes the files of a table by their partitions: rows, and how many files.
func pieces(db *DB, tab *catalog.Table) string {
	rows, files := map[string]int64{}, map[string]int{}
	for _, s := range db.Segments() {
		if s.Table == tab.ID && s.State == table.Published {
			rows[s.Partition] += s.Rows
			files[s.Partition]++
		}
	}
	var list []string
	for _, p := range slices.Sorted(maps.Keys(rows)) {
		list = append(list, fmt.Sprintf("%s: %d rows in %d", p, rows[p], files[p]))
	}
	return strings.Join(list, ", ")
}

// TestSealDivides: a live segment of rows of several partitions becomes several files, of which rows are deleted by their
// numbers and found by their keys, before the seal, while it is on its way and after it; and over a restart.
func TestSealDivides(t *testing.T) {
	for _, sorted := range []bool{false, true} {
		m := vfs.NewMem()
		o := testOptions(m)
		o.NoMerge, o.SealRows = true, 1000
		db := mustOpen(t, o)
		tab := mustCreateParts(t, db, "clicks", 100)
		if sorted {
			if err := db.Apply(ctx, catalog.Replace(tab, func(t *catalog.Table) (*catalog.Table, error) {
				return t, t.Set(catalog.Option{Name: "sort_key", Value: "url, id"})
			})); err != nil {
				t.Fatal(err)
			}
			tab = db.Catalog().Table("public", "clicks")
		}
		for _, first := range []int{90, 0, 300, 290, 10} { // interleaved
			if err := insert(db, tab, first, 10); err != nil {
				t.Fatal(err)
			}
		}
		if err := insert(db, tab, 100, 100); err != nil {
			t.Fatal(err)
		}
		left := map[int]bool{}
		for _, first := range []int{0, 10, 90, 290, 300} {
			for i := range 10 {
				left[first+i] = true
			}
		}
		for i := range 100 {
			left[100+i] = true
		}
		gone := func(ids ...int) {
			t.Helper()
			if err := deleteIDs(db, tab, ids...); err != nil {
				t.Fatal(err)
			}
			for _, id := range ids {
				delete(left, id)
			}
		}
		gone(5, 95, 150)
		if err := db.Checkpoint(ctx); err != nil {
			t.Fatal(err)
		}
		if got, want := pieces(db, tab), "0: 30 rows in 1, 100: 100 rows in 1, 200: 10 rows in 1, 300: 10 rows in 1"; got != want {
			t.Fatalf("files %s, want %s", got, want)
		}
		wantIDs(t, db, tab, left)
		gone(12, 199, 300)
		wantIDs(t, db, tab, left)
		if err := insert(db, tab, 15, 1); err == nil {
			t.Fatal("a key that is sealed came again")
		}
		if err := insert(db, tab, 12, 1); err != nil {
			t.Fatal(err)
		}
		left[12] = true
		mustClose(t, db)
		db = mustOpen(t, o)
		wantIDs(t, db, tab, left)
		gone(12, 13, 290, 291, 292, 293, 294, 295, 296, 297, 298, 299)
		if err := db.Vacuum(ctx, tab.ID, true); err != nil {
			t.Fatal(err)
		}
		wantIDs(t, db, tab, left)
		if got, want := pieces(db, tab), "0: 26 rows in 1, 100: 98 rows in 1, 300: 9 rows in 1"; got != want {
			t.Fatalf("files %s, want %s", got, want)
		}
		mustClose(t, db)
	}
}

// deleteIDs deletes rows by their ids.
func deleteIDs(db *DB, tab *catalog.Table, ids ...int) error {
	s := db.Snapshot()
	numbers, err := rowNumbersOf(s, tab.ID)
	s.Release()
	if err != nil {
		return err
	}
	var rows []uint64
	for _, id := range ids {
		rows = append(rows, numbers[int64(id)])
	}
	_, err = db.Commit(ctx, table.Write{Rows: []table.Rows{remove(tab, rows...)}})
	return err
}

// wantIDs checks that a table has rows with exactly these ids.
func wantIDs(t testing.TB, db *DB, tab *catalog.Table, want map[int]bool) {
	t.Helper()
	s := db.Snapshot()
	defer s.Release()
	numbers, err := rowNumbersOf(s, tab.ID)
	if err != nil {
		t.Fatal(err)
	}
	for id := range numbers {
		if !want[int(id)] {
			t.Errorf("row %d is there", id)
		}
	}
	rel, err := s.Table(tab.ID)
	if err != nil || len(numbers) != len(want) || rel.Rows() != int64(len(want)) {
		t.Fatalf("%d rows, counted as %d, want %d: %v", len(numbers), rel.Rows(), len(want), err)
	}
}

// TestManyPartitions: a live segment of rows of a thousand partitions becomes one mixed file, and merges of such divide
// what has become enough.
func TestManyPartitions(t *testing.T) {
	o := testOptions(vfs.NewMem())
	o.SealRows, o.SealAge = 5000, time.Hour
	o.Merge.Fanout, o.Merge.RowsMax = 8, 1<<20
	db := mustOpen(t, o)
	tab := mustCreateParts(t, db, "clicks", 1000)
	one := func(round int) {
		t.Helper()
		b := rowsOf(tab, 0, 1000)
		ids := batch.Values[int64](b.Batches[0].Cols[0])
		for i := range ids {
			ids[i] = int64(1000*i + round)
		}
		if _, err := db.Commit(ctx, table.Write{Rows: []table.Rows{b}}); err != nil {
			t.Fatal(err)
		}
	}
	for round := range 3 {
		one(round)
		if err := db.Checkpoint(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if got := pieces(db, tab); got != "mixed: 3000 rows in 3" {
		t.Fatalf("files %s", got)
	}
	if err := insert(db, tab, 100, 800); err != nil { // many of one
		t.Fatal(err)
	}
	one(950)
	if err := db.Checkpoint(ctx); err != nil {
		t.Fatal(err)
	}
	if err := db.Vacuum(ctx, tab.ID, true); err != nil {
		t.Fatal(err)
	}
	if got := pieces(db, tab); got != "0: 804 rows in 1, mixed: 3996 rows in 1" && got != "0: 801 rows in 1, mixed: 3999 rows in 1" {
		t.Fatalf("files %s", got)
	}
	if n := db.Metrics().Seals.Value(); n > 5 {
		t.Errorf("%d files were sealed", n)
	}
	mustClose(t, db)
}

// TestLoadIsDivided: the files of a load are divided by a merge of each, without a word of any client; as are those of a
// table whose partitions have another size now.
func TestLoadIsDivided(t *testing.T) {
	db := mustOpen(t, testOptions(vfs.NewMem()))
	tab := mustCreateParts(t, db, "clicks", 70)
	l := db.NewLoad()
	if err := appendRows(l, tab, 0, 200, 100); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Commit(ctx, table.Write{}, db.Catalog(), none); err != nil {
		t.Fatal(err)
	}
	divided := func(width int64) bool {
		rule := partition.Rule{Kind: types.Int8, Unit: partition.Width, Width: width}
		db.mu.Lock()
		defer db.mu.Unlock()
		for _, f := range db.tables[tab.ID].Files.All() {
			if _, one := rule.Partition(f.Meta.Values); !one {
				return false
			}
		}
		return db.tables[tab.ID].Files.Len() > 0
	}
	settle := func(width int64) {
		t.Helper()
		for deadline := time.Now().Add(time.Minute); !divided(width); time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("files %s", pieces(db, tab))
			}
		}
		wantTotals(t, db, tab, 200)
	}
	settle(70)
	if err := db.Apply(ctx, catalog.Replace(tab, func(t *catalog.Table) (*catalog.Table, error) {
		return t, t.Set(catalog.Option{Name: "partition", Value: "55"})
	})); err != nil {
		t.Fatal(err)
	}
	settle(55)
	mustClose(t, db)
}

// TestDeleteWhilePiecesAreNamed: rows that are deleted while the edit is on its way that names the pieces of their live
// segment are deleted in these.
func TestDeleteWhilePiecesAreNamed(t *testing.T) {
	m := vfs.NewMem()
	fsys := errorfs.New(m, errorfs.Changes)
	o := testOptions(fsys)
	o.NoMerge, o.SealRows = true, 1000
	db := mustOpen(t, o)
	tab := mustCreateParts(t, db, "clicks", 100)
	left := map[int]bool{}
	for _, first := range []int{90, 190, 10, 110} {
		if err := insert(db, tab, first, 20); err != nil {
			t.Fatal(err)
		}
		for i := range 20 {
			left[first+i] = true
		}
	}
	if err := deleteIDs(db, tab, 95); err != nil {
		t.Fatal(err)
	}
	var once sync.Once
	var failed error
	fsys.Before = func(_ int, _ errorfs.Kind, name string) {
		if strings.Contains(name, "manifest") {
			once.Do(func() { failed = deleteIDs(db, tab, 96, 11, 115, 205) })
		}
	}
	if err := db.Checkpoint(ctx); err != nil || failed != nil {
		t.Fatal(err, failed)
	}
	for _, id := range []int{95, 96, 11, 115, 205} {
		delete(left, id)
	}
	wantIDs(t, db, tab, left)
	mustClose(t, db)
	db = mustOpen(t, o)
	wantIDs(t, db, tab, left)
	mustClose(t, db)
}

// TestPiecesOfManyRows: more rows than a block, with identities, keep their values, numbers and identities in pieces.
func TestPiecesOfManyRows(t *testing.T) {
	o := testOptions(vfs.NewMem())
	o.NoMerge, o.SealRows = true, 1<<20
	db := mustOpen(t, o)
	tab := mustCreateParts(t, db, "clicks", 40_000)
	const n = 150_000
	for first := 0; first < n; first += 10_000 {
		if err := insert(db, tab, first, 10_000); err != nil {
			t.Fatal(err)
		}
	}
	s := db.Snapshot()
	numbers, err := rowNumbersOf(s, tab.ID)
	s.Release()
	if err != nil {
		t.Fatal(err)
	}
	w := rowsOf(tab, 77_777, 3) // new versions, at the end
	w.Deleted, w.Updated = index.NewRowIDs(), true
	for id := int64(77_777); id < 77_780; id++ {
		w.Deleted.Add(numbers[id])
	}
	if _, err := db.Commit(ctx, table.Write{Rows: []table.Rows{w}}); err != nil {
		t.Fatal(err)
	}
	if err := db.Checkpoint(ctx); err != nil {
		t.Fatal(err)
	}
	if got, want := pieces(db, tab), "0: 40000 rows in 1, 120000: 30000 rows in 1, 40000: 40003 rows in 1, 80000: 40000 rows in 1"; got != want {
		t.Errorf("files %s, want %s", got, want)
	}
	wantTotals(t, db, tab, n)
	lines, err := db.Verify(ctx, tab.ID)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range lines {
		if len(l.Wrong) > 0 || l.Sum != l.Of {
			t.Errorf("%+v", l)
		}
	}
	mustClose(t, db)
}
