package decimal

import (
	"math"
	"math/big"
	"math/bits"
)

// Int128 is a two's complement 128-bit integer, the physical form of numeric(p<=38): Arrow's decimal128. All
// arithmetic that can overflow says so; nothing wraps silently except where the name says Wrapping.
type Int128 struct {
	Lo uint64
	Hi int64
}

// The ends of Int128's range.
var (
	MaxInt128 = Int128{math.MaxUint64, math.MaxInt64}
	MinInt128 = Int128{0, math.MinInt64}
)

// Int128From64 widens an int64.
func Int128From64(v int64) Int128 { return Int128{uint64(v), v >> 63} }

// Sign returns -1, 0 or 1.
func (a Int128) Sign() int {
	if a.Hi < 0 {
		return -1
	}
	if a.Hi|int64(a.Lo) == 0 && a.Lo == 0 {
		return 0
	}
	return 1
}

// Cmp returns -1, 0 or 1 as a is less than, equal to or greater than b.
func (a Int128) Cmp(b Int128) int {
	switch {
	case a.Hi < b.Hi, a.Hi == b.Hi && a.Lo < b.Lo:
		return -1
	case a == b:
		return 0
	}
	return 1
}

// IsInt64 tells whether a fits an int64, which is then int64(a.Lo).
func (a Int128) IsInt64() bool { return a.Hi == int64(a.Lo)>>63 }

// AddWrapping returns a + b modulo 2^128: for sums whose bound is known.
func (a Int128) AddWrapping(b Int128) Int128 {
	lo, c := bits.Add64(a.Lo, b.Lo, 0)
	return Int128{lo, a.Hi + b.Hi + int64(c)}
}

// Add returns a + b; ok is false on overflow.
func (a Int128) Add(b Int128) (sum Int128, ok bool) {
	sum = a.AddWrapping(b)
	return sum, (a.Hi^sum.Hi)&(b.Hi^sum.Hi) >= 0
}

// Sub returns a - b; ok is false on overflow.
func (a Int128) Sub(b Int128) (diff Int128, ok bool) {
	lo, c := bits.Sub64(a.Lo, b.Lo, 0)
	diff = Int128{lo, a.Hi - b.Hi - int64(c)}
	return diff, (a.Hi^b.Hi)&(a.Hi^diff.Hi) >= 0
}

// Neg returns -a modulo 2^128 (only the minimum is its own negative).
func (a Int128) Neg() Int128 {
	lo, c := bits.Sub64(0, a.Lo, 0)
	return Int128{lo, -a.Hi - int64(c)}
}

// abs returns the magnitude.
func (a Int128) abs() uint128 {
	if a.Hi < 0 {
		a = a.Neg()
	}
	return uint128{a.Lo, uint64(a.Hi)}
}

// Mul returns a * b; ok is false on overflow.
func (a Int128) Mul(b Int128) (prod Int128, ok bool) {
	if a.IsInt64() && b.IsInt64() {
		return MulInt64(int64(a.Lo), int64(b.Lo)), true
	}
	m, ok := a.abs().mul(b.abs())
	if !ok {
		return Int128{}, false
	}
	return m.signed((a.Hi < 0) != (b.Hi < 0))
}

// MulInt64 returns the full product of two int64.
func MulInt64(a, b int64) Int128 {
	hi, lo := bits.Mul64(uint64(a), uint64(b))
	return Int128{lo, int64(hi) - a>>63&b - b>>63&a}
}

// Rescale returns a value of scale from as one of scale to, rounding half away from zero as PostgreSQL does; ok is
// false on overflow.
func (a Int128) Rescale(from, to int) (v Int128, ok bool) {
	switch {
	case to == from:
		return a, true
	case to > from:
		if to-from > Precision128 {
			return Int128{}, a.Sign() == 0
		}
		m, ok := a.abs().mul(pow10[to-from])
		if !ok {
			return Int128{}, false
		}
		return m.signed(a.Hi < 0)
	case from-to > Precision128:
		return Int128{}, true
	}
	q := a.abs().divRound(pow10[from-to])
	return q.signed(a.Hi < 0)
}

// QuoRem returns the truncated quotient and the remainder, which has the sign of a. b must not be 0.
func (a Int128) QuoRem(b Int128) (q, r Int128) {
	uq, ur := a.abs().quoRem(b.abs())
	q, _ = uq.signed((a.Hi < 0) != (b.Hi < 0))
	r, _ = ur.signed(a.Hi < 0)
	return q, r
}

// FitsPrecision tells whether a has at most p digits; p is 0 to 38.
func (a Int128) FitsPrecision(p int) bool { return a.abs().cmp(pow10[p]) < 0 }

// Float64 returns the nearest float.
func (a Int128) Float64() float64 {
	m := a.abs()
	f := float64(m.lo)
	if m.hi != 0 {
		f, _ = new(big.Float).SetInt(m.big()).Float64()
	}
	if a.Hi < 0 {
		return -f
	}
	return f
}

// Big returns a as a new big integer.
func (a Int128) Big() *big.Int {
	b := a.abs().big()
	if a.Hi < 0 {
		b.Neg(b)
	}
	return b
}

// Pow10 returns 10^n for 0 <= n <= 38.
func Pow10(n int) Int128 { return Int128{pow10[n].lo, int64(pow10[n].hi)} }

// Pow10Int64 returns 10^n for 0 <= n <= 18.
func Pow10Int64(n int) int64 { return int64(pow10[n].lo) }

// RescaleInt64 is Rescale for scaled int64 values.
func RescaleInt64(v int64, from, to int) (int64, bool) {
	switch d := to - from; {
	case d == 0:
		return v, true
	case d > 0 && d <= Precision64:
		p := MulInt64(v, int64(pow10[d].lo))
		return int64(p.Lo), p.IsInt64()
	case d > 0:
		return 0, v == 0
	case d >= -Precision64:
		return divRound64(v, int64(pow10[-d].lo)), true
	}
	return 0, true
}

// divRound64 returns v / d rounded half away from zero, for d > 1.
func divRound64(v, d int64) int64 {
	q, r := v/d, v%d
	if r < 0 {
		r = -r
	}
	if r >= d-r {
		if v < 0 {
			return q - 1
		}
		return q + 1
	}
	return q
}
