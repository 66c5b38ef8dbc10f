package live

import (
	"bytes"
	"context"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/kernel"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

// cursor is the state of one worker. It reads vectors of 2,048 rows: first the columns of the terms, then the others for
// the rows that are left. Whole vectors are lent; survivors of several vectors are collected into one batch, so that a
// selective scan does not hand out crumbs.
type cursor struct {
	ps        *partScan
	conj      *scan.Conjunction
	late      []lateTerm
	chunks    []*chunk
	zones     []zone
	want      []int // columns of the request: ordinals, and numbers
	numbers   int   // stands for the numbers of the rows: behind the last ordinal; their identities come next
	cols      []*batch.Vector
	vecs      []colVector
	outs      []outState
	batchRows int

	row, end int // next vector, end of the morsel
	zone     int // the one that skip and conj's skipped terms were found for, -1: none
	skip     bool

	rows  int      // of the current vector
	index []uint16 // the rows of it that are left; nil: all
	count int      // how many are left
	pos   int      // of them, handed out already
	ids   [batch.MaxRows]uint16
	bits  [batch.MaxRows / 64]uint64
	tmp   [batch.MaxRows / 64]uint64
	n     tally
}

// tally counts privately what goes into the request's counters once per batch.
type tally struct{ scanned, returned, zones, pruned int64 }

// colVector is one column of the vector that the cursor looks at.
type colVector struct {
	v      batch.Vector
	wide   batch.Vector // v as the table's type, where that has another physical form
	loaded bool
	valid  [batch.MaxRows / 64]uint64
	bools  [batch.MaxRows / 64]uint64
}

// outState is a column of the batch that is being filled.
type outState struct {
	nulls bool // valid is in use
	valid [batch.MaxRows / 64]uint64
}

// identity is the row numbers of a vector.
var identity = func() (v [batch.MaxRows]uint16) {
	for i := range v {
		v[i] = uint16(i)
	}
	return v
}()

func newCursor(ps *partScan) *cursor {
	c := &cursor{ps: ps, conj: ps.conj.Fork(), chunks: *ps.p.s.chunks.Load(), zones: *ps.p.s.zones.Load(), zone: -1}
	c.batchRows = ps.req.BatchRows
	if c.batchRows <= 0 || c.batchRows > batch.MaxRows {
		c.batchRows = batch.MaxRows
	}
	c.numbers = len(ps.types)
	for _, col := range ps.req.Columns {
		switch col {
		case scan.RowNumber:
			col = c.numbers
		case scan.Identity:
			col = c.numbers + 1
		}
		c.want = append(c.want, col)
	}
	c.cols = make([]*batch.Vector, len(ps.types)+2)
	c.vecs = make([]colVector, len(ps.types)+2)
	for i := range c.cols {
		c.cols[i] = &c.vecs[i].v
	}
	c.outs = make([]outState, len(ps.req.Columns))
	for _, l := range ps.req.Late {
		c.late = append(c.late, lateTerm{late: l})
	}
	return c
}

func (c *cursor) Close() {}

func (c *cursor) Seek(morsel int) error {
	c.row = morsel * scan.MorselRows
	c.end = min(c.row+scan.MorselRows, c.ps.p.rows)
	c.zone, c.count, c.pos = -1, 0, 0
	return nil
}

func (c *cursor) Next(ctx context.Context, out *batch.Batch) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	n, err := c.fill(out)
	if k := c.ps.req.Counters; k != nil {
		c.n.returned += int64(n)
		c.n.flush(k)
		c.conj.Flush()
	}
	return n > 0, err
}

func (t *tally) flush(k *scan.Counters) {
	k.RowsScanned.Add(t.scanned)
	k.LiveRows.Add(t.scanned)
	k.RowsReturned.Add(t.returned)
	k.Zones.Add(t.zones)
	k.ZonesPruned.Add(t.pruned)
	*t = tally{}
}

// fill makes out the next rows of the morsel and returns their number.
func (c *cursor) fill(out *batch.Batch) (int, error) {
	n := 0
	for n < c.batchRows {
		if c.pos == c.count {
			if more, err := c.advance(); err != nil {
				return 0, err
			} else if !more {
				break
			}
		}
		if left := c.count - c.pos; n > 0 && (c.index == nil || left > c.batchRows-n && n >= c.batchRows/2) {
			break // a batch goes out rather than that a vector is copied which can be lent, or is loaded twice
		}
		if n == 0 && c.index == nil && c.rows <= c.batchRows {
			c.lend(out)
			return c.rows, nil
		}
		if n == 0 {
			c.begin(out)
		}
		k := min(c.batchRows-n, c.count-c.pos)
		c.emit(out, n, k)
		n += k
		c.pos += k
	}
	if n > 0 {
		c.finish(out, n)
	}
	return n, nil
}

// advance goes to the next vector of the morsel that has rows left; false at the end.
func (c *cursor) advance() (bool, error) {
	for c.row < c.end {
		if z := c.row / scan.ZoneRows; z != c.zone {
			c.enterZone(z)
		}
		if c.skip {
			c.row = min(c.end, (c.zone+1)*scan.ZoneRows)
			continue
		}
		at := c.row
		c.rows = min(batch.MaxRows, c.end-at)
		c.row += c.rows
		if err := c.match(at); err != nil {
			return false, err
		}
		if c.count > 0 {
			for _, col := range c.want {
				c.load(col, at)
			}
			return true, nil
		}
	}
	return false, nil
}

