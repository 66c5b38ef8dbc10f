package segment

import (
	"context"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

// entryScan answers a counted request with the entries of a dictionary and the numbers of their rows, which were stored
// with it: no row is read. The terms are on the same column, so that they hold for all rows of an entry or for none.
type entryScan struct {
	*partScan
	dict *batch.Dictionary
}

var _ scan.CountedScan = (*entryScan)(nil)

// Counted implements scan.CountedScan.
func (s *entryScan) Counted() {}

// Morsels implements scan.PartScan: some entries each. The first one also has the NULLs.
func (s *entryScan) Morsels() int { return max(1, (s.dict.Len+scan.MorselRows-1)/scan.MorselRows) }

// Cursor implements scan.PartScan.
func (s *entryScan) Cursor() (scan.Cursor, error) { return &entryCursor{s: s}, nil }

// entryCursor is the state of one worker.
type entryCursor struct {
	s       *entryScan
	at, end int  // entries of the morsel that were not looked at yet
	nulls   bool // the NULLs are still to be handed out

	base      int      // the entry that idx counts from
	idx       []uint16 // entries that satisfy the terms, not handed out yet
	bits, tmp [batch.MaxRows / 64]uint64
	index     [batch.MaxRows]uint16
	n         tally
}

// Seek implements scan.Cursor.
func (c *entryCursor) Seek(morsel int) error {
	if morsel < 0 || morsel >= c.s.Morsels() {
		return errs.Internal("morsel %d of %d", morsel, c.s.Morsels())
	}
	c.at = morsel * scan.MorselRows
	c.end = min(c.at+scan.MorselRows, c.s.dict.Len)
	c.nulls = morsel == 0 && c.nullRows() > 0
	c.idx = nil
	return nil
}

func (c *entryCursor) nullRows() int64 { return c.s.seg.cols[c.s.outs[0].col].stats.Nulls }

// Next implements scan.Cursor.
func (c *entryCursor) Next(ctx context.Context, out *batch.Batch) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	for len(c.idx) == 0 {
		if c.nulls {
			c.nulls = false
			ok, err := c.nullsPass()
			if err != nil {
				return false, err
			}
			if ok {
				c.emitNulls(out)
				return true, nil
			}
		}
		if c.at >= c.end {
			c.count()
			return false, nil
		}
		if err := c.selectEntries(); err != nil {
			return false, err
		}
	}
	c.emit(out)
	return true, nil
}

// selectEntries applies the terms to the next entries.
func (c *entryCursor) selectEntries() error {
	n := min(batch.MaxRows, c.end-c.at)
	bits := batch.Bitmap(c.bits[:batch.Words(n)])
	bits.Fill(n)
	for _, t := range c.s.terms {
		p, err := t.ready()
		if err != nil {
			return err
		}
		if err := c.match(p, n); err != nil {
			return err
		}
	}
	c.n.scanned += int64(n)
	c.base, c.idx = c.at, bits.AppendIndexes(c.index[:0])
	c.at += n
	return nil
}

// match clears the bits of the next n entries that do not satisfy a predicate on codes.
func (c *entryCursor) match(p *scan.Pred, n int) error {
	bits := batch.Bitmap(c.bits[:batch.Words(n)])
	switch p.Kind {
	case scan.PredAll:
	case scan.PredNone, scan.PredNull:
		clear(bits)
	case scan.PredCodes:
		bits.And(p.Codes[c.at>>6:][:len(bits)])
	case scan.PredInts:
		set := batch.Bitmap(c.tmp[:len(bits)])
		clear(set)
		for i := range n {
			if p.Int(int64(c.at + i)) {
				set.Set(i)
			}
		}
		bits.And(set)
	default:
		return errs.Internal("a predicate of kind %d on codes", p.Kind)
	}
	return nil
}

// nullsPass tells whether NULL satisfies all terms: only IS NULL lets it.
func (c *entryCursor) nullsPass() (bool, error) {
	for _, t := range c.s.terms {
		p, err := t.ready()
		if err != nil || p.Kind != scan.PredNull {
			return false, err
		}
	}
	return true, nil
}

func (c *entryCursor) emitNulls(out *batch.Batch) {
	values, counts := c.begin(out, 1)
	values.ResetConstant(types.NullOf(c.s.outs[0].typ), 1)
	counts[0] = c.nullRows()
	c.n.returned++
}

// emit hands out the next of the selected entries.
func (c *entryCursor) emit(out *batch.Batch) {
	idx := c.idx[:min(len(c.idx), c.s.limit)]
	c.idx = c.idx[len(idx):]
	values, counts := c.begin(out, len(idx))
	values.ResetDict(c.s.outs[0].typ, c.s.dict, len(idx))
	for i, x := range idx {
		code := c.base + int(x)
		values.Codes[i], counts[i] = uint32(code), int64(c.s.dict.Counts[code])
	}
	c.n.returned += int64(len(idx))
}

// begin gives out its two columns and n rows.
func (c *entryCursor) begin(out *batch.Batch, n int) (values *batch.Vector, counts []int64) {
	for len(out.Cols) < 2 {
		out.Cols = append(out.Cols, new(batch.Vector))
	}
	out.Cols, out.Len, out.Sel = out.Cols[:2], n, batch.Selection{}
	out.Cols[1].Reset(types.T(types.Int8), n)
	return out.Cols[0], batch.Values[int64](out.Cols[1])
}

func (c *entryCursor) count() {
	if c.s.counters != nil {
		c.n.flush(c.s.counters)
	}
}

// Close implements scan.Cursor.
func (c *entryCursor) Close() { c.count() }
