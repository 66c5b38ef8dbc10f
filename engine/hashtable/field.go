package hashtable

import (
	"encoding/binary"
	"math"
	"math/bits"

	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Field is where one key stands in the packed key: code<<shift in a word, or two whole words for 16-byte types. NULL
// is code 0 where there was room for it, else a bit of its own.
type Field struct {
	Column int
	Typ    types.Type
	Phys   types.Physical
	word   int
	shift  uint
	bits   uint   // 1 to 64; 128: two words
	base   uint64 // code = value - base
	// nullBit is the shift of the NULL bit in word nullWord; nullWord is -1 when NULL is code 0.
	NullWord int
	nullBit  uint
	NotNull  bool      // statistics say that no value is NULL
	Strings  *Interner // of strings, variable numerics, intervals: value = number of the string, from 1
}

// mask returns the bits of a one-word field, not shifted.
func (f *Field) mask() uint64 {
	if f.bits >= 64 {
		return math.MaxUint64
	}
	return 1<<f.bits - 1
}

// NewField decides how many bits a key needs. entries is the largest number of a string, where it is known.
func NewField(column int, stats *scan.ColumnStats, t types.Type, entries int) Field {
	f := Field{Column: column, Typ: t, Phys: t.Physical(), NullWord: -1}
	switch f.Phys {
	case types.PhysBool:
		f.setRange(0, 1)
	case types.PhysInt16:
		f.setRange(math.MinInt16, math.MaxInt16)
	case types.PhysInt32:
		f.setRange(math.MinInt32, math.MaxInt32)
	case types.PhysFloat32:
		f.bits, f.base = 33, ^uint64(0)
	case types.PhysInt64, types.PhysFloat64:
		f.bits = 64
	case types.PhysBytes, types.PhysInterval:
		f.bits = 32
		if entries > 0 {
			f.bits = uint(bits.Len(uint(entries)))
		}
	default:
		f.bits = 128
	}
	switch f.Phys {
	case types.PhysInt16, types.PhysInt32, types.PhysInt64:
		if s := stats; s.HasRange && s.Min.I <= s.Max.I && uint64(s.Max.I)-uint64(s.Min.I) < 1<<63 {
			f.setRange(s.Min.I, s.Max.I)
		}
	}
	if f.bits >= 64 {
		f.NotNull = stats.HasRange && stats.Nulls == 0
		if !f.NotNull {
			f.NullWord = 0 // placed by add
		}
	}
	return f
}

// setRange gives the codes 1 to hi-lo+1 to the values, and 0 to NULL.
func (f *Field) setRange(lo, hi int64) {
	f.base = uint64(lo) - 1
	f.bits = uint(bits.Len64(uint64(hi) - uint64(lo) + 1))
}

// Pack adds the codes of n values to packed keys of k words; false when one is out of range.
func (f *Field) Pack(c *Column, packed []uint64, k, n int, only bool) bool {
	if f.bits == 128 {
		for i := range n {
			packed[i*k+f.word], packed[i*k+f.word+1] = c.Words[2*i], c.Words[2*i+1]
		}
		f.packNulls(c, packed, k)
		return true
	}
	if c.Nulls != nil && f.NotNull {
		return false
	}
	words, base, mask := c.Words[:n], f.base, f.mask()
	bad := uint64(0) // bits out of range of all rows together: statistics are a promise that costs one OR per row to check
	switch {
	case f.Phys == types.PhysFloat32 || f.Phys == types.PhysFloat64:
		for i, x := range words {
			packed[i*k+f.word] |= f.floatCode(x) & mask << f.shift
		}
	case only: // the key is the whole word: no load and no OR of what other fields have put there
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
	if bad != 0 && c.Nulls != nil { // codes of NULLs may be anything
		bad = f.recheck(c, n)
	}
	f.packNulls(c, packed, k)
	return bad == 0
}

// recheck looks for codes out of range among the values that are not NULL.
func (f *Field) recheck(c *Column, n int) uint64 {
	bad := uint64(0)
	for i, x := range c.Words[:n] {
		if !c.Nulls.Get(i) {
			bad |= (x - f.base) &^ f.mask()
		}
	}
	return bad
}

// floatCode is the order of the value, so that -0 and 0, and all NaNs, are one group each.
func (f *Field) floatCode(x uint64) uint64 {
	if f.Phys == types.PhysFloat32 {
		return orderFloat32(x) + 1
	}
	return OrderFloat(x)
}

// packNulls makes the code of rows that are NULL 0, or sets their NULL bit.
func (f *Field) packNulls(c *Column, packed []uint64, k int) {
	if c.Nulls == nil {
		return
	}
	for wi, word := range c.Nulls {
		for word != 0 {
			i := wi<<6 + bits.TrailingZeros64(word)
			word &= word - 1
			packed[i*k+f.word] &^= f.mask() << f.shift
			if f.bits == 128 {
				packed[i*k+f.word], packed[i*k+f.word+1] = 0, 0
			}
			if f.NullWord >= 0 {
				packed[i*k+f.NullWord] |= 1 << f.nullBit
			}
		}
	}
}

// Unpack reads a field of a packed key into words, and tells whether it is NULL.
func (f *Field) Unpack(key, w []uint64) (null bool) {
	if f.NullWord >= 0 && key[f.NullWord]>>f.nullBit&1 != 0 {
		return true
	}
	if f.bits == 128 {
		w[0], w[1] = key[f.word], key[f.word+1]
		return false
	}
	code := key[f.word] >> f.shift & f.mask()
	switch {
	case f.Phys == types.PhysFloat64:
		w[0] = FloatOf(code)
		return false
	case code == 0 && f.bits < 64:
		return true
	case f.Phys == types.PhysFloat32:
		w[0] = math.Float64bits(float64(float32Of(uint32(code - 1))))
	case f.Strings != nil && f.Phys == types.PhysInterval:
		b := f.Strings.Bytes(uint32(code))
		w[0], w[1] = binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:])
	default:
		w[0] = code + f.base
	}
	return false
}

// Put packs one value; false when it is outside of the field's range.
func (f *Field) Put(key []uint64, w [2]uint64, null bool) bool {
	switch {
	case null && f.NullWord >= 0:
		key[f.NullWord] |= 1 << f.nullBit
		return true
	case null:
		return !f.NotNull
	case f.bits == 128:
		key[f.word], key[f.word+1] = w[0], w[1]
		return true
	}
	code := w[0] - f.base
	if f.Phys == types.PhysFloat32 || f.Phys == types.PhysFloat64 {
		code = f.floatCode(w[0])
	}
	key[f.word] |= code & f.mask() << f.shift
	return code&^f.mask() == 0
}

// HashValue is a hash of the field's value alone, however it is packed or numbered.
func (f *Field) HashValue(key []uint64) uint64 {
	var w [2]uint64
	switch null := f.Unpack(key, w[:]); {
	case null:
		return 0
	case f.Phys == types.PhysInterval:
		lo, hi := IntervalSpan(w[0], w[1])
		return Mix(lo, hi)
	case f.Strings != nil:
		return f.Strings.hash(f.Strings.Bytes(uint32(w[0])))
	}
	return Mix(w[0], w[1])
}
