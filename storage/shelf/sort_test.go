package shelf

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/live"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/mem/memtest"
	"github.com/siltstone-db/siltstone/storage/types"
)

var ctx = context.Background()

// sortTypes are columns of every physical form, with the i-th of a few values in a random order, so that there are
// ties.
var sortTypes = []struct {
	t     types.Type
	value func(i int64) types.Datum
}{
	{types.T(types.Bool), func(i int64) types.Datum { return types.BoolOf(i&1 == 1) }},
	{types.T(types.Int2), func(i int64) types.Datum { return types.IntOf(types.T(types.Int2), i-4) }},
	{types.T(types.Date), func(i int64) types.Datum { return types.IntOf(types.T(types.Date), 1000*i-4000) }},
	{types.T(types.Int8), func(i int64) types.Datum { return types.IntOf(types.T(types.Int8), (i-4)<<60) }},
	{types.T(types.Float4), func(i int64) types.Datum { return types.FloatOf(types.T(types.Float4), 4.5-float64(i)) }},
	{types.T(types.Float8), func(i int64) types.Datum {
		return types.FloatOf(types.T(types.Float8), []float64{math.NaN(), math.Inf(-1), math.Copysign(0, -1), 0, 1e300, -1e300, 5e-324, 2}[i])
	}},
	{types.NumericOf(38, 2), func(i int64) types.Datum {
		return types.Datum{Type: types.NumericOf(38, 2), I: i<<61 + i, Hi: i%3 - 1}
	}},
	{types.T(types.Interval), func(i int64) types.Datum { return types.IntervalOf(int32(i%2), int32(30-10*i), (i-4)*1e12) }},
	{types.T(types.UUID), func(i int64) types.Datum {
		return types.Datum{Type: types.T(types.UUID), S: strings.Repeat("\x80", int(i)+4) + strings.Repeat("\x7f", 12-int(i))}
	}},
	{types.T(types.Text), func(i int64) types.Datum {
		return types.TextOf([]string{"", "\x00", "a", "a\x00", "abcdefgh", "abcdefgh\x00", "abcdefgi", "é"}[i])
	}},
	{types.Type{Kind: types.Char, Width: 8}, func(i int64) types.Datum {
		return types.Datum{Type: types.Type{Kind: types.Char, Width: 8}, S: []string{"a", "a ", "b", "b  ", "", " ", "c", "\x01"}[i]}
	}},
}

// set sets an option of a table.
func set(t *catalog.Table, name, value string) {
	if err := t.Set(catalog.Option{Name: name, Value: value}); err != nil {
		panic(err)
	}
}

// sortable returns a table of all those columns and a frozen live segment with rows in a random order.
func sortable(t testing.TB, rows, distinct int, account *mem.Account, rnd *rand.Rand) (*catalog.Table, *live.Segment, *batch.Batch) {
	t.Helper()
	var columns []catalog.Column
	b := &batch.Batch{Len: rows}
	for i, c := range sortTypes {
		columns = append(columns, catalog.Column{ID: uint32(i + 1), Name: fmt.Sprintf("c%d", i), Type: c.t})
		v := &batch.Vector{}
		v.Reset(c.t, 0)
		for range rows {
			d := c.value(int64(rnd.IntN(distinct)))
			if rnd.IntN(9) == 0 {
				d = types.NullOf(c.t)
			}
			v.AppendDatum(d)
		}
		b.Cols = append(b.Cols, v)
	}
	tab := catalog.NewTable("public", "t", columns...)
	s := live.New(Live(tab), account, 0, time.Now())
	for from := 0; from < rows; from += 1000 {
		if err := s.Append(b, from, min(rows, from+1000)); err != nil {
			t.Fatal(err)
		}
	}
	s.Mark(1)
	return tab, s, b
}

