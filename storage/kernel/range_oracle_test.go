package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestRangeAgainstOracle looks for values of all widths in ranges that touch, contain and miss the ends of theirs.
func TestRangeAgainstOracle(t *testing.T) {
	r := rand.New(rand.NewPCG(21, 22))
	for _, n := range lengths {
		rangesOf[int16](t, r, n)
		rangesOf[int32](t, r, n)
		rangesOf[int64](t, r, n)
	}
}

func rangesOf[T Integer](t *testing.T, r *rand.Rand, n int) {
	t.Helper()
	v := randomInts[T](r, n)
	bounds := []int64{math.MinInt64, math.MinInt32 - 1, math.MinInt16 - 1, math.MinInt16, -1, 0, 1, math.MaxInt16, math.MaxInt16 + 1,
		math.MaxInt32, math.MaxInt64}
	for range 5 {
		bounds = append(bounds, int64(randomInts[T](r, 1)[0]))
	}
	out := dirty(n)
	for _, lo := range bounds {
		for _, hi := range bounds {
			if lo > hi {
				continue
			}
			Range(v, lo, uint64(hi)-uint64(lo), out)
			checkBits(t, fmt.Sprintf("Range of %T in [%d, %d]", v, lo, hi), out, n, func(i int) bool {
				return int64(v[i]) >= lo && int64(v[i]) <= hi
			})
		}
	}
}

// TestFloatRangeAgainstOracle compares ranges of floats, with and without NaN, with what they contain.
func TestFloatRangeAgainstOracle(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	some := []float64{-inf, -math.MaxFloat64, -1.5, -math.SmallestNonzeroFloat64, math.Copysign(0, -1), 0, 1e-40, 1, 1.5, 1e30, inf}
	r := rand.New(rand.NewPCG(23, 24))
	for _, n := range lengths {
		v, narrow := make([]float64, n), make([]float32, n)
		for i := range v {
			v[i] = append(some, nan)[r.IntN(len(some)+1)]
			narrow[i] = float32(v[i])
		}
		out := dirty(n)
		for _, lo := range some {
			for _, hi := range some {
				for _, with := range []bool{false, true} {
					f := FloatRange{Lo: lo, Hi: hi, NaN: with}
					if with && lo <= hi && hi != inf {
						continue // no such range: NaN is next to +Inf
					}
					if empty := !with && !slices.ContainsFunc(append(some, nan), f.Contains); empty != f.Empty() {
						t.Fatalf("%v is empty: %v", f, f.Empty())
					}
					FloatBits(v, f, out)
					checkBits(t, fmt.Sprint("float64 in ", f), out, n, func(i int) bool { return f.Contains(v[i]) })
					FloatBits(narrow, f, out)
					checkBits(t, fmt.Sprint("float32 in ", f), out, n, func(i int) bool { return f.Contains(float64(narrow[i])) })
				}
			}
		}
	}
}

// TestSwap exchanges the sides of every comparison.
func TestSwap(t *testing.T) {
	for op := Eq; op <= Ge; op++ {
		for a := range 3 {
			for b := range 3 {
				if holds(op, order(a32(a), a32(b))) != holds(op.Swap(), order(a32(b), a32(a))) {
					t.Errorf("%d of %d and %d", op, a, b)
				}
			}
		}
	}
}

func a32(x int) int32 { return int32(x) }

func TestSetBounds(t *testing.T) {
	r := rand.New(rand.NewPCG(25, 26))
	if _, _, ok := NewIntSet(nil).Bounds(); ok {
		t.Error("the empty set has bounds")
	}
	for range 200 {
		members := randomInts[int64](r, 1+r.IntN(40))
		slices.Sort(members)
		members = slices.Compact(members)
		if lo, hi, ok := NewIntSet(members).Bounds(); !ok || lo != members[0] || hi != members[len(members)-1] {
			t.Fatalf("[%d, %d] %v, want [%d, %d]", lo, hi, ok, members[0], members[len(members)-1])
		}
	}
}
