package live

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/index"
	"github.com/siltstone-db/siltstone/storage/kernel"
	"github.com/siltstone-db/siltstone/storage/mem/memtest"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

// countColumns are strings that repeat, with NULLs and empty ones, and strings that nearly never repeat.
var countColumns = []Column{{Type: types.T(types.Text), Nullable: true}, {Type: types.T(types.Text)}}

func countRows(rnd *rand.Rand, n int) *batch.Batch {
	b := &batch.Batch{Len: n}
	for i, c := range countColumns {
		v := new(batch.Vector)
		v.Reset(c.Type, 0)
		for range n {
			switch {
			case i == 1:
				v.AppendDatum(types.TextOf(fmt.Sprint(rnd.IntN(1 << 20))))
			case rnd.IntN(5) == 0:
				v.AppendDatum(types.NullOf(c.Type))
			case rnd.IntN(5) == 0:
				v.AppendDatum(types.TextOf(""))
			default:
				v.AppendDatum(types.TextOf(fmt.Sprint("string ", rnd.IntN(300))))
			}
		}
		b.Cols = append(b.Cols, v)
	}
	return b
}

// byScan counts the rows of a prefix by reading them.
func byScan(p Prefix, column int) (counts map[string]int64, nulls int64, err error) {
	ps, err := p.Open(context.Background(), &scan.Request{Columns: []int{column}})
	if err != nil || ps == nil {
		return nil, 0, err
	}
	defer ps.Close()
	c, err := ps.Cursor()
	if err != nil {
		return nil, 0, err
	}
	counts = map[string]int64{}
	out := new(batch.Batch)
	for m := range ps.Morsels() {
		if err := c.Seek(m); err != nil {
			return nil, 0, err
		}
		for {
			ok, err := c.Next(context.Background(), out)
			if err != nil {
				return nil, 0, err
			}
			if !ok {
				break
			}
			for i := range out.Len {
				if v := out.Cols[0]; v.IsNull(i) {
					nulls++
				} else {
					counts[string(v.BytesAt(i))]++
				}
			}
		}
	}
	return counts, nulls, nil
}

// checkCounts compares what a prefix counts with what reading it gives.
func checkCounts(p Prefix, column int) error {
	ps, err := p.Open(context.Background(), &scan.Request{Columns: []int{column}, Counted: true})
	if err != nil || ps == nil {
		return err
	}
	defer ps.Close()
	got := ps.(*scan.EntryScan)
	want, nulls, err := byScan(p, column)
	if err != nil {
		return err
	}
	if got.Nulls != nulls {
		return fmt.Errorf("%d rows, column %d: %d NULLs, want %d", p.rows, column, got.Nulls, nulls)
	}
	entries := 0
	for code, n := range got.Dict.Counts {
		s := got.Dict.At(code)
		if int64(n) != want[string(s)] {
			return fmt.Errorf("%d rows, column %d: %d rows of %q, want %d", p.rows, column, n, s, want[string(s)])
		}
		if n > 0 {
			entries++
		}
		if c, ok := got.Dict.Find(kernel.HashBytes(s), s); !ok || c != code {
			return fmt.Errorf("entry %d, %q, is found as %d, %v", code, s, c, ok)
		}
	}
	if entries != len(want) {
		return fmt.Errorf("%d rows, column %d: %d entries have rows, want %d", p.rows, column, entries, len(want))
	}
	if missing := []byte("no such string"); got.Dict.Len > 0 {
		if c, ok := got.Dict.Find(kernel.HashBytes(missing), missing); ok {
			return fmt.Errorf("a string that is not there is found as %d", c)
		}
	}
	return nil
}

// Every prefix has its own counts, in whatever order they are asked for: growing, shrinking, over the ends of blocks.
func TestCounts(t *testing.T) {
	account := memtest.Pool(t, 0).Account("live", 0)
	rnd := rand.New(rand.NewPCG(5, 6))
	s := New(countColumns, account, 1, time.Now())
	var ends []int
	for seq := uint64(1); s.Rows() < 150_000; seq++ {
		n := 1 + rnd.IntN(30_000)
		if err := s.Append(countRows(rnd, n), 0, n); err != nil {
			t.Fatal(err)
		}
		s.Mark(seq)
		ends = append(ends, s.Rows())
		if rnd.IntN(3) > 0 {
			continue
		}
		rows := ends[rnd.IntN(len(ends))]
		if rnd.IntN(2) == 0 {
			rows = s.Rows()
		}
		for c := range countColumns {
			if err := checkCounts(s.Prefix(rows, s.Layout()), c); err != nil {
				t.Fatal(err)
			}
		}
	}
	if n := s.dicts[1].n.Load(); n < 100_000 {
		t.Errorf("only %d entries", n)
	}
	for _, rows := range []int{65_536, 131_073, 1, s.Rows(), 65_535} {
		for c := range countColumns {
			if err := checkCounts(s.Prefix(rows, s.Layout()), c); err != nil {
				t.Fatal(err)
			}
		}
	}
	// What is known is handed out as it is.
	d := s.dicts[1].dictionary()
	a, err := s.countEntries(context.Background(), 1, s.Rows(), d)
	if err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(10, func() {
		if b, err := s.countEntries(context.Background(), 1, s.Rows(), d); err != nil || b != a {
			t.Errorf("counted again, %v", err)
		}
	}); n != 0 {
		t.Errorf("%v allocations for known counts", n)
	}
	canceled, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := s.countEntries(canceled, 0, 1000, s.dicts[0].dictionary()); err == nil {
		t.Error("counting goes on after it was canceled")
	}
	s.Release()
	if account.Used() != 0 {
		t.Errorf("%d bytes are still charged", account.Used())
	}
}

