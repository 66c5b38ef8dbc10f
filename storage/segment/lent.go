package segment

import (
	"context"
	"sync"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/cache"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/kernel"
	"github.com/siltstone-db/siltstone/storage/scan"
)

// lentScan is the scan of a part whose dictionaries would not fit into the cache beside those that its snapshot holds
// already. It has them only while cursors are in the part, and hands out copies of strings: so tables of which all
// dictionaries together are larger than the memory can be read, by as many at a time as there are workers, only slower.
type lentScan struct {
	*partScan // of the request, without terms, columns and dictionaries: those are opened inside

	mu struct {
		sync.Mutex
		cursors int
		inside  *partScan // while there are cursors
		none    bool      // no row of inside matches
	}
}

// pinnedPart is the part of the cache that dictionaries of one snapshot may hold: the other one is for blocks, for other
// queries, and for dictionaries that are lent.
const pinnedPart = 2

// overdrawn tells whether the dictionaries of a request are too large to be kept.
func (s *partScan) overdrawn() bool {
	limit := s.seg.cache.Limit()
	if s.ownPins || limit == 0 {
		return false
	}
	need := int64(0)
	seen := make([]bool, len(s.seg.cols))
	add := func(column int) {
		if column < 0 {
			return
		}
		c := s.part.column(column)
		if c < 0 || seen[c] || s.seg.cols[c].dict == nil {
			return
		}
		seen[c] = true
		if at := s.seg.cols[c].dictAt.Load(); at != nil && s.pins.has(at.buffer) {
			return
		}
		_, _, _, size := s.seg.cols[c].dict.layout()
		need += int64(size)
	}
	for i := range s.req.Terms {
		add(s.req.Terms[i].Column)
	}
	for _, c := range s.req.Columns {
		add(c)
	}
	return need > 0 && s.pins.bytes()+need > limit/pinnedPart
}

// lend makes the scan of a part whose dictionaries are not kept, nil when no row can match.
func (s *partScan) lend() (scan.PartScan, error) {
	for i := range s.req.Terms {
		t := &s.req.Terms[i]
		if err := s.part.fits(t.Column); err != nil {
			return nil, err
		}
		if scan.Prune(t, s.part.Stats(t.Column)) == kernel.None {
			return nil, nil
		}
	}
	l := &lentScan{partScan: s}
	if s.req.Counted {
		return scan.Ones(l), nil
	}
	return l, nil
}

// Dictionary implements scan.PartScan: there are none to point into.
func (l *lentScan) Dictionary(int) *batch.Dictionary { return nil }

// Close implements scan.PartScan. Cursors have given the dictionaries back.
func (l *lentScan) Close() {}

// lentBatchBytes is about what the strings of a batch take that are copied: rows may have megabytes.
const lentBatchBytes = 4 << 20

// Cursor implements scan.PartScan.
func (l *lentScan) Cursor() (scan.Cursor, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.mu.inside == nil && !l.mu.none {
		if err := l.openLocked(); err != nil {
			return nil, err
		}
	}
	c := &lentCursor{scan: l}
	if l.mu.none {
		return c, nil
	}
	l.mu.cursors++
	c.cursor = newCursor(l.mu.inside)
	return c, nil
}

// openLocked opens the scan inside, with pins of its own.
func (l *lentScan) openLocked() error {
	in := &partScan{part: l.part, seg: l.seg, req: l.req, counters: l.counters, pins: new(Pins), ownPins: true, limit: l.limit}
	ok, err := in.open()
	if err != nil || !ok {
		in.Close()
		l.mu.none = err == nil
		return err
	}
	bytes := 0.0
	for _, o := range in.outs {
		if o.dict != nil {
			bytes += float64(len(o.dict.Heap)) / float64(max(o.dict.Len, 1))
		}
	}
	if rows := lentBatchBytes / max(bytes, 1); rows < float64(in.limit) {
		in.limit = max(int(rows), 1)
	}
	l.mu.inside = in
	return nil
}

// leave ends a cursor; the last one gives the dictionaries back.
func (l *lentScan) leave() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.mu.cursors--; l.mu.cursors == 0 {
		l.mu.inside.Close()
		l.mu.inside = nil
	}
}

// lentCursor reads for one worker.
type lentCursor struct {
	scan   *lentScan
	cursor *cursor     // nil: no row matches
	in     batch.Batch // what cursor fills: vectors of the caller's, but for those with a dictionary
	own    []*batch.Vector
}

// Seek implements scan.Cursor.
func (c *lentCursor) Seek(morsel int) error {
	if c.cursor == nil {
		if morsel < 0 || morsel >= c.scan.Morsels() {
			return errs.Internal("morsel %d of %d", morsel, c.scan.Morsels())
		}
		return nil
	}
	return c.cursor.Seek(morsel)
}

// Next implements scan.Cursor.
func (c *lentCursor) Next(ctx context.Context, out *batch.Batch) (bool, error) {
	if c.cursor == nil {
		return false, ctx.Err()
	}
	outs := c.cursor.s.outs
	for len(out.Cols) < len(outs) {
		out.Cols = append(out.Cols, new(batch.Vector))
	}
	out.Cols = out.Cols[:len(outs)]
	for len(c.own) < len(outs) {
		c.own = append(c.own, new(batch.Vector))
	}
	c.in.Cols = append(c.in.Cols[:0], out.Cols...)
	for i := range outs {
		if outs[i].dict != nil {
			c.in.Cols[i] = c.own[i]
		}
	}
	ok, err := c.cursor.Next(ctx, &c.in)
	if err != nil || !ok {
		return false, err
	}
	out.Len, out.Sel = c.in.Len, c.in.Sel
	for i := range outs {
		if outs[i].dict != nil {
			out.Cols[i].Flatten(c.own[i])
		}
	}
	return true, nil
}

// Close implements scan.Cursor.
func (c *lentCursor) Close() {
	if c.cursor != nil {
		c.cursor.Close()
		c.cursor = nil
		c.scan.leave()
	}
}

// has tells whether a buffer is held.
func (p *Pins) has(b *cache.Buffer) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, ok := p.mu.held[b]
	return ok
}

// bytes returns what the held buffers take.
func (p *Pins) bytes() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.mu.bytes
}
