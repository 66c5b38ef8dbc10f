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

// Part is a segment seen as a piece of a table: the table's columns found by their IDs. Those that the segment lacks have
// their missing-value, those whose type has grown since are widened.
type Part struct {
	seg    *Segment
	cols   []int // the segment's column of each of the table's, scan.Absent or scan.Unfit; nil: they are the same
	layout *scan.Layout
	pins   *Pins
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

// Part returns the segment as a piece of a table. pins keeps what batches may point to; nil keeps it only until the
// PartScan is closed.
func (s *Segment) Part(l *scan.Layout, pins *Pins) *Part {
	cols := l.Match(len(s.cols), func(i int) (uint32, types.Type) { return s.cols[i].ID, s.cols[i].Type })
	return &Part{seg: s, cols: cols, layout: l, pins: pins}
}

// column returns the segment's column of one of the table's, scan.Absent or scan.Unfit.
func (p *Part) column(i int) int {
	if p.cols == nil {
		return i
	}
	return p.cols[i]
}

// wide tells that the values of a column have another physical form in the segment.
func (p *Part) wide(i int) bool {
	c := p.column(i)
	return c >= 0 && p.seg.cols[c].Type.Physical() != p.layout.Types[i].Physical()
}

// Without tells the number of the first row, as they came, and the rows that were deleted.
func (p *Part) Without(base uint64, deleted *index.RowSet) *Part {
	p.base, p.deleted = base, deleted
	return p
}

// All returns the segment as a piece of a table that has the segment's own columns.
func (s *Segment) All(pins *Pins) *Part {
	l := &scan.Layout{}
	for i := range s.cols {
		l.IDs = append(l.IDs, s.cols[i].ID)
		l.Types = append(l.Types, s.cols[i].Type)
	}
	return s.Part(l, pins)
}

// Rows returns the number of rows.
func (p *Part) Rows() int { return p.seg.rows }

// Segment returns the segment.
func (p *Part) Segment() *Segment { return p.seg }

// Totals returns what is known exactly of a column of the table.
func (p *Part) Totals(column int) (Totals, bool) {
	return p.totals(column), p.column(column) != scan.Unfit
}

func (p *Part) totals(column int) Totals {
	switch c := p.column(column); {
	case c >= 0:
		t := p.seg.cols[c].stats
		if want := p.layout.Types[column]; t.HasRange && p.seg.cols[c].Type != want {
			t.Min, t.Max = scan.WidenDatum(t.Min, want), scan.WidenDatum(t.Max, want)
		}
		return t
	case c == scan.Absent:
		return scan.MissingTotals(int64(p.seg.rows), p.layout.Value(column))
	}
	return Totals{Rows: int64(p.seg.rows), Nulls: -1, Distinct: -1}
}

// counts tells whether the dictionary of a column knows how many rows its entries have: also of those that were deleted.
func (p *Part) counts(column int) bool {
	if column < 0 {
		return false
	}
	c := p.column(column)
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
		if c < scan.Identity || c >= len(p.layout.Types) {
			return nil, errs.Internal("column %d of %d", c, len(p.layout.Types))
		}
		if err := p.fits(c); err != nil {
			return nil, err
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
	lent := s.overdrawn()
	if lent {
		if ps, err := s.lend(); ps != nil || err != nil {
			return ps, err
		}
	}
	ok, err := false, error(nil)
	if !lent {
		ok, err = s.open()
	}
	if errs.Is(err, errs.OutOfMemory) && !s.ownPins { // others hold what this one would like to keep
		return s.lend()
	}
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

// fits refuses a column of the table whose values in the segment do not become the table's.
func (p *Part) fits(column int) error {
	if column < 0 || p.column(column) != scan.Unfit {
		return nil
	}
	var from types.Type
	if c := p.seg.Find(p.layout.IDs[column]); c >= 0 {
		from = p.seg.cols[c].Type
	}
	return p.layout.UnfitError("segment "+p.seg.name, column, from)
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
	col    int // of the segment, scan.Absent, rowNumbers or identities
	typ    types.Type
	wide   bool        // the segment's values have another physical form
	value  types.Datum // of every row, when the column is absent
	dict   *batch.Dictionary
	whole  bool      // every entry of dict has rows
	text   *dictText // brings the strings of the rows that are returned; nil: all are there
	number bool      // it is scan.RowNumber
	// Of identities: the segment's columns of numbers and of identities that differ from them, -1: it has none.
	numbers, hidden int
}

// rowNumbers, as the column of an outColumn: the numbers follow from the places.
const rowNumbers = -2

// open translates the request; false means that no row can match.
func (s *partScan) open() (bool, error) {
	for i := range s.req.Terms {
		t := &s.req.Terms[i]
		if err := s.part.fits(t.Column); err != nil {
			return false, err
		}
		switch scan.Prune(t, s.part.Stats(t.Column)) {
		case kernel.None:
			return false, nil
		case kernel.All:
			continue
		}
		if s.part.column(t.Column) == scan.Absent {
			if ok, err := s.absent(t); err != nil || !ok {
				return false, err
			}
			continue
		}
		if s.part.wide(t.Column) {
			t = scan.WidenTerm(t, s.part.layout.Types[t.Column])
		}
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

// absent tells whether the value that all rows have in a column satisfies a term.
func (s *partScan) absent(t *scan.Term) (bool, error) {
	d := s.part.layout.Value(t.Column)
	var v batch.Vector
	v.ResetConstant(d, 1)
	var out [1]uint64
	err := scan.NewMatcher(t, d.Type).Match(&v, out[:])
	return out[0]&1 != 0, err
}

// dictionary gives a column its dictionary, if it has one.
func (s *partScan) dictionary(o *outColumn) error {
	at, err := s.seg.dictionaryAt(o.col, s.pins, s.counters)
	if at == nil || err != nil {
		return err
	}
	o.dict, o.whole = at.dict, at.whole
	if s.req.Few && !s.req.Counted && at.text.pieces() {
		o.text = at.text
		return nil
	}
	return at.text.all(s.counters)
}

// out returns where a column of the request comes from.
func (p *Part) out(column int) outColumn {
	if column == scan.Identity {
		return p.identity()
	}
	if column != scan.RowNumber {
		o := outColumn{col: p.column(column), typ: p.layout.Types[column], wide: p.wide(column)}
		if o.col == scan.Absent {
			o.value = p.layout.Value(column)
		}
		return o
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
