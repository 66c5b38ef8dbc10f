package storage

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/check"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/table"
	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/vfs"
)

// altered is a table whose columns come, go and grow, and what its rows must be.
type altered struct {
	t    *testing.T
	rnd  *rand.Rand
	m    *vfs.Mem
	db   *DB
	rows [][]types.Datum
	next int64
}

func (a *altered) table() *catalog.Table { return a.db.Catalog().Table("public", "t") }

func (a *altered) alter(change func(*catalog.Table)) error {
	return a.db.Apply(ctx, catalog.Replace(a.table(), func(t *catalog.Table) (*catalog.Table, error) {
		t.Columns = slices.Clone(t.Columns)
		change(t)
		return t, nil
	}))
}

func (a *altered) batch(n int) *batch.Batch {
	b := batch.New(a.table().Types())
	b.Reset()
	for range n {
		row := make([]types.Datum, len(b.Cols))
		for i, c := range a.table().Columns {
			row[i] = types.NullOf(c.Type)
			switch {
			case i == 0:
				a.next++
				row[i] = types.IntOf(c.Type, a.next)
			case a.rnd.IntN(5) == 0:
			case c.Type.Physical() == types.PhysBytes:
				row[i] = types.StringOf(c.Type, fmt.Sprint(a.rnd.IntN(20)))
			default:
				row[i] = types.IntOf(c.Type, int64(a.rnd.IntN(200)-100))
			}
			b.Cols[i].AppendDatum(row[i])
		}
		a.rows = append(a.rows, row)
	}
	b.Len = n
	return b
}

// step does something, and says what.
func (a *altered) step() (string, error) {
	cols := a.table().Columns
	last := len(cols) - 1
	switch a.rnd.IntN(10) {
	case 0, 1:
		t := a.table()
		_, err := a.db.Commit(ctx, table.Write{Rows: []table.Rows{{Table: t.ID, Version: t.Version, Batches: []*batch.Batch{a.batch(1 + a.rnd.IntN(30))}}}})
		return "insert", err
	case 2:
		l := a.db.NewLoad()
		for range 1 + a.rnd.IntN(4) {
			if err := l.Append(ctx, a.table(), a.batch(1+a.rnd.IntN(40))); err != nil {
				return "load", err
			}
		}
		_, err := l.Commit(ctx, table.Write{}, a.db.Catalog(), none)
		return "load", err
	case 3:
		return "checkpoint", a.db.Checkpoint(ctx)
	case 4:
		if err := a.db.Close(); err != nil {
			return "close", err
		}
		if found := check.Check(a.m, "db", check.Options{}); len(found) > 0 {
			return "check", errs.Internal("%v", found)
		}
		if a.rnd.IntN(3) == 0 { // all rows of the log are sealed while they are read back
			o := testOptions(a.m)
			o.LiveBytes, o.SealBytes = 1, 1
			if a.db = mustOpen(a.t, o); a.db.Close() != nil {
				return "restart", errs.Internal("close")
			}
		}
		a.db = mustOpen(a.t, testOptions(a.m))
		return "restart", nil
	case 5, 6:
		c := catalog.Column{Name: fmt.Sprintf("c%d", a.table().NextColumn), Type: types.T(types.Int2)}
		if a.rnd.IntN(3) == 0 {
			c.Type = types.Type{Kind: types.Varchar, Width: 20}
		}
		v := types.NullOf(c.Type)
		switch {
		case a.rnd.IntN(3) == 0:
		case c.Type.Kind == types.Int2:
			v = types.IntOf(c.Type, int64(a.rnd.IntN(9)-4))
		default:
			v = types.StringOf(c.Type, "missing")
		}
		if !v.Null {
			c.Missing = &v
		}
		for i := range a.rows {
			a.rows[i] = append(a.rows[i], v)
		}
		return "add", a.alter(func(t *catalog.Table) { t.Columns = append(t.Columns, c) })
	case 7: // the file that another table gets brings the catalog along, but not the rows that the log has of this one
		u := a.db.Catalog().Table("public", "u")
		seals := a.db.Metrics().Seals.Value()
		err := insert(a.db, u, 0, 50)
		for err == nil && a.db.Metrics().Seals.Value() == seals {
			time.Sleep(time.Millisecond)
		}
		return "other", err
	case 8:
		if last == 0 {
			return "nothing", nil
		}
		i := 1 + a.rnd.IntN(last)
		for k := range a.rows {
			a.rows[k] = slices.Delete(slices.Clone(a.rows[k]), i, i+1)
		}
		return "drop", a.alter(func(t *catalog.Table) { t.Columns = slices.Delete(t.Columns, i, i+1) })
	}
	if last == 0 {
		return "nothing", nil
	}
	i := 1 + a.rnd.IntN(last)
	to := map[types.Kind]types.Type{types.Int2: types.T(types.Int4), types.Int4: types.T(types.Int8), types.Varchar: types.T(types.Text)}[cols[i].Type.Kind]
	if to.Kind == types.Invalid {
		return "nothing", nil
	}
	return "widen", a.alter(func(t *catalog.Table) {
		c := &t.Columns[i]
		if c.Type = to; c.Missing != nil {
			v := scan.WidenDatum(*c.Missing, to)
			c.Missing = &v
		}
	})
}