// Any columns as the key, also several: the order is that of a stable sort by the values' own comparison.
func TestSortOrder(t *testing.T) {
	pool := memtest.Pool(t, 0)
	account := pool.Overdraft("test")
	for seed := range uint64(60) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		tab, s, b := sortable(t, 1+rnd.IntN(3000), 1+rnd.IntN(8), account, rnd)
		var names []string
		var cols []int
		for _, c := range rnd.Perm(len(sortTypes))[:1+rnd.IntN(3)] {
			names, cols = append(names, tab.Columns[c].Name), append(cols, c)
		}
		set(tab, "sort_key", strings.Join(names, ", "))
		want := make([]uint32, b.Len)
		for i := range want {
			want[i] = uint32(i)
		}
		slices.SortStableFunc(want, func(x, y uint32) int {
			for _, c := range cols {
				if d := compareRows(b.Cols[c], int(x), int(y)); d != 0 {
					return d
				}
			}
			return 0
		})
		if slices.IsSorted(want) {
			want = nil
		}
		before := account.Used()
		got, err := sortOrder(ctx, tab, s, account)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, want) || (got == nil) != (want == nil) {
			t.Fatalf("seed %d: %d rows by %v: wrong order", seed, b.Len, names)
		}
		if account.Used() != before {
			t.Fatalf("seed %d: %d bytes left charged", seed, account.Used()-before)
		}
		s.Release()
	}
	if n := account.Close(); n != 0 {
		t.Errorf("%d bytes left charged", n)
	}
}

// compareRows orders two rows of a column, NULLs last.
func compareRows(v *batch.Vector, x, y int) int {
	switch a, b := v.IsNull(x), v.IsNull(y); {
	case a && b:
		return 0
	case a:
		return 1
	case b:
		return -1
	}
	return types.Compare(v.Datum(x), v.Datum(y))
}

// What sorting holds is charged, and does not grow with the number of columns of the key.
func TestSortOrderMemory(t *testing.T) {
	pool := memtest.Pool(t, 0)
	rows := pool.Overdraft("rows")
	tab, s, _ := sortable(t, 100_000, 8, rows, rand.New(rand.NewPCG(1, 2)))
	defer s.Release()
	peak := func(key string) int64 {
		set(tab, "sort_key", key)
		account := pool.Overdraft("sort")
		if order, err := sortOrder(ctx, tab, s, account); err != nil || len(order) != 100_000 {
			t.Fatalf("%d rows, %v", len(order), err)
		}
		return account.Peak()
	}
	one, all := peak("c3"), peak("c8, c7, c6, c9, c10, c3, c5")
	if one < 8*100_000 || all > one+3<<16 { // a page each for the words' bits, entries and ranks
		t.Errorf("%d bytes for one column, %d for seven", one, all)
	}
}

func TestSortOrderCanceled(t *testing.T) {
	account := memtest.Pool(t, 0).Overdraft("test")
	tab, s, _ := sortable(t, 100, 8, account, rand.New(rand.NewPCG(1, 3)))
	defer s.Release()
	set(tab, "sort_key", "c3")
	canceled, cancel := context.WithCancel(ctx)
	cancel()
	before := account.Used()
	if _, err := sortOrder(canceled, tab, s, account); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
	if account.Used() != before {
		t.Errorf("%d bytes left charged", account.Used()-before)
	}
}

// A million rows of eight values per column, by one column and by four.
func BenchmarkSortOrder(b *testing.B) {
	account := memtest.Pool(b, 0).Overdraft("bench")
	tab, s, _ := sortable(b, 1<<20, 8, account, rand.New(rand.NewPCG(1, 4)))
	defer s.Release()
	for _, key := range []string{"c3", "c9", "c8", "c9, c2, c8, c5"} {
		b.Run(key, func(b *testing.B) {
			set(tab, "sort_key", key)
			for b.Loop() {
				if _, err := sortOrder(ctx, tab, s, account); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func sortOrder(ctx context.Context, t *catalog.Table, s *live.Segment, account *mem.Account) ([]uint32, error) {
	return SortOrder(ctx, t, s.Rows(), func(id uint32) ([]*batch.Vector, error) { return s.Chunks(s.Find(id)), nil }, account)
}