// Readers count their snapshots, and look strings up, while rows arrive.
func TestCountsWhileAppending(t *testing.T) {
	account := memtest.Pool(t, 0).Account("live", 0)
	s := New(countColumns, account, 1, time.Now())
	const visibleMax = 30
	var visible atomic.Uint64
	var wg sync.WaitGroup
	for r := range 3 {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(7, uint64(r)))
			for {
				last := visible.Load()
				seq := last
				if last > 0 && rnd.IntN(2) == 0 {
					seq = last - rnd.Uint64N(min(last, 8))
				}
				if err := checkCounts(s.Prefix(s.RowsAt(seq), s.Layout()), rnd.IntN(2)); err != nil {
					t.Error(err)
					return
				}
				if last == visibleMax {
					return
				}
			}
		})
	}
	rnd := rand.New(rand.NewPCG(8, 9))
	for seq := uint64(1); seq <= visibleMax; seq++ {
		n := 1 + rnd.IntN(3000)
		if err := s.Append(countRows(rnd, n), 0, n); err != nil {
			t.Fatal(err)
		}
		s.Mark(seq)
		visible.Store(seq)
	}
	wg.Wait()
	s.Release()
	if account.Used() != 0 {
		t.Errorf("%d bytes are still charged", account.Used())
	}
}

// A scan allocates when it starts, not by batch, whether it lends vectors or collects the rows that terms leave.
func TestScanAllocatesNothing(t *testing.T) {
	s := New(columns, memtest.Pool(t, 0).Account("live", 0), 1, time.Now())
	defer s.Release()
	const rows = 100_000
	if err := s.Append(randomRows(rand.New(rand.NewPCG(3, 4)), 0, rows), 0, rows); err != nil {
		t.Fatal(err)
	}
	s.Mark(1)
	for name, terms := range map[string][]scan.Term{
		"all": nil,
		"some": {
			{Column: 1, Op: scan.Eq, Values: []types.Datum{types.TextOf("string 7")}},
			{Column: 4, Op: scan.Ge, Values: []types.Datum{types.IntOf(types.T(types.Int2), 1)}},
		},
	} {
		ps, err := s.Prefix(rows, s.Layout()).Open(context.Background(), &scan.Request{Columns: []int{0, 1, 2, 3, 4, 5}, Terms: terms, Counters: new(scan.Counters)})
		if err != nil {
			t.Fatal(err)
		}
		c, err := ps.Cursor()
		if err != nil {
			t.Fatal(err)
		}
		out, n := new(batch.Batch), 0
		read := func() {
			n = 0
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
					n++
				}
			}
		}
		read()
		if allocs := testing.AllocsPerRun(3, read); allocs != 0 {
			t.Errorf("%s: %v allocations for %d batches", name, allocs, n)
		}
		if name == "some" && n != ps.Morsels() {
			t.Errorf("the rows that are left come in %d batches, want one for each of %d morsels", n, ps.Morsels())
		}
	}
}

// A counted request gives every value of the prefix that satisfies the terms once, with its rows: not those that only
// rows behind the prefix have.
func TestCountedRequest(t *testing.T) {
	s := New(countColumns, memtest.Pool(t, 0).Account("live", 0), 1, time.Now())
	defer s.Release()
	rnd := rand.New(rand.NewPCG(10, 11))
	for seq := uint64(1); seq <= 6; seq++ {
		if err := s.Append(countRows(rnd, 8000), 0, 8000); err != nil {
			t.Fatal(err)
		}
		s.Mark(seq)
	}
	text := func(s ...string) (v []types.Datum) {
		for _, x := range s {
			v = append(v, types.TextOf(x))
		}
		return v
	}
	for _, rows := range []int{48_000, 8000, 7, 40_000} {
		for column := range countColumns {
			if s.Prefix(rows, s.Layout()).Stats(column).Counted != int64(rows) {
				t.Fatal("strings are not counted")
			}
			for _, term := range []*scan.Term{
				nil, {Op: scan.IsNull}, {Op: scan.IsNotNull}, {Op: scan.Eq, Values: text("string 5")}, {Op: scan.Ne, Values: text("")},
				{Op: scan.Lt, Values: text("string 2")}, {Op: scan.In, Values: text("", "string 1", "string 10", "nowhere")},
				{Op: scan.Eq, Values: text("nowhere")}, {Op: scan.Ne, Values: text("nowhere")},
			} {
				req := &scan.Request{Columns: []int{column}, Counted: true, BatchRows: 100}
				if term != nil {
					term.Column = column
					req.Terms = []scan.Term{*term}
				}
				checkCountedRequest(t, s.Prefix(rows, s.Layout()), req)
			}
		}
	}
}

