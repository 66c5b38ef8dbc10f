package live

import (
	"context"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/mem/memtest"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Live rows that are older than their table's columns are read as if they had come with them.
func TestAltered(t *testing.T) {
	pool := memtest.Pool(t, 0)
	account := pool.Overdraft("test")
	own := []Column{
		{ID: 1, Type: types.T(types.Int2), Nullable: true}, {ID: 2, Type: types.T(types.Int4)}, {ID: 3, Type: types.T(types.Float4), Nullable: true},
		{ID: 4, Type: types.NumericOf(9, 2), Nullable: true}, {ID: 5, Type: types.Type{Kind: types.Varchar, Width: 9}, Nullable: true}, {ID: 6, Type: types.T(types.Bool)},
	}
	// By the table's ordinal: where the values come from, -1 where rows have one value.
	from := []int{4, -1, 0, 3, -1, 1, 2, -1}
	l := &scan.Layout{IDs: []uint32{5, 9, 1, 4, 10, 2, 3, 11}, Types: []types.Type{
		types.T(types.Text), types.T(types.Text), types.T(types.Int8), types.NumericOf(30, 2), types.T(types.Int2), types.T(types.Int8), types.T(types.Float8), types.T(types.Date),
	}, Missing: map[int]types.Datum{1: types.TextOf("new"), 4: types.IntOf(types.T(types.Int2), -7)}}
	rnd := rand.New(rand.NewPCG(9, 9))
	s := New(own, account, 1, time.Now())
	defer s.Release()
	const rows = 21_000
	b := &batch.Batch{Len: rows}
	want := make([][]types.Datum, len(from))
	for _, col := range own {
		v := &batch.Vector{}
		v.Reset(col.Type, 0)
		for range rows {
			x := rnd.Int64N(40) - 20
			d := types.Datum{Type: col.Type, I: x, F: float64(x) / 4}
			switch col.Type.Physical() {
			case types.PhysBytes:
				d = types.StringOf(col.Type, strings.Repeat("x", int(x+20)%9))
			case types.PhysBool:
				d = types.BoolOf(x > 0)
			}
			if col.Nullable && rnd.IntN(5) == 0 {
				d = types.NullOf(col.Type)
			}
			v.AppendDatum(d)
		}
		b.Cols = append(b.Cols, v)
	}
	for at := 0; at < rows; at += 4096 {
		if err := s.Append(b, at, min(rows, at+4096)); err != nil {
			t.Fatal(err)
		}
	}
	s.Mark(1)
	for c, at := range from {
		for i := range rows {
			d := l.Value(c)
			if at >= 0 {
				if d = b.Cols[at].Datum(i); d.Null {
					d = types.NullOf(l.Types[c])
				} else {
					d = scan.WidenDatum(d, l.Types[c])
				}
			}
			want[c] = append(want[c], d)
		}
	}
	p := s.Prefix(rows, l)
	for c := range from {
		tot, ok := p.Totals(c)
		st := p.Stats(c)
		var nulls int64
		for _, d := range want[c] {
			if d.Null {
				nulls++
			} else if st.HasRange && (scan.Order(d, st.Min) < 0 || scan.Order(d, st.Max) > 0) {
				t.Fatalf("column %d: %v is not from %v to %v", c, d, st.Min, st.Max)
			}
		}
		if !ok || tot.Nulls != nulls || st.Nulls != nulls || st.HasRange && st.Min.Type != l.Types[c] {
			t.Fatalf("column %d: %d NULL in the totals, %d in the statistics, want %d", c, tot.Nulls, st.Nulls, nulls)
		}
	}
	for range 300 {
		req := &scan.Request{BatchRows: []int{0, 3, 700}[rnd.IntN(3)]}
		for range 1 + rnd.IntN(3) {
			req.Columns = append(req.Columns, rnd.IntN(len(from)))
		}
		for range rnd.IntN(3) {
			c := rnd.IntN(len(from))
			term := scan.Term{Column: c, Op: []scan.Op{scan.Eq, scan.Ne, scan.Lt, scan.Ge, scan.IsNull, scan.IsNotNull}[rnd.IntN(6)]}
			d := want[c][rnd.IntN(rows)]
			if term.Op < scan.In && d.Null {
				continue
			}
			if term.Op < scan.In {
				term.Values = []types.Datum{d}
			}
			req.Terms = append(req.Terms, term)
		}
		compareAltered(t, p, req, want)
	}
	l.Types[2] = types.T(types.Date)
	p = s.Prefix(rows, l)
	if _, ok := p.Totals(2); ok || p.Stats(2).Nulls != -1 {
		t.Error("something is said of a column that cannot be read")
	}
	if _, err := p.Open(context.Background(), &scan.Request{Columns: []int{2}}); !errs.Is(err, errs.DataCorrupted) {
		t.Errorf("a column of another type: %v", err)
	}
}

func compareAltered(t *testing.T, p Prefix, req *scan.Request, want [][]types.Datum) {
	t.Helper()
	var left []int
	for i := range want[0] {
		ok := true
		for _, term := range req.Terms {
			d := want[term.Column][i]
			pred := scan.Compile(&term, d.Type)
			ok = ok && (term.Op == scan.IsNull && d.Null || term.Op != scan.IsNull && !d.Null && pred.Datum(d))
		}
		if ok {
			left = append(left, i)
		}
	}
	ps, err := p.Open(context.Background(), req)
	if err != nil {
		t.Fatal(err)
	}
	at := 0
	if ps != nil {
		defer ps.Close()
		c, err := ps.Cursor()
		if err != nil {
			t.Fatal(err)
		}
		out := &batch.Batch{}
		for m := range ps.Morsels() {
			if err := c.Seek(m); err != nil {
				t.Fatal(err)
			}
			for {
				ok, err := c.Next(context.Background(), out)
				if err != nil {
					t.Fatal(err)
				}
				if !ok {
					break
				}
				for i := range out.Len {
					for k, col := range req.Columns {
						if got := out.Cols[k].Datum(i); at >= len(left) || got != want[col][left[at]] {
							t.Fatalf("%v %v: row %d of %d, column %d is %v", req.Columns, req.Terms, at, len(left), col, got)
						}
					}
					at++
				}
			}
		}
	}
	if at != len(left) {
		t.Fatalf("%v %v: %d rows, want %d", req.Columns, req.Terms, at, len(left))
	}
}
