// Package decimal owns the arithmetic of PostgreSQL's numeric: Decimal of any size, Int128 for the fixed-width forms of up
// to 38 digits, their text forms and the order-preserving encoding in which columns of unconstrained numerics are kept.
//
// It stands below package types and knows no column types, only precisions and scales. All values are immutable and
// safe for concurrent use.
package decimal

import (
	"math/big"
	"sync/atomic"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types/ascii"
)

// Decimal is a numeric of any size, for unconstrained numeric columns (physical form PhysBytes) and for all numeric
// arithmetic that does not fit 128 bits. It is a sign, a magnitude and a display scale: the value is
// magnitude * 10^-scale and prints with scale digits after the point. Magnitudes of up to 128 bits live in the struct;
// larger ones in a big.Int that is never changed after it was made. The zero Decimal is 0.
//
// Display scales of results follow PostgreSQL's numeric.c, so that results print alike digit for digit.
//
// # Encoding
//
// AppendEncoded writes a Decimal as bytes whose order is the order of values:
//
//	+-------+-------------+---------------------------+--------------+---------------+
//	| class | weight (2)  | digits (2 bytes each)     | terminator 2 | display scale |
//	+-------+-------------+---------------------------+--------------+---------------+
//	class    1 -Infinity, 2 negative, 3 zero, 4 positive, 5 Infinity, 6 NaN
//	weight   of the first digit: the value is sum of digit[i] * 10000^(weight-i); biased by 32768
//	digits   base 10000, without leading or trailing zeros, each plus one
//	term.    0
//	scale    0 to 16383
//
// All numbers are big-endian. Classes 1, 3, 5 and 6 have no weight, digits or terminator; the special values have
// display scale 0. In a negative number weight, digits and terminator are complemented. bytes.Compare of two encodings
// is therefore the order of the values, and, among equal values, of their display scales. Equal values have equal
// Key, which is all but the two bytes of the scale: 1.5 and 1.50 are one group.
//
//	1.50 is  04 80 00  00 02  13 89  00 00  00 02    (digits 1 and 5000)
type Decimal struct {
	class class
	neg   bool
	scale int32
	coef  uint128
	big   *big.Int // the magnitude, when it needs more than 128 bits
}

type class uint8

const (
	finite class = iota
	negInf
	posInf
	notANumber
)

// Digits of the fixed-width forms: a numeric with at most 18 is an int64 scaled by 10^scale, with at most 38 an Int128;
// all others are variable-length (see Decimal).
const (
	Precision64  = 18
	Precision128 = 38
)

// Limits of numeric, as in PostgreSQL: digits before the point and digits after it.
const (
	maxNumericWeight = 32767 // of the first base-10000 digit
	maxNumericScale  = 16383
	minSigDigits     = 16   // significant digits that division and the transcendental functions keep at least
	maxResultScale   = 1000 // most digits after the point that they keep
)

// NaN and the infinities of numeric.
var (
	NaN    = Decimal{class: notANumber}
	Inf    = Decimal{class: posInf}
	NegInf = Decimal{class: negInf}
)

func errNumericOverflow() error {
	return errs.New(errs.NumericValueOutOfRange, "value overflows numeric format")
}

// FromInt64 returns v with display scale 0.
func FromInt64(v int64) Decimal { return FromInt128(Int128From64(v), 0) }

// FromInt128 returns v * 10^-scale; a negative scale multiplies.
func FromInt128(v Int128, scale int) Decimal {
	d := Decimal{neg: v.Hi < 0, coef: v.abs(), scale: int32(scale)}
	if scale < 0 {
		return d.rescaled(0)
	}
	return d
}

// fromBig takes m over; m must not be negative.
func fromBig(neg bool, m *big.Int, scale int) Decimal {
	d := Decimal{neg: neg && m.Sign() != 0, scale: int32(scale)}
	if m.BitLen() <= 128 {
		d.coef = uint128{new(big.Int).And(m, maxUint64).Uint64(), new(big.Int).Rsh(m, 64).Uint64()}
		return d
	}
	d.big = m
	return d
}

var (
	maxUint64 = new(big.Int).SetUint64(1<<64 - 1)
	bigTen    = big.NewInt(10)
)

// mag returns the magnitude, not to be changed.
func (d Decimal) mag() *big.Int {
	if d.big != nil {
		return d.big
	}
	return d.coef.big()
}

