package segment

import (
	"context"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/cache"
	"github.com/siltstone-db/siltstone/storage/encoding"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/kernel"
	"github.com/siltstone-db/siltstone/storage/scan"
)

// cursor is the state of one worker. For each vector of 2,048 rows it applies the terms to encoded values, cheapest
// first, until none or all are left; only then it looks at the columns of the answer, and only for the rows that are
// left. Survivors of several vectors are collected into one batch, so that a selective scan does not hand out crumbs.
type cursor struct {
	s      *partScan
	blocks []openBlock // by column of the segment; opened when first needed
	late   []lateTerm
	outs   []outState

	block       int // of the morsel
	vector, end int // next vector of the morsel in the block, and the one after the last
	zone        int // the zone that skip and all were computed for, -1: none
	skip        bool
	all         []bool // per term: every row of the zone satisfies it

	rows  int // of the current vector
	dense bool
	idx   []uint16 // surviving rows, unless dense; nil: not listed yet, holes has the others
	holes []uint16 // the rows that were deleted, where they are few and all others survive
	moves []move   // what fills the holes, if rows may be in any order; rows behind the survivors fall away
	count int      // number of survivors
	pos   int      // survivors handed out already
	cur   int      // the current vector

	bits, tmp [batch.MaxRows / 64]uint64
	index     [batch.MaxRows]uint16
	swaps     [holesMost]move
	scratch   []uint64 // a decoded vector
	flat      batch.Vector
	hidden    []int64 // identities that are stored
	n         tally
}

// move puts a row of a vector into the place of another.
type move struct{ to, from uint16 }

// tally counts privately what goes into the request's counters once per batch.
type tally struct{ scanned, returned, packed, decoded, values, zones, pruned int64 }

// openBlock is the block of a column that the cursor stands in.
type openBlock struct {
	number   int // -1: none
	values   *cache.Buffer
	validity *cache.Buffer
	blk      encoding.Block
	nulls    encoding.Block
}

// identity is the row numbers of a vector.
var identity = func() (v [batch.MaxRows]uint16) {
	for i := range v {
		v[i] = uint16(i)
	}
	return v
}()

func newCursor(s *partScan) *cursor {
	c := &cursor{s: s, blocks: make([]openBlock, len(s.seg.cols)), all: make([]bool, len(s.terms)), block: -1, zone: -1}
	for i := range c.blocks {
		c.blocks[i].number = -1
	}
	c.scratch = make([]uint64, batch.MaxRows*2)
	c.outs = make([]outState, len(s.outs))
	for _, l := range s.req.Late {
		c.late = append(c.late, lateTerm{late: l})
	}
	return c
}

// Seek implements scan.Cursor.
func (c *cursor) Seek(morsel int) error {
	if morsel < 0 || morsel >= c.s.Morsels() {
		return errs.Internal("morsel %d of %d", morsel, c.s.Morsels())
	}
	const perBlock, perMorsel = scan.BlockRows / scan.MorselRows, scan.MorselRows / batch.MaxRows
	c.block = morsel / perBlock
	c.vector = morsel % perBlock * perMorsel
	rows := min(c.s.seg.rows-c.block*scan.BlockRows, scan.BlockRows)
	c.end = min(c.vector+perMorsel, (rows+batch.MaxRows-1)/batch.MaxRows)
	c.zone, c.pos, c.count = -1, 0, 0
	return nil
}

// Next implements scan.Cursor.
func (c *cursor) Next(ctx context.Context, out *batch.Batch) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	n, err := c.fill(out)
	if c.s.counters != nil {
		c.n.returned += int64(n)
		c.n.flush(c.s.counters)
	}
	return n > 0, err
}

func (c *cursor) fill(out *batch.Batch) (int, error) {
	limit := c.s.limit
	n := 0
	for n < limit {
		if c.pos == c.count {
			more, err := c.advance()
			if err != nil {
				return 0, err
			}
			if !more {
				break
			}
			// A batch that is half full rather goes out than that the next vector is decoded twice.
			if c.count > limit-n && n >= limit/2 && n > 0 {
				break
			}
		}
		if n == 0 {
			if err := c.begin(out); err != nil {
				return 0, err
			}
		}
		k := min(limit-n, c.count-c.pos)
		if err := c.emit(out, n, k); err != nil {
			return 0, err
		}
		n += k
		c.pos += k
	}
	if n > 0 {
		c.finish(out, n)
	}
	return n, nil
}

