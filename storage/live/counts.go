package live

import (
	"context"
	"sync/atomic"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/scan"
)

// counts are the rows of each entry of a dictionary, as sealed dictionaries have them, for any prefix of the segment.
// Nobody counts while rows are appended. Who asks copies the numbers of a shorter prefix, adds the rows behind it, and
// leaves the result for the next one: counted numbers never change, so readers share them without a lock, and as long as
// no row arrives they are handed out as they are. Two prefixes are kept: the newest, and one that ends with a block for
// readers whose snapshot is older than that; so nobody counts more than some blocks twice. Who comes too late to leave
// his result drops it.
type counts struct{ newest, base atomic.Pointer[counted] }

// counted is the numbers of a prefix. It is immutable.
type counted struct {
	rows    int
	entries []uint32 // a reader's dictionary may be shorter or longer: entries that only one has have no row
	nulls   int64
}

// best returns the longest known prefix of at most some rows.
func (c *counts) best(rows int) *counted {
	if n := c.newest.Load(); n != nil && n.rows <= rows {
		return n
	}
	if b := c.base.Load(); b != nil && b.rows <= rows {
		return b
	}
	return &counted{}
}

// keep leaves a result, unless a longer one is there. It returns the bytes by which what is kept has grown.
func keep(at *atomic.Pointer[counted], n *counted) (grown int) {
	for {
		old := at.Load()
		if old != nil && old.rows >= n.rows {
			return 0
		}
		if at.CompareAndSwap(old, n) {
			if old != nil {
				grown = -4 * cap(old.entries)
			}
			return grown + 4*cap(n.entries)
		}
	}
}

// truncate forgets prefixes longer than some rows. No reader asks for such a prefix any more.
func (c *counts) truncate(rows int) {
	for _, at := range []*atomic.Pointer[counted]{&c.newest, &c.base} {
		if n := at.Load(); n != nil && n.rows > rows {
			at.Store(nil) // its charge stays until the segment goes
		}
	}
}

// countEntries returns the rows of each entry of d, a published dictionary of a column, among the first rows.
func (s *Segment) countEntries(ctx context.Context, column, rows int, d *batch.Dictionary) (*counted, error) {
	c := &s.dicts[column].counts
	n := c.best(rows)
	if n.rows == rows {
		return n, nil
	}
	grown := 0
	if last := rows &^ (scan.BlockRows - 1); last > n.rows {
		b, err := s.countFrom(ctx, n, column, last, d)
		if err != nil {
			return nil, err
		}
		grown += keep(&c.base, b)
		n = b
	}
	if n.rows < rows {
		var err error
		if n, err = s.countFrom(ctx, n, column, rows, d); err != nil {
			return nil, err
		}
		grown += keep(&c.newest, n)
	}
	s.alloc.charge(grown)
	return n, nil
}

// countFrom continues a count up to some rows.
func (s *Segment) countFrom(ctx context.Context, from *counted, column, rows int, d *batch.Dictionary) (*counted, error) {
	n := &counted{rows: rows, entries: make([]uint32, d.Len), nulls: from.nulls}
	copy(n.entries, from.entries)
	chunks := *s.chunks.Load()
	for at := from.rows; at < rows; {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		index, start := chunkOf(at)
		end := min(rows, chunkStart(index+1))
		c := &chunks[index].cols[column]
		codes := mem.View[uint32](c.data)[at-start : end-start]
		if c.valid == nil {
			for _, code := range codes {
				n.entries[code]++
			}
		} else {
			n.nulls += countValid(n.entries, codes, c.valid[at-start:end-start])
		}
		at = end
	}
	return n, nil
}

// countValid counts the rows that are not NULL and returns the number of the others.
func countValid(entries, codes []uint32, valid []byte) int64 {
	present := 0
	for i, code := range codes {
		v := valid[i]
		entries[code] += uint32(v)
		present += int(v)
	}
	return int64(len(codes) - present)
}
