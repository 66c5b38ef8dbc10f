package kernel

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestIntSets compares sets of lists, bitmaps and ranges with the plain list of their members.
func TestIntSets(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for round := range 400 {
		lo := []int64{0, -70, math.MinInt64, math.MaxInt64 - 400, 1 << 40}[rng.IntN(5)]
		span := []int64{1, 63, 64, 65, 300}[rng.IntN(5)]
		var members []int64
		share := []int{1, 2, 9}[rng.IntN(3)]
		for x := lo; x < lo+span; x++ {
			if x == lo || x == lo+span-1 || rng.IntN(share) == 0 {
				members = append(members, x)
			}
		}
		hi := members[len(members)-1]
		words := make([]uint64, uint64(hi-lo)>>6+1)
		for _, x := range members {
			words[uint64(x-lo)>>6] |= 1 << (uint64(x-lo) & 63)
		}
		far := slices.Clone(members)
		if hi < 1<<41 && lo > math.MinInt64 { // a span that has no bitmap
			far = append(far, hi+setSpan)
		}
		sets := map[string]*IntSet{"list": NewIntSet(members), "bits": NewIntBits(lo, hi, words), "wide": NewIntSet(far)}
		wants := map[string][]int64{"list": members, "bits": members, "wide": far}
		if share == 1 {
			sets["range"], wants["range"] = NewIntRange(lo, hi), members
		}
		for what, s := range sets {
			check(t, rng, round, what, s, wants[what])
		}
	}
	none := NewIntSet(nil)
	out := []uint64{7}
	if SetBits([]int64{0}, none, out); out[0] != 0 || none.Contains(0) || none.Overlaps(-1, 1) {
		t.Error("the empty set has members")
	}
}

func check(t *testing.T, rng *rand.Rand, round int, what string, s *IntSet, members []int64) {
	t.Helper()
	lo, hi := members[0], members[len(members)-1]
	if a, b, ok := s.Bounds(); !ok || a != lo || b != hi || s.IsRange() != (what == "range") || s.HasBits() != (what == "list" || what == "bits" || what == "wide" && hi-lo < setSpan) {
		t.Fatalf("round %d, %s: bounds %d and %d, want %d and %d", round, what, a, b, lo, hi)
	}
	values := []int64{math.MinInt64, math.MaxInt64, 0}
	for range 150 {
		values = append(values, lo+rng.Int64N(500)-100) // may wrap around
	}
	out := make([]uint64, 4)
	SetBits(values, s, out)
	for i, x := range values {
		_, want := slices.BinarySearch(members, x)
		if s.Contains(x) != want || out[i>>6]>>(i&63)&1 != 0 != want {
			t.Fatalf("round %d, %s from %d to %d: %d is a member: %v", round, what, lo, hi, x, !want)
		}
		y := values[rng.IntN(len(values))]
		overlaps := slices.ContainsFunc(members, func(m int64) bool { return x <= m && m <= y })
		if s.Overlaps(x, y) != overlaps {
			t.Fatalf("round %d, %s from %d to %d: overlaps [%d, %d]: %v", round, what, lo, hi, x, y, !overlaps)
		}
	}
}
