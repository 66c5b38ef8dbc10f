package table

import (
	"cmp"
	"slices"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/scan"
)

// sampleParts is how many parts are looked at for estimates: each costs a look into the cache for every column, and a
// table of thousands of segments must not be read through before a query is planned.
const sampleParts = 16

// sampleView chooses parts of a view at even distances of rows, and divides a sample among them.
func sampleView(v *View) *keptSample {
	return &keptSample{table: v.table, rows: v.rows, places: v.places(scan.SampleRows(int(min(v.rows, 1<<40)))),
		cols: make([]*batch.Vector, len(v.layout.Types)), common: make([][]scan.Common, len(v.layout.Types))}
}

// places divides a sample of so many rows among parts.
func (v *View) places(sample int) []place {
	var list []place
	if v.rows == 0 || sample == 0 {
		return nil
	}
	n := min(sampleParts, sample)
	next, before := 0, int64(0)
	for i := range v.parts {
		p := &v.parts[i]
		end := before + int64(p.Rows())
		hits := 0
		if len(v.parts) <= sampleParts { // all of them, each by its rows
			hits = int(int64(sample)*end/v.rows - int64(sample)*before/v.rows)
		} else {
			for ; next < n && int64(2*next+1)*v.rows < int64(2*n)*end; next++ {
				hits += sample / n
			}
		}
		whole := p.whole()
		if _, ok := whole.(scan.Sampler); ok && hits > 0 {
			list = append(list, place{i, p.id, hits, whole.Rows(), float64(hits) / float64(sample) * float64(v.rows) / float64(whole.Rows())})
		}
		before = end
	}
	return list
}

// whole returns the part with its deleted rows: it tells of all of its rows, those that it lost since, too.
func (p *viewPart) whole() scan.Part {
	if l, ok := p.Part.(lessPart); ok {
		return l.Part
	}
	return p.Part
}

// sampled returns what is kept of the view. All estimates of a statement are made of it, those of the optimizer, of the
// program and of EXPLAIN.
func (v *View) sampled() *keptSample {
	v.once.Do(func() {
		if v.samples != nil {
			v.kept = v.samples.kept(v)
		} else {
			v.kept = sampleView(v)
		}
	})
	return v.kept
}

// Sample implements scan.Sampled.
func (v *View) Sample(columns []int) (*batch.Batch, error) {
	k := v.sampled()
	k.mu.Lock()
	defer k.mu.Unlock()
	out := new(batch.Batch)
	for _, at := range k.places {
		out.Len += at.rows
	}
	for _, c := range columns {
		if k.cols[c] == nil {
			col, err := v.sampleOf(k.places, c)
			if err != nil {
				return nil, err
			}
			k.cols[c] = col
			if k.of != nil {
				k.of.charge(k, col.Bytes())
			}
		}
		out.Cols = append(out.Cols, k.cols[c])
	}
	return out, nil
}

// sampleOf brings together what the parts have of a column.
func (v *View) sampleOf(places []place, column int) (*batch.Vector, error) {
	col := new(batch.Vector)
	col.Reset(v.layout.Types[column], 0)
	for _, at := range places {
		p := &v.parts[at.ordinal]
		if err := p.whole().(scan.Sampler).Sample(column, at.rows, at.among, col); err != nil {
			return nil, p.noticed(err)
		}
	}
	return col, nil
}

// commonBytes is about what a common value takes besides its text.
const commonBytes = 96

// Common implements scan.Sampled.
func (v *View) Common(column int) []scan.Common {
	k := v.sampled()
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.common[column] == nil {
		all := append([]scan.Common{}, v.commonOf(k.places, column)...) // none are known, too
		k.common[column] = all
		if k.of != nil {
			bytes := int64(0)
			for _, c := range all {
				bytes += commonBytes + int64(len(c.Value.S))
			}
			k.of.charge(k, bytes)
		}
	}
	return k.common[column]
}

func (v *View) commonOf(places []place, column int) []scan.Common {
	var all []scan.Common
	for _, at := range places {
		for _, c := range v.parts[at.ordinal].whole().(scan.Sampler).Common(column) {
			c.Rows = int64(float64(c.Rows) * at.times)
			all = append(all, c)
		}
	}
	slices.SortFunc(all, func(a, b scan.Common) int { return scan.Order(a.Value, b.Value) })
	merged := all[:0]
	for i, c := range all {
		if i > 0 && scan.Order(merged[len(merged)-1].Value, c.Value) == 0 {
			merged[len(merged)-1].Rows += c.Rows
		} else {
			merged = append(merged, c)
		}
	}
	slices.SortStableFunc(merged, func(a, b scan.Common) int { return cmp.Compare(b.Rows, a.Rows) })
	return merged
}
