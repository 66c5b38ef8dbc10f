package scan

import (
	"context"
	"slices"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/types"
)

// EntryScan answers a counted request with the entries of a dictionary and the numbers of their rows: no row is read.
// The terms are on the same column, so that they hold for all rows of an entry or for none. Every entry comes once, in the
// order of the dictionary.
type EntryScan struct {
	Dict  *batch.Dictionary // its Counts may be fewer than its entries
	Nulls int64
	Type  types.Type
	// Whole says that every entry has rows: without a term the cursor need not look.
	Whole bool
	// Terms give the terms of the request as predicates on codes (of kind PredNull when they are true for NULL). They
	// are called by several workers at once.
	Terms   []func() (*Pred, error)
	Request *Request
	Release func() // called by Close, if not nil
}

var _ PartScan = (*EntryScan)(nil)

// Morsels implements PartScan: some entries each. The first one also has the NULLs.
func (s *EntryScan) Morsels() int { return max(1, (len(s.Dict.Counts)+MorselRows-1)/MorselRows) }

// Dictionary implements PartScan. The second column is the numbers.
func (s *EntryScan) Dictionary(column int) *batch.Dictionary {
	if column > 0 {
		return nil
	}
	return s.Dict
}

// Cursor implements PartScan.
func (s *EntryScan) Cursor() (Cursor, error) { return &entryCursor{s: s}, nil }

// Close implements PartScan.
func (s *EntryScan) Close() {
	if s.Release != nil {
		s.Release()
	}
}

func (s *EntryScan) limit() int {
	if n := s.Request.BatchRows; n > 0 && n < batch.MaxRows {
		return n
	}
	return batch.MaxRows
}

// entryCursor is the state of one worker.
type entryCursor struct {
	s       *EntryScan
	at, end int  // entries of the morsel that were not looked at yet
	nulls   bool // the NULLs are still to be handed out

	base      int      // the entry that idx and run count from
	idx       []uint16 // entries that satisfy the terms, not handed out yet
	run       int      // all of the next entries do; idx is empty then
	bits, tmp [batch.MaxRows / 64]uint64
	index     [batch.MaxRows]uint16

	scanned, returned int64 // not in the request's counters yet
}

// Seek implements scan.Cursor.
func (c *entryCursor) Seek(morsel int) error {
	if morsel < 0 || morsel >= c.s.Morsels() {
		return errs.Internal("morsel %d of %d", morsel, c.s.Morsels())
	}
	c.at = morsel * MorselRows
	c.end = min(c.at+MorselRows, len(c.s.Dict.Counts))
	c.nulls = morsel == 0 && c.s.Nulls > 0
	c.idx, c.run = nil, 0
	return nil
}

// Next implements scan.Cursor.
func (c *entryCursor) Next(ctx context.Context, out *batch.Batch) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	for len(c.idx) == 0 && c.run == 0 {
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

// selectEntries applies the terms to the next entries, and leaves out those without a row.
func (c *entryCursor) selectEntries() error {
	n := min(batch.MaxRows, c.end-c.at)
	if len(c.s.Terms) == 0 && (c.s.Whole || !slices.Contains(c.s.Dict.Counts[c.at:c.at+n], 0)) {
		// A whole dictionary is what a grouping by a plain column reads. By way of the bitmap its entries took 4 ns each.
		c.base, c.run = c.at, n
		c.scanned += int64(n)
		c.at += n
		return nil
	}
	bits := batch.Bitmap(c.bits[:batch.Words(n)])
	bits.Fill(n)
	for _, t := range c.s.Terms {
		p, err := t()
		if err != nil {
			return err
		}
		if err := c.match(p, n); err != nil {
			return err
		}
	}
	c.scanned += int64(n)
	c.base, c.idx = c.at, c.index[:0]
	for _, i := range bits.AppendIndexes(c.index[:0]) {
		if c.s.Dict.Counts[c.at+int(i)] > 0 {
			c.idx = append(c.idx, i)
		}
	}
	c.at += n
	return nil
}

// match clears the bits of the next n entries that do not satisfy a predicate on codes.
func (c *entryCursor) match(p *Pred, n int) error {
	bits := batch.Bitmap(c.bits[:batch.Words(n)])
	switch p.Kind {
	case PredAll:
	case PredNone, PredNull:
		clear(bits)
	case PredCodes:
		bits.And(p.Codes[c.at>>6:][:len(bits)])
	case PredInts:
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
	for _, t := range c.s.Terms {
		p, err := t()
		if err != nil || p.Kind != PredNull {
			return false, err
		}
	}
	return true, nil
}

func (c *entryCursor) emitNulls(out *batch.Batch) {
	values, counts := c.begin(out, 1)
	values.ResetConstant(types.NullOf(c.s.Type), 1)
	counts[0] = c.s.Nulls
	c.returned++
}

// emit hands out the next of the selected entries.
func (c *entryCursor) emit(out *batch.Batch) {
	if c.run > 0 {
		c.emitRun(out)
		return
	}
	idx := c.idx[:min(len(c.idx), c.s.limit())]
	c.idx = c.idx[len(idx):]
	values, counts := c.begin(out, len(idx))
	values.ResetDict(c.s.Type, c.s.Dict, len(idx))
	for i, x := range idx {
		code := c.base + int(x)
		values.Codes[i], counts[i] = uint32(code), int64(c.s.Dict.Counts[code])
	}
	c.returned += int64(len(idx))
}

// emitRun hands out the next entries, one behind the other. Their numbers are lent as they lie, as words packed in 32
// bits: who only counts reads them where they are.
func (c *entryCursor) emitRun(out *batch.Batch) {
	n := min(c.run, c.s.limit())
	c.twoColumns(out, n)
	values := out.Cols[0]
	values.ResetDict(c.s.Type, c.s.Dict, n)
	codes := values.Codes[:n]
	for i := range codes {
		codes[i] = uint32(c.base + i)
	}
	out.Cols[1].ResetPacked(types.T(types.Int8), 0, 32, mem.Bytes(c.s.Dict.Counts[c.base:c.base+n]), n)
	c.base, c.run = c.base+n, c.run-n
	c.returned += int64(n)
}

// begin gives out its two columns and n rows.
func (c *entryCursor) begin(out *batch.Batch, n int) (values *batch.Vector, counts []int64) {
	c.twoColumns(out, n)
	out.Cols[1].Reset(types.T(types.Int8), n)
	return out.Cols[0], batch.Values[int64](out.Cols[1])
}

func (c *entryCursor) twoColumns(out *batch.Batch, n int) {
	for len(out.Cols) < 2 {
		out.Cols = append(out.Cols, new(batch.Vector))
	}
	out.Cols, out.Len, out.Sel = out.Cols[:2], n, batch.Selection{}
}

func (c *entryCursor) count() {
	if c.s.Request.Counters != nil {
		c.s.Request.Counters.RowsScanned.Add(c.scanned)
		c.s.Request.Counters.RowsReturned.Add(c.returned)
		c.scanned, c.returned = 0, 0
	}
}

// Close implements scan.Cursor.
func (c *entryCursor) Close() { c.count() }