// compare reads all rows, of all kinds of parts.
func (a *altered) compare() error {
	s := a.db.Snapshot()
	defer s.Release()
	rel, err := s.Table(a.table().ID)
	if err != nil {
		return err
	}
	account := mem.NewPool(0).Account("test", 0)
	defer account.Close()
	req := &scan.Request{Account: account}
	for i := range a.table().Columns {
		req.Columns = append(req.Columns, i)
	}
	sc, err := rel.Open(ctx, req)
	if err != nil {
		return err
	}
	defer sc.Close()
	r, err := sc.Reader()
	if err != nil {
		return err
	}
	defer r.Close()
	out := batch.New(rel.Types())
	seen := 0
	for {
		ok, err := r.Next(ctx, out)
		if err != nil || !ok {
			if err == nil && seen != len(a.rows) {
				err = fmt.Errorf("%d rows, want %d", seen, len(a.rows))
			}
			return err
		}
		for i := range out.Len {
			want := a.rows[out.Cols[0].Datum(i).I-1]
			seen++
			for k, v := range out.Cols {
				got := v.Datum(i)
				if got.Null != want[k].Null || got.I != want[k].I || got.S != want[k].S || got.Type != a.table().Columns[k].Type {
					return fmt.Errorf("row %d, column %q: %v of %s, want %v", want[0].I, a.table().Columns[k].Name, got, got.Type, want[k])
				}
			}
		}
	}
}

// TestAlter: rows that are live, sealed, loaded, or only in the log are those of their table, whatever its columns were
// when they came.
func TestAlter(t *testing.T) {
	for seed := range uint64(12) {
		a := &altered{t: t, rnd: rand.New(rand.NewPCG(seed, 31)), m: vfs.NewMem()}
		o := testOptions(a.m)
		a.db = mustOpen(t, o)
		if err := a.db.Apply(ctx, catalog.Create(catalog.NewTable("public", "t",
			catalog.Column{Name: "id", Type: types.T(types.Int8), NotNull: true}, catalog.Column{Name: "a", Type: types.T(types.Int2)}))); err != nil {
			t.Fatal(err)
		}
		mustCreate(t, a.db, "u")
		var done []string
		for range 60 {
			what, err := a.step()
			done = append(done, what)
			if err == nil {
				err = a.compare()
			}
			if err != nil {
				t.Fatalf("seed %d: %s: %v", seed, strings.Join(done, ", "), err)
			}
		}
		mustClose(t, a.db)
	}
}

// A load whose table changes before it commits stores nothing.
func TestLoadMeetsAlter(t *testing.T) {
	a := &altered{t: t, rnd: rand.New(rand.NewPCG(1, 1)), m: vfs.NewMem()}
	a.db = mustOpen(t, testOptions(a.m))
	defer func() { mustClose(t, a.db) }()
	tab := mustCreate(t, a.db, "t")
	before := a.db.Catalog()
	for _, n := range []int{5, 100} { // rows for the log, and for files
		l := a.db.NewLoad()
		if err := appendRows(l, tab, 0, n, 50); err != nil {
			t.Fatal(err)
		}
		if err := a.alter(func(t *catalog.Table) { t.Columns[1].NotNull = !t.Columns[1].NotNull }); err != nil {
			t.Fatal(err)
		}
		if _, err := l.Commit(ctx, table.Write{}, before, none); !errs.Is(err, errs.SerializationFailure) {
			t.Fatalf("%d rows: %v", n, err)
		}
	}
}
