package batch

import "math/bits"

// Bitmap holds one bit per row, LSB first: bit i is bit i%64 of word i/64. Bits past the length that its owner knows
// are zero, so that counting and skipping words need no masks. A nil Bitmap used as a validity means "all valid".
type Bitmap []uint64

// Words returns the words that n bits need.
func Words(n int) int { return (n + 63) >> 6 }

// Get tells whether bit i is set.
func (b Bitmap) Get(i int) bool { return b[i>>6]>>(uint(i)&63)&1 != 0 }

// Set sets bit i.
func (b Bitmap) Set(i int) { b[i>>6] |= 1 << (uint(i) & 63) }

// Clear clears bit i.
func (b Bitmap) Clear(i int) { b[i>>6] &^= 1 << (uint(i) & 63) }

// SetTo sets bit i to v.
func (b Bitmap) SetTo(i int, v bool) {
	if v {
		b.Set(i)
	} else {
		b.Clear(i)
	}
}

// Count returns the number of set bits.
func (b Bitmap) Count() int {
	n := 0
	for _, w := range b {
		n += bits.OnesCount64(w)
	}
	return n
}

// Any tells whether a bit is set.
func (b Bitmap) Any() bool {
	for _, w := range b {
		if w != 0 {
			return true
		}
	}
	return false
}

// Fill sets the first n bits and clears the rest of the last word.
func (b Bitmap) Fill(n int) {
	words := Words(n)
	for i := range b[:words] {
		b[i] = ^uint64(0)
	}
	if r := uint(n) & 63; r != 0 {
		b[words-1] = 1<<r - 1
	}
	clear(b[words:])
}

// And keeps the bits that are also in o. A nil o keeps all.
func (b Bitmap) And(o Bitmap) {
	if o == nil {
		return
	}
	for i := range b {
		b[i] &= o[i]
	}
}

// Or adds the bits of o.
func (b Bitmap) Or(o Bitmap) {
	for i := range b {
		b[i] |= o[i]
	}
}

// AndNot drops the bits of o.
func (b Bitmap) AndNot(o Bitmap) {
	for i := range b {
		b[i] &^= o[i]
	}
}

// Not flips the first n bits.
func (b Bitmap) Not(n int) {
	for i := range b[:Words(n)] {
		b[i] = ^b[i]
	}
	b.trim(n)
}

func (b Bitmap) trim(n int) {
	if r := uint(n) & 63; r != 0 {
		b[n>>6] &= 1<<r - 1
	}
}

// AppendIndexes appends the positions of the set bits to dst, in order.
func (b Bitmap) AppendIndexes(dst []uint16) []uint16 {
	for i, w := range b {
		base := i << 6
		for w != 0 {
			dst = append(dst, uint16(base+bits.TrailingZeros64(w)))
			w &= w - 1
		}
	}
	return dst
}

// resize returns a bitmap of n bits, all zero, reusing b's memory.
func resize(b Bitmap, n int) Bitmap {
	words := Words(n)
	if cap(b) < words {
		return make(Bitmap, words, max(words, Words(MaxRows)))
	}
	b = b[:words]
	clear(b)
	return b
}
