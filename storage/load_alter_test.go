package storage

import (
	"slices"
	"testing"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/index"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/table"
	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/vfs"
)

// altering is a transaction that writes to a table and alters it.
type altering struct {
	t     *testing.T
	db    *DB
	load  *Load
	cat   *catalog.Snapshot
	edits []catalog.Edit
	id    catalog.TableID
}

func newAltering(t *testing.T, db *DB, id catalog.TableID) *altering {
	return &altering{t: t, db: db, load: db.NewLoad(), cat: db.Catalog(), id: id}
}

func (a *altering) table() *catalog.Table { return a.cat.TableByID(a.id) }

func (a *altering) alter(change func(t *catalog.Table)) {
	a.t.Helper()
	edit := catalog.Replace(a.table(), func(t *catalog.Table) (*catalog.Table, error) {
		t.Columns, t.Constraints = slices.Clone(t.Columns), slices.Clone(t.Constraints)
		change(t)
		return t, nil
	})
	next, _, err := a.cat.Apply(edit)
	if err != nil {
		a.t.Fatal(err)
	}
	a.cat, a.edits = next, append(a.edits, edit)
}

// add appends rows of columns that are all int8, their values one after the other; -1 is NULL.
func (a *altering) add(rows ...[]int64) {
	a.t.Helper()
	b := batch.New(a.table().Types())
	b.Reset()
	b.Len = len(rows)
	for _, row := range rows {
		for c, v := range row {
			d := types.IntOf(types.T(types.Int8), v)
			if v < 0 {
				d = types.NullOf(d.Type)
			}
			b.Cols[c].AppendDatum(d)
		}
	}
	if err := a.load.Append(ctx, a.table(), b); err != nil {
		a.t.Fatal(err)
	}
}

// numbered returns rows of a number and another.
func numbered(first, n int) (rows [][]int64) {
	for i := range int64(n) {
		rows = append(rows, []int64{int64(first) + i, 1000 + int64(first) + i})
	}
	return rows
}

// seal waits until all that is frozen is in files, and returns how many there are.
func (a *altering) seal() (files int) {
	a.t.Helper()
	a.load.mu.Lock()
	defer a.load.mu.Unlock()
	if err := a.load.sealAllLocked(ctx); err != nil {
		a.t.Fatal(err)
	}
	for _, t := range a.load.shelves {
		for _, p := range t.Parts {
			if p.File != nil {
				files++
			}
		}
	}
	return files
}

// want holds the sums of the columns, and the numbers of rows that have no NULL there, against what should be.
func (a *altering) want(s *table.Snapshot, sums, counts []int64) {
	a.t.Helper()
	rel, err := s.Table(a.id)
	if err != nil {
		a.t.Fatal(err)
	}
	sc, err := rel.Open(ctx, &scan.Request{Columns: []int{0, 1}[:len(sums)], Account: a.db.writeAccount})
	if err != nil {
		a.t.Fatal(err)
	}
	defer sc.Close()
	r, err := sc.Reader()
	if err != nil {
		a.t.Fatal(err)
	}
	defer r.Close()
	out := batch.New(rel.Types()[:len(sums)])
	gotSums, gotCounts := make([]int64, len(sums)), make([]int64, len(sums))
	for {
		ok, err := r.Next(ctx, out)
		if err != nil {
			a.t.Fatal(err)
		}
		if !ok {
			break
		}
		for c, v := range out.Cols {
			for i := range out.Len {
				if d := v.Datum(i); !d.Null {
					gotSums[c], gotCounts[c] = gotSums[c]+d.I, gotCounts[c]+1
				}
			}
		}
	}
	if !slices.Equal(gotSums, sums) || !slices.Equal(gotCounts, counts) {
		a.t.Fatalf("sums %v of %v rows, want %v of %v", gotSums, gotCounts, sums, counts)
	}
}

func (a *altering) wantOwn(sums, counts []int64) {
	a.t.Helper()
	s := a.db.Snapshot()
	defer s.Release()
	own := a.load.Overlay(s, a.table(), table.Hidden{})
	defer own.Release()
	a.want(own, sums, counts)
}

func (a *altering) commit(hidden *index.RowIDs) {
	a.t.Helper()
	if _, err := a.load.Commit(ctx, table.Write{Edits: a.edits}, a.cat, func(catalog.TableID) *index.RowIDs { return hidden }); err != nil {
		a.t.Fatal(err)
	}
}

func int8Column(name string) catalog.Column {
	return catalog.Column{Name: name, Type: types.T(types.Int8)}
}

func createInts(t *testing.T, db *DB, columns ...catalog.Column) catalog.TableID {
	t.Helper()
	if err := db.Apply(ctx, catalog.Create(catalog.NewTable("public", "t", columns...))); err != nil {
		t.Fatal(err)
	}
	return db.Catalog().Table("public", "t").ID
}

// TestReadBackOfAnAlteredTable: a savepoint lies inside a file that was written before the table got other columns: its rows are
// read back in the columns of then.
func TestReadBackOfAnAlteredTable(t *testing.T) {
	m := vfs.NewMem()
	db := mustOpen(t, testOptions(m))
	a := newAltering(t, db, createInts(t, db, int8Column("a"), int8Column("b")))
	a.load.Savepoint()
	a.add(numbered(0, 5)...)
	then := a.cat
	a.add(numbered(5, 60)...) // the first 50 rows are frozen
	if n := a.seal(); n != 1 {
		t.Fatalf("%d files", n)
	}
	a.alter(func(t *catalog.Table) { t.Columns = append(t.Columns[:1], int8Column("c")) })
	a.add([]int64{100, 7}, []int64{101, 8})
	a.wantOwn([]int64{64*65/2 + 201, 15}, []int64{67, 2})
	a.cat, a.edits = then, nil
	if err := a.load.Truncate(map[catalog.TableID]int64{a.id: 5}, then); err != nil {
		t.Fatal(err)
	}
	a.add(numbered(5, 2)...)
	a.wantOwn([]int64{21, 7021}, []int64{7, 7})
	a.commit(nil)
	mustClose(t, db)
	db = mustOpen(t, testOptions(m))
	a.db = db
	s := db.Snapshot()
	a.want(s, []int64{21, 7021}, []int64{7, 7})
	s.Release()
	mustClose(t, db)
}

