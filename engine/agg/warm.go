package agg

import "sync/atomic"

// warmCodes is the number of entries that warm touches together.
const warmCodes = 64

// warm reads what finding the strings of new codes is going to read: hashes, slots, and where a slot has the same hash,
// the entry and the first bytes of both strings. Each of these is a miss of all caches in a large dictionary, and each
// needs the one before; the same step for many codes at once lets the processor wait for all of them together. The sum
// of what was read is of no use but to be computed.
func (in *interner) warm(m *codeMap, codes []uint32) (sum uint64) {
	var hashes, next [warmCodes]uint64
	var own, other [warmCodes]uint32
	codes = codes[:min(len(codes), warmCodes)]
	d := m.dict
	for i, c := range codes {
		hashes[i] = d.Hashes[c]
	}
	for i := range codes {
		slots := *in.shardOf(hashes[i]).slots.Load()
		next[i] = atomic.LoadUint64(&slots[hashes[i]>>32&uint64(len(slots)-1)])
	}
	for i := range codes {
		if x := next[i]; x != 0 && x&^0xffffffff == hashes[i]<<32 {
			next[i] = in.shardOf(hashes[i]).entry(uint32(x) - 1).ref
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
func (c *column) loadNew(codes, numbers []uint32) error {
	fresh := c.fresh[:0]
	ahead := c.strings.knows(c.dict)
	from := 0
	for i, k := range codes {
		if (numbers == nil || atomic.LoadUint32(&numbers[k]) == 0) && (c.nulls == nil || !c.nulls.Get(i)) {
			fresh = append(fresh, k)
		}
		if len(fresh) < warmCodes && i < len(codes)-1 {
			continue
		}
		if ahead && len(fresh) > warmCodes/8 {
			c.warmed += c.strings.warm(c.code, fresh)
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
func (c *column) number(codes, numbers []uint32, from, to int) error {
	for i := from; i < to; i++ {
		k, id := codes[i], uint32(0)
		if numbers != nil {
			id = atomic.LoadUint32(&numbers[k])
		}
		if id == 0 {
			if c.nulls != nil && c.nulls.Get(i) {
				c.words[i] = 0
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
		c.words[i] = uint64(id)
	}
	return nil
}
