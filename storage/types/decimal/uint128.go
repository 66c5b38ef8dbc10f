package decimal

import (
	"math/big"
	"math/bits"
)

// uint128 is an unsigned magnitude.
type uint128 struct{ lo, hi uint64 }

// pow10 holds 10^0 to 10^38, all that fit 128 bits.
var pow10 = func() (t [39]uint128) {
	t[0] = uint128{1, 0}
	for i := 1; i < len(t); i++ {
		t[i], _ = t[i-1].mul(uint128{10, 0})
	}
	return t
}()

func (a uint128) isZero() bool { return a.lo|a.hi == 0 }

func (a uint128) cmp(b uint128) int {
	switch {
	case a.hi < b.hi, a.hi == b.hi && a.lo < b.lo:
		return -1
	case a == b:
		return 0
	}
	return 1
}

func (a uint128) add(b uint128) (uint128, bool) {
	lo, c := bits.Add64(a.lo, b.lo, 0)
	hi, c := bits.Add64(a.hi, b.hi, c)
	return uint128{lo, hi}, c == 0
}

// sub returns a - b for a >= b.
func (a uint128) sub(b uint128) uint128 {
	lo, c := bits.Sub64(a.lo, b.lo, 0)
	hi, _ := bits.Sub64(a.hi, b.hi, c)
	return uint128{lo, hi}
}

func (a uint128) mul(b uint128) (uint128, bool) {
	if a.hi != 0 && b.hi != 0 {
		return uint128{}, false
	}
	hi, lo := bits.Mul64(a.lo, b.lo)
	h1, x1 := bits.Mul64(a.hi, b.lo)
	h2, x2 := bits.Mul64(a.lo, b.hi)
	hi, c1 := bits.Add64(hi, x1, 0)
	hi, c2 := bits.Add64(hi, x2, 0)
	return uint128{lo, hi}, h1|h2|c1|c2 == 0
}

// quoRem64 divides by a non-zero 64-bit number.
func (a uint128) quoRem64(d uint64) (uint128, uint64) {
	if a.hi == 0 {
		return uint128{a.lo / d, 0}, a.lo % d
	}
	qh, r := a.hi/d, a.hi%d
	ql, r := bits.Div64(r, a.lo, d)
	return uint128{ql, qh}, r
}

// quoRem divides by a non-zero number (Knuth's algorithm D for two digits of base 2^64).
func (a uint128) quoRem(d uint128) (q, r uint128) {
	if d.hi == 0 {
		q, r64 := a.quoRem64(d.lo)
		return q, uint128{r64, 0}
	}
	if a.cmp(d) < 0 {
		return uint128{}, a
	}
	s := uint(bits.LeadingZeros64(d.hi))
	dh := d.hi<<s | d.lo>>1>>(63-s)
	qt, _ := bits.Div64(a.hi>>1, a.lo>>1|a.hi<<63, dh)
	qt >>= 63 - s
	if qt != 0 {
		qt--
	}
	p, _ := d.mul(uint128{qt, 0})
	r = a.sub(p)
	if r.cmp(d) >= 0 {
		qt++
		r = r.sub(d)
	}
	return uint128{qt, 0}, r
}

// divRound returns a / d rounded half up, for d > 0.
func (a uint128) divRound(d uint128) uint128 {
	q, r := a.quoRem(d)
	if !r.isZero() && r.cmp(d.sub(r)) >= 0 {
		q, _ = q.add(uint128{1, 0})
	}
	return q
}

// signed returns the magnitude with a sign; ok is false when it does not fit.
func (a uint128) signed(neg bool) (Int128, bool) {
	v := Int128{a.lo, int64(a.hi)}
	if neg {
		return v.Neg(), v.Hi >= 0 || v == MinInt128
	}
	return v, v.Hi >= 0
}

func (a uint128) big() *big.Int {
	b := new(big.Int).SetUint64(a.hi)
	return b.Lsh(b, 64).Or(b, new(big.Int).SetUint64(a.lo))
}

// digits returns the number of decimal digits, 0 for zero.
func (a uint128) digits() int {
	n := 0
	if a.hi != 0 {
		n = (bits.Len64(a.hi) + 64) * 1233 >> 12
	} else {
		n = bits.Len64(a.lo) * 1233 >> 12
	}
	if n < len(pow10) && a.cmp(pow10[n]) >= 0 {
		n++
	}
	return n
}

// appendDigits appends the decimal digits, at least width of them.
func (a uint128) appendDigits(dst []byte, width int) []byte {
	var buf [40]byte
	i := len(buf)
	for a.hi != 0 {
		var r uint64
		a, r = a.quoRem64(1e18)
		for range 18 {
			i--
			buf[i] = byte('0' + r%10)
			r /= 10
		}
	}
	for a.lo != 0 {
		i--
		buf[i] = byte('0' + a.lo%10)
		a.lo /= 10
	}
	for n := len(buf) - i; n < width; n++ {
		dst = append(dst, '0')
	}
	return append(dst, buf[i:]...)
}