// TestSavepointBetweenForms: the table was altered and back again while its rows went into one part, and a savepoint lies where it
// had the other form.
func TestSavepointBetweenForms(t *testing.T) {
	db := mustOpen(t, testOptions(vfs.NewMem()))
	need := int8Column("a")
	need.NotNull = true
	a := newAltering(t, db, createInts(t, db, need, int8Column("b")))
	a.load.Savepoint()
	a.add(numbered(0, 3)...)
	a.alter(func(t *catalog.Table) { t.Columns[0].NotNull = false })
	then, edits := a.cat, a.edits
	a.alter(func(t *catalog.Table) { t.Columns[0].NotNull = true })
	a.add(numbered(3, 3)...)
	if n := len(a.load.shelves[0].Parts); n != 1 {
		t.Fatalf("%d parts", n)
	}
	a.cat, a.edits = then, edits
	if err := a.load.Truncate(map[catalog.TableID]int64{a.id: 3}, then); err != nil {
		t.Fatal(err)
	}
	a.add([]int64{-1, 4}, []int64{9, -1})
	a.wantOwn([]int64{12, 3007}, []int64{4, 4})
	a.commit(nil)
	s := db.Snapshot()
	a.want(s, []int64{12, 3007}, []int64{4, 4})
	s.Release()
	mustClose(t, db)
}

// TestFewRowsOfAnAlteredTableMakeNoFiles: parts that a transaction has closed by altering their table go to its log record, but
// those in front of a file.
func TestFewRowsOfAnAlteredTableMakeNoFiles(t *testing.T) {
	m := vfs.NewMem()
	o := testOptions(m)
	o.SealRows = 400
	db := mustOpen(t, o)
	a := newAltering(t, db, createInts(t, db, int8Column("a"), int8Column("b")))
	hide := index.NewRowIDs()
	for i := range 5 {
		a.add(numbered(10*i, 10)...)
		hide.Add(scan.OwnRows + uint64(10*i))
		a.alter(func(t *catalog.Table) { t.Columns = append(t.Columns[:1], int8Column("n")) })
	}
	if n := a.seal(); n != 0 {
		t.Fatalf("%d parts were sealed", n)
	}
	a.commit(hide)
	if n := segmentFiles(t, m); n != 0 {
		t.Errorf("%d files", n)
	}
	s := db.Snapshot()
	a.want(s, []int64{49*50/2 - 100, 0}, []int64{45, 0})
	s.Release()

	// The last row of a key stays, in whatever order files and other rows get their numbers.
	if err := db.Apply(ctx, catalog.Create(pairs("u", catalog.Option{Name: "on_conflict", Value: "update"}))); err != nil {
		t.Fatal(err)
	}
	a = newAltering(t, db, db.Catalog().Table("public", "u").ID)
	a.add([]int64{1, 1}, []int64{450, 2})
	a.alter(func(t *catalog.Table) { t.Columns[1].NotNull = true })
	a.add(numbered(0, 450)...)
	a.alter(func(t *catalog.Table) { t.Columns[1].NotNull = false })
	a.add([]int64{3, 3})
	a.commit(nil)
	s = db.Snapshot()
	a.want(s, []int64{450 * 451 / 2, 449*450/2 + 450*1000 - 1003 + 3 + 2}, []int64{451, 451})
	s.Release()
	mustClose(t, db)
}

// TestKeyBehindFiles: a transaction gives a key to a table of which it has written files.
func TestKeyBehindFiles(t *testing.T) {
	m := vfs.NewMem()
	db := mustOpen(t, testOptions(m))
	a := newAltering(t, db, createInts(t, db, int8Column("a"), int8Column("b")))
	a.add(numbered(0, 120)...)
	if n := a.seal(); n != 2 {
		t.Fatalf("%d files", n)
	}
	key := func(name string) func(t *catalog.Table) {
		return func(t *catalog.Table) {
			id := t.Columns[t.Column(name)].ID
			t.Constraints = append(t.Constraints, catalog.Constraint{Kind: catalog.Unique, Name: name, Columns: []uint32{id}})
		}
	}
	a.alter(key("a"))
	a.alter(func(t *catalog.Table) { t.Columns = append(t.Columns, int8Column("c")) })
	a.alter(key("c")) // which no row has a value of
	a.commit(nil)
	left := len(db.Segments()) + segmentFiles(t, m)
	if left > 2*len(db.Segments()) {
		t.Errorf("%d files for %d segments", left-len(db.Segments()), len(db.Segments()))
	}
	tab := db.Catalog().TableByID(a.id)
	for _, x := range []struct {
		row  []int64
		want bool
	}{{[]int64{77, 1, 1}, false}, {[]int64{777, 1, 1}, true}, {[]int64{778, 1, 1}, false}, {[]int64{779, 1, -1}, true}} {
		b := newAltering(t, db, a.id)
		b.add(x.row)
		_, err := b.load.Commit(ctx, table.Write{}, db.Catalog(), none)
		if (err == nil) != x.want {
			t.Errorf("%v: %v", x.row, err)
		}
	}
	if tab.Constraint("c") == nil {
		t.Error("no key")
	}
	mustClose(t, db)
}
