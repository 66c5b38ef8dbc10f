package kernel

import (
	"math"
	"unsafe"
)

// Range sets bit i of out where lo <= v[i] <= lo+span, and clears the others of the words that len(v) bits need. Every
// comparison of an integer with a constant is such a range, or the complement of one: see RangeOf.
func Range[T Integer](v []T, lo int64, span uint64, out []uint64) {
	n := len(v) >> 6
	if !wide || !rangeWide(v, lo, span, out) {
		for w := range n {
			out[w] = rangeWord((*[64]T)(v[w<<6:]), lo, span)
		}
	}
	if n<<6 < len(v) {
		var m uint64
		for i, x := range v[n<<6:] {
			m |= Bit(uint64(int64(x)-lo) <= span) << uint(i)
		}
		out[n] = m
	}
}

// rangeWide makes the whole words with vector instructions, if there are some for T: the range shrinks to what T can
// hold, and moves into unsigned numbers of its width.
func rangeWide[T Integer](v []T, lo int64, span uint64, out []uint64) bool {
	var z T
	size := unsafe.Sizeof(z)
	n := len(v) >> 6
	if size == 8 || n == 0 {
		return false
	}
	top := int64(1)<<(8*size-1) - 1
	hi := min(lo+int64(span), top)
	lo = max(lo, -top-1)
	out = out[:n]
	if lo > hi {
		clear(out)
		return true
	}
	p := unsafe.Pointer(unsafe.SliceData(v))
	if size == 2 {
		ranges16((*uint16)(p), n, uint16(lo), uint16(hi-lo), &out[0])
	} else {
		ranges32((*uint32)(p), n, uint32(lo), uint32(hi-lo), &out[0])
	}
	return true
}

// rangeWord is unrolled by 8 so that the shifts are constants: 0.45 against 0.9 ns a row.
func rangeWord[T Integer](v *[64]T, lo int64, span uint64) uint64 {
	var m uint64
	for i := 0; i < 64; i += 8 {
		b := Bit(uint64(int64(v[i])-lo) <= span) |
			Bit(uint64(int64(v[i+1])-lo) <= span)<<1 |
			Bit(uint64(int64(v[i+2])-lo) <= span)<<2 |
			Bit(uint64(int64(v[i+3])-lo) <= span)<<3 |
			Bit(uint64(int64(v[i+4])-lo) <= span)<<4 |
			Bit(uint64(int64(v[i+5])-lo) <= span)<<5 |
			Bit(uint64(int64(v[i+6])-lo) <= span)<<6 |
			Bit(uint64(int64(v[i+7])-lo) <= span)<<7
		m |= b << (uint(i) & 63)
	}
	return m
}

// RangeOf returns the inclusive range of integers x with "x op c"; for Ne the range of Eq, with not set. An empty range
// has lo > hi.
func RangeOf(op Cmp, c int64) (lo, hi int64, not bool) {
	lo, hi = math.MinInt64, math.MaxInt64
	switch op {
	case Eq:
		return c, c, false
	case Ne:
		return c, c, true
	case Lt:
		if c == math.MinInt64 {
			return 1, 0, false
		}
		hi = c - 1
	case Le:
		hi = c
	case Gt:
		if c == math.MaxInt64 {
			return 1, 0, false
		}
		lo = c + 1
	case Ge:
		lo = c
	}
	return lo, hi, false
}

// Between sets bit i of out where lo <= v[i] <= hi.
func Between[T Integer](v []T, lo, hi int64, out []uint64) {
	if lo > hi {
		clear(out[:words(len(v))])
		return
	}
	Range(v, lo, uint64(hi-lo), out)
}

// CompareConst sets bit i of out where "v[i] op c".
func CompareConst[T Integer](op Cmp, v []T, c int64, out []uint64) {
	lo, hi, not := RangeOf(op, c)
	Between(v, lo, hi, out)
	if not {
		Not(out, len(v))
	}
}

// Compare sets bit i of out where "a[i] op b[i]".
func Compare[T Integer](op Cmp, a, b []T, out []uint64) {
	switch op {
	case Eq:
		eqCols(a, b, out)
	case Ne:
		eqCols(a, b, out)
		Not(out, len(a))
	case Lt:
		ltCols(a, b, out)
	case Ge:
		ltCols(a, b, out)
		Not(out, len(a))
	case Gt:
		ltCols(b, a, out)
	case Le:
		ltCols(b, a, out)
		Not(out, len(a))
	}
}

func eqCols[T Integer](a, b []T, out []uint64) {
	b = b[:len(a)]
	n := len(a) >> 6
	for w := range n {
		x, y := (*[64]T)(a[w<<6:]), (*[64]T)(b[w<<6:])
		var m uint64
		for i := 0; i < 64; i += 4 {
			m |= (Bit(x[i] == y[i]) | Bit(x[i+1] == y[i+1])<<1 | Bit(x[i+2] == y[i+2])<<2 | Bit(x[i+3] == y[i+3])<<3) << (uint(i) & 63)
		}
		out[w] = m
	}
	if at := n << 6; at < len(a) {
		var m uint64
		for i, x := range a[at:] {
			m |= Bit(x == b[at+i]) << uint(i)
		}
		out[n] = m
	}
}

func ltCols[T Integer](a, b []T, out []uint64) {
	b = b[:len(a)]
	n := len(a) >> 6
	for w := range n {
		x, y := (*[64]T)(a[w<<6:]), (*[64]T)(b[w<<6:])
		var m uint64
		for i := 0; i < 64; i += 4 {
			m |= (Bit(x[i] < y[i]) | Bit(x[i+1] < y[i+1])<<1 | Bit(x[i+2] < y[i+2])<<2 | Bit(x[i+3] < y[i+3])<<3) << (uint(i) & 63)
		}
		out[w] = m
	}
	if at := n << 6; at < len(a) {
		var m uint64
		for i, x := range a[at:] {
			m |= Bit(x < b[at+i]) << uint(i)
		}
		out[n] = m
	}
}

// Not flips the first n bits of a bitmap.
func Not(b []uint64, n int) {
	for i := range b[:words(n)] {
		b[i] = ^b[i]
	}
	if r := uint(n) & 63; r != 0 {
		b[n>>6] &= 1<<r - 1
	}
}
