package segment

import (
	"cmp"
	"math"
	"slices"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/kernel"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

// A segment tells the values of each column that are its most common ones, with the exact number of their rows: what the
// sample tells of a value that a two-hundredth of the rows has is a third off.
const (
	commonMax = 32
	// commonBytes bounds a string: metadata stays in memory while a segment is open.
	commonBytes = 64
	// commonShare is the least part of the rows that makes a value common, one of so many.
	commonShare = 1024
	// commonHits is how often the sample of a full segment shows such a value and more: 2 of 2,048 are chance, 6 hardly.
	commonHits = 6
)

// commonStrings takes them from the numbers of the interner.
func commonStrings(m *meta, d *interner) {
	least := max(uint32(m.stats.Rows/commonShare), 2)
	var top []*entry
	for i := range d.entries {
		if e := &d.entries[i]; e.rows >= least && len(d.at(e)) <= commonBytes {
			top = append(top, e)
		}
	}
	slices.SortFunc(top, func(a, b *entry) int { return cmp.Or(cmp.Compare(b.rows, a.rows), cmp.Compare(a.hash, b.hash)) })
	for _, e := range top[:min(len(top), commonMax)] {
		m.stats.Common = append(m.stats.Common, scan.Common{Value: types.StringOf(m.Type, string(d.at(e))), Rows: int64(e.rows)})
	}
}

// commonInts counts the rows of those values, of integers or floats as their bits, that the sampled places show often.
func (w *writer) commonInts(m *meta, v []int64, valid batch.Bitmap) {
	c := counted{minus: minusZero(m.Type)}
	c.choose(v, valid)
	if c.n == 0 {
		return
	}
	for i, x := range v {
		if k := c.find(x); k >= 0 {
			c.rows[k] += int64(kernel.Bit(valid == nil || valid.Get(i)))
		}
	}
	for k, x := range c.values[:c.n] {
		if c.rows[k] >= m.stats.Rows/commonShare {
			m.stats.Common = append(m.stats.Common, scan.Common{Value: storedDatum(m.Type, x), Rows: c.rows[k]})
		}
	}
	slices.SortStableFunc(m.stats.Common, func(a, b scan.Common) int { return cmp.Compare(b.Rows, a.Rows) })
}

// minusZero returns the bits of a type's other zero, which is equal to zero; 0 for types that have one only.
func minusZero(t types.Type) int64 {
	switch t.Physical() {
	case types.PhysFloat32:
		return math.MinInt32
	case types.PhysFloat64:
		return math.MinInt64
	}
	return 0
}

// storedDatum returns the value that writeInts has as a number.
func storedDatum(t types.Type, x int64) types.Datum {
	switch t.Physical() {
	case types.PhysFloat32:
		return types.FloatOf(t, float64(math.Float32frombits(uint32(x))))
	case types.PhysFloat64:
		return types.FloatOf(t, math.Float64frombits(uint64(x)))
	}
	return types.IntOf(t, x)
}

// counted is up to 32 values whose rows are counted, found through a table that has three free slots of four: most rows
// of most columns are none of them, and are done with after one look.
type counted struct {
	values [commonMax]int64
	rows   [commonMax]int64
	n      int
	slots  [4 * commonMax]int8 // 1 + place among the values
	minus  int64               // counts as 0
}

func (c *counted) slot(x int64) int { return int(uint64(x) * 0x9e3779b97f4a7c15 >> 57) }

func (c *counted) find(x int64) int {
	if x == c.minus {
		x = 0
	}
	for s := c.slot(x); ; s = (s + 1) & (len(c.slots) - 1) {
		k := int(c.slots[s]) - 1
		if k < 0 || c.values[k] == x {
			return k
		}
	}
}

// choose takes the values that the sampled places show most often.
func (c *counted) choose(v []int64, valid batch.Bitmap) {
	n := scan.SampleRows(len(v))
	seen := make([]int64, 0, n)
	for i := range n {
		if at := scan.SamplePlace(i, n, len(v)); valid == nil || valid.Get(at) {
			x := v[at]
			if x == c.minus {
				x = 0
			}
			seen = append(seen, x)
		}
	}
	slices.Sort(seen)
	type run struct {
		value int64
		hits  int
	}
	var runs []run
	for i, x := range seen {
		if i == 0 || x != seen[i-1] {
			runs = append(runs, run{x, 0})
		}
		runs[len(runs)-1].hits++
	}
	runs = slices.DeleteFunc(runs, func(r run) bool { return r.hits < commonHits })
	slices.SortStableFunc(runs, func(a, b run) int { return cmp.Compare(b.hits, a.hits) })
	for _, r := range runs[:min(len(runs), commonMax)] {
		s := c.slot(r.value)
		for c.slots[s] != 0 {
			s = (s + 1) & (len(c.slots) - 1)
		}
		c.values[c.n] = r.value
		c.n++
		c.slots[s] = int8(c.n)
	}
}
