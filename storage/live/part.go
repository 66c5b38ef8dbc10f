package live

import (
	"bytes"
	"context"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/index"
	"github.com/siltstone-db/siltstone/storage/kernel"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Prefix is the first rows of a segment, as a part of a table. It does not hold a reference: whoever made it does.
type Prefix struct {
	s       *Segment
	rows    int
	base    uint64 // number of row 0
	deleted *index.RowSet
}

// Prefix returns the first rows of the segment, which must be published.
func (s *Segment) Prefix(rows int) Prefix { return Prefix{s: s, rows: rows} }

// Without tells the number of row 0, and the rows that were deleted, which a scan leaves out.
func (p Prefix) Without(base uint64, deleted *index.RowSet) Prefix {
	p.base, p.deleted = base, deleted
	return p
}

// Rows returns the number of rows.
func (p Prefix) Rows() int { return p.rows }

// bounds returns those of a column: of the whole zones, and of the open one, which it reads.
func (p Prefix) bounds(column int) bounds {
	var b bounds
	zones := *p.s.zones.Load()
	full := p.rows / scan.ZoneRows
	noRange := false
	for _, z := range zones[:full] {
		b.merge(z[column])
		b.nulls += z[column].nulls
		noRange = noRange || !z[column].has && z[column].nulls < z[column].rows
	}
	if tail := full * scan.ZoneRows; tail < p.rows {
		o := p.s.bounds(column, tail, p.rows)
		b.merge(o)
		b.nulls += o.nulls
		noRange = noRange || !o.has && o.nulls < o.rows
	}
	b.rows = int32(p.rows)
	b.has = b.has && !noRange
	return b
}

// Totals returns what is known exactly of a column.
func (p Prefix) Totals(column int) scan.Totals {
	t := scan.Totals{Rows: int64(p.rows), Nulls: int64(p.rows)}
	if column >= len(p.s.cols) {
		return t
	}
	b := p.bounds(column)
	st := b.stats(p.s.cols[column].Type)
	t.Nulls, t.HasRange, t.Min, t.Max, t.Distinct = st.Nulls, st.HasRange, st.Min, st.Max, st.Distinct
	switch p.s.cols[column].Type.Physical() {
	case types.PhysInt16, types.PhysInt32, types.PhysInt64:
		t.HasSum, t.SumLo, t.SumHi = true, b.sumLo, b.sumHi
	}
	return t
}

// Stats returns the bounds of a column.
func (p Prefix) Stats(column int) scan.ColumnStats {
	if column >= len(p.s.cols) {
		return scan.ColumnStats{Rows: int64(p.rows), Nulls: int64(p.rows), Distinct: 0}
	}
	b := p.bounds(column)
	st := b.stats(p.s.cols[column].Type)
	if d := p.s.dicts[column]; d != nil {
		n := int(d.n.Load())
		st.Distinct = int64(n)
		if n > 0 {
			st.AvgBytes = float64(d.bufs.Load().offsets[n]) / float64(n)
		}
	}
	return st
}

// Open implements scan.Part.
func (p Prefix) Open(_ context.Context, req *scan.Request) (scan.PartScan, error) {
	for i := range req.Terms {
		if scan.Prune(&req.Terms[i], p.Stats(req.Terms[i].Column)) == kernel.None {
			return nil, nil
		}
	}
	ps := &partScan{p: p, req: req, dicts: make([]*batch.Dictionary, len(p.s.cols))}
	ps.types = p.s.types
	for _, c := range req.Columns {
		ps.dict(c)
	}
	for i := range req.Terms {
		ps.dict(req.Terms[i].Column)
	}
	for len(ps.types) <= maxColumn(req) { // columns added to the table later
		ps.types = append(ps.types[:len(ps.types):len(ps.types)], types.T(types.Unknown))
	}
	ps.conj = scan.NewConjunction(req.Terms, ps.types, req.Counters)
	return ps, nil
}

func maxColumn(req *scan.Request) int {
	m := -1
	for _, c := range req.Columns {
		m = max(m, c)
	}
	for i := range req.Terms {
		m = max(m, req.Terms[i].Column)
	}
	return m
}

var _ scan.Totaler = Prefix{}

type partScan struct {
	p     Prefix
	req   *scan.Request
	types []types.Type
	dicts []*batch.Dictionary // by ordinal
	conj  *scan.Conjunction
}

func (ps *partScan) dict(col int) {
	if col >= 0 && col < len(ps.dicts) && ps.dicts[col] == nil && ps.p.s.dicts[col] != nil {
		ps.dicts[col] = ps.p.s.dicts[col].dictionary()
	}
}

func (ps *partScan) Morsels() int { return (ps.p.rows + scan.MorselRows - 1) / scan.MorselRows }

func (ps *partScan) Dictionary(column int) *batch.Dictionary {
	if col := ps.req.Columns[column]; col >= 0 && col < len(ps.dicts) {
		return ps.dicts[col]
	}
	return nil
}

func (ps *partScan) Close() {}

func (ps *partScan) Cursor() (scan.Cursor, error) {
	c := &cursor{ps: ps, conj: ps.conj.Fork(), chunks: *ps.p.s.chunks.Load(), zones: *ps.p.s.zones.Load()}
	c.batchRows = ps.req.BatchRows
	if c.batchRows <= 0 || c.batchRows > batch.MaxRows {
		c.batchRows = batch.MaxRows
	}
	c.cols = make([]*batch.Vector, len(ps.types))
	c.vecs = make([]colVector, len(ps.types))
	for i := range c.cols {
		c.cols[i] = &c.vecs[i].v
	}
	for _, l := range ps.req.Late {
		c.late = append(c.late, lateTerm{late: l})
	}
	return c, nil
}

// colVector is one column of the vector that the cursor looks at.
type colVector struct {
	v      batch.Vector
	loaded bool
	valid  [batch.MaxRows / 64]uint64
	bools  [batch.MaxRows / 64]uint64
}

// cursor reads vectors of 2,048 rows: terms first, then the rest for the rows that are left.
type cursor struct {
	ps        *partScan
	conj      *scan.Conjunction
	chunks    []*chunk
	zones     []zone
	cols      []*batch.Vector
	vecs      []colVector
	batchRows int
	numbers   batch.Vector // of the rows, if they are wanted

	late     []lateTerm
	row, end int // next vector, end of the morsel
	bits     [batch.MaxRows / 64]uint64
	tmp      [batch.MaxRows / 64]uint64
	index    []uint16
	rest     []uint16 // rows of the current vector not handed out yet
}

// column returns a column of the request in the current vector.
func (c *cursor) column(col int) *batch.Vector {
	if col == scan.RowNumber {
		return &c.numbers
	}
	return c.cols[col]
}

func (c *cursor) Close() {}

func (c *cursor) Seek(morsel int) error {
	c.row = morsel * scan.MorselRows
	c.end = min(c.row+scan.MorselRows, c.ps.p.rows)
	c.rest = nil
	return nil
}

func (c *cursor) Next(ctx context.Context, out *batch.Batch) (bool, error) {
	if len(c.rest) > 0 {
		c.emit(out)
		return true, nil
	}
	for c.row < c.end {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		if c.row%scan.ZoneRows == 0 && c.prune() {
			c.row += scan.ZoneRows
			continue
		}
		n := min(batch.MaxRows, c.end-c.row)
		at := c.row
		c.row += n
		if c.ps.p.deleted.All(at, n) {
			continue
		}
		left, err := c.match(at, n)
		if err != nil {
			return false, err
		}
		if left == 0 {
			continue
		}
		if k := c.ps.req.Counters; k != nil {
			k.RowsReturned.Add(int64(left))
		}
		for _, col := range c.ps.req.Columns {
			c.load(col, at, n)
		}
		if left == n && n <= c.batchRows {
			for i, col := range c.ps.req.Columns {
				out.Cols[i].Lend(c.column(col))
			}
			out.Len, out.Sel = n, batch.Selection{}
			return true, nil
		}
		c.index = batch.Bitmap(c.bits[:batch.Words(n)]).AppendIndexes(c.index[:0])
		c.rest = c.index
		c.emit(out)
		return true, nil
	}
	return false, nil
}

// emit hands out the next rows of the current vector.
func (c *cursor) emit(out *batch.Batch) {
	n := min(len(c.rest), c.batchRows)
	for i, col := range c.ps.req.Columns {
		out.Cols[i].Gather(c.column(col), c.rest[:n])
	}
	out.Len, out.Sel = n, batch.Selection{}
	c.rest = c.rest[n:]
}

// match applies the terms to rows [at, at+n) and returns how many are left, in c.bits.
func (c *cursor) match(at, n int) (int, error) {
	for i := range c.vecs {
		c.vecs[i].loaded = false
	}
	if k := c.ps.req.Counters; k != nil {
		k.RowsScanned.Add(int64(n))
		k.LiveRows.Add(int64(n))
	}
	if c.conj.Len() == 0 {
		batch.Bitmap(c.bits[:]).Fill(n)
		return c.matchLate(at, n, c.alive(at, n, n))
	}
	for i := range c.ps.req.Terms {
		c.load(c.ps.req.Terms[i].Column, at, n)
	}
	left, err := c.conj.Match(c.cols, n, c.bits[:])
	if err != nil || left == 0 {
		return 0, err
	}
	return c.matchLate(at, n, c.alive(at, n, left))
}

// alive takes deleted rows out of c.bits, where left are set, and returns how many stay.
func (c *cursor) alive(at, n, left int) int {
	d := c.ps.p.deleted.Words(at)
	if d == nil {
		return left
	}
	bits := batch.Bitmap(c.bits[:batch.Words(n)])
	bits.AndNot(d)
	return bits.Count()
}

// matchLate takes rows out of c.bits, where left are set, that late terms exclude by now.
func (c *cursor) matchLate(at, n, left int) (int, error) {
	bits := batch.Bitmap(c.bits[:batch.Words(n)])
	for i := range c.late {
		l := &c.late[i]
		l.refresh(c.ps.types)
		if l.matcher == nil || left == 0 {
			continue
		}
		c.load(l.term.Column, at, n)
		if err := l.matcher.Match(c.cols[l.term.Column], c.tmp[:]); err != nil {
			return 0, err
		}
		bits.And(c.tmp[:len(bits)])
		left = bits.Count()
	}
	return left, nil
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

// prune tells that no row of the zone at c.row can match; the open zone and part zones are never pruned.
func (c *cursor) prune() bool {
	k := c.ps.req.Counters
	if k != nil {
		k.Zones.Add(1)
	}
	i := c.row / scan.ZoneRows
	if i >= len(c.zones) || (i+1)*scan.ZoneRows > c.ps.p.rows {
		return false
	}
	none := func(t *scan.Term) bool {
		if t.Column >= len(c.ps.p.s.cols) {
			return false
		}
		b := &c.zones[i][t.Column]
		return scan.Prune(t, b.stats(c.ps.types[t.Column])) == kernel.None
	}
	pruned := false
	for j := range c.ps.req.Terms {
		pruned = pruned || none(&c.ps.req.Terms[j])
	}
	for _, l := range c.ps.req.Late {
		if t := l.Get(); t != nil {
			pruned = pruned || none(t)
		}
	}
	if pruned && k != nil {
		k.ZonesPruned.Add(1)
	}
	return pruned
}

// load makes c.cols[col] rows [at, at+n), which lie in one chunk.
func (c *cursor) load(col, at, n int) {
	if col == scan.RowNumber {
		c.numbers.Reset(types.T(types.Int8), n)
		numbers := batch.Values[int64](&c.numbers)
		for i := range numbers {
			numbers[i] = int64(c.ps.p.base) + int64(at+i)
		}
		return
	}
	cv := &c.vecs[col]
	if cv.loaded {
		return
	}
	cv.loaded = true
	v := &cv.v
	if col >= len(c.ps.p.s.cols) {
		v.ResetConstant(types.NullOf(c.ps.types[col]), n)
		return
	}
	index, start := chunkOf(at)
	ch, t := &c.chunks[index].cols[col], c.ps.types[col]
	from := at - start
	v.Type, v.Len, v.Form, v.Valid, v.Codes, v.Dict, v.Data = t, n, batch.Flat, nil, nil, nil, nil
	if ch.valid != nil && bytes.IndexByte(ch.valid[from:from+n], 0) >= 0 {
		v.Valid = cv.valid[:batch.Words(n)]
		packBits(v.Valid, ch.valid[from:from+n])
	}
	switch t.Physical() {
	case types.PhysBytes:
		v.Form, v.Dict = batch.Dict, c.ps.dicts[col]
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
