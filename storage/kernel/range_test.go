package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// TestRangeWidths compares ranges over values of every width with the comparison of each, at the ends of what a width
// can hold and beyond, for lengths around whole words.
func TestRangeWidths(t *testing.T) {
	r := rand.New(rand.NewPCG(21, 22))
	for _, n := range []int{1, 63, 64, 65, 128, 200, 2048} {
		testWidth[int16](t, r, n, math.MinInt16, math.MaxInt16)
		testWidth[int32](t, r, n, math.MinInt32, math.MaxInt32)
		testWidth[int64](t, r, n, math.MinInt64, math.MaxInt64)
		testCodes(t, r, n)
	}
}

func testWidth[T Integer](t *testing.T, r *rand.Rand, n int, least, most int64) {
	t.Helper()
	ends := []int64{math.MinInt64, math.MinInt64 + 1, least, least + 1, -1, 0, 1, 5, most - 1, most, math.MaxInt64 - 1, math.MaxInt64}
	if least > math.MinInt64 {
		ends = append(ends, least-1, most+1)
	}
	v, out := make([]T, n), make([]uint64, words(n)+1)
	for i := range v {
		if v[i] = T(r.Uint64()); r.IntN(2) == 0 {
			v[i] = T([]int64{least, least + 1, -1, 0, 1, 5, most}[r.IntN(7)])
		}
	}
	for _, lo := range ends {
		for _, hi := range ends {
			for i := range out {
				out[i] = 0x5555555555555555
			}
			Between(v, lo, hi, out)
			for i := range words(n) << 6 {
				want := i < n && lo <= int64(v[i]) && int64(v[i]) <= hi
				if got := out[i>>6]>>(i&63)&1 == 1; got != want {
					t.Fatalf("%T, %d values: [%d, %d] contains %v: %v", v[0], n, lo, hi, v[min(i, n-1)], got)
				}
			}
			if out[words(n)] != 0x5555555555555555 {
				t.Fatalf("%T, %d values: a word too many was written", v[0], n)
			}
		}
	}
}

func testCodes(t *testing.T, r *rand.Rand, n int) {
	t.Helper()
	v, out := make([]uint32, n), make([]uint64, words(n))
	for i := range v {
		v[i] = []uint32{0, 1, 7, 8, 1 << 31, math.MaxUint32, r.Uint32()}[r.IntN(7)]
	}
	for _, from := range []uint32{0, 1, 7, 1 << 31, math.MaxUint32} {
		for _, span := range []uint32{0, 1, 1 << 31, math.MaxUint32 - from} {
			RangeCodes(v, from, span, out)
			for i := range words(n) << 6 {
				want := i < n && v[i]-from <= span
				if got := out[i>>6]>>(i&63)&1 == 1; got != want {
					t.Fatalf("%d codes: [%d, +%d] contains %d: %v", n, from, span, v[min(i, n-1)], got)
				}
			}
		}
	}
}

func BenchmarkRangeWidths(b *testing.B) {
	out := make([]uint64, 32)
	b.Run(fmt.Sprint(16), func(b *testing.B) { v := make([]int16, 2048); perRow(b, func() { Range(v, 3, 0, out) }) })
	b.Run(fmt.Sprint(32), func(b *testing.B) { v := make([]int32, 2048); perRow(b, func() { Range(v, 3, 0, out) }) })
	b.Run(fmt.Sprint(64), func(b *testing.B) { v := make([]int64, 2048); perRow(b, func() { Range(v, 3, 0, out) }) })
	b.Run("codes", func(b *testing.B) { v := make([]uint32, 2048); perRow(b, func() { RangeCodes(v, 3, 0, out) }) })
}
