package agg

import (
	"math"
	"math/bits"

	"github.com/siltstone-db/siltstone/storage/types"
)

// field is where one key stands in the packed key: code<<shift in a word, or two whole words for 16-byte types. NULL
// is code 0 where there was room for it, else a bit of its own.
type field struct {
	column int
	typ    types.Type
	phys   types.Physical
	word   int
	shift  uint
	bits   uint   // 1 to 64; 128: two words
	base   uint64 // code = value - base
	// nullBit is the shift of the NULL bit in word nullWord; nullWord is -1 when NULL is code 0.
	nullWord int
	nullBit  uint
	notNull  bool      // statistics say that no value is NULL
	strings  *interner // of strings, variable numerics, intervals: value = number of the string, from 1
}

// layout is a packed key: words of 64 bits.
type layout struct {
	fields []field
	words  int
	bits   uint // bits in use of the last word
}

// mask returns the bits of a one-word field, not shifted.
func (f *field) mask() uint64 {
	if f.bits >= 64 {
		return math.MaxUint64
	}
	return 1<<f.bits - 1
}

// newField decides how many bits a key needs. entries is the largest number of a string, where it is known.
func newField(k Key, t types.Type, entries int) field {
	f := field{column: k.Column, typ: t, phys: t.Physical(), nullWord: -1}
	switch f.phys {
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
	switch f.phys {
	case types.PhysInt16, types.PhysInt32, types.PhysInt64:
		if s := &k.Stats; s.HasRange && s.Min.I <= s.Max.I && uint64(s.Max.I)-uint64(s.Min.I) < 1<<63 {
			f.setRange(s.Min.I, s.Max.I)
		}
	}
	if f.bits >= 64 {
		f.notNull = k.Stats.HasRange && k.Stats.Nulls == 0
		if !f.notNull {
			f.nullWord = 0 // placed by add
		}
	}
	return f
}

// setRange gives the codes 1 to hi-lo+1 to the values, and 0 to NULL.
func (f *field) setRange(lo, hi int64) {
	f.base = uint64(lo) - 1
	f.bits = uint(bits.Len64(uint64(hi) - uint64(lo) + 1))
}

// add places a field: in the spare bits of the last word if it fits there, else in new words.
func (l *layout) add(f field) {
	need := f.bits
	if l.words == 0 || l.bits+min(need, 65) > 64 {
		f.word, f.shift = l.words, 0
		if need == 128 {
			l.words += 2
			l.bits = 64
		} else {
			l.words++
			l.bits = need
		}
	} else {
		f.word, f.shift = l.words-1, l.bits
		l.bits += need
	}
	if f.nullWord >= 0 {
		if l.bits == 64 {
			l.words++
			l.bits = 0
		}
		f.nullWord, f.nullBit = l.words-1, l.bits
		l.bits++
	}
	l.fields = append(l.fields, f)
}

// newLayout packs keys of at most 64 bits largest first, so that few bits are lost.
func newLayout(fields []field) layout {
	var l layout
	order := make([]int, len(fields))
	for i := range order {
		order[i] = i
	}
	for i := 1; i < len(order); i++ {
		for j := i; j > 0 && fields[order[j]].bits > fields[order[j-1]].bits; j-- {
			order[j], order[j-1] = order[j-1], order[j]
		}
	}
	for _, i := range order {
		l.add(fields[i])
	}
	placed := make([]field, len(fields)) // back in the order of the keys
	for i, j := range order {
		placed[j] = l.fields[i]
	}
	l.fields = placed
	return l
}

// extend returns a layout with one more field, whose first words hold the key of l unchanged.
func (l *layout) extend(f field) layout {
	e := layout{fields: append([]field(nil), l.fields...), words: l.words, bits: l.bits}
	e.add(f)
	return e
}

// mix is the hash of packed keys: one multiplication folded. Partitions take its highest 8 bits, slots the next ones.
func mix(x uint64) uint64 {
	hi, lo := bits.Mul64(x^0xa0761d6478bd642f, 0xe7037ed1a0b428db)
	return hi ^ lo
}

func mix2(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a^0xa0761d6478bd642f, b^0xe7037ed1a0b428db)
	return mix(hi ^ lo ^ a)
}

func mixN(k []uint64) uint64 {
	h := mix2(k[0], k[1])
	for _, x := range k[2:] {
		h = mix2(h, x)
	}
	return h
}

// hashKey is the hash of a packed key of any number of words.
func hashKey(k []uint64) uint64 {
	switch len(k) {
	case 1:
		return mix(k[0])
	case 2:
		return mix2(k[0], k[1])
	}
	return mixN(k)
}
