package live

import (
	"math"
	"math/big"
	"testing"
	"time"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/mem/memtest"
	"github.com/siltstone-db/siltstone/storage/types"
)

// TestTotals compares sums, ranges and NULLs with those of the rows, at the ends of the integer types and across zones.
func TestTotals(t *testing.T) {
	for _, c := range []struct {
		kind   types.Kind
		values []int64
	}{
		{types.Int2, []int64{math.MinInt16, -1, 0, 1, math.MaxInt16}},
		{types.Int4, []int64{math.MinInt32, math.MinInt32 + 1, -7, math.MaxInt32}},
		{types.Int8, []int64{math.MinInt64, -1 << 40, -1, 0, 5, math.MaxInt64, math.MaxInt64}},
		{types.Int8, []int64{math.MinInt64}},
		{types.Int8, []int64{math.MaxInt64}},
	} {
		typ := types.T(c.kind)
		account := memtest.Pool(t, 0).Account("live", 0)
		s := New([]Column{{Type: typ, Nullable: true}}, account, 1, time.Now())
		sum, nulls, lo, hi := new(big.Int), int64(0), int64(math.MaxInt64), int64(math.MinInt64)
		for at := 0; at < 20_000; at += 2500 {
			b := batch.New([]types.Type{typ})
			b.Len = 2500
			b.Cols[0].Reset(typ, 0)
			for i := range b.Len {
				d := types.IntOf(typ, c.values[(at+i)%len(c.values)])
				if i%5 == 3 {
					d = types.NullOf(typ)
					nulls++
				} else {
					sum.Add(sum, big.NewInt(d.I))
					lo, hi = min(lo, d.I), max(hi, d.I)
				}
				b.Cols[0].AppendDatum(d)
			}
			if err := s.Append(b, 0, b.Len); err != nil {
				t.Fatal(err)
			}
			s.Mark(uint64(at + 1))
		}
		got, _ := s.Prefix(s.Rows(), s.Layout()).Totals(0)
		have := new(big.Int).Lsh(big.NewInt(got.SumHi), 64)
		have.Add(have, new(big.Int).SetUint64(got.SumLo))
		if !got.HasSum || have.Cmp(sum) != 0 || got.Nulls != nulls || !got.HasRange || got.Min.I != lo || got.Max.I != hi {
			t.Errorf("%s: %+v (sum %s), want sum %s, %d NULLs, %d to %d", typ, got, have, sum, nulls, lo, hi)
		}
		s.Release()
	}
}
