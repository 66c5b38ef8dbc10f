package segment

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/siltstone-db/siltstone/storage/cache"
	"github.com/siltstone-db/siltstone/storage/encoding"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

// stored are scratch buffers for compressed bytes on their way in.
var stored = sync.Pool{New: func() any { return new([]byte) }}

// fetch reads a buffer (counting it in n, unless that is nil), checks its checksum and fills dst, whose length is the plain size.
func (s *Segment) fetch(r ref, dst []byte, n *scan.Counters) error {
	if n != nil {
		n.BytesRead.Add(int64(r.stored))
	}
	if r.codec == codecNone {
		if err := s.readAt(dst, int64(r.offset)); err != nil {
			return err
		}
		return r.verify(dst)
	}
	p := stored.Get().(*[]byte)
	defer stored.Put(p)
	*p = grow(*p, int(r.stored))
	if err := s.readAt(*p, int64(r.offset)); err != nil {
		return err
	}
	if err := r.verify(*p); err != nil {
		return err
	}
	return decompress(dst, *p, r.codec)
}

// eachOf calls do for the numbers below n, divided among all cores, and returns the first error: whoever asks for a
// dictionary that is not in the cache waits for it.
func eachOf(n int, do func(i int) error) error {
	var next atomic.Int64
	var failed atomic.Pointer[error]
	work := func() {
		for failed.Load() == nil {
			i := int(next.Add(1) - 1)
			if i >= n {
				return
			}
			if err := do(i); err != nil {
				failed.CompareAndSwap(nil, &err)
			}
		}
	}
	var others sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), n/2) - 1 {
		others.Go(work)
	}
	work()
	others.Wait()
	if err := failed.Load(); err != nil {
		return *err
	}
	return nil
}

func (r ref) verify(b []byte) error {
	if got := checksum(b); got != r.crc {
		return errs.Corrupt("%d bytes at %d: checksum %08x, want %08x", len(b), r.offset, got, r.crc)
	}
	return nil
}

// values returns the pinned buffer of a block's values. What enters the cache was checked so far that no later use of
// it can fail.
func (s *Segment) values(col, block int, n *scan.Counters) (*cache.Buffer, error) {
	c := &s.cols[col]
	r := c.blocks[block].values
	key := cache.Key{File: s.file, Offset: r.offset}
	if b := s.cache.Lookup(key); b != nil {
		return b, nil
	}
	b, err := s.cache.Load(key, int(r.plain), func(dst []byte) error {
		if err := s.fetch(r, dst, n); err != nil {
			return err
		}
		return c.checkValues(block, dst)
	})
	if err != nil {
		return nil, s.wrap(fmt.Errorf("column %q: block %d: %w", c.Name, block, err))
	}
	return b, nil
}

// checkValues decodes a block's header, and the codes of one with a dictionary.
func (c *column) checkValues(block int, b []byte) error {
	var blk encoding.Block
	if err := blk.Open(b, c.elem); err != nil {
		return err
	}
	m := &c.blocks[block]
	if blk.Rows != int(m.rows) || blk.ID != m.encoding {
		return errs.Corrupt("%s block of %d rows, want %s of %d", blk.ID, blk.Rows, m.encoding, m.rows)
	}
	phys := c.Type.Physical()
	if plain := phys == types.PhysBytes && c.dict == nil; plain != (blk.ID == encoding.Strings) ||
		blk.ID == encoding.Bits && phys != types.PhysBool {
		return errs.Corrupt("%s block for %s", blk.ID, c.Type)
	}
	if c.dict == nil {
		return nil
	}
	codes := make([]uint32, maxVector)
	for v := range blk.Vectors() {
		part := codes[:blk.Len(v)]
		blk.Decode(v, mem.Bytes(part))
		for i, x := range part {
			if x >= uint32(c.dict.entries) {
				return errs.Corrupt("row %d: code %d of %d entries", v*maxVector+i, x, c.dict.entries)
			}
		}
	}
	return nil
}

// validity returns the pinned buffer of a block's validity.
func (s *Segment) validity(col, block int, n *scan.Counters) (*cache.Buffer, error) {
	c := &s.cols[col]
	r := c.blocks[block].validity
	key := cache.Key{File: s.file, Offset: r.offset}
	if b := s.cache.Lookup(key); b != nil {
		return b, nil
	}
	b, err := s.cache.Load(key, int(r.plain), func(dst []byte) error {
		if err := s.fetch(r, dst, n); err != nil {
			return err
		}
		var blk encoding.Block
		if err := blk.Open(dst, 0); err != nil {
			return err
		}
		if m := &c.blocks[block]; blk.ID != encoding.Bits || blk.Rows != int(m.rows) || blk.Bitmap().Count() != int(m.rows-m.nulls) {
			return errs.Corrupt("%s block of %d rows, want %d of which %d are NULL", blk.ID, blk.Rows, m.rows, m.nulls)
		}
		return nil
	})
	if err != nil {
		return nil, s.wrap(fmt.Errorf("column %q: validity of block %d: %w", c.Name, block, err))
	}
	return b, nil
}