// TestCountedRequestAfterDelete: a dictionary counts deleted rows, too, so that it must not answer for the others.
func TestCountedRequestAfterDelete(t *testing.T) {
	s := New(countColumns, memtest.Pool(t, 0).Account("live", 0), 1, time.Now())
	defer s.Release()
	if err := s.Append(countRows(rand.New(rand.NewPCG(12, 13)), 100), 0, 100); err != nil {
		t.Fatal(err)
	}
	s.Mark(1)
	p := s.Prefix(100, s.Layout()).Without(0, (*index.RowSet)(nil).With([]uint32{0, 1, 99}))
	rows := 0
	req := &scan.Request{Columns: []int{0}, Counted: true}
	ps, err := p.Open(context.Background(), req)
	if err != nil {
		t.Fatal(err)
	}
	defer ps.Close()
	if _, ok := ps.(*scan.EntryScan); ok {
		t.Error("entries are counted with their deleted rows")
	}
	readAll(t, p, req, func(*batch.Batch, int) { rows++ })
	if rows != 97 {
		t.Errorf("%d rows, want 97", rows)
	}
}

func checkCountedRequest(t *testing.T, p Prefix, req *scan.Request) {
	t.Helper()
	want := map[types.Datum]int64{}
	plain := &scan.Request{Columns: req.Columns, Terms: req.Terms}
	readAll(t, p, plain, func(b *batch.Batch, i int) { want[b.Cols[0].Datum(i)]++ })
	got := map[types.Datum]int64{}
	readAll(t, p, req, func(b *batch.Batch, i int) {
		v := b.Cols[0].Datum(i)
		if got[v] != 0 || b.Len > req.BatchRows {
			t.Errorf("%v comes twice, or in a batch of %d rows", v, b.Len)
		}
		got[v] = b.Cols[1].Datum(i).I
	})
	if !maps.Equal(got, want) {
		t.Fatalf("%d rows, %+v: %d values, want %d", p.rows, req.Terms, len(got), len(want))
	}
}

func readAll(t *testing.T, p Prefix, req *scan.Request, row func(b *batch.Batch, i int)) {
	t.Helper()
	ps, err := p.Open(context.Background(), req)
	if err != nil {
		t.Fatal(err)
	}
	if ps == nil {
		return
	}
	defer ps.Close()
	c, err := ps.Cursor()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	out := new(batch.Batch)
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
				row(out, i)
			}
		}
	}
}

// A prefix of a dictionary is ASCII until the first entry that is not.
func TestASCII(t *testing.T) {
	s := New(countColumns[1:], memtest.Pool(t, 0).Account("live", 0), 1, time.Now())
	defer s.Release()
	want := true
	for i, x := range []string{"", "plain", "plain", "gr\u00fcn", "plain again"} {
		v := new(batch.Vector)
		v.Reset(types.T(types.Text), 1)
		v.AppendString(x)
		before := s.dicts[0].dictionary()
		if err := s.Append(&batch.Batch{Len: 1, Cols: []*batch.Vector{v}}, 0, 1); err != nil {
			t.Fatal(err)
		}
		if s.dicts[0].dictionary().ASCII() != want || before.ASCII() != want {
			t.Errorf("string %d: what is not published counts", i)
		}
		s.Mark(uint64(i + 1))
		want = want && x != "gr\u00fcn"
		if d := s.dicts[0].dictionary(); d.ASCII() != want || d.ASCII() != batch.ASCII(d.Heap) {
			t.Errorf("string %d: ASCII is %v", i, d.ASCII())
		}
	}
}

// Rows that were taken back are not counted.
func TestCountsTruncate(t *testing.T) {
	s := New(countColumns, memtest.Pool(t, 0).Account("live", 0), 1, time.Now())
	defer s.Release()
	rnd := rand.New(rand.NewPCG(12, 13))
	for seq := uint64(1); seq <= 3; seq++ {
		if err := s.Append(countRows(rnd, 70_000), 0, 70_000); err != nil {
			t.Fatal(err)
		}
		s.Mark(seq)
		if err := checkCounts(s.Prefix(s.Rows(), s.Layout()), 0); err != nil {
			t.Fatal(err)
		}
		s.Truncate(20_000)
		if err := checkCounts(s.Prefix(s.Rows(), s.Layout()), 0); err != nil {
			t.Fatal(err)
		}
	}
}
