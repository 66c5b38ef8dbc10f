package segment

import (
	"fmt"
	"slices"
	"sort"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/cache"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

// sample writes some rows of a column, those that scan.SamplePlace tells, in the order of the segment. All columns have
// the same rows, so that conditions on several can be asked of them together.
func (w *writer) sample(m *meta, chunks []*batch.Vector) {
	starts := make([]int, len(chunks))
	at := 0
	for i, v := range chunks {
		starts[i], at = at, at+v.Len
	}
	n := scan.SampleRows(w.in.Rows)
	w.sampled.Reset(m.Type, 0)
	for i := range n {
		row := scan.SamplePlace(i, n, w.in.Rows)
		if w.in.Order != nil {
			row = int(w.in.Order[row])
		}
		k := sort.SearchInts(starts, row+1) - 1
		scan.AppendSample(&w.sampled, chunks[k], row-starts[k])
	}
	w.buf = batch.AppendFlat(w.buf[:0], &w.sampled)
	m.sample = w.add(w.buf, true)
}

// sample returns the sampled rows of a column of the file, the places of those that are wanted; nil: all. The vector is
// the caller's.
func (s *Segment) sample(col int, places []uint16) (*batch.Vector, error) {
	c := &s.cols[col]
	v := new(batch.Vector)
	key := cache.Key{File: s.file, Offset: c.sample.offset}
	b := s.cache.Lookup(key)
	if b == nil {
		var err error
		b, err = s.cache.Load(key, int(c.sample.plain), func(dst []byte) error {
			if err := s.fetch(c.sample, dst, nil); err != nil {
				return err
			}
			return c.readSample(v, dst, s.rows)
		})
		if err != nil {
			return nil, s.wrap(fmt.Errorf("column %q: sample: %w", c.Name, err))
		}
	}
	defer b.Release()
	if places == nil {
		return v, c.readSample(v, b.Bytes(), s.rows)
	}
	var all batch.Vector
	if rest, ok := all.LendFlat(b.Bytes(), c.Type, scan.SampleRows(s.rows)); !ok || len(rest) > 0 {
		return nil, s.wrap(errs.Corrupt("column %q: sample of %d bytes", c.Name, len(b.Bytes())))
	}
	v.Gather(&all, places)
	return v, nil
}

func (m *meta) readSample(v *batch.Vector, b []byte, rows int) error {
	if rest, ok := v.ReadFlat(b, m.Type, scan.SampleRows(rows)); !ok || len(rest) > 0 {
		return errs.Corrupt("sample of %d bytes for %d rows of %s", len(b), scan.SampleRows(rows), m.Type)
	}
	return nil
}

// Sample implements scan.Sampler. A file has as many rows as ever.
func (p *Part) Sample(column, rows, _ int, out *batch.Vector) error {
	if err := p.fits(column); err != nil {
		return err
	}
	c := p.column(column)
	if c < 0 || p.seg.cols[c].sample.stored == 0 {
		missing := types.NullOf(out.Type)
		if c < 0 {
			missing = p.layout.Value(column)
		}
		var same batch.Vector
		same.ResetConstant(missing, rows)
		out.AppendVector(&same)
		return nil
	}
	n := scan.SampleRows(p.seg.rows)
	var places []uint16
	if rows != n {
		places = make([]uint16, rows)
		for i := range places {
			places[i] = uint16((2*i + 1) * n / (2 * rows))
		}
	}
	some, err := p.seg.sample(c, places)
	if err != nil {
		return err
	}
	if out.Len == 0 && some.Type.Physical() == out.Type.Physical() {
		t := out.Type
		*out = *some
		out.Type = t
		return nil
	}
	scan.AppendWide(out, some)
	return nil
}

// Common implements scan.Sampler.
func (p *Part) Common(column int) []scan.Common {
	common := p.totals(column).Common
	if c := p.column(column); c >= 0 && p.seg.cols[c].Type != p.layout.Types[column] {
		common = slices.Clone(common)
		for i := range common {
			common[i].Value = scan.WidenDatum(common[i].Value, p.layout.Types[column])
		}
	}
	return common
}
