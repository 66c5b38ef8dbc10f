package hashtable

import (
	"unsafe"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/mem"
)

// Scatter keeps rows of words by partition, off-heap, as one worker appended them. Rows of a partition stand in
// chunks: 256 write positions then stay in the first-level cache and the TLB, and a partition that gets few rows costs
// one chunk. The first chunks are small, so that a few thousand rows do not touch megabytes.
type Scatter struct {
	acc    *mem.Account
	Stride int // words of a row
	cursor [Partitions]cursor
	chunks [Partitions][]chunk
	rows   [Partitions]int
	slabs  [][]byte
	free   []byte

	reserve []byte // for the chunks of one batch, when the account refuses a slab
	Refused error  // since then
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
	reserveRows  = batch.MaxRows + Partitions*reserveChunk
)

// NewScatter returns an empty scatter. Appending one batch to it always succeeds: when refused is set afterwards, the
// rows must go elsewhere before the next batch.
func NewScatter(acc *mem.Account, stride int) (*Scatter, error) {
	reserve, err := acc.AllocDirty(reserveRows * stride * 8)
	if err != nil {
		return nil, err
	}
	return &Scatter{acc: acc, Stride: stride, reserve: reserve}, nil
}

// grow gives partition p room for at least one more row.
func (s *Scatter) grow(p int) error {
	if s.Refused != nil {
		return s.draw(p)
	}
	size := chunkBytes
	if n := len(s.chunks[p]); n < 4 {
		size = chunkBytesFirst << n
	}
	rows := max(1, size/(s.Stride*8))
	bytes := rows * s.Stride * 8
	if len(s.free) < bytes {
		slab, err := s.acc.AllocDirty(s.slabSize(bytes))
		if err != nil {
			s.Refused = err
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
func (s *Scatter) put(p, rows int) {
	bytes := rows * s.Stride * 8
	words := mem.View[uint64](s.free[:bytes])
	s.free = s.free[bytes:]
	s.chunks[p] = append(s.chunks[p], chunk{words})
	s.rows[p] += rows
	s.cursor[p] = cursor{unsafe.Pointer(unsafe.SliceData(words)), rows}
}

// draw gives partition p a small chunk of the reserve, which fails only when more than a batch is appended.
func (s *Scatter) draw(p int) error {
	if len(s.free) < reserveChunk*s.Stride*8 {
		return s.Refused
	}
	s.put(p, reserveChunk)
	return nil
}

func (s *Scatter) slabSize(bytes int) int {
	if len(s.slabs) < 2 {
		return max(bytes, slabBytes/4)
	}
	return max(bytes, slabBytes)
}

// Next returns the memory of the next row of partition p.
func (s *Scatter) Next(p int) (unsafe.Pointer, error) {
	c := &s.cursor[p]
	if c.left == 0 {
		if err := s.grow(p); err != nil {
			return nil, err
		}
	}
	at := c.at
	c.at = unsafe.Add(at, s.Stride*8)
	c.left--
	return at, nil
}

// Count returns the rows of partition p.
func (s *Scatter) Count(p int) int { return s.rows[p] - s.cursor[p].left }

// Read calls f with runs of whole rows of partition p.
func (s *Scatter) Read(p int, f func(words []uint64, n int) error) error {
	for i, c := range s.chunks[p] {
		n := len(c.words) / s.Stride
		if i == len(s.chunks[p])-1 {
			n -= s.cursor[p].left
		}
		if err := f(c.words, n); err != nil {
			return err
		}
	}
	return nil
}

// Release gives all memory back. Nil may be released.
func (s *Scatter) Release() {
	if s == nil {
		return
	}
	for _, b := range s.slabs {
		s.acc.Release(b)
	}
	s.acc.Release(s.reserve)
	*s = Scatter{acc: s.acc, Stride: s.Stride}
}

// Add1 appends n rows of one word each, at most: the hot loop of distinct sets and of counts by one key.
func (s *Scatter) Add1(keys []uint64, n int) error {
	for _, k := range keys[:n] {
		// 256 cursors of 16 bytes are 4 KiB, and one line of each partition 16 KiB: together they fit a first-level
		// cache of 32 KiB. More partitions would not, and every row would then miss.
		c := &s.cursor[mix1(k)>>(64-PartitionBits)]
		if c.left == 0 {
			if err := s.grow(int(mix1(k) >> (64 - PartitionBits))); err != nil {
				return err
			}
		}
		// A raw store: bounds were checked for the whole chunk when left was set, and the memory is off-heap, so that
		// no write barrier is missed.
		*(*uint64)(c.at) = k
		c.at = unsafe.Add(c.at, 8)
		c.left--
	}
	return nil
}

// Add2 appends n rows of two words each.
func (s *Scatter) Add2(keys []uint64, n int) error {
	for i := range n {
		a, b := keys[2*i], keys[2*i+1]
		h := Mix(a, b)
		c := &s.cursor[h>>(64-PartitionBits)]
		if c.left == 0 {
			if err := s.grow(int(h >> (64 - PartitionBits))); err != nil {
				return err
			}
		}
		*(*[2]uint64)(c.at) = [2]uint64{a, b}
		c.at = unsafe.Add(c.at, 16)
		c.left--
	}
	return nil
}

// AddN appends n rows of stride words each.
func (s *Scatter) AddN(keys []uint64, n int) error {
	for i := range n {
		key := keys[i*s.Stride : i*s.Stride+s.Stride]
		at, err := s.Next(int(HashKey(key) >> (64 - PartitionBits)))
		if err != nil {
			return err
		}
		row := unsafe.Slice((*uint64)(at), s.Stride)
		copy(row, key)
	}
	return nil
}
