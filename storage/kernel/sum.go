package kernel

import "math/bits"

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
