package window

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"math"
	"math/bits"
	"slices"

	"github.com/siltstone-db/siltstone/storage/kernel"
)

// packing says how the keys of a bundle's rows become 128 bits or fewer, whose unsigned order is that of the rows: the
// codes of the keys one after the other, the first one highest. A code is a value less the smallest one of the bundle, or
// for strings that repeat its place among them, with one more code for NULL where there is any.
type packing struct {
	keys  []keyCode
	bits  int  // of all codes
	exact bool // equal codes mean equal rows; if not, those behind the last exact key must be compared
}

// keyCode is the code of one key.
type keyCode struct {
	*keyField
	lo, hi  uint64 // the smallest rank
	wlo     uint64 // of 128-bit ranks: hi is their upper half
	width   int    // bits; codes of more than 64 are in two halves
	last    uint64 // the largest code of a value
	nulls   bool
	shift   int  // bits of the codes behind it
	exact   bool // the code tells all of the value
	strings *refRanks
}

// pack finds the codes for the rows of a bundle.
func (b *bundle) pack() (*packing, error) {
	p := &packing{exact: true}
	for i := range b.lay.keys {
		k := keyCode{keyField: &b.lay.keys[i], exact: true}
		if err := b.measure(&k); err != nil {
			return nil, err
		}
		if p.bits+k.width > 128 {
			p.exact = false
			break
		}
		p.bits += k.width
		p.keys = append(p.keys, k)
		if !k.exact {
			p.exact = false
			break
		}
	}
	shift := p.bits
	for i := range p.keys {
		shift -= p.keys[i].width
		p.keys[i].shift = shift
	}
	return p, nil
}

// measure finds the range of a key's values, and with it the width of its code.
func (b *bundle) measure(k *keyCode) error {
	switch {
	case k.text():
		return b.measureText(k)
	case k.wide == 2:
		b.measureWide(k)
		return nil
	}
	lo, hi := uint64(math.MaxUint64), uint64(0)
	for _, c := range b.chunks {
		for at := 0; at < len(c); at += b.stride {
			if c[at+k.nullAt]&k.nullBit != 0 {
				k.nulls = true
				continue
			}
			r := k.rank(c[at+k.at])
			lo, hi = min(lo, r), max(hi, r)
		}
	}
	if lo > hi { // all are NULL
		lo, hi = 0, 0
	}
	k.lo = lo
	k.limit(hi - lo)
	return nil
}

// limit sets the width of codes from 0 to last, and of NULL.
func (k *keyCode) limit(last uint64) {
	k.last = last
	if k.width = bits.Len64(last); !k.nulls {
		return
	}
	if last == math.MaxUint64 {
		k.width = 65
	} else {
		k.width = bits.Len64(last + 1)
	}
}

// measureWide finds the range of values of two words. Where it has more than 64 bits, the code is the upper half.
func (b *bundle) measureWide(k *keyCode) {
	lohi, lolo, hihi, hilo := uint64(math.MaxUint64), uint64(math.MaxUint64), uint64(0), uint64(0)
	for _, c := range b.chunks {
		for at := 0; at < len(c); at += b.stride {
			if c[at+k.nullAt]&k.nullBit != 0 {
				k.nulls = true
				continue
			}
			hi, lo := k.rank128(c[at+k.at], c[at+k.at+1])
			if hi < lohi || hi == lohi && lo < lolo {
				lohi, lolo = hi, lo
			}
			if hi > hihi || hi == hihi && lo > hilo {
				hihi, hilo = hi, lo
			}
		}
	}
	if lohi > hihi {
		lohi, lolo, hihi, hilo = 0, 0, 0, 0
	}
	k.hi, k.wlo = lohi, lolo
	lo, borrow := bits.Sub64(hilo, lolo, 0)
	hi, _ := bits.Sub64(hihi, lohi, borrow)
	if hi == 0 {
		k.limit(lo)
		return
	}
	k.exact = false
	k.limit(hi)
}

