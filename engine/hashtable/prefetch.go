package hashtable

import "sync/atomic"

// prefetchCodes is the number of entries that prefetch touches together.
const prefetchCodes = 64

// prefetch reads what finding the strings of new codes is going to read: hashes, slots, and where a slot has the same hash,
// the entry and the first bytes of both strings. Each of these is a miss of all caches in a large dictionary, and each
// needs the one before; the same step for many codes at once lets the processor wait for all of them together. The sum
// of what was read is of no use but to be computed.
func (in *Interner) prefetch(m *codeMap, codes []uint32) (sum uint64) {
	var hashes, next [prefetchCodes]uint64
	var own, other [prefetchCodes]uint32
	codes = codes[:min(len(codes), prefetchCodes)]
	d := m.dict
	// Each loop is one step of all look-ups. Together in one loop they would be a chain per code: the processor's window
	// of some 200 instructions holds two or three of these, and so only as many misses at once.
	for i, c := range codes {
		hashes[i] = d.Hashes[c]
	}
	for i := range codes {
		slots := *in.shardOf(hashes[i]).slots.Load()
		next[i] = atomic.LoadUint64(&slots[hashes[i]>>32&uint64(len(slots)-1)])
	}
	for i := range codes {
		if x := next[i]; x != 0 && x&^0xffffffff == hashes[i]<<32 {
			next[i] = in.shardOf(hashes[i]).interned(uint32(x) - 1).ref
		} else {
			next[i] = 0
		}
	}
	dicts := *in.dicts.Load()
	first := fromDict | m.index<<32
	for i, c := range codes {
		if ref := next[i]; ref&fromDict != 0 && ref != first|uint64(c) {
			own[i], other[i] = d.Offsets[c], dicts[ref>>32&0x7fffffff].Offsets[uint32(ref)]
		} else {
			next[i] = 0
		}
	}
	for i := range codes {
		if ref := next[i]; ref != 0 {
			sum += touch(d.Heap, own[i]) + touch(dicts[ref>>32&0x7fffffff].Heap, other[i])
		}
	}
	return sum
}

// touch reads the first two cache lines of a string.
func touch(heap []byte, at uint32) uint64 {
	if int(at)+64 >= len(heap) {
		return 0
	}
	return uint64(heap[at]) + uint64(heap[at+64])
}

// loadNew makes words of codes, some of which may have no number yet; without a list of numbers none has.
func (c *Column) loadNew(codes, numbers []uint32) error {
	fresh := c.fresh[:0]
	ahead := c.strings.knows(c.dict)
	from := 0
	for i, k := range codes {
		if (numbers == nil || atomic.LoadUint32(&numbers[k]) == 0) && (c.Nulls == nil || !c.Nulls.Get(i)) {
			fresh = append(fresh, k)
		}
		if len(fresh) < prefetchCodes && i < len(codes)-1 {
			continue
		}
		if ahead && len(fresh) > prefetchCodes/8 {
			c.touched += c.strings.prefetch(c.code, fresh)
		}
		if err := c.number(codes, numbers, from, i+1); err != nil {
			return err
		}
		from, fresh = i+1, fresh[:0]
	}
	c.fresh = fresh
	return nil
}

// number makes words of the codes from to to.
func (c *Column) number(codes, numbers []uint32, from, to int) error {
	for i := from; i < to; i++ {
		k, id := codes[i], uint32(0)
		if numbers != nil {
			id = atomic.LoadUint32(&numbers[k])
		}
		if id == 0 {
			if c.Nulls != nil && c.Nulls.Get(i) {
				c.Words[i] = 0
				continue
			}
			var err error
			if id, err = c.strings.code(c.code, k); err != nil {
				return err
			}
			if numbers != nil {
				atomic.StoreUint32(&numbers[k], id)
			}
		}
		c.Words[i] = uint64(id)
	}
	return nil
}
