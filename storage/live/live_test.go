package live

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/mem/memtest"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

var columns = []Column{
	{Type: types.T(types.Int8)},
	{Type: types.T(types.Text), Nullable: true},
	{Type: types.T(types.Bool), Nullable: true},
	{Type: types.T(types.Float8), Nullable: true},
	{Type: types.T(types.Int2)},
	{Type: types.T(types.UUID), Nullable: true},
}

func randomRows(rnd *rand.Rand, first, n int) *batch.Batch {
	b := &batch.Batch{Len: n}
	for _, c := range columns {
		v := new(batch.Vector)
		v.Reset(c.Type, 0)
		for i := range n {
			d := types.Datum{Type: c.Type}
			switch c.Type.Kind {
			case types.Int8:
				d.I = int64(first + i)
			case types.Text:
				d.S = fmt.Sprintf("string %d", rnd.IntN(50))
			case types.UUID:
				d.S = fmt.Sprintf("%016d", rnd.IntN(1000))
			case types.Float8:
				d.F = rnd.Float64()
			default:
				d.I = int64(rnd.IntN(2))
			}
			if c.Nullable && rnd.IntN(9) == 0 {
				d = types.NullOf(c.Type)
			}
			v.AppendDatum(d)
		}
		b.Cols = append(b.Cols, v)
	}
	return b
}

// Whatever is appended is read, at every published prefix, with and without terms, in batches of any size; what the
// segment hands to the writer of a sealed one is the same.
func TestSegmentAgainstRows(t *testing.T) {
	pool := memtest.Pool(t, 0)
	account := pool.Account("live", 0)
	rnd := rand.New(rand.NewPCG(1, 2))
	s := New(columns, account, 1, time.Now())
	all := make([][]types.Datum, len(columns))
	var ends []int
	for seq := uint64(1); s.Rows() < 150_000; seq++ {
		n := 1 + rnd.IntN(9000)
		b := randomRows(rnd, s.Rows(), n)
		if err := s.Append(b, 0, n); err != nil {
			t.Fatal(err)
		}
		s.Mark(seq)
		for i, v := range b.Cols {
			for j := range n {
				all[i] = append(all[i], v.Datum(j))
			}
		}
		ends = append(ends, s.Rows())
	}
	for i, end := range ends {
		if got := s.RowsAt(uint64(i + 1)); got != end {
			t.Fatalf("rows at sequence %d: %d, want %d", i+1, got, end)
		}
	}
	for _, seq := range []int{1, 2, 5, len(ends)} {
		for _, size := range []int{0, 1000, 3} {
			if size == 3 && seq > 2 {
				continue
			}
			compareScan(t, s, ends[seq-1], size, all, nil)
			compareScan(t, s, ends[seq-1], size, all, []scan.Term{
				{Column: 0, Op: scan.Ge, Values: []types.Datum{types.IntOf(types.T(types.Int8), 3000)}},
				{Column: 1, Op: scan.Eq, Values: []types.Datum{types.TextOf("string 7")}},
			})
		}
	}
	for c := range columns {
		row := 0
		for _, v := range s.Chunks(c) {
			for i := range v.Len {
				if v.Datum(i) != all[c][row] {
					t.Fatalf("chunks of column %d: row %d is %v, want %v", c, row, v.Datum(i), all[c][row])
				}
				row++
			}
		}
	}
	st := s.Prefix(s.Rows(), s.Layout()).Stats(0)
	if !st.HasRange || st.Min.I != 0 || st.Max.I != int64(s.Rows()-1) || st.Nulls != 0 {
		t.Fatalf("stats %+v", st)
	}
	s.Release()
	if account.Used() != 0 {
		t.Fatalf("%d bytes still charged", account.Used())
	}
}

func compareScan(t *testing.T, s *Segment, rows, size int, all [][]types.Datum, terms []scan.Term) {
	t.Helper()
	var want []int
	for i := range rows {
		if terms == nil || all[0][i].I >= 3000 && !all[1][i].Null && all[1][i].S == "string 7" {
			want = append(want, i)
		}
	}
	req := &scan.Request{Columns: []int{5, 4, 3, 2, 1, 0}, Terms: terms, BatchRows: size, Counters: new(scan.Counters)}
	ps, err := s.Prefix(rows, s.Layout()).Open(context.Background(), req)
	if err != nil {
		t.Fatal(err)
	}
	if ps == nil {
		if len(want) > 0 {
			t.Fatalf("pruned, but %d rows match", len(want))
		}
		return
	}
	if ps.Dictionary(4) == nil || ps.Dictionary(5) != nil {
		t.Fatal("dictionaries are those of the request's columns")
	}
	c, err := ps.Cursor()
	if err != nil {
		t.Fatal(err)
	}
	out := &batch.Batch{}
	for range req.Columns {
		out.Cols = append(out.Cols, new(batch.Vector))
	}
	at := 0
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
			if size > 0 && out.Len > size {
				t.Fatalf("batch of %d rows", out.Len)
			}
			for i := range out.Len {
				for k, col := range req.Columns {
					if got, want := out.Cols[k].Datum(i), all[col][want[at]]; got != want {
						t.Fatalf("row %d column %d: %v, want %v", at, col, got, want)
					}
				}
				at++
			}
		}
	}
	if at != len(want) {
		t.Fatalf("%d rows, want %d", at, len(want))
	}
}

func BenchmarkAppend(b *testing.B) {
	var cols []Column
	for i := range 105 {
		switch {
		case i%5 == 0:
			cols = append(cols, Column{Type: types.T(types.Text)})
		case i%5 < 3:
			cols = append(cols, Column{Type: types.T(types.Int2)})
		default:
			cols = append(cols, Column{Type: types.T(types.Int8)})
		}
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	const rows = 8192
	in := &batch.Batch{Len: rows}
	for _, c := range cols {
		v := new(batch.Vector)
		v.Reset(c.Type, 0)
		for range rows {
			if c.Type.Kind == types.Text {
				v.AppendString(fmt.Sprintf("http://example.com/%d", rnd.IntN(3000)))
			} else {
				v.AppendDatum(types.IntOf(c.Type, int64(rnd.IntN(30000))))
			}
		}
		in.Cols = append(in.Cols, v)
	}
	account := memtest.Pool(b, 0).Account("live", 0)
	s := New(cols, account, 1, time.Now())
	b.ReportAllocs()
	seq := uint64(0)
	for b.Loop() {
		if s.Rows() > 500_000 {
			s.Release()
			s = New(cols, account, 1, time.Now())
		}
		if err := s.Append(in, 0, rows); err != nil {
			b.Fatal(err)
		}
		seq++
		s.Mark(seq)
	}
	b.ReportMetric(float64(b.N)*rows/b.Elapsed().Seconds(), "rows/s")
	s.Release()
}