// bigPow10 returns 10^n, not to be changed.
func bigPow10(n int) *big.Int {
	if n < len(pow10) {
		return pow10[n].big()
	}
	last := lastPow10.Load()
	if last == nil || last.n != n {
		last = &bigPower{n, new(big.Int).Exp(bigTen, big.NewInt(int64(n)), nil)}
		lastPow10.Store(last)
	}
	return last.v
}

// lastPow10 is the large power of ten that was asked for last: numbers of one column have their points at much the same
// places, and 10^131071 takes milliseconds.
var lastPow10 atomic.Pointer[bigPower]

type bigPower struct {
	n int
	v *big.Int
}

// Size returns the bytes of the digits, roughly.
func (d Decimal) Size() int {
	if d.big == nil {
		return 16
	}
	return len(d.big.Bits()) * 8
}

// IsNaN tells whether d is NaN.
func (d Decimal) IsNaN() bool { return d.class == notANumber }

// IsInf tells whether d is one of the infinities.
func (d Decimal) IsInf() bool { return d.class == posInf || d.class == negInf }

// IsFinite tells whether d is a number.
func (d Decimal) IsFinite() bool { return d.class == finite }

// IsZero tells whether d is 0.
func (d Decimal) IsZero() bool { return d.class == finite && d.big == nil && d.coef.isZero() }

// Scale returns the display scale: digits after the point.
func (d Decimal) Scale() int { return int(d.scale) }

// Sign returns -1, 0 or 1; NaN counts as positive.
func (d Decimal) Sign() int {
	switch {
	case d.class == negInf, d.class == finite && d.neg:
		return -1
	case d.IsZero():
		return 0
	}
	return 1
}

// Cmp orders values as PostgreSQL does: -Infinity, numbers, Infinity, NaN; NaN equals NaN.
func (d Decimal) Cmp(o Decimal) int {
	if d.class != finite || o.class != finite {
		return rank(d) - rank(o)
	}
	if s, t := d.Sign(), o.Sign(); s != t || s == 0 {
		return clampSign(s - t)
	}
	c := d.cmpAbs(o)
	if d.neg {
		return -c
	}
	return c
}

func rank(d Decimal) int {
	switch d.class {
	case negInf:
		return -1
	case posInf:
		return 1
	case notANumber:
		return 2
	}
	return 0
}

func clampSign(c int) int { return min(max(c, -1), 1) }

func (d Decimal) cmpAbs(o Decimal) int {
	a, b, _, ok := alignSmall(d, o)
	if ok {
		return a.cmp(b)
	}
	x, y, _ := alignBig(d, o)
	return x.Cmp(y)
}

// alignSmall brings both magnitudes to the larger scale, if 128 bits do.
func alignSmall(d, o Decimal) (a, b uint128, scale int32, ok bool) {
	if d.big != nil || o.big != nil {
		return a, b, 0, false
	}
	a, b, scale, ok = d.coef, o.coef, max(d.scale, o.scale), true
	switch diff := d.scale - o.scale; {
	case diff > Precision128 || diff < -Precision128:
		ok = false
	case diff > 0:
		b, ok = b.mul(pow10[diff])
	case diff < 0:
		a, ok = a.mul(pow10[-diff])
	}
	return a, b, scale, ok
}

func alignBig(d, o Decimal) (a, b *big.Int, scale int32) {
	a, b, scale = d.mag(), o.mag(), max(d.scale, o.scale)
	if d.scale < scale {
		a = new(big.Int).Mul(a, bigPow10(int(scale-d.scale)))
	}
	if o.scale < scale {
		b = new(big.Int).Mul(b, bigPow10(int(scale-o.scale)))
	}
	return a, b, scale
}

// rescaled changes the display scale, rounding half away from zero.
func (d Decimal) rescaled(scale int) Decimal {
	diff := scale - int(d.scale)
	if d.class != finite || diff == 0 {
		return d
	}
	if d.big == nil && diff >= -Precision128 && diff <= Precision128 {
		if diff < 0 {
			c := d.coef.divRound(pow10[-diff])
			return Decimal{neg: d.neg && !c.isZero(), coef: c, scale: int32(scale)}
		}
		if c, ok := d.coef.mul(pow10[diff]); ok {
			return Decimal{neg: d.neg, coef: c, scale: int32(scale)}
		}
	}
	if diff > 0 {
		return fromBig(d.neg, new(big.Int).Mul(d.mag(), bigPow10(diff)), scale)
	}
	return fromBig(d.neg, divRoundBig(d.mag(), bigPow10(-diff)), scale)
}

