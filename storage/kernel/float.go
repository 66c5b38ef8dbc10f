package kernel

import "math"

// FloatRange is the floats x with Lo <= x <= Hi, and NaN when NaN is set. In PostgreSQL's order NaN equals itself and is
// larger than all numbers, and -0 equals 0: a range with NaN goes up to +Inf, or has nothing else (Lo > Hi).
type FloatRange struct {
	Lo, Hi float64
	NaN    bool
}

var noFloats = FloatRange{Lo: 1, Hi: 0}

// Empty tells that nothing is in the range.
func (r FloatRange) Empty() bool { return !r.NaN && !(r.Lo <= r.Hi) }

// Contains tells whether x is in the range.
func (r FloatRange) Contains(x float64) bool { return x >= r.Lo && x <= r.Hi || r.NaN && x != x }

// FloatRangeOf returns the floats x with "x op c"; for Ne those of Eq, with not set.
func FloatRangeOf(op Cmp, c float64) (r FloatRange, not bool) {
	inf := math.Inf(1)
	nan := c != c
	switch op {
	case Eq, Ne:
		r = FloatRange{Lo: c, Hi: c}
		if nan {
			r = FloatRange{Lo: 1, Hi: 0, NaN: true}
		}
		return r, op == Ne
	case Lt:
		switch {
		case nan:
			r = FloatRange{Lo: -inf, Hi: inf}
		case c == -inf:
			r = noFloats
		default:
			r = FloatRange{Lo: -inf, Hi: math.Nextafter(c, -inf)}
		}
	case Le:
		r = FloatRange{Lo: -inf, Hi: c}
		if nan {
			r = FloatRange{Lo: -inf, Hi: inf, NaN: true}
		}
	case Gt:
		switch {
		case nan:
			r = noFloats
		case c == inf:
			r = FloatRange{Lo: 1, Hi: 0, NaN: true}
		default:
			r = FloatRange{Lo: math.Nextafter(c, inf), Hi: inf, NaN: true}
		}
	case Ge:
		r = FloatRange{Lo: c, Hi: inf, NaN: true}
		if nan {
			r = FloatRange{Lo: 1, Hi: 0, NaN: true}
		}
	}
	return r, false
}

// FloatBits sets bit i of out where r contains v[i]. Floats are compared as integers whose order is that of the floats,
// with NaNs at both ends: a range with NaN then is one that wraps around, and a third of the time that comparing floats takes.
func FloatBits[T Float](v []T, r FloatRange, out []uint64) {
	if r.Empty() {
		clear(out[:words(len(v))])
		return
	}
	lo, span := r.keys()
	n := len(v) >> 6
	for w := range n {
		x := (*[64]T)(v[w<<6:])
		var m uint64
		for i := 0; i < 64; i += 4 {
			b := Bit(uint64(floatKey(float64(x[i]))-lo) <= span) |
				Bit(uint64(floatKey(float64(x[i+1]))-lo) <= span)<<1 |
				Bit(uint64(floatKey(float64(x[i+2]))-lo) <= span)<<2 |
				Bit(uint64(floatKey(float64(x[i+3]))-lo) <= span)<<3
			m |= b << (uint(i) & 63)
		}
		out[w] = m
	}
	if n<<6 < len(v) {
		var m uint64
		for i, x := range v[n<<6:] {
			m |= Bit(uint64(floatKey(float64(x))-lo) <= span) << uint(i)
		}
		out[n] = m
	}
}

// floatKey orders as floats do, except that -0 is below 0, and NaNs are above +Inf or, with a sign, below -Inf.
func floatKey(f float64) int64 {
	b := int64(math.Float64bits(f))
	return b ^ int64(uint64(b>>63)>>1)
}

// keys returns the range of floatKeys, modulo 2^64, of a range that is not empty. Ranges with NaN reach up to it.
func (r FloatRange) keys() (lo int64, span uint64) {
	switch {
	case !(r.Lo <= r.Hi): // NaN alone
		lo = floatKey(math.Inf(1)) + 1
	case r.Lo == 0:
		lo = floatKey(math.Copysign(0, -1))
	default:
		lo = floatKey(r.Lo)
	}
	hi := floatKey(r.Hi)
	if r.Hi == 0 {
		hi = 0
	}
	if r.NaN {
		hi = floatKey(math.Inf(-1)) - 1
	}
	return lo, uint64(hi - lo)
}

// CompareFloatConst sets bit i of out where "v[i] op c" in PostgreSQL's order.
func CompareFloatConst[T Float](op Cmp, v []T, c float64, out []uint64) {
	r, not := FloatRangeOf(op, c)
	FloatBits(v, r, out)
	if not {
		Not(out, len(v))
	}
}

// CompareFloat sets bit i of out where "a[i] op b[i]" in PostgreSQL's order.
func CompareFloat[T Float](op Cmp, a, b []T, out []uint64) {
	switch op {
	case Eq, Ne:
		floatEqCols(a, b, out)
	case Lt, Ge:
		floatLtCols(a, b, out)
	case Gt, Le:
		floatLtCols(b, a, out)
	}
	if op == Ne || op == Ge || op == Le {
		Not(out, len(a))
	}
}

func floatEqCols[T Float](a, b []T, out []uint64) {
	b = b[:len(a)]
	for w := 0; w<<6 < len(a); w++ {
		x := a[w<<6 : min(w<<6+64, len(a))]
		y := b[w<<6:][:len(x)]
		var m uint64
		for i, v := range x {
			m |= (Bit(v == y[i]) | Bit(v != v)&Bit(y[i] != y[i])) << (uint(i) & 63)
		}
		out[w] = m
	}
}

func floatLtCols[T Float](a, b []T, out []uint64) {
	b = b[:len(a)]
	for w := 0; w<<6 < len(a); w++ {
		x := a[w<<6 : min(w<<6+64, len(a))]
		y := b[w<<6:][:len(x)]
		var m uint64
		for i, v := range x {
			m |= (Bit(v < y[i]) | Bit(v == v)&Bit(y[i] != y[i])) << (uint(i) & 63)
		}
		out[w] = m
	}
}
