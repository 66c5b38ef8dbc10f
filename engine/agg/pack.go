package agg

import (
	"encoding/binary"
	"math"
	"math/bits"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// loadKeys packs the keys.
func (w *worker) loadKeys(b *batch.Batch) error {
	g := w.g
	n := b.Len
	k := g.lay.words
	packed := w.packed[:n*k]
	only := len(g.lay.fields) == 1 && g.lay.words == 1
	if !only || g.lay.fields[0].phys == types.PhysFloat32 || g.lay.fields[0].phys == types.PhysFloat64 {
		clear(packed)
	}
	for i := range g.lay.fields {
		f, c := &g.lay.fields[i], w.keys[i]
		if err := c.load(b.Cols[f.column], n); err != nil {
			return err
		}
		if !f.pack(c, packed, k, n, only) {
			return errs.Internal("a key of column %d is outside of its statistics", f.column)
		}
	}
	return nil
}

// pack adds the codes of n values to packed keys of k words; false when one is out of range.
func (f *field) pack(c *column, packed []uint64, k, n int, only bool) bool {
	if f.bits == 128 {
		for i := range n {
			packed[i*k+f.word], packed[i*k+f.word+1] = c.words[2*i], c.words[2*i+1]
		}
		f.packNulls(c, packed, k)
		return true
	}
	if c.nulls != nil && f.notNull {
		return false
	}
	words, base, mask := c.words[:n], f.base, f.mask()
	bad := uint64(0)
	switch {
	case f.phys == types.PhysFloat32 || f.phys == types.PhysFloat64:
		for i, x := range words {
			packed[i*k+f.word] |= f.floatCode(x) & mask << f.shift
		}
	case only:
		for i, x := range words {
			x -= base
			bad |= x &^ mask
			packed[i] = x & mask
		}
	default:
		for i, x := range words {
			x -= base
			bad |= x &^ mask
			packed[i*k+f.word] |= x & mask << f.shift
		}
	}
	if bad != 0 && c.nulls != nil { // codes of NULLs may be anything
		bad = f.recheck(c, n)
	}
	f.packNulls(c, packed, k)
	return bad == 0
}

// recheck looks for codes out of range among the values that are not NULL.
func (f *field) recheck(c *column, n int) uint64 {
	bad := uint64(0)
	for i, x := range c.words[:n] {
		if !c.nulls.Get(i) {
			bad |= (x - f.base) &^ f.mask()
		}
	}
	return bad
}

// floatCode is the order of the value, so that -0 and 0, and all NaNs, are one group each.
func (f *field) floatCode(x uint64) uint64 {
	if f.phys == types.PhysFloat32 {
		return orderFloat32(x) + 1
	}
	return orderFloat(x)
}

// orderFloat32 is orderFloat in the 32 bits of a float4, which came widened.
func orderFloat32(x uint64) uint64 {
	f := float32(math.Float64frombits(x))
	b := uint64(math.Float32bits(f))
	switch {
	case f == 0:
		return 1 << 31
	case f != f:
		return math.MaxUint32
	case b>>31 != 0:
		return ^b & math.MaxUint32
	}
	return b | 1<<31
}

// packNulls makes the code of rows that are NULL 0, or sets their NULL bit.
func (f *field) packNulls(c *column, packed []uint64, k int) {
	if c.nulls == nil {
		return
	}
	for wi, word := range c.nulls {
		for word != 0 {
			i := wi<<6 + bits.TrailingZeros64(word)
			word &= word - 1
			packed[i*k+f.word] &^= f.mask() << f.shift
			if f.bits == 128 {
				packed[i*k+f.word], packed[i*k+f.word+1] = 0, 0
			}
			if f.nullWord >= 0 {
				packed[i*k+f.nullWord] |= 1 << f.nullBit
			}
		}
	}
}

// unpack reads a field of a packed key into words, and tells whether it is NULL.
func (f *field) unpack(key, w []uint64) (null bool) {
	if f.nullWord >= 0 && key[f.nullWord]>>f.nullBit&1 != 0 {
		return true
	}
	if f.bits == 128 {
		w[0], w[1] = key[f.word], key[f.word+1]
		return false
	}
	code := key[f.word] >> f.shift & f.mask()
	switch {
	case f.phys == types.PhysFloat64:
		s := state{phys: f.phys}
		w[0] = s.valueOf(code)
		return false
	case code == 0 && f.bits < 64:
		return true
	case f.phys == types.PhysFloat32:
		w[0] = math.Float64bits(float64(float32Of(uint32(code - 1))))
	case f.strings != nil && f.phys == types.PhysInterval:
		b := f.strings.bytes(uint32(code))
		w[0], w[1] = binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:])
	default:
		w[0] = code + f.base
	}
	return false
}

// float32Of undoes orderFloat32.
func float32Of(w uint32) float32 {
	switch {
	case w == math.MaxUint32:
		return float32(math.NaN())
	case w>>31 != 0:
		return math.Float32frombits(w &^ (1 << 31))
	}
	return math.Float32frombits(^w)
}
