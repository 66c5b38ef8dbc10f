package kernel

// IntSet is a set of integers to test many values against. It is immutable.
type IntSet struct {
	sorted []int64
	bits   []uint64 // of value - sorted[0], when the span is small
}

// setSpan is the largest span kept as a bitmap: 128 KiB, which stays in L2.
const setSpan = 1 << 20

// NewIntSet makes a set of sorted, distinct integers.
func NewIntSet(sorted []int64) *IntSet {
	s := &IntSet{sorted: sorted}
	if len(sorted) == 0 {
		return s
	}
	lo := sorted[0]
	if span := uint64(sorted[len(sorted)-1] - lo); span < setSpan {
		s.bits = make([]uint64, span>>6+1)
		for _, v := range sorted {
			o := uint64(v - lo)
			s.bits[o>>6] |= 1 << (o & 63)
		}
	}
	return s
}

// Bounds returns the least and the greatest member; ok is false for the empty set.
func (s *IntSet) Bounds() (lo, hi int64, ok bool) {
	if len(s.sorted) == 0 {
		return 0, 0, false
	}
	return s.sorted[0], s.sorted[len(s.sorted)-1], true
}

// Overlaps tells whether a member lies in [lo, hi].
func (s *IntSet) Overlaps(lo, hi int64) bool {
	i := lowerBound(s.sorted, lo)
	return i < len(s.sorted) && s.sorted[i] <= hi
}

// Contains tells whether x is a member.
func (s *IntSet) Contains(x int64) bool {
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
	if len(s.sorted) == 0 {
		clear(out[:words(len(v))])
		return
	}
	lo, hi, _ := s.Bounds()
	span := uint64(hi - lo)
	for w := 0; w<<6 < len(v); w++ {
		var m uint64
		for i, x := range v[w<<6 : min(w<<6+64, len(v))] {
			if s.bits != nil {
				o := uint64(int64(x) - lo)
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
