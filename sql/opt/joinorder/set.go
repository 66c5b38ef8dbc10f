package joinorder

import "math/bits"

// Most is the number of inputs that a join tree may have to be ordered.
const Most = 128

// Set is a set of inputs, by their numbers from 0 to Most-1. The zero value is empty.
type Set [Most / 64]uint64

// Of makes a set of some inputs.
func Of(inputs ...int) (s Set) {
	for _, i := range inputs {
		s[i/64] |= 1 << (i % 64)
	}
	return s
}

// Has tells whether an input is in the set.
func (s Set) Has(i int) bool { return s[i/64]>>(i%64)&1 != 0 }

// Empty tells whether the set has no inputs.
func (s Set) Empty() bool { return s == Set{} }

// Union returns the inputs that are in one of two sets.
func (s Set) Union(t Set) Set {
	for w := range s {
		s[w] |= t[w]
	}
	return s
}

// And returns the inputs that are in both sets.
func (s Set) And(t Set) Set {
	for w := range s {
		s[w] &= t[w]
	}
	return s
}

// Minus returns the inputs of s that are not in t.
func (s Set) Minus(t Set) Set {
	for w := range s {
		s[w] &^= t[w]
	}
	return s
}

// Contains tells whether all of t is in s.
func (s Set) Contains(t Set) bool {
	var missing uint64
	for w := range s {
		missing |= t[w] &^ s[w]
	}
	return missing == 0
}

// Intersects tells whether an input is in both.
func (s Set) Intersects(t Set) bool {
	var both uint64
	for w := range s {
		both |= s[w] & t[w]
	}
	return both != 0
}

// Count returns how many inputs there are.
func (s Set) Count() (n int) {
	for _, w := range s {
		n += bits.OnesCount64(w)
	}
	return n
}

// First returns the smallest input; -1: the set is empty.
func (s Set) First() int { return s.Next(0) }

// Next returns the smallest input that is not below i; -1: there is none.
func (s Set) Next(i int) int {
	for w := i / 64; w < len(s); w++ {
		word := s[w]
		if w == i/64 {
			word &= ^uint64(0) << (i % 64)
		}
		if word != 0 {
			return w*64 + bits.TrailingZeros64(word)
		}
	}
	return -1
}

// upTo returns the inputs 0 to i.
func upTo(i int) (s Set) {
	for w := range s {
		switch {
		case w < i/64:
			s[w] = ^uint64(0)
		case w == i/64:
			s[w] = ^uint64(0) >> (63 - i%64)
		}
	}
	return s
}

// nextSubset returns the subset of a set that comes after s, in the order of binary numbers: from the empty set over all
// others to the set itself, and then the empty set again. That is (s - of) & of.
func nextSubset(s, of Set) Set {
	var borrow uint64
	for w := range s {
		s[w], borrow = bits.Sub64(s[w], of[w], borrow)
		s[w] &= of[w]
	}
	return s
}
