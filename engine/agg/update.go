package agg

import (
	"math"
	"math/bits"

	"github.com/siltstone-db/siltstone/engine/hashtable"
	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/types/decimal"
)

// dense is one input's rows of a batch without those it skips: the slot of each row's group, and the words of its
// argument.
type dense struct {
	slots []uint32
	words []uint64
}

// update adds rows to the states of their groups. rows is the table's memory, width the words of a row, base the
// position of the first state word in a row.
func (s *state) update(sd *side, strings *hashtable.Interner, rows []uint64, width, base int, d dense) error {
	at := base + s.at
	switch s.kind {
	case stateCount:
		for _, g := range d.slots {
			rows[int(g)*width+at]++
		}
	case stateSum64:
		words := d.words[:len(d.slots)]
		for i, g := range d.slots {
			rows[int(g)*width+at] += words[i]
		}
	case stateSum128:
		words := d.words[:len(d.slots)]
		for i, g := range d.slots {
			r := rows[int(g)*width+at:]
			r = r[:2]
			lo, c := bits.Add64(r[0], words[i], 0)
			r[0] = lo
			r[1] += uint64(int64(words[i])>>63) + c
		}
	case stateSumFloat:
		words := d.words[:len(d.slots)]
		for i, g := range d.slots {
			r := &rows[int(g)*width+at]
			old, x := math.Float64frombits(*r), math.Float64frombits(words[i])
			sum := old + x
			if overflowed(sum, old, x) {
				return floatRange()
			}
			*r = math.Float64bits(sum)
		}
	case stateMax64:
		s.updateMax64(rows, width, at, d)
	case stateMaxBytes:
		words := d.words[:len(d.slots)]
		for i, g := range d.slots {
			s.keepBytes(strings, &rows[int(g)*width+at], words[i])
		}
	default:
		wide := 1
		if len(d.slots) > 0 {
			wide = len(d.words) / len(d.slots)
		}
		for i, g := range d.slots {
			r := rows[int(g)*width+at:][:stateWords[s.kind]]
			if err := s.addValue(sd, strings, r, d.words[i*wide:i*wide+wide]); err != nil {
				return err
			}
		}
	}
	return nil
}

// orderWord makes the order of a 64-bit value that of unsigned numbers, so that 0 is below or equal to all of them.
func (s *state) orderWord(w uint64) uint64 {
	switch {
	case s.phys == types.PhysFloat32 || s.phys == types.PhysFloat64:
		w = hashtable.OrderFloat(w)
	default:
		w ^= 1 << 63
	}
	if s.min {
		w = ^w
	}
	return w
}

// valueOf undoes orderWord.
func (s *state) valueOf(w uint64) uint64 {
	if s.min {
		w = ^w
	}
	if s.phys != types.PhysFloat32 && s.phys != types.PhysFloat64 {
		return w ^ 1<<63
	}
	return hashtable.FloatOf(w)
}

func (s *state) updateMax64(rows []uint64, width, at int, d dense) {
	words := d.words[:len(d.slots)]
	if s.phys == types.PhysFloat32 || s.phys == types.PhysFloat64 {
		for i, g := range d.slots {
			r := &rows[int(g)*width+at]
			*r = max(*r, s.orderWord(words[i]))
		}
		return
	}
	flip := uint64(1) << 63
	if s.min {
		flip = ^flip
	}
	for i, g := range d.slots {
		r := &rows[int(g)*width+at]
		*r = max(*r, words[i]^flip)
	}
}

// addValue adds one value to the state r: the states whose work is worth more than a switch per row.
func (s *state) addValue(sd *side, strings *hashtable.Interner, r, v []uint64) error {
	switch s.kind {
	case stateSum192:
		add192(r, v[0], v[1], uint64(int64(v[1])>>63))
	case stateMax128:
		lo, hi := s.order128(v[0], v[1])
		if hi > r[1] || hi == r[1] && lo > r[0] {
			r[0], r[1] = lo, hi
		}
	case stateMaxSpan:
		s.keepSpan(r, v)
	case stateSumSpan:
		return addSpan(r, v)
	case stateFirst:
		if r[0] == 0 {
			r[0] = 1
			copy(r[1:], v)
		}
	case stateSquares:
		x := int64(v[0])
		lo, c := bits.Add64(r[0], v[0], 0)
		r[0] = lo
		r[1] += uint64(x>>63) + c
		sq := decimal.MulInt64(x, x)
		add192(r[2:], sq.Lo, uint64(sq.Hi), 0)
	case stateMoments:
		return addMoment(r, math.Float64frombits(v[0]))
	case stateSumDecimal, stateDecimals:
		d, err := s.decimal(strings, v)
		if err != nil {
			return err
		}
		return sd.decimals.add(s.kind, r, d)
	}
	return nil
}