// advance goes to the next vector of the morsel that has survivors; false at the end.
func (c *cursor) advance() (bool, error) {
	for c.vector < c.end {
		v := c.vector
		if zone := (c.block*scan.BlockRows + v*batch.MaxRows) / scan.ZoneRows; zone != c.zone {
			if err := c.enterZone(zone); err != nil {
				return false, err
			}
		}
		if c.skip {
			const perZone = scan.ZoneRows / batch.MaxRows
			c.vector = min(c.end, (v/perZone+1)*perZone)
			continue
		}
		c.vector++
		c.cur = v
		c.rows = min(c.s.seg.rows-c.block*scan.BlockRows-v*batch.MaxRows, batch.MaxRows)
		if err := c.selectRows(); err != nil {
			return false, err
		}
		if c.count > 0 {
			c.pos = 0
			return true, nil
		}
	}
	c.pos, c.count = 0, 0
	return false, nil
}

// enterZone asks the zone maps.
func (c *cursor) enterZone(zone int) error {
	rows := min(c.s.seg.rows-zone*scan.ZoneRows, scan.ZoneRows)
	c.zone, c.skip = zone, c.s.part.deleted.All(zone*scan.ZoneRows, rows)
	c.n.zones++
	for i, t := range c.s.terms {
		if c.skip {
			break
		}
		v := c.zoneVerdict(t.col, zone, rows, &t.value)
		c.all[i] = v == kernel.All
		c.skip = v == kernel.None
	}
	for i := range c.late {
		c.late[i].refresh(c)
		l := &c.late[i]
		switch {
		case l.term == nil || c.skip:
		case l.col < 0:
			c.skip = scan.Prune(l.term, c.s.part.Stats(l.term.Column)) == kernel.None
		default:
			v := c.zoneVerdict(l.col, zone, rows, &l.pred)
			l.all, c.skip = v == kernel.All, v == kernel.None
		}
	}
	if c.skip {
		c.n.pruned++
	}
	return nil
}

func (c *cursor) zoneVerdict(col, zone, rows int, p *scan.Pred) kernel.Verdict {
	m := &c.s.seg.cols[col]
	return m.zones.Verdict(zone, rows, p, m.Type.Physical())
}

// lateTerm is a term that may become tighter while the scan runs.
type lateTerm struct {
	late *scan.Late
	term *scan.Term // the one that pred was made from
	col  int        // of the segment; -1: what is known of the whole part must do
	pred scan.Pred
	rows bool // pred is asked for rows, not only for zones
	all  bool // every row of the zone satisfies it
	// Of a set of values, which has to decode them: rows that were asked for, and those that were left.
	asked, left int
}

// lateProbation is how many rows a late term on a set of values has to show that it is worth its while: when more than
// 3/4 of them were left, it is asked for zones alone. To decode and ask 4 rows costs about what a row costs that goes on
// to a join.
const lateProbation = 16 * batch.MaxRows

// refresh takes the newest term.
func (l *lateTerm) refresh(c *cursor) {
	t := l.late.Get()
	if t == l.term {
		return
	}
	l.term = t
	if t == nil {
		return
	}
	l.col, l.rows, l.all = c.s.part.column(t.Column), false, false
	if l.col < 0 || c.s.part.wide(t.Column) {
		l.col = -1
		return
	}
	m := &c.s.seg.cols[l.col]
	l.pred = scan.Compile(t, m.Type)
	l.rows = m.dict == nil && (l.pred.Kind == scan.PredInts || l.pred.Kind == scan.PredSet && l.pred.Set.HasBits())
	l.asked, l.left = 0, 0
}

// judge gives up asking for rows when a set of values leaves most of them.
func (l *lateTerm) judge(asked int, left batch.Bitmap) {
	if l.pred.Kind != scan.PredSet {
		return
	}
	l.asked += asked
	l.left += left.Count()
	if l.asked >= lateProbation && l.left > l.asked/4*3 {
		l.rows = false
	}
}

func (t *tally) flush(c *scan.Counters) {
	c.RowsScanned.Add(t.scanned)
	c.RowsReturned.Add(t.returned)
	c.RowsOnPacked.Add(t.packed)
	c.RowsDecodedForTerms.Add(t.decoded)
	c.ValuesDecoded.Add(t.values)
	c.Zones.Add(t.zones)
	c.ZonesPruned.Add(t.pruned)
	*t = tally{}
}

// Close implements scan.Cursor.
func (c *cursor) Close() {
	for i := range c.blocks {
		c.blocks[i].release()
	}
}
