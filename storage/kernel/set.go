package kernel

import "math/bits"

// IntSet is a set of integers to test many values against. It is immutable.
type IntSet struct {
	some   bool
	lo, hi int64    // the least and the greatest member
	sorted []int64  // nil when the set was made of bits, or is a range
	bits   []uint64 // of value - lo, when the span is small
}

// setSpan is the largest span kept as a bitmap: 128 KiB, which stays in L2.
const setSpan = 1 << 20

// NewIntSet makes a set of sorted, distinct integers.
func NewIntSet(sorted []int64) *IntSet {
	s := &IntSet{sorted: sorted}
	if len(sorted) == 0 {
		return s
	}
	s.some, s.lo, s.hi = true, sorted[0], sorted[len(sorted)-1]
	if span := uint64(s.hi - s.lo); span < setSpan {
		s.bits = make([]uint64, span>>6+1)
		for _, v := range sorted {
			o := uint64(v - s.lo)
			s.bits[o>>6] |= 1 << (o & 63)
		}
	}
	return s
}

// NewIntBits makes a set of lo, hi, and the integers between whose bit, counted from that of lo, is set; it keeps bits.
func NewIntBits(lo, hi int64, bits []uint64) *IntSet {
	return &IntSet{some: true, lo: lo, hi: hi, bits: bits}
}

// NewIntRange makes a set of lo, hi, and all integers between.
func NewIntRange(lo, hi int64) *IntSet { return &IntSet{some: true, lo: lo, hi: hi} }

// Bounds returns the least and the greatest member; ok is false for the empty set.
func (s *IntSet) Bounds() (lo, hi int64, ok bool) { return s.lo, s.hi, s.some }

// IsRange tells that the set was made as a range.
func (s *IntSet) IsRange() bool { return s.some && s.sorted == nil && s.bits == nil }

// HasBits tells that asking for a member is one look at a bitmap.
func (s *IntSet) HasBits() bool { return s.bits != nil }

// Overlaps tells whether a member lies in [lo, hi].
func (s *IntSet) Overlaps(lo, hi int64) bool {
	lo, hi = max(lo, s.lo), min(hi, s.hi)
	switch {
	case !s.some || lo > hi:
		return false
	case s.sorted != nil:
		i := lowerBound(s.sorted, lo)
		return i < len(s.sorted) && s.sorted[i] <= hi
	case s.bits == nil:
		return true
	}
	from, to := uint64(lo-s.lo), uint64(hi-s.lo)
	for w := from >> 6; w <= to>>6; w++ {
		x := s.bits[w]
		if w == from>>6 {
			x &= ^uint64(0) << (from & 63)
		}
		if x != 0 {
			return w<<6+uint64(bits.TrailingZeros64(x)) <= to
		}
	}
	return false
}

// Contains tells whether x is a member.
func (s *IntSet) Contains(x int64) bool {
	if !s.some || x < s.lo || x > s.hi {
		return false
	}
	if s.bits != nil {
		o := uint64(x - s.lo)
		return s.bits[o>>6]>>(o&63)&1 != 0
	}
	if s.sorted == nil {
		return true
	}
	i := lowerBound(s.sorted, x)
	return i < len(s.sorted) && s.sorted[i] == x
}

// lowerBound halves without branching on the data.
func lowerBound(v []int64, x int64) int {
	lo, n := 0, len(v)
	for n > 0 {
		half := (n + 1) >> 1
		if v[lo+half-1] < x {
			lo += half
		}
		n -= half
	}
	return lo
}

// SetBits sets bit i of out where s contains v[i].
func SetBits[T Integer](v []T, s *IntSet, out []uint64) {
	if !s.some {
		clear(out[:words(len(v))])
		return
	}
	span := uint64(s.hi - s.lo)
	for w := 0; w<<6 < len(v); w++ {
		var m uint64
		for i, x := range v[w<<6 : min(w<<6+64, len(v))] {
			if s.bits != nil {
				o := uint64(int64(x) - s.lo)
				in := Bit(o <= span)
				o &= -in
				m |= (s.bits[o>>6] >> (o & 63) & in) << (uint(i) & 63)
			} else {
				m |= Bit(s.Contains(int64(x))) << (uint(i) & 63)
			}
		}
		out[w] = m
	}
}
