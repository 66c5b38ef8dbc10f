package table

import (
	"context"
	"sort"
	"sync"
	"sync/atomic"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/shelf"
	"github.com/siltstone-db/siltstone/storage/types"
)

// View is one table in one snapshot: its parts as a scan.Relation. It is immutable.
type View struct {
	layout  *scan.Layout
	parts   []viewPart
	rows    int64
	table   *catalog.Table
	samples *Samples // of all statements; nil: the view is one of a transaction that has written to the table
	once    sync.Once
	kept    *keptSample // what was asked for of it
}

type viewPart struct {
	scan.Part
	file *shelf.File // nil for live parts
	id   partID
}

// partID tells a part of a table from the others that it has and had: the number of its file, or of the first row of a
// live segment.
type partID struct {
	live   bool
	number uint64
}

// add adds a part, of which some rows are deleted.
func (v *View) add(p scan.Part, f *shelf.File, id partID, deleted int) {
	if deleted > 0 {
		p = lessPart{p, deleted}
	}
	v.parts = append(v.parts, viewPart{p, f, id})
	v.rows += int64(p.Rows())
}

// lessPart is a part without some of its rows. What is known of the whole part bounds what is left and answers no
// aggregate: it has no Totals and counts no values.
type lessPart struct {
	scan.Part
	deleted int
}

// Rows implements scan.Part.
func (p lessPart) Rows() int { return p.Part.Rows() - p.deleted }

// Stats implements scan.Part.
func (p lessPart) Stats(column int) scan.ColumnStats {
	s := p.Part.Stats(column)
	switch s.Nulls {
	case 0:
	case s.Rows:
		s.Nulls -= int64(p.deleted)
	default:
		s.Nulls = -1
	}
	s.Rows -= int64(p.deleted)
	s.Distinct, s.Counted = min(s.Distinct, s.Rows), 0
	return s
}

// Types returns the column types.
func (v *View) Types() []types.Type { return v.layout.Types }

// Rows returns the number of rows.
func (v *View) Rows() int64 { return v.rows }

// Parts returns the parts, sealed ones first.
func (v *View) Parts() []scan.Part {
	parts := make([]scan.Part, len(v.parts))
	for i, p := range v.parts {
		parts[i] = p.Part
	}
	return parts
}

// Stats merges what the parts know. Distinct is the largest of the parts' estimates, or their sum where their ranges
// do not overlap: between the two truth lies, and a plan wants the lower bound.
func (v *View) Stats(column int) scan.ColumnStats {
	total := scan.ColumnStats{HasRange: true}
	if column < 0 {
		return scan.ColumnStats{Rows: v.rows, Distinct: v.rows}
	}
	ranged := false
	var bytes float64
	var disjoint int64
	for _, p := range v.parts {
		s := p.Stats(column)
		if s.Rows == 0 {
			continue
		}
		total.Rows += s.Rows
		total.Counted += s.Counted
		bytes += s.AvgBytes * float64(s.Rows)
		total.Nulls = addKnown(total.Nulls, s.Nulls)
		switch {
		case s.HasRange && !ranged:
			total.Min, total.Max, ranged = s.Min, s.Max, true
			disjoint = s.Distinct
		case s.HasRange:
			if scan.Order(s.Min, total.Max) > 0 || scan.Order(s.Max, total.Min) < 0 {
				disjoint = addKnown(disjoint, s.Distinct)
			} else {
				disjoint = max(disjoint, s.Distinct)
			}
			if scan.Order(s.Min, total.Min) < 0 {
				total.Min = s.Min
			}
			if scan.Order(s.Max, total.Max) > 0 {
				total.Max = s.Max
			}
		case s.Nulls != s.Rows:
			total.HasRange = false
		}
		if s.Distinct < 0 && total.Distinct == 0 {
			total.Distinct = -1
		}
		total.Distinct = max(total.Distinct, s.Distinct)
	}
	total.HasRange = total.HasRange && ranged
	if !total.HasRange {
		total.Min, total.Max = types.Datum{}, types.Datum{}
	} else {
		total.Distinct = max(total.Distinct, disjoint)
	}
	if total.Rows > 0 {
		total.AvgBytes = bytes / float64(total.Rows)
	}
	return total
}

