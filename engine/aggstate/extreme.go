package aggstate

import (
	"bytes"
	"math/bits"

	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/engine/hashtable"
	"github.com/siltstone-db/siltstone/storage/types"
)

// min, max, bool_and, bool_or. States keep the largest of unsigned words in the order of the values, and minima the
// largest complement, so that zero is below or equal to all and one maximum serves all four.
func init() {
	register(fn.Min, Aggregate{Kind: extremeKind, Finish: finishExtreme, Plain: true, Ranked: true, Least: true})
	register(fn.Max, Aggregate{Kind: extremeKind, Finish: finishExtreme, Plain: true, Ranked: true})
	register(fn.BoolAnd, Aggregate{Kind: extremeKind, Finish: finishExtreme, Plain: true, Ranked: true, Least: true})
	register(fn.BoolOr, Aggregate{Kind: extremeKind, Finish: finishExtreme, Plain: true, Ranked: true})
}

// finishExtreme writes the value that the state keeps: each kind knows how.
func finishExtreme(c *Call, r []uint64, _ uint64, out *Output) error {
	return c.State.sum(c.State, r, out)
}

func extremeKind(t types.Type) *Kind {
	switch t.Physical() {
	case types.PhysBool, types.PhysInt16, types.PhysInt32, types.PhysInt64, types.PhysFloat32, types.PhysFloat64:
		return max64
	case types.PhysInt128, types.PhysUUID:
		return max128
	case types.PhysBytes:
		return maxBytes
	case types.PhysInterval:
		return maxInterval
	}
	return nil
}

// max64 keeps values of up to 8 bytes: the largest order word.
var max64 = newKind(Kind{
	Number: 16, Words: 1, Update: updateMax64, Weighted: updateMax64,
	Fold: func(s *State, r, words []uint64) bool {
		best := r[0]
		for _, x := range words {
			best = max(best, s.orderWord(x))
		}
		r[0] = best
		return true
	},
	Merge: func(_ *State, r, o []uint64) error { r[0] = max(r[0], o[0]); return nil },
	Rank: func(s *State, r []uint64) (hi, lo uint64) {
		if s.Least {
			return 0, ^r[0]
		}
		return 0, r[0]
	},
	sum: func(s *State, r []uint64, out *Output) error { out.words(s.valueOf(r[0]), 0); return nil },
})

func (s *State) float() bool { return s.phys() == types.PhysFloat32 || s.phys() == types.PhysFloat64 }

func orderFloat(w uint64) uint64 { return hashtable.OrderFloat(w) }

// orderWord makes the order of a 64-bit value that of unsigned numbers, so that 0 is below or equal to all of them.
func (s *State) orderWord(w uint64) uint64 {
	if s.float() {
		w = orderFloat(w)
	} else {
		w ^= 1 << 63
	}
	if s.Least {
		w = ^w
	}
	return w
}

// valueOf undoes orderWord.
func (s *State) valueOf(w uint64) uint64 {
	if s.Least {
		w = ^w
	}
	if !s.float() {
		return w ^ 1<<63
	}
	return hashtable.FloatOf(w)
}

func updateMax64(s *State, m Memory, r Rows) error {
	words, width, at, in := m.Words, m.Width, m.At, r.Words[:len(r.Slots)]
	if s.float() {
		for i, g := range r.Slots {
			w := &words[int(g)*width+at]
			*w = max(*w, s.orderWord(in[i]))
		}
		return nil
	}
	// One XOR is both: the order of signed numbers, and the complement for minima. max is a conditional move, since
	// whether a value is the largest so far cannot be predicted in the first rows of each group.
	flip := uint64(1) << 63
	if s.Least {
		flip = ^flip
	}
	for i, g := range r.Slots {
		w := &words[int(g)*width+at]
		*w = max(*w, in[i]^flip)
	}
	return nil
}

// max128 is max64 over 128 bits: low, high.
var max128 = newKind(Kind{
	Number: 18, Words: 2, Update: perRow(keepMax128), Weighted: perRow(keepMax128),
	Merge: func(_ *State, r, o []uint64) error {
		if o[1] > r[1] || o[1] == r[1] && o[0] > r[0] {
			r[0], r[1] = o[0], o[1]
		}
		return nil
	},
	Rank: func(s *State, r []uint64) (hi, lo uint64) {
		if s.Least {
			return ^r[1], ^r[0]
		}
		return r[1], r[0]
	},
	sum: func(s *State, r []uint64, out *Output) error {
		out.words(s.value128(r[0], r[1]))
		return nil
	},
})