// measureText ranks the strings that rows refer to, if they are few, else takes the first 8 bytes.
func (b *bundle) measureText(k *keyCode) error {
	r, nulls, err := b.rankRefs(k.keyField)
	k.nulls = nulls
	if err != nil {
		return err
	}
	if r != nil {
		k.strings = r
		k.limit(uint64(max(r.distinct, 1) - 1))
		return nil
	}
	k.exact = false
	k.limit(math.MaxUint64)
	return nil
}

// code returns the code of a row, in k.width bits.
func (k *keyCode) code(row []uint64, t *texts) (c, high uint64) {
	if row[k.nullAt]&k.nullBit != 0 {
		if k.nullsFirst {
			return 0, 0
		}
		c, carry := bits.Add64(k.last, 1, 0)
		return c, carry
	}
	switch {
	case k.strings != nil:
		c = k.strings.rank(row[k.at])
	case k.text():
		c = prefix(k.orderKey(t, row[k.at]))
	case k.wide == 2:
		hi, lo := k.rank128(row[k.at], row[k.at+1])
		lo, borrow := bits.Sub64(lo, k.wlo, 0)
		if c = lo; !k.exact {
			c, _ = bits.Sub64(hi, k.hi, borrow)
		}
	default:
		c = k.rank(row[k.at]) - k.lo
	}
	if k.desc {
		c = k.last - c
	}
	if k.nulls && k.nullsFirst {
		return bits.Add64(c, 1, 0)
	}
	return c, 0
}

// prefix is the first 8 bytes of a string as a number.
func prefix(s []byte) uint64 {
	if len(s) >= 8 {
		return binary.BigEndian.Uint64(s)
	}
	var t [8]byte
	copy(t[:], s)
	return binary.BigEndian.Uint64(t[:])
}

// refRanks knows the place of strings among those that a bundle's rows refer to: a table of references, at most half
// full.
type refRanks struct {
	slots    []refRank
	distinct int
}

type refRank struct{ ref, rank uint64 }

func (r *refRanks) slot(ref uint64) *refRank {
	mask := uint64(len(r.slots) - 1)
	for at := kernel.HashUint64(ref) & mask; ; at = (at + 1) & mask {
		if s := &r.slots[at]; s.ref == ref+1 || s.ref == 0 {
			return s
		}
	}
}

// rank returns the place of a reference that was met.
func (r *refRanks) rank(ref uint64) uint64 { return r.slot(ref).rank }

// refsMost is the most different references that are ranked.
const refsMost = 1 << 14

// rankRefs ranks the strings of a key, nil when more than an eighth of the rows, or too many, have one of their own.
func (b *bundle) rankRefs(k *keyField) (r *refRanks, nulls bool, err error) {
	most := min(b.n/8+16, refsMost)
	r = &refRanks{slots: make([]refRank, 1<<bits.Len(uint(2*most)))}
	refs := make([]uint64, 0, 64)
	last := uint64(math.MaxUint64)
	for _, c := range b.chunks {
		for at := 0; at < len(c); at += b.stride {
			if c[at+k.nullAt]&k.nullBit != 0 {
				nulls = true
				continue
			}
			ref := c[at+k.at]
			if ref == last || r == nil {
				continue
			}
			last = ref
			if s := r.slot(ref); s.ref == 0 {
				if len(refs) == most {
					r = nil
					continue
				}
				s.ref = ref + 1
				refs = append(refs, ref)
			}
		}
	}
	if r == nil {
		return nil, nulls, nil
	}
	t := &b.w.texts
	slices.SortFunc(refs, func(x, y uint64) int { return bytes.Compare(k.orderKey(t, x), k.orderKey(t, y)) })
	rank := uint64(0)
	for i, ref := range refs {
		if i > 0 && !bytes.Equal(k.orderKey(t, refs[i-1]), k.orderKey(t, ref)) {
			rank++
		}
		r.slot(ref).rank = rank
	}
	r.distinct = int(rank) + 1
	return r, nulls, b.stopped()
}

// wideEntry is a row to sort whose codes and number do not fit one word.
type wideEntry struct {
	hi, lo uint64
	id     uint32
}

func (x *wideEntry) compare(y *wideEntry) int {
	if c := cmp.Compare(x.hi, y.hi); c != 0 {
		return c
	}
	return cmp.Compare(x.lo, y.lo)
}
