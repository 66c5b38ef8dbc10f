package hashtable

import "math/bits"

// Layout is a packed key: words of 64 bits.
type Layout struct {
	Fields []Field
	Words  int
	Bits   uint // bits in use of the last word
}

// add places a field: in the spare bits of the last word if it fits there, else in new words.
func (l *Layout) add(f Field) {
	need := f.bits
	if l.Words == 0 || l.Bits+min(need, 65) > 64 {
		f.word, f.shift = l.Words, 0
		if need == 128 {
			l.Words += 2
			l.Bits = 64
		} else {
			l.Words++
			l.Bits = need
		}
	} else {
		f.word, f.shift = l.Words-1, l.Bits
		l.Bits += need
	}
	if f.NullWord >= 0 {
		if l.Bits == 64 {
			l.Words++
			l.Bits = 0
		}
		f.NullWord, f.nullBit = l.Words-1, l.Bits
		l.Bits++
	}
	l.Fields = append(l.Fields, f)
}

// NewLayout packs keys of at most 64 bits largest first, so that few bits are lost.
func NewLayout(fields []Field) Layout {
	var l Layout
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
	placed := make([]Field, len(fields)) // back in the order of the keys
	for i, j := range order {
		placed[j] = l.Fields[i]
	}
	l.Fields = placed
	return l
}

// Extend returns a layout with one more field, whose first words hold the key of l unchanged.
func (l *Layout) Extend(f Field) Layout {
	e := Layout{Fields: append([]Field(nil), l.Fields...), Words: l.Words, Bits: l.Bits}
	e.add(f)
	return e
}

// mix1 is the hash of packed keys: one multiplication folded. Partitions take its highest 8 bits, slots the next ones.
func mix1(x uint64) uint64 {
	hi, lo := bits.Mul64(x^0xa0761d6478bd642f, 0xe7037ed1a0b428db)
	return hi ^ lo
}

// Mix is the hash of two words, and what hashes of values are made of.
func Mix(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a^0xa0761d6478bd642f, b^0xe7037ed1a0b428db)
	return mix1(hi ^ lo ^ a)
}

func mixN(k []uint64) uint64 {
	h := Mix(k[0], k[1])
	for _, x := range k[2:] {
		h = Mix(h, x)
	}
	return h
}

// HashKey is the hash of a packed key of any number of words.
func HashKey(k []uint64) uint64 {
	switch len(k) {
	case 1:
		return mix1(k[0])
	case 2:
		return Mix(k[0], k[1])
	}
	return mixN(k)
}
