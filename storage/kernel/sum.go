package kernel

import "math/bits"

// Sum16 returns the sum of v. It is exact for up to 2^48 values.
func Sum16(v []int16) int64 { return sumNarrow(v) }

// Sum32 returns the sum of v. It is exact for up to 2^32 values.
func Sum32(v []int32) int64 { return sumNarrow(v) }

func sumNarrow[T ~int16 | ~int32](v []T) int64 {
	var a, b, c, d int64
	n := len(v) &^ 3
	for i := 0; i < n; i += 4 {
		x := (*[4]T)(v[i:])
		a += int64(x[0])
		b += int64(x[1])
		c += int64(x[2])
		d += int64(x[3])
	}
	for _, x := range v[n:] {
		a += int64(x)
	}
	return a + b + c + d
}

// sumChunk values are summed by halves before they are carried into 128 bits: 2^20 low halves below 2^32 stay below
// 2^52, and as many high halves stay within 2^51 of zero.
const sumChunk = 1 << 20

// Sum64 returns the exact sum of v as a two's complement 128-bit number.
func Sum64(v []int64) (lo uint64, hi int64) {
	for len(v) > 0 {
		part := v[:min(len(v), sumChunk)]
		v = v[len(part):]
		var l, h int64
		for _, x := range part {
			l += int64(uint32(x))
			h += x >> 32
		}
		// h<<32 as 128 bits, plus l, which is not negative.
		var carry uint64
		lo, carry = bits.Add64(lo, uint64(h)<<32, 0)
		hi += h>>32 + int64(carry)
		lo, carry = bits.Add64(lo, uint64(l), 0)
		hi += int64(carry)
	}
	return lo, hi
}

// Add128 returns a + b, in two's complement.
func Add128(alo uint64, ahi int64, blo uint64, bhi int64) (lo uint64, hi int64) {
	lo, c := bits.Add64(alo, blo, 0)
	return lo, ahi + bhi + int64(c)
}

// MinMax returns the least and the greatest of v, which is not empty.
func MinMax[T Integer](v []T) (lo, hi T) {
	lo, hi = v[0], v[0]
	for _, x := range v {
		lo = min(lo, x)
		hi = max(hi, x)
	}
	return lo, hi
}

// SumBits returns the sum of v[i] where bit i of b is set; exact for up to 2^32 values.
func SumBits[T ~int16 | ~int32](v []T, b []uint64) int64 {
	var s int64
	for w := 0; w<<6 < len(v); w++ {
		m := b[w]
		for _, x := range v[w<<6 : min(w<<6+64, len(v))] {
			s += int64(x) & -int64(m&1)
			m >>= 1
		}
	}
	return s
}
