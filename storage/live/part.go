package live

import (
	"context"
	"slices"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/index"
	"github.com/siltstone-db/siltstone/storage/kernel"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Prefix is the first rows of a segment, as a part of a table. It does not hold a reference: whoever made it does.
type Prefix struct {
	s       *Segment
	rows    int
	layout  *scan.Layout
	cols    []int  // the segment's column of each of the table's, scan.Absent or scan.Unfit; nil: they are the same
	base    uint64 // number of row 0
	deleted *index.RowSet
}

// Prefix returns the first rows of the segment, which must be published, as rows of a table.
func (s *Segment) Prefix(rows int, l *scan.Layout) Prefix {
	cols := l.Match(len(s.cols), func(i int) (uint32, types.Type) { return s.cols[i].ID, s.cols[i].Type })
	return Prefix{s: s, rows: rows, layout: l, cols: cols}
}

// Layout returns the segment's own columns as those of a table.
func (s *Segment) Layout() *scan.Layout {
	l := &scan.Layout{Types: s.types}
	for _, c := range s.cols {
		l.IDs = append(l.IDs, c.ID)
	}
	return l
}

// column returns the segment's column of one of the table's, scan.Absent or scan.Unfit.
func (p Prefix) column(i int) int {
	if p.cols == nil {
		return i
	}
	return p.cols[i]
}

// fits refuses a column of the table whose values in the segment do not become the table's.
func (p Prefix) fits(column int) error {
	if column < 0 || p.column(column) != scan.Unfit {
		return nil
	}
	id := p.layout.IDs[column]
	at := slices.IndexFunc(p.s.cols, func(c Column) bool { return c.ID == id })
	return p.layout.UnfitError("live rows", column, p.s.cols[at].Type)
}

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
	for _, z := range zones[:full] {
		b.merge(z[column])
		b.nulls += z[column].nulls
	}
	if tail := full * scan.ZoneRows; tail < p.rows {
		o := p.s.bounds(column, tail, p.rows)
		b.merge(o)
		b.nulls += o.nulls
	}
	b.rows = int32(p.rows)
	return b
}

// Totals returns what is known exactly of a column.
func (p Prefix) Totals(column int) (scan.Totals, bool) {
	t := scan.Totals{Rows: int64(p.rows)}
	c := p.column(column)
	switch c {
	case scan.Absent:
		return scan.MissingTotals(int64(p.rows), p.layout.Value(column)), true
	case scan.Unfit:
		return t, false
	}
	b := p.bounds(c)
	st := p.stats(&b, column)
	t.Nulls, t.HasRange, t.Min, t.Max, t.Distinct = st.Nulls, st.HasRange, st.Min, st.Max, st.Distinct
	switch p.s.cols[c].Type.Physical() {
	case types.PhysInt16, types.PhysInt32, types.PhysInt64:
		t.HasSum, t.SumLo, t.SumHi = true, b.sumLo, b.sumHi
	}
	return t, true
}

// stats returns bounds of a column as those of the table's.
func (p Prefix) stats(b *bounds, column int) scan.ColumnStats {
	from, to := p.s.cols[p.column(column)].Type, p.layout.Types[column]
	st := b.stats(from)
	if st.HasRange && from != to {
		st.Min, st.Max = scan.WidenDatum(st.Min, to), scan.WidenDatum(st.Max, to)
	}
	return st
}

// Stats returns the bounds of a column.
func (p Prefix) Stats(column int) scan.ColumnStats {
	c := p.column(column)
	if c < 0 {
		t, ok := p.Totals(column)
		if !ok {
			return scan.ColumnStats{Rows: t.Rows, Nulls: -1, Distinct: -1}
		}
		return scan.ColumnStats{Rows: t.Rows, Nulls: t.Nulls, Distinct: t.Distinct, HasRange: t.HasRange, Min: t.Min, Max: t.Max}
	}
	b := p.bounds(c)
	st := p.stats(&b, column)
	if d := p.s.dicts[c]; d != nil {
		n := int(d.n.Load())
		st.Distinct = int64(n)
		if n > 0 {
			st.AvgBytes = float64(d.bufs.Load().offsets[n]) / float64(n)
		}
	}
	if p.counts(column) {
		st.Counted = int64(p.rows)
	}
	return st
}

