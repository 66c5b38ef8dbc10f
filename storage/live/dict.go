package live

import (
	"bytes"
	"math"
	"sync/atomic"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/kernel"
	"github.com/siltstone-db/siltstone/storage/mem"
)

// dict is the append-only dictionary of a string column. Readers see entries below the published length; heap, offsets,
// hashes and the hash table are replaced by larger copies when full, and the smaller ones stay for those who still read
// them, so all of them together hold at most twice the entries. The writer adds to the hash table while readers look
// strings up in it, see batch.Index.
type dict struct {
	id    uint64
	alloc *arena
	bufs  atomic.Pointer[dictBuffers]
	index atomic.Pointer[batch.Index]
	n     atomic.Int64 // published entries
	ascii atomic.Int64 // entries before the first one that is not ASCII

	len, heapLen int
	slots        batch.Index // what index points to

	counts counts
}

type dictBuffers struct {
	heap    []byte
	offsets []uint32
	hashes  []uint64
}

func newDict(a *arena) *dict {
	d := &dict{id: batch.NewDictionaryID(), alloc: a}
	d.ascii.Store(math.MaxInt64)
	d.bufs.Store(&dictBuffers{offsets: []uint32{0}})
	return d
}

// append encodes n rows of a flat vector from row from on.
func (d *dict) append(codes []uint32, v *batch.Vector, from int) error {
	var last uint32
	var lastBytes []byte
	haveLast := false
	for i := range codes {
		j := from + i
		if v.Valid != nil && !v.Valid.Get(j) {
			// A NULL may have any code that exists.
			if !haveLast && d.len == 0 {
				if _, err := d.code(nil); err != nil {
					return err
				}
			}
			codes[i] = last
			continue
		}
		b := v.Data[v.Offsets[j]:v.Offsets[j+1]]
		if !haveLast || !bytes.Equal(b, lastBytes) {
			c, err := d.code(b)
			if err != nil {
				return err
			}
			last, lastBytes, haveLast = c, b, true
		}
		codes[i] = last
	}
	return nil
}

// code returns the code of a string, adding it if it is new.
func (d *dict) code(b []byte) (uint32, error) {
	if 2*(d.len+1) > len(d.slots) {
		if err := d.rehash(); err != nil {
			return 0, err
		}
	}
	h := kernel.HashBytes(b)
	tag, mask := h>>32<<32, uint64(len(d.slots)-1)
	buf := d.bufs.Load()
	for at := h & mask; d.slots[at] != 0; at = (at + 1) & mask {
		if s := d.slots[at]; s>>32<<32 == tag {
			c := uint32(s) - 1
			if bytes.Equal(buf.heap[buf.offsets[c]:buf.offsets[c+1]], b) {
				return c, nil
			}
		}
	}
	buf, err := d.room(buf, len(b))
	if err != nil {
		return 0, err
	}
	c := d.len
	copy(buf.heap[d.heapLen:], b)
	d.heapLen += len(b)
	buf.offsets[c+1] = uint32(d.heapLen)
	buf.hashes[c] = h
	if !batch.ASCII(b) && int64(c) < d.ascii.Load() {
		d.ascii.Store(int64(c))
	}
	d.len++
	d.slots.Add(h, c)
	return uint32(c), nil
}

// room makes space for one more entry of n bytes.
func (d *dict) room(b *dictBuffers, n int) (*dictBuffers, error) {
	if d.heapLen+n <= len(b.heap) && d.len < len(b.hashes) {
		return b, nil
	}
	next := *b
	if d.heapLen+n > len(b.heap) {
		heap, err := d.alloc.get(max(2*len(b.heap), d.heapLen+n, 4096))
		if err != nil {
			return nil, err
		}
		copy(heap, b.heap[:d.heapLen])
		next.heap = heap
	}
	if d.len == len(b.hashes) {
		entries := max(2*d.len, 256)
		offsets, err := d.alloc.get(4 * (entries + 1))
		if err != nil {
			return nil, err
		}
		hashes, err := d.alloc.get(8 * entries)
		if err != nil {
			return nil, err
		}
		next.offsets, next.hashes = mem.View[uint32](offsets), mem.View[uint64](hashes)
		copy(next.offsets, b.offsets[:d.len+1])
		copy(next.hashes, b.hashes)
	}
	d.bufs.Store(&next)
	return &next, nil
}

// rehash doubles the hash table. The smaller ones stay in the arena: another quarter of the segment at worst.
func (d *dict) rehash() error {
	b, err := d.alloc.get(8 * max(2*len(d.slots), 512))
	if err != nil {
		return err
	}
	slots := batch.Index(mem.View[uint64](b))
	hashes := d.bufs.Load().hashes
	for c := range d.len {
		slots.Add(hashes[c], c)
	}
	d.slots = slots
	d.index.Store(&slots)
	return nil
}

// publish lets readers see all entries.
func (d *dict) publish() { d.n.Store(int64(d.len)) }

// dictionary returns what is published. Codes of every visible row are below its length.
func (d *dict) dictionary() *batch.Dictionary {
	n := int(d.n.Load())
	b := d.bufs.Load()
	v := &batch.Dictionary{
		ID: d.id, Len: n, Offsets: b.offsets[:n+1], Heap: b.heap[:b.offsets[n]], Hashes: b.hashes[:n], Distinct: true,
	}
	if x := d.index.Load(); x != nil {
		v.Index = *x
	}
	v.SetASCII(int64(n) <= d.ascii.Load())
	return v
}
