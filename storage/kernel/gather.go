package kernel

import "math/bits"

// Gather sets dst[i] = src[idx[i]].
func Gather[T any](dst, src []T, idx []uint16) {
	dst = dst[:len(idx)]
	for i, j := range idx {
		dst[i] = src[j]
	}
}

// CopyBits copies n bits of src, from bit from, to dst at bit at. The bits of dst from at on must be zero.
func CopyBits(dst []uint64, at int, src []uint64, from, n int) {
	for n > 0 {
		take := min(64, n)
		x := src[from>>6] >> (uint(from) & 63)
		if s := uint(from) & 63; s != 0 && from>>6+1 < len(src) && int(64-s) < take {
			x |= src[from>>6+1] << (64 - s)
		}
		if take < 64 {
			x &= 1<<uint(take) - 1
		}
		s := uint(at) & 63
		dst[at>>6] |= x << s
		if s != 0 && int(64-s) < take {
			dst[at>>6+1] |= x >> (64 - s)
		}
		at, from, n = at+take, from+take, n-take
	}
}

// GatherBits sets bit at+i of dst to bit idx[i] of src. The bits of dst from at on must be zero.
func GatherBits(dst []uint64, at int, src []uint64, idx []uint16) {
	for i, j := range idx {
		k := uint(at + i)
		dst[k>>6] |= (src[j>>6] >> (j & 63) & 1) << (k & 63)
	}
}

// SetRange sets n bits of b from bit at.
func SetRange(b []uint64, at, n int) {
	for n > 0 {
		s := uint(at) & 63
		take := min(64-int(s), n)
		m := ^uint64(0)
		if take < 64 {
			m = 1<<uint(take) - 1
		}
		b[at>>6] |= m << s
		at, n = at+take, n-take
	}
}

// CountBits returns the number of set bits among the first n.
func CountBits(b []uint64, n int) int {
	c := 0
	for _, w := range b[:n>>6] {
		c += bits.OnesCount64(w)
	}
	if r := uint(n) & 63; r != 0 {
		c += bits.OnesCount64(b[n>>6] & (1<<r - 1))
	}
	return c
}