// decimal reads a value of variable numeric (a string's number) or numeric(p<=38).
func (s *state) decimal(strings *hashtable.Interner, v []uint64) (decimal.Decimal, error) {
	if s.phys == types.PhysInt128 {
		return decimal.FromInt128(decimal.Int128{Lo: v[0], Hi: int64(v[1])}, int(s.typ.Scale)), nil
	}
	return decimal.Decode(strings.Bytes(uint32(v[0])))
}

func add192(r []uint64, lo, mid, hi uint64) {
	a, c := bits.Add64(r[0], lo, 0)
	b, c := bits.Add64(r[1], mid, c)
	r[0], r[1] = a, b
	r[2] += hi + c
}

// order128 makes the order of 128-bit values that of unsigned numbers: integers, or the bytes of a UUID.
func (s *state) order128(w0, w1 uint64) (lo, hi uint64) {
	lo, hi = w0, w1^1<<63
	if s.phys == types.PhysUUID {
		lo, hi = bits.ReverseBytes64(w1), bits.ReverseBytes64(w0)
	}
	if s.min {
		lo, hi = ^lo, ^hi
	}
	return lo, hi
}

// value128 undoes order128.
func (s *state) value128(lo, hi uint64) (w0, w1 uint64) {
	if s.min {
		lo, hi = ^lo, ^hi
	}
	if s.phys == types.PhysUUID {
		return bits.ReverseBytes64(hi), bits.ReverseBytes64(lo)
	}
	return lo, hi ^ 1<<63
}

// keepSpan keeps the shortest or longest interval.
func (s *state) keepSpan(r, v []uint64) {
	if r[0] != 0 {
		alo, ahi := hashtable.IntervalSpan(v[0], v[1])
		blo, bhi := hashtable.IntervalSpan(r[1], r[2])
		less := ahi < bhi || ahi == bhi && alo < blo
		if less != s.min || ahi == bhi && alo == blo {
			return
		}
	}
	r[0], r[1], r[2] = 1, v[0], v[1]
}

// addSpan adds up the fields of intervals; whether the sums fit is seen at the end.
func addSpan(r, v []uint64) error {
	months, days, micros := hashtable.IntervalWords(v[0], v[1])
	sum := int64(r[2]) + micros
	if (int64(r[2])^sum)&(micros^sum) < 0 {
		return intervalRange()
	}
	r[0] += uint64(months)
	r[1] += uint64(days)
	r[2] = uint64(sum)
	return nil
}

// addMoment is the update of Youngs and Cramer: the sum of squares does not lose digits to a large mean.
func addMoment(r []uint64, x float64) error {
	n := math.Float64frombits(r[0]) + 1
	old := math.Float64frombits(r[1])
	sx, sxx := old+x, math.Float64frombits(r[2])
	if n > 1 {
		d := x*n - sx
		sxx += d * d / (n * (n - 1))
		if math.IsInf(sx, 0) || math.IsInf(sxx, 0) {
			if !math.IsInf(old, 0) && !math.IsInf(x, 0) {
				return floatRange()
			}
			sxx = math.NaN()
		}
	} else if math.IsNaN(x) || math.IsInf(x, 0) {
		sxx = math.NaN()
	}
	r[0], r[1], r[2] = math.Float64bits(n), math.Float64bits(sx), math.Float64bits(sxx)
	return nil
}

// overflowed tells that a sum of two finite numbers is infinite.
func overflowed(sum, a, b float64) bool {
	return math.Abs(sum) > math.MaxFloat64 && !math.IsInf(a, 0) && !math.IsInf(b, 0)
}