// enterZone asks the zone maps. Those of a zone that goes on behind the prefix hold for its first rows, too; the open
// zone has none.
func (c *cursor) enterZone(z int) {
	c.zone, c.skip = z, false
	c.n.zones++
	var bounds zone
	if z < len(c.zones) {
		bounds = c.zones[z]
	}
	verdict := func(t *scan.Term) kernel.Verdict {
		col := c.ps.p.column(t.Column)
		if col < 0 {
			return scan.Prune(t, c.ps.p.Stats(t.Column))
		}
		if col >= len(bounds) { // of the open zone
			return kernel.Some
		}
		return scan.Prune(t, c.ps.p.stats(&bounds[col], t.Column))
	}
	c.skip = c.conj.Enter(verdict) || c.ps.p.deleted.All(z*scan.ZoneRows, min(scan.ZoneRows, c.ps.p.rows-z*scan.ZoneRows))
	for _, l := range c.ps.req.Late {
		if t := l.Get(); t != nil {
			c.skip = c.skip || verdict(t) == kernel.None
		}
	}
	if c.skip {
		c.n.pruned++
	}
}

// match finds the rows of the current vector, which starts at a row, that satisfy the terms.
func (c *cursor) match(at int) error {
	n := c.rows
	c.pos, c.count, c.index = 0, n, nil
	c.n.scanned += int64(n)
	for i := range c.vecs {
		c.vecs[i].loaded = false
	}
	bits := batch.Bitmap(c.bits[:batch.Words(n)])
	deleted := c.ps.p.deleted.Words(at)
	if c.conj.Asks() {
		for _, t := range c.conj.Terms() {
			c.load(t.Term.Column, at)
		}
		var err error
		if c.count, err = c.conj.Match(c.cols, n, bits); err != nil {
			return err
		}
	} else if len(c.late) > 0 || deleted != nil {
		bits.Fill(n)
	}
	if deleted != nil && c.count > 0 {
		bits.AndNot(deleted)
		c.count = bits.Count()
	}
	if err := c.matchLate(at); err != nil {
		return err
	}
	if c.count < n {
		c.index = bits.AppendIndexes(c.ids[:0])
	}
	return nil
}

// matchLate takes rows out of c.bits that late terms exclude by now.
func (c *cursor) matchLate(at int) error {
	bits := batch.Bitmap(c.bits[:batch.Words(c.rows)])
	for i := range c.late {
		l := &c.late[i]
		l.refresh(c.ps.types)
		if l.matcher == nil || c.count == 0 {
			continue
		}
		c.load(l.term.Column, at)
		if err := l.matcher.Match(c.cols[l.term.Column], c.tmp[:]); err != nil {
			return err
		}
		bits.And(c.tmp[:len(bits)])
		c.count = bits.Count()
	}
	return nil
}

// lateTerm is a term that may become tighter while the scan runs.
type lateTerm struct {
	late    *scan.Late
	term    *scan.Term    // the one that matcher was made from
	matcher *scan.Matcher // nil for strings: the entries of a whole dictionary are too much for a passing bound
}

func (l *lateTerm) refresh(ts []types.Type) {
	t := l.late.Get()
	if t == l.term {
		return
	}
	l.term, l.matcher = t, nil
	if t != nil && ts[t.Column].Physical() != types.PhysBytes {
		l.matcher = scan.NewMatcher(t, ts[t.Column])
	}
}

// load makes c.cols[col] the rows of the current vector, which starts at a row and lies in one chunk.
func (c *cursor) load(col, at int) {
	cv := &c.vecs[col]
	if cv.loaded {
		return
	}
	cv.loaded = true
	v, n := &cv.v, c.rows
	if col == c.numbers+1 {
		c.ps.p.s.identities.fill(v, cv.valid[:], at, n, c.ps.p.base+uint64(at))
		return
	}
	if col == c.numbers {
		v.Reset(types.T(types.Int8), n)
		numbers := batch.Values[int64](v)
		for i := range numbers {
			numbers[i] = int64(c.ps.p.base) + int64(at+i)
		}
		return
	}
	own := c.ps.p.column(col)
	if own < 0 {
		v.ResetConstant(c.ps.p.layout.Value(col), n)
		return
	}
	c.loadOwn(cv, own, at, c.ps.dicts[col])
	switch t := c.ps.types[col]; {
	case v.Type == t:
	case v.Type.Physical() == t.Physical():
		v.Type = t
	default:
		cv.wide.Widen(v, t)
		c.cols[col] = &cv.wide
	}
}

// loadOwn loads a column of the segment.
func (c *cursor) loadOwn(cv *colVector, col, at int, d *batch.Dictionary) {
	v, n := &cv.v, c.rows
	index, start := chunkOf(at)
	ch, t := &c.chunks[index].cols[col], c.ps.p.s.cols[col].Type
	from := at - start
	v.Type, v.Len, v.Form, v.Valid, v.Codes, v.Dict, v.Data = t, n, batch.Flat, nil, nil, nil, nil
	if ch.valid != nil && bytes.IndexByte(ch.valid[from:from+n], 0) >= 0 {
		v.Valid = cv.valid[:batch.Words(n)]
		packBits(v.Valid, ch.valid[from:from+n])
	}
	switch t.Physical() {
	case types.PhysBytes:
		v.Form, v.Dict = batch.Dict, d
		v.Codes = mem.View[uint32](ch.data)[from : from+n]
	case types.PhysBool:
		words := cv.bools[:batch.Words(n)]
		packBits(words, ch.data[from:from+n])
		v.Data = mem.Bytes(words)
	default:
		w := width(t)
		v.Data = ch.data[from*w : (from+n)*w]
	}
}