// Totals adds up what the parts know of a column exactly; false when one of them knows nothing.
func (v *View) Totals(column int) (scan.Totals, bool) {
	sum := scan.Totals{HasRange: true, HasSum: true} // of no values: 0, and no bounds to tell
	if column < 0 {
		return sum, false
	}
	for _, p := range v.parts {
		k, ok := p.Part.(scan.Totaler)
		if !ok {
			return sum, false
		}
		t, ok := k.Totals(column)
		if !ok {
			return sum, false
		}
		sum.Add(&t)
	}
	return sum, true
}

func addKnown(a, b int64) int64 {
	if a < 0 || b < 0 {
		return -1
	}
	return a + b
}

// Open plans a scan over all parts that statistics do not rule out.
func (v *View) Open(ctx context.Context, req *scan.Request) (scan.Scan, error) {
	s := &viewScan{v: v, req: req}
	for _, p := range v.parts {
		ps, err := p.Open(ctx, req)
		if err != nil {
			s.Close()
			return nil, p.noticed(err)
		}
		if ps == nil {
			continue
		}
		s.parts = append(s.parts, openPart{ps, p})
		s.total += ps.Morsels()
		s.ends = append(s.ends, s.total)
	}
	return s, nil
}

// noticed passes damage on to who can set the segment aside.
func (p *viewPart) noticed(err error) error {
	if p.file == nil {
		return err
	}
	return p.file.Noticed(err)
}

type openPart struct {
	scan.PartScan
	from viewPart
}

type viewScan struct {
	v     *View
	req   *scan.Request
	parts []openPart
	ends  []int // morsels of the parts up to and with this one
	total int
	next  atomic.Int64
}

// Dictionaries implements scan.Scan.
func (s *viewScan) Dictionaries(column int) ([]*batch.Dictionary, bool) {
	var dicts []*batch.Dictionary
	for _, p := range s.parts {
		if d := p.Dictionary(column); d != nil {
			dicts = append(dicts, d)
		}
	}
	return dicts, len(dicts) == len(s.parts)
}

// Close implements scan.Scan.
func (s *viewScan) Close() {
	for _, p := range s.parts {
		p.Close()
	}
	s.parts = nil
}

// Reader implements scan.Scan.
func (s *viewScan) Reader() (scan.Reader, error) { return &viewReader{s: s, part: -1}, nil }

// viewReader takes morsels off the shared counter. It has one cursor at a time: morsels are handed out in order, so a
// worker passes each part once.
type viewReader struct {
	s      *viewScan
	part   int
	cursor scan.Cursor
	busy   bool
}

// Next implements scan.Reader.
func (r *viewReader) Next(ctx context.Context, out *batch.Batch) (bool, error) {
	for {
		if r.busy {
			ok, err := r.cursor.Next(ctx, out)
			if err != nil {
				return false, r.s.parts[r.part].from.noticed(err)
			}
			if ok {
				return true, nil
			}
			r.busy = false
		}
		if err := ctx.Err(); err != nil {
			return false, err
		}
		m := int(r.s.next.Add(1) - 1)
		if m >= r.s.total {
			return false, nil
		}
		if err := r.seek(m); err != nil {
			return false, err
		}
	}
}

func (r *viewReader) seek(m int) error {
	s := r.s
	part := sort.SearchInts(s.ends, m+1)
	if part != r.part {
		if r.cursor != nil {
			r.cursor.Close()
			r.cursor = nil
		}
		c, err := s.parts[part].Cursor()
		if err != nil {
			return s.parts[part].from.noticed(err)
		}
		r.cursor, r.part = c, part
	}
	first := 0
	if part > 0 {
		first = s.ends[part-1]
	}
	r.busy = true
	return s.parts[part].from.noticed(r.cursor.Seek(m - first))
}

// Close implements scan.Reader.
func (r *viewReader) Close() {
	if r.cursor != nil {
		r.cursor.Close()
		r.cursor = nil
	}
}