func keepMax128(s *State, r, v []uint64, _ int64) error {
	lo, hi := s.order128(v[0], v[1])
	if hi > r[1] || hi == r[1] && lo > r[0] {
		r[0], r[1] = lo, hi
	}
	return nil
}

// order128 makes the order of 128-bit values that of unsigned numbers: integers, or the bytes of a UUID.
func (s *State) order128(w0, w1 uint64) (lo, hi uint64) {
	lo, hi = order128(s.phys(), w0, w1)
	if s.Least {
		lo, hi = ^lo, ^hi
	}
	return lo, hi
}

func order128(p types.Physical, w0, w1 uint64) (lo, hi uint64) {
	if p == types.PhysUUID {
		return bits.ReverseBytes64(w1), bits.ReverseBytes64(w0)
	}
	return w0, w1 ^ 1<<63
}

// value128 undoes order128.
func (s *State) value128(lo, hi uint64) (w0, w1 uint64) {
	if s.Least {
		lo, hi = ^lo, ^hi
	}
	if s.phys() == types.PhysUUID {
		return bits.ReverseBytes64(hi), bits.ReverseBytes64(lo)
	}
	return lo, hi ^ 1<<63
}

// maxBytes keeps the smallest or largest string as a reference (hashtable.Interner.Referred). A group's best string is
// replaced a few times only, so strings are not numbered for it, which would hash every one of them.
var maxBytes = newKind(Kind{
	Number: 20, Words: 1, References: true, Update: updateMaxBytes, Weighted: updateMaxBytes,
	Merge: func(s *State, r, o []uint64) error {
		if o[0] != 0 {
			s.betterBytes(&r[0], o[0])
		}
		return nil
	},
	Append: func(s *State, dst []byte, r []uint64) []byte {
		if r[0] == 0 {
			return append(dst, 0)
		}
		return AppendBytes(append(dst, 1), s.Args[0].Strings.Referred(r[0]))
	},
	Read: func(s *State, x *Reader, r []uint64) {
		if x.Flag() {
			r[0] = x.Value(s.Type(), s.Args[0].Strings)[0]
		}
	},
	sum: func(s *State, r []uint64, out *Output) error {
		out.Vector.AppendBytes(s.Args[0].Strings.Referred(r[0]))
		return nil
	},
})

func updateMaxBytes(s *State, m Memory, r Rows) error {
	in := r.Words[:len(r.Slots)]
	for i, g := range r.Slots {
		s.betterBytes(&m.Words[int(g)*m.Width+m.At], in[i])
	}
	return nil
}

// betterBytes replaces the reference r by ref when its string is the better one.
func (s *State) betterBytes(r *uint64, ref uint64) {
	if *r == ref { // most rows of a group with few strings: no string is read
		return
	}
	if *r != 0 {
		strings := s.Args[0].Strings
		order := bytes.Compare(strings.Referred(ref), strings.Referred(*r))
		if order == 0 || order < 0 != s.Least {
			return
		}
	}
	*r = ref
}

// maxInterval keeps the shortest or longest interval: 1 when there is one, and the interval as itself, since the one that
// came first stays where lengths are equal.
var maxInterval = newKind(Kind{
	Number: 22, Words: 3, Update: perRow(betterInterval), Weighted: perRow(betterInterval),
	Merge: func(s *State, r, o []uint64) error {
		if o[0] == 0 {
			return nil
		}
		return betterInterval(s, r, o[1:], 1)
	},
	Append: appendSeen, Read: readSeen,
	sum: func(_ *State, r []uint64, out *Output) error { out.words(r[1], r[2]); return nil },
})

func betterInterval(s *State, r, v []uint64, _ int64) error {
	if r[0] != 0 {
		alo, ahi := hashtable.IntervalSpan(v[0], v[1])
		blo, bhi := hashtable.IntervalSpan(r[1], r[2])
		less := ahi < bhi || ahi == bhi && alo < blo
		if less != s.Least || ahi == bhi && alo == blo {
			return nil
		}
	}
	r[0], r[1], r[2] = 1, v[0], v[1]
	return nil
}
