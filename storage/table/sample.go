package table

import (
	"cmp"
	"slices"
	"sync"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/scan"
)

// sampleParts is how many parts are looked at for estimates: each costs a look into the cache for every column, and a
// table of thousands of segments must not be read through before a query is planned.
const sampleParts = 16

// station is a part that stands for itself and its neighbours.
type station struct {
	part  scan.Sampler
	from  *viewPart
	rows  int     // of the sample
	times float64 // for how many rows of the table one of the part stands
}

// stations chooses parts at even distances of rows, and divides a sample of so many rows among them.
func (v *View) stations(sample int) []station {
	var list []station
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
		whole := p.Part
		if l, ok := whole.(lessPart); ok { // a part tells of all of its rows, those that it lost since, too
			whole = l.Part
		}
		if s, ok := whole.(scan.Sampler); ok && hits > 0 {
			list = append(list, station{s, p, hits, float64(hits) / float64(sample) * float64(v.rows) / float64(whole.Rows())})
		}
		before = end
	}
	return list
}

// sample is what was sampled of a view. All estimates of a statement are made of it, those of the optimizer, of the
// program and of EXPLAIN, so that a column costs once.
type sample struct {
	mu       sync.Mutex
	stations []station       // nil: not chosen yet
	cols     []*batch.Vector // by ordinal; nil: not asked for yet
}

// Sample implements scan.Sampled.
func (v *View) Sample(columns []int) (*batch.Batch, error) {
	s := &v.sampled
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cols == nil {
		s.stations = v.stations(scan.SampleRows(int(min(v.rows, 1<<40))))
		s.cols = make([]*batch.Vector, len(v.layout.Types))
	}
	out := new(batch.Batch)
	for _, at := range s.stations {
		out.Len += at.rows
	}
	for _, c := range columns {
		if s.cols[c] == nil {
			col, err := v.sampleOf(s.stations, c)
			if err != nil {
				return nil, err
			}
			s.cols[c] = col
		}
		out.Cols = append(out.Cols, s.cols[c])
	}
	return out, nil
}

// sampleOf brings together what the stations have of a column.
func (v *View) sampleOf(stations []station, column int) (*batch.Vector, error) {
	col := new(batch.Vector)
	col.Reset(v.layout.Types[column], 0)
	for _, s := range stations {
		if err := s.part.Sample(column, s.rows, col); err != nil {
			return nil, s.from.noticed(err)
		}
	}
	return col, nil
}

// Common implements scan.Sampled.
func (v *View) Common(column int) []scan.Common {
	var all []scan.Common
	for _, s := range v.stations(scan.SampleMax) {
		for _, c := range s.part.Common(column) {
			c.Rows = int64(float64(c.Rows) * s.times)
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
