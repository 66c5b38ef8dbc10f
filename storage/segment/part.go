package segment

import (
	"context"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/index"
	"github.com/siltstone-db/siltstone/storage/kernel"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Part is a segment seen as a piece of a table: the table's columns found by their IDs, missing ones as NULL.
type Part struct {
	seg   *Segment
	cols  []int // the segment's column of each of the table's, or -1
	types []types.Type
	pins  *Pins
	// base is the number of the first row, as they came; deleted rows are not returned.
	base    uint64
	deleted *index.RowSet
}

// RowNumber is the ID of a column that segments have whose rows were sorted: where each stood before, from 0 on, which
// added to the base is its number.
const RowNumber = ^uint32(0)

var (
	_ scan.Part    = (*Part)(nil)
	_ scan.Totaler = (*Part)(nil)
)

// Part returns the segment as a piece of a table with the given column IDs and types. pins keeps what batches may
// point to; nil keeps it only until the PartScan is closed.
func (s *Segment) Part(ids []uint32, ts []types.Type, pins *Pins) *Part {
	p := &Part{seg: s, cols: make([]int, len(ids)), types: ts, pins: pins}
	for i, id := range ids {
		// Mostly the table has not changed since: a search for each of 100 columns in each of 100 segments is what a
		// small query would wait for.
		if p.cols[i] = i; i >= len(s.cols) || s.cols[i].ID != id {
			p.cols[i] = s.Find(id)
		}
		// A column whose type changed since is another column as far as the bytes go.
		if c := p.cols[i]; c >= 0 && s.cols[c].Type.Physical() != ts[i].Physical() {
			p.cols[i] = -1
		}
	}
	return p
}

// Without tells the number of the first row, as they came, and the rows that were deleted.
func (p *Part) Without(base uint64, deleted *index.RowSet) *Part {
	p.base, p.deleted = base, deleted
	return p
}

// All returns the segment as a piece of a table that has the segment's own columns.
func (s *Segment) All(pins *Pins) *Part {
	p := &Part{seg: s, pins: pins}
	for i := range s.cols {
		p.cols = append(p.cols, i)
		p.types = append(p.types, s.cols[i].Type)
	}
	return p
}

// Rows returns the number of rows.
func (p *Part) Rows() int { return p.seg.rows }

// Segment returns the segment.
func (p *Part) Segment() *Segment { return p.seg }

// Totals returns what is known exactly of a column of the table.
func (p *Part) Totals(column int) (Totals, bool) { return p.totals(column), true }

func (p *Part) totals(column int) Totals {
	if c := p.cols[column]; c >= 0 {
		return p.seg.cols[c].stats
	}
	return Totals{Rows: int64(p.seg.rows), Nulls: int64(p.seg.rows), DistinctExact: true}
}

// counts tells whether the dictionary of a column knows how many rows its entries have: also of those that were deleted.
func (p *Part) counts(column int) bool {
	if column < 0 {
		return false
	}
	c := p.cols[column]
	return c >= 0 && p.seg.cols[c].dict != nil && p.deleted.Len() == 0
}

// Stats implements scan.Part.
func (p *Part) Stats(column int) scan.ColumnStats {
	t := p.totals(column)
	s := scan.ColumnStats{
		Rows: t.Rows, Nulls: t.Nulls, Distinct: t.Distinct, HasRange: t.HasRange, Min: t.Min, Max: t.Max,
	}
	if n := t.Rows - t.Nulls; n > 0 {
		s.AvgBytes = float64(t.StringBytes) / float64(n)
	}
	if p.counts(column) {
		s.Counted = s.Rows
	}
	return s
}

// Open implements scan.Part.
func (p *Part) Open(ctx context.Context, req *scan.Request) (scan.PartScan, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if p.seg.cache == nil {
		return nil, errs.Internal("segment %s was opened without a cache", p.seg.name)
	}
	for _, c := range req.Columns {
		if c < scan.RowNumber || c >= len(p.cols) {
			return nil, errs.Internal("column %d of %d", c, len(p.cols))
		}
	}
	if req.Counters != nil {
		req.Counters.Segments.Add(1)
	}
	s := &partScan{part: p, seg: p.seg, req: req, counters: req.Counters, pins: p.pins, limit: req.BatchRows}
	if s.pins == nil {
		s.pins, s.ownPins = new(Pins), true
	}
	if s.limit <= 0 || s.limit > batch.MaxRows {
		s.limit = batch.MaxRows
	}
	ok, err := s.open()
	if err != nil || !ok {
		s.Close()
		if err == nil && req.Counters != nil {
			req.Counters.SegmentsPruned.Add(1)
		}
		return nil, err
	}
	switch {
	case !req.Counted:
		return s, nil
	case p.counts(req.Columns[0]):
		return s.entries(), nil
	}
	return scan.Ones(s), nil
}

// partScan is a request compiled against a segment; shared by the workers.
type partScan struct {
	part     *Part
	seg      *Segment
	req      *scan.Request
	counters *scan.Counters
	pins     *Pins
	ownPins  bool
	limit    int
	terms    []*term // cheapest first
	outs     []outColumn
}

// outColumn is a column of the answer.
type outColumn struct {
	col    int // of the segment, -1: NULL, or rowNumbers
	typ    types.Type
	dict   *batch.Dictionary
	text   *dictText // brings the strings of the rows that are returned; nil: all are there
	number bool      // it is scan.RowNumber
}

// rowNumbers, as the column of an outColumn: the numbers follow from the places.
const rowNumbers = -2

// open translates the request; false means that no row can match.
func (s *partScan) open() (bool, error) {
	for i := range s.req.Terms {
		t := &s.req.Terms[i]
		switch scan.Prune(t, s.part.Stats(t.Column)) {
		case kernel.None:
			return false, nil
		case kernel.All:
			continue
		}
		// A column without values was decided by Prune, so the term's column is there.
		ct, err := s.newTerm(t)
		if err != nil {
			return false, err
		}
		switch ct.pred.Kind {
		case scan.PredNone:
			return false, nil
		}
		s.insert(ct)
	}
	for _, l := range s.req.Late {
		if t := l.Get(); t != nil && scan.Prune(t, s.part.Stats(t.Column)) == kernel.None {
			return false, nil
		}
	}
	for _, c := range s.req.Columns {
		o := s.part.out(c)
		if o.col >= 0 {
			if err := s.dictionary(&o); err != nil {
				return false, err
			}
		}
		s.outs = append(s.outs, o)
	}
	return true, nil
}

// dictionary gives a column its dictionary, if it has one.
func (s *partScan) dictionary(o *outColumn) error {
	at, err := s.seg.dictionaryAt(o.col, s.pins, s.counters)
	if at == nil || err != nil {
		return err
	}
	o.dict = at.dict
	if s.req.Few && !s.req.Counted && at.text.pieces() {
		o.text = at.text
		return nil
	}
	return at.text.all(s.counters)
}

// out returns where a column of the request comes from.
func (p *Part) out(column int) outColumn {
	if column != scan.RowNumber {
		return outColumn{col: p.cols[column], typ: p.types[column]}
	}
	o := outColumn{col: p.seg.Find(RowNumber), typ: types.T(types.Int8), number: true}
	if o.col < 0 {
		o.col = rowNumbers
	}
	return o
}

// insert keeps terms ordered by cost; terms of equal cost stay in the request's order.
func (s *partScan) insert(t *term) {
	i := len(s.terms)
	for i > 0 && s.terms[i-1].cost > t.cost {
		i--
	}
	s.terms = append(s.terms, nil)
	copy(s.terms[i+1:], s.terms[i:])
	s.terms[i] = t
}

// Morsels implements scan.PartScan.
func (s *partScan) Morsels() int { return (s.seg.rows + scan.MorselRows - 1) / scan.MorselRows }

// Dictionary implements scan.PartScan. Columns are counted in the request, not in the table.
func (s *partScan) Dictionary(column int) *batch.Dictionary {
	if column >= len(s.outs) || s.outs[column].text != nil { // the counts of a counted request; strings that are not there
		return nil
	}
	return s.outs[column].dict
}

// Cursor implements scan.PartScan.
func (s *partScan) Cursor() (scan.Cursor, error) { return newCursor(s), nil }

// Close implements scan.PartScan.
func (s *partScan) Close() {
	if s.ownPins {
		s.pins.Release()
	}
}