// Open implements scan.Part.
func (p Prefix) Open(ctx context.Context, req *scan.Request) (scan.PartScan, error) {
	ps := &partScan{p: p, req: req, types: p.layout.Types, dicts: make([]*batch.Dictionary, len(p.layout.Types))}
	for _, c := range req.Columns {
		if err := p.fits(c); err != nil {
			return nil, err
		}
	}
	var terms []scan.Term
	for i := range req.Terms {
		t := &req.Terms[i]
		if err := p.fits(t.Column); err != nil {
			return nil, err
		}
		switch ps.verdict(t) {
		case kernel.None:
			return nil, nil
		case kernel.Some:
			terms = append(terms, *t)
		}
	}
	for _, l := range req.Late {
		if t := l.Get(); t != nil && ps.verdict(t) == kernel.None {
			return nil, nil
		}
	}
	for _, c := range req.Columns {
		ps.dict(c)
	}
	if req.Counted && p.counts(req.Columns[0]) {
		return ps.entries(ctx, terms)
	}
	ps.conj = scan.NewConjunction(terms, ps.types, req.Counters)
	if req.Counted {
		return scan.Ones(ps), nil
	}
	return ps, nil
}

// counts tells whether the dictionary of a column knows how many rows its entries have: also of those that were deleted.
func (p Prefix) counts(column int) bool {
	if column < 0 || p.deleted.Len() > 0 {
		return false
	}
	c := p.column(column)
	return c >= 0 && p.s.dicts[c] != nil
}

var (
	_ scan.Totaler = Prefix{}
)

type partScan struct {
	p     Prefix
	req   *scan.Request
	types []types.Type        // the table's
	dicts []*batch.Dictionary // by ordinal of the table
	conj  *scan.Conjunction   // of the terms that the rows must be asked for
}

// dict returns the dictionary of a column, nil when it has none.
func (ps *partScan) dict(col int) *batch.Dictionary {
	if col < 0 {
		return nil
	}
	if c := ps.p.column(col); c >= 0 && ps.dicts[col] == nil && ps.p.s.dicts[c] != nil {
		ps.dicts[col] = ps.p.s.dicts[c].dictionary()
	}
	return ps.dicts[col]
}

// verdict says what a term makes of all rows, as far as bounds and dictionaries tell.
func (ps *partScan) verdict(t *scan.Term) kernel.Verdict {
	st := ps.p.Stats(t.Column)
	v := scan.Prune(t, st)
	d := ps.dict(t.Column)
	if v != kernel.Some || d == nil {
		return v
	}
	typ := ps.types[t.Column]
	p := scan.Compile(t, typ)
	if codes, ok := p.OnCodes(d, typ); ok {
		switch {
		case codes.Kind == scan.PredNone:
			return kernel.None
		case codes.Kind == scan.PredAll && st.Nulls == 0:
			return kernel.All
		}
	}
	return v
}

func (ps *partScan) Morsels() int { return (ps.p.rows + scan.MorselRows - 1) / scan.MorselRows }

func (ps *partScan) Dictionary(column int) *batch.Dictionary {
	if column >= len(ps.req.Columns) {
		return nil
	}
	return ps.dict(ps.req.Columns[column])
}

// entries answers a counted request, which has one column.
func (ps *partScan) entries(ctx context.Context, terms []scan.Term) (scan.PartScan, error) {
	col := ps.req.Columns[0]
	d := *ps.dict(col)
	n, err := ps.p.s.countEntries(ctx, ps.p.column(col), ps.p.rows, &d)
	if err != nil {
		return nil, err
	}
	d.Counts = n.entries[:min(len(n.entries), d.Len)]
	typ := ps.types[ps.req.Columns[0]]
	e := &scan.EntryScan{Dict: &d, Nulls: n.nulls, Type: typ, Request: ps.req}
	for i := range terms {
		p := scan.Compile(&terms[i], typ)
		memo := scan.NewMemo(&terms[i], typ)
		e.Terms = append(e.Terms, func() (*scan.Pred, error) {
			if p.Kind == scan.PredNull {
				return &p, nil
			}
			return memo.Codes(&d, ps.req.Counters)
		})
	}
	return e, nil
}

func (ps *partScan) Close() {}

// Cursor makes the state of one worker.
func (ps *partScan) Cursor() (scan.Cursor, error) { return newCursor(ps), nil }
