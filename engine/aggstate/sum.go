package aggstate

import (
	"math"
	"math/bits"

	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/types/decimal"
)

// sum. Integers are added in twice their width, so that no order of the rows overflows where another does not; whether the
// sum fits its type is seen at the end.
func init() {
	register(fn.Sum, Aggregate{Kind: sumKind, Finish: finishSum, Ranked: true})
}

func finishSum(c *Call, r []uint64, _ uint64, out *Output) error {
	if c.State.sum != nil {
		return c.State.sum(c.State, r, out)
	}
	return out.decimal(c.State.total(c.State, r))
}

// sumKind chooses the state of sums and averages.
func sumKind(t types.Type) *Kind {
	switch t.Physical() {
	case types.PhysInt16, types.PhysInt32:
		return sum64
	case types.PhysInt64:
		return sum128
	case types.PhysInt128:
		return sum192
	case types.PhysFloat32, types.PhysFloat64:
		return sumFloat
	case types.PhysInterval:
		return sumInterval
	case types.PhysBytes:
		if t.Kind == types.Numeric {
			return sumDecimal
		}
	}
	return nil
}

// sum64 is the sum of int2 or int4: one word, which 2^32 rows cannot overflow.
var sum64 = newKind(Kind{
	Number: 4, Words: 1, Adds: true,
	Update: func(_ *State, m Memory, r Rows) error {
		words, width, at, in := m.Words, m.Width, m.At, r.Words[:len(r.Slots)]
		for i, g := range r.Slots {
			words[int(g)*width+at] += in[i]
		}
		return nil
	},
	Weighted: func(_ *State, m Memory, r Rows) error {
		in, weights := r.Words[:len(r.Slots)], r.Weights[:len(r.Slots)]
		for i, g := range r.Slots {
			m.Words[int(g)*m.Width+m.At] += in[i] * uint64(weights[i])
		}
		return nil
	},
	Retract: func(_ *State, m Memory, r Rows) error {
		in := r.Words[:len(r.Slots)]
		for i, g := range r.Slots {
			m.Words[int(g)*m.Width+m.At] -= in[i]
		}
		return nil
	},
	Fold:  foldSum64,
	Merge: func(_ *State, r, o []uint64) error { r[0] += o[0]; return nil },
	Rank:  func(_ *State, r []uint64) (hi, lo uint64) { return 0, r[0] ^ 1<<63 },
	total: func(_ *State, r []uint64) decimal.Decimal { return decimal.FromInt64(int64(r[0])) },
	sum: func(_ *State, r []uint64, out *Output) error {
		if out.phys() == types.PhysInt64 {
			out.words(r[0], 0)
			return nil
		}
		return out.decimal(decimal.FromInt64(int64(r[0])))
	},
})

// foldSum64 has two sums, which do not wait for each other.
func foldSum64(_ *State, r, words []uint64) bool {
	a, b := uint64(0), uint64(0)
	for len(words) >= 2 {
		a += words[0]
		b += words[1]
		words = words[2:]
	}
	for _, x := range words {
		a += x
	}
	r[0] += a + b
	return true
}

// sum128 is the sum of int8 as a 128-bit number: low, high.
var sum128 = newKind(Kind{
	Number: 6, Words: 2,
	Update: func(_ *State, m Memory, r Rows) error {
		words, width, at, in := m.Words, m.Width, m.At, r.Words[:len(r.Slots)]
		for i, g := range r.Slots {
			w := words[int(g)*width+at:]
			w = w[:2]
			lo, c := bits.Add64(w[0], in[i], 0)
			w[0] = lo
			w[1] += uint64(int64(in[i])>>63) + c
		}
		return nil
	},
	Weighted: perRow(addProduct128),
	Retract:  retracting(addProduct128),
	Fold:     foldSum128,
	Merge:    func(_ *State, r, o []uint64) error { add128(r, o[0], o[1]); return nil },
	Rank:     func(_ *State, r []uint64) (hi, lo uint64) { return r[1] ^ 1<<63, r[0] },
	total:    total128,
	sum:      finish128,
})