// divRoundBig returns a / b rounded half up; both positive.
func divRoundBig(a, b *big.Int) *big.Int {
	q, r := new(big.Int).QuoRem(a, b, new(big.Int))
	if r.Lsh(r, 1).Cmp(b) >= 0 {
		q.Add(q, big.NewInt(1))
	}
	return q
}

// digits returns the number of decimal digits of the magnitude, 0 for zero.
func (d Decimal) digits() int {
	if d.big == nil {
		return d.coef.digits()
	}
	n := int(float64(d.big.BitLen()-1) * 0.30102999566398120)
	if d.big.Cmp(bigPow10(n)) >= 0 {
		n++
	}
	return n
}

// check returns d, or 22003 when it is beyond what numeric can hold.
func (d Decimal) check() (Decimal, error) {
	if d.class != finite {
		return d, nil
	}
	if d.scale > maxNumericScale {
		d = d.rescaled(maxNumericScale)
	}
	if d.big != nil && d.digits()-int(d.scale) > 4*(maxNumericWeight+1) {
		return Decimal{}, errNumericOverflow()
	}
	return d, nil
}

// Append appends PostgreSQL's text form.
func (d Decimal) Append(dst []byte) []byte {
	switch d.class {
	case notANumber:
		return append(dst, "NaN"...)
	case posInf:
		return append(dst, "Infinity"...)
	case negInf:
		return append(dst, "-Infinity"...)
	}
	if d.neg {
		dst = append(dst, '-')
	}
	start := len(dst)
	if d.big == nil {
		dst = d.coef.appendDigits(dst, int(d.scale)+1)
	} else {
		s := d.big.Append(nil, 10)
		for n := len(s); n <= int(d.scale); n++ {
			dst = append(dst, '0')
		}
		dst = append(dst, s...)
	}
	return insertPoint(dst, start, int(d.scale))
}

// insertPoint puts a point before the last scale of the digits from start on.
func insertPoint(dst []byte, start, scale int) []byte {
	if scale <= 0 {
		return dst
	}
	dst = append(dst, 0)
	p := len(dst) - 1 - scale
	copy(dst[p+1:], dst[p:])
	dst[p] = '.'
	return dst
}

// String returns PostgreSQL's text form.
func (d Decimal) String() string { return string(d.Append(nil)) }

// Parse reads a numeric as PostgreSQL's input function does: blanks around, NaN, Infinity, digits with point
// and exponent. The display scale is the number of digits after the point.
func Parse(s []byte) (Decimal, error) {
	t := ascii.TrimSpace(s)
	if d, ok := parseSmallDecimal(t); ok {
		return d, nil
	}
	l, ok, overflow := readLiteral(t)
	switch {
	case overflow:
		return Decimal{}, errNumericOverflow()
	case !ok:
		return Decimal{}, ascii.SyntaxError("numeric", s)
	}
	return l.decimal().check()
}

// parseSmallDecimal reads what has at most 38 digits and no exponent.
func parseSmallDecimal(t []byte) (Decimal, bool) {
	v, scale, ok := scanDecimal(t)
	if !ok {
		return Decimal{}, false
	}
	return FromInt128(v, scale), true
}

func trimZeros(digits []byte) []byte {
	for len(digits) > 0 && digits[0] == '0' {
		digits = digits[1:]
	}
	return digits
}

// parseExponent reads e[+-]digits; huge exponents are clamped.
func parseExponent(s []byte) (int, bool) {
	if len(s) < 2 || s[0]|0x20 != 'e' {
		return 0, false
	}
	s = s[1:]
	neg := s[0] == '-'
	if neg || s[0] == '+' {
		s = s[1:]
	}
	if len(s) == 0 {
		return 0, false
	}
	n := 0
	for _, c := range s {
		if !ascii.IsDigit(c) {
			return 0, false
		}
		if n < 1<<40 {
			n = n*10 + int(c-'0')
		}
	}
	if neg {
		n = -n
	}
	return n, true
}
