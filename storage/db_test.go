package storage

import (
	"context"
	"fmt"
	"runtime/debug"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/compact"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/table"
	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/vfs"
)

func TestMain(m *testing.M) {
	debug.SetGCPercent(400) // tens of thousands of small databases are opened, and a third of that was collecting
	goleak.VerifyTestMain(m)
}

var ctx = context.Background()

// testOptions seal often and keep files small.
func testOptions(fsys vfs.FS) Options {
	return Options{
		FS: fsys, SealRows: 50, SealAge: time.Hour, SealRetry: 5 * time.Millisecond, LogFileMin: 4096, LogFileMax: 4096,
		CacheBytes: 8 << 20,
		Pool:       mem.NewPool(0), // also of a database that does not open: nothing is charged at the end
		// Merges come often, and Cluster divides what it sorts.
		Merge: compact.Picker{Fanout: 3, RowsMax: 400, BytesMax: 1 << 30, Deleted: 0.25},
	}
}

// clicks is a table with a key, without which mustCreate makes it.
func clicks(name string) *catalog.Table {
	return primary(catalog.NewTable("public", name,
		catalog.Column{Name: "id", Type: types.T(types.Int8), NotNull: true},
		catalog.Column{Name: "url", Type: types.T(types.Text)},
		catalog.Column{Name: "ok", Type: types.T(types.Bool), NotNull: true}), 1)
}

// primary gives a table that is to be made a primary key.
func primary(t *catalog.Table, columns ...uint32) *catalog.Table {
	t.Constraints = append(t.Constraints, catalog.Constraint{Kind: catalog.PrimaryKey, Name: t.Name + "_pkey", Columns: columns})
	return t
}

// set sets an option of a table that is to be made.
func set(t *catalog.Table, name, value string) {
	if err := t.Set(catalog.Option{Name: name, Value: value}); err != nil {
		panic(err)
	}
}

func mustOpen(t testing.TB, o Options) *DB {
	t.Helper()
	db, err := Open(ctx, "db", o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := left(db); err != nil {
			t.Errorf("at the end: %v", err)
		}
	})
	return db
}

func mustCreate(t testing.TB, db *DB, name string) *catalog.Table {
	t.Helper()
	def := clicks(name)
	def.Constraints = nil
	if err := db.Apply(ctx, catalog.Create(def)); err != nil {
		t.Fatal(err)
	}
	return db.Catalog().Table("public", name)
}

// rowsOf makes rows with ids from first on; every tenth url is NULL.
func rowsOf(tab *catalog.Table, first, n int) table.Rows {
	b := batch.New(tab.Types())
	b.Reset()
	for i := first; i < first+n; i++ {
		b.Cols[0].AppendDatum(types.IntOf(types.T(types.Int8), int64(i)))
		url := types.TextOf(fmt.Sprintf("/page/%d", i%7))
		if i%10 == 0 {
			url = types.NullOf(types.T(types.Text))
		}
		b.Cols[1].AppendDatum(url)
		b.Cols[2].AppendDatum(types.BoolOf(i%2 == 0))
	}
	b.Len = n
	return table.Rows{Table: tab.ID, Version: tab.Version, Batches: []*batch.Batch{b}}
}

func insert(db *DB, tab *catalog.Table, first, n int) error {
	_, err := db.Commit(ctx, table.Write{Rows: []table.Rows{rowsOf(tab, first, n)}})
	return err
}

// totals is what a reader sees of a table made by rowsOf.
type totals struct{ rows, sum, distinct int }

// read reads a whole table and checks each row.
func read(s *table.Snapshot, id catalog.TableID, terms ...scan.Term) (totals, error) {
	rel, err := s.Table(id)
	if err != nil {
		return totals{}, err
	}
	pool := mem.NewPool(0)
	account := pool.Account("test", 0)
	defer account.Close()
	sc, err := rel.Open(ctx, &scan.Request{Columns: []int{0, 1, 2}, Terms: terms, Account: account})
	if err != nil {
		return totals{}, err
	}
	defer sc.Close()
	r, err := sc.Reader()
	if err != nil {
		return totals{}, err
	}
	defer r.Close()
	out := batch.New(rel.Types())
	var got totals
	seen := map[int64]bool{}
	for {
		ok, err := r.Next(ctx, out)
		if err != nil {
			return got, err
		}
		if !ok {
			break
		}
		for i := range out.Len {
			v := out.Cols[0].Datum(i).I
			url, want := out.Cols[1].Datum(i), fmt.Sprintf("/page/%d", v%7)
			if url.Null != (v%10 == 0) || !url.Null && url.S != want || (out.Cols[2].Datum(i).I == 1) != (v%2 == 0) {
				return got, fmt.Errorf("row %d is %v, %v", v, url, out.Cols[2].Datum(i).I)
			}
			seen[v] = true
			got.sum += int(v)
		}
		got.rows += out.Len
	}
	got.distinct = len(seen)
	return got, nil
}

// upTo is what a table with rows 0 to n-1 holds.
func upTo(n int) totals { return totals{n, n * (n - 1) / 2, n} }

func wantTotals(t testing.TB, db *DB, tab *catalog.Table, n int) {
	t.Helper()
	s := db.Snapshot()
	defer s.Release()
	got, err := read(s, tab.ID)
	if err != nil || got != upTo(n) {
		t.Fatalf("table %q holds %+v, want %+v: %v", tab.Name, got, upTo(n), err)
	}
}

func mustClose(t testing.TB, db *DB) {
	t.Helper()
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := left(db); err != nil {
		t.Fatal(err)
	}
}

// left says what a database that was closed has left behind.
func left(db *DB) error {
	if n := db.o.Pool.Used(); n != 0 {
		return fmt.Errorf("%d bytes still charged", n)
	}
	if m, ok := db.o.FS.(*vfs.Mem); ok && m.OpenFiles() != 0 {
		return fmt.Errorf("%d files left open", m.OpenFiles())
	}
	return nil
}

func TestLife(t *testing.T) {
	m := vfs.NewMem()
	db := mustOpen(t, testOptions(m))
	tab := mustCreate(t, db, "clicks")
	n := 0
	for round := range 4 {
		for range 20 {
			if err := insert(db, tab, n, 7); err != nil {
				t.Fatal(err)
			}
			n += 7
			wantTotals(t, db, tab, n)
		}
		if round == 2 {
			if err := db.Checkpoint(ctx); err != nil {
				t.Fatal(err)
			}
			wantTotals(t, db, tab, n)
			for _, i := range db.Segments() {
				if i.State != table.Published {
					t.Fatalf("after a checkpoint: %+v", i)
				}
			}
		}
		mustClose(t, db)
		db = mustOpen(t, testOptions(m))
		wantTotals(t, db, tab, n)
	}
	if h := db.Health(); !h.Good() {
		t.Fatalf("health %+v", h)
	}
	s := db.Snapshot()
	if err := db.Apply(ctx, catalog.Drop(nil, tab)); err != nil {
		t.Fatal(err)
	}
	if got, err := read(s, tab.ID); err != nil || got != upTo(n) {
		t.Fatalf("the old snapshot: %+v, %v", got, err)
	}
	s.Release()
	if err := insert(db, tab, 0, 1); !errs.Is(err, errs.UndefinedTable) {
		t.Fatalf("insert into a dropped table: %v", err)
	}
	if err := db.Checkpoint(ctx); err != nil {
		t.Fatal(err)
	}
	mustClose(t, db) // waits for merges, which a drop makes vain
	if infos, _ := m.List("db/segments"); len(infos) != 0 {
		t.Fatalf("files of a dropped table: %v", infos)
	}
}