func add128(r []uint64, lo, hi uint64) {
	lo, c := bits.Add64(r[0], lo, 0)
	r[0] = lo
	r[1] += hi + c
}

func addProduct128(_ *State, r, v []uint64, n int64) error {
	p := decimal.MulInt64(int64(v[0]), n)
	add128(r, p.Lo, uint64(p.Hi))
	return nil
}

func foldSum128(_ *State, r, words []uint64) bool {
	var lo, hi uint64
	for _, x := range words {
		var c uint64
		lo, c = bits.Add64(lo, x, 0)
		hi += uint64(int64(x)>>63) + c
	}
	add128(r, lo, hi)
	return true
}

// scale returns the scale of the argument, 0 for integers.
func (s *State) scale() int {
	if s.Type().Kind == types.Numeric {
		return int(s.Type().Scale)
	}
	return 0
}

func total128(s *State, r []uint64) decimal.Decimal {
	return decimal.FromInt128(decimal.Int128{Lo: r[0], Hi: int64(r[1])}, s.scale())
}

func finish128(s *State, r []uint64, out *Output) error {
	if t := out.Vector.Type; t.Physical() == types.PhysInt128 && t.Scale == s.Type().Scale {
		x := decimal.Int128{Lo: r[0], Hi: int64(r[1])}
		if x.FitsPrecision(decimal.Precision128) {
			out.words(r[0], r[1])
			return nil
		}
	}
	return out.decimal(total128(s, r))
}

// negative is the sign of a float. The word of a sum has it turned, so that a state of zeros is -0, which added to anything
// leaves it as it is: a sum of nothing but -0 is -0, as in PostgreSQL.
const negative = 1 << 63

func sumOf(word uint64) float64 { return math.Float64frombits(word ^ negative) }

func wordOf(sum float64) uint64 { return math.Float64bits(sum) ^ negative }

// sumFloat is the sum of float4 or float8, as a float8.
var sumFloat = newKind(Kind{
	Number: 10, Words: 1, Rounds: true,
	Update: func(_ *State, m Memory, r Rows) error {
		in := r.Words[:len(r.Slots)]
		for i, g := range r.Slots {
			w := &m.Words[int(g)*m.Width+m.At]
			old, x := sumOf(*w), math.Float64frombits(in[i])
			sum := old + x
			if overflowed(sum, old, x) {
				return floatRange()
			}
			*w = wordOf(sum)
		}
		return nil
	},
	Fold: func(_ *State, r, words []uint64) bool {
		sum := sumOf(r[0])
		for _, x := range words {
			sum += math.Float64frombits(x)
		}
		if math.IsInf(sum, 0) { // of an infinity, or an error: Update knows
			return false
		}
		r[0] = wordOf(sum)
		return true
	},
	Merge: func(_ *State, r, o []uint64) error {
		a, b := sumOf(r[0]), sumOf(o[0])
		if overflowed(a+b, a, b) {
			return floatRange()
		}
		r[0] = wordOf(a + b)
		return nil
	},
	Rank: func(_ *State, r []uint64) (hi, lo uint64) { return 0, orderFloat(r[0] ^ negative) },
	sum: func(_ *State, r []uint64, out *Output) error {
		x := sumOf(r[0])
		if out.phys() == types.PhysFloat32 && math.IsInf(float64(float32(x)), 0) && !math.IsInf(x, 0) {
			return floatRange()
		}
		out.words(math.Float64bits(x), 0)
		return nil
	},
	avg: func(_ *State, r []uint64, rows uint64, out *Output) error {
		out.words(math.Float64bits((sumOf(r[0])+0)/float64(rows)), 0) // PostgreSQL's begins with 0
		return nil
	},
})

// overflowed tells that a sum of two finite numbers is infinite.
func overflowed(sum, a, b float64) bool {
	return math.Abs(sum) > math.MaxFloat64 && !math.IsInf(a, 0) && !math.IsInf(b, 0)
}

func floatRange() error { return errs.New(errs.NumericValueOutOfRange, "value out of range: overflow") }
