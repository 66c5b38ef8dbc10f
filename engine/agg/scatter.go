package agg

import (
	"unsafe"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/mem"
)

// scatter keeps rows of words by partition, off-heap, as one worker appended them. Rows of a partition stand in
// chunks: 256 write positions then stay in the first-level cache and the TLB, and a partition that gets few rows costs
// one chunk. The first chunks are small, so that a few thousand rows do not touch megabytes.
type scatter struct {
	acc    *mem.Account
	stride int // words of a row
	cursor [partitions]cursor
	chunks [partitions][]chunk
	rows   [partitions]int
	slabs  [][]byte
	free   []byte

	reserve []byte // for the chunks of one batch, when the account refuses a slab
	refused error  // since then
}

// cursor is the write position of a partition. The pointer is into off-heap memory.
type cursor struct {
	at   unsafe.Pointer
	left int // rows that still fit
}

// chunk is a run of rows of one partition; only the last one is not full.
type chunk struct{ words []uint64 }

const (
	slabBytes       = 2 << 20 // one huge page
	chunkBytesFirst = 1 << 10
	chunkBytes      = 16 << 10
)

// reserveRows is the number of rows that the reserve of a scatter has room for: a batch of batch.MaxRows, in chunks of
// 8, leaves at most one of them unfinished per partition.
const (
	reserveChunk = 8
	reserveRows  = batch.MaxRows + partitions*reserveChunk
)

// newScatter returns an empty scatter. Appending one batch to it always succeeds: when refused is set afterwards, the
// rows must go elsewhere before the next batch.
func newScatter(acc *mem.Account, stride int) (*scatter, error) {
	reserve, err := acc.AllocDirty(reserveRows * stride * 8)
	if err != nil {
		return nil, err
	}
	return &scatter{acc: acc, stride: stride, reserve: reserve}, nil
}

// grow gives partition p room for at least one more row.
func (s *scatter) grow(p int) error {
	if s.refused != nil {
		return s.draw(p)
	}
	size := chunkBytes
	if n := len(s.chunks[p]); n < 4 {
		size = chunkBytesFirst << n
	}
	rows := max(1, size/(s.stride*8))
	bytes := rows * s.stride * 8
	if len(s.free) < bytes {
		slab, err := s.acc.AllocDirty(s.slabSize(bytes))
		if err != nil {
			s.refused = err
			s.slabs, s.free, s.reserve = append(s.slabs, s.reserve), s.reserve, nil
			return s.draw(p)
		}
		s.slabs = append(s.slabs, slab)
		s.free = slab
	}
	s.put(p, rows)
	return nil
}

// put gives partition p a chunk of what is free.
func (s *scatter) put(p, rows int) {
	bytes := rows * s.stride * 8
	words := mem.View[uint64](s.free[:bytes])
	s.free = s.free[bytes:]
	s.chunks[p] = append(s.chunks[p], chunk{words})
	s.rows[p] += rows
	s.cursor[p] = cursor{unsafe.Pointer(unsafe.SliceData(words)), rows}
}

// draw gives partition p a small chunk of the reserve, which fails only when more than a batch is appended.
func (s *scatter) draw(p int) error {
	if len(s.free) < reserveChunk*s.stride*8 {
		return s.refused
	}
	s.put(p, reserveChunk)
	return nil
}

func (s *scatter) slabSize(bytes int) int {
	if len(s.slabs) < 2 {
		return max(bytes, slabBytes/4)
	}
	return max(bytes, slabBytes)
}

// next returns the memory of the next row of partition p.
func (s *scatter) next(p int) (unsafe.Pointer, error) {
	c := &s.cursor[p]
	if c.left == 0 {
		if err := s.grow(p); err != nil {
			return nil, err
		}
	}
	at := c.at
	c.at = unsafe.Add(at, s.stride*8)
	c.left--
	return at, nil
}

// count returns the rows of partition p.
func (s *scatter) count(p int) int { return s.rows[p] - s.cursor[p].left }

// read calls f with runs of whole rows of partition p.
func (s *scatter) read(p int, f func(words []uint64, n int) error) error {
	for i, c := range s.chunks[p] {
		n := len(c.words) / s.stride
		if i == len(s.chunks[p])-1 {
			n -= s.cursor[p].left
		}
		if err := f(c.words, n); err != nil {
			return err
		}
	}
	return nil
}

func (s *scatter) release() {
	if s == nil {
		return
	}
	for _, b := range s.slabs {
		s.acc.Release(b)
	}
	s.acc.Release(s.reserve)
	*s = scatter{acc: s.acc, stride: s.stride}
}

// add1 appends n rows of one word each, at most: the hot loop of distinct sets and of counts by one key.
func (s *scatter) add1(keys []uint64, n int) error {
	for _, k := range keys[:n] {
		c := &s.cursor[mix(k)>>(64-partitionBits)]
		if c.left == 0 {
			if err := s.grow(int(mix(k) >> (64 - partitionBits))); err != nil {
				return err
			}
		}
		*(*uint64)(c.at) = k
		c.at = unsafe.Add(c.at, 8)
		c.left--
	}
	return nil
}

// add2 appends n rows of two words each.
func (s *scatter) add2(keys []uint64, n int) error {
	for i := range n {
		a, b := keys[2*i], keys[2*i+1]
		h := mix2(a, b)
		c := &s.cursor[h>>(64-partitionBits)]
		if c.left == 0 {
			if err := s.grow(int(h >> (64 - partitionBits))); err != nil {
				return err
			}
		}
		*(*[2]uint64)(c.at) = [2]uint64{a, b}
		c.at = unsafe.Add(c.at, 16)
		c.left--
	}
	return nil
}

// addN appends n rows of stride words each.
func (s *scatter) addN(keys []uint64, n int) error {
	for i := range n {
		key := keys[i*s.stride : i*s.stride+s.stride]
		at, err := s.next(int(hashKey(key) >> (64 - partitionBits)))
		if err != nil {
			return err
		}
		row := unsafe.Slice((*uint64)(at), s.stride)
		copy(row, key)
	}
	return nil
}
