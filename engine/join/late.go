package join

import (
	"context"
	"slices"

	"github.com/siltstone-db/siltstone/storage/kernel"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

// lateValues is the most distinct keys that are published one by one: a list of them is compared with zone maps and
// sorted dictionaries in microseconds, and as a set of integers still fits the first-level cache.
const lateValues = 4096

// lateSpan is the largest range of keys that is published as a bitmap: 2 MiB, of which the parts that clustered probe
// rows look at stay in the second-level cache. A larger one costs a scan about what the join's own array does.
const lateSpan = 16 << 20

// publish tells the scan of the probe side which keys can have a partner.
func (h *Hash) publish(ctx context.Context) {
	switch h.cfg.Kind {
	case Inner, Right, Semi:
	default:
		return
	}
	for i, l := range h.cfg.Late {
		if l.Late == nil || h.tab.rows == 0 {
			continue
		}
		if t := h.lateTerm(ctx, h.cfg.BuildKeys[i]); t != nil {
			t.Column = l.Column
			l.Late.Set(t)
		}
	}
}

// lateTerm says which values column c of the build rows has; nil when nothing is known.
func (h *Hash) lateTerm(ctx context.Context, c int) *scan.Term {
	integers := false
	switch h.cfg.Build[c].Physical() {
	case types.PhysInt16, types.PhysInt32, types.PhysInt64:
		integers = true
	}
	if set := h.keySet(); integers && set != nil {
		return inSet(h.cfg.Build[c], set)
	}
	if list := h.keyList(c); len(list) > 0 {
		return &scan.Term{Op: scan.In, Values: list, Text: "keys of the join"}
	}
	low, high, some := h.keyRange(ctx, c)
	if !some {
		return nil
	}
	if integers {
		return inSet(h.cfg.Build[c], kernel.NewIntRange(low.I, high.I))
	}
	return &scan.Term{Op: scan.Ge, Values: []types.Datum{low}, Text: "smallest key of the join"}
}

// inSet asks for the integers of a set.
func inSet(t types.Type, s *kernel.IntSet) *scan.Term {
	lo, hi, _ := s.Bounds()
	return &scan.Term{Op: scan.In, Values: []types.Datum{types.IntOf(t, lo), types.IntOf(t, hi)}, Set: s, Text: "keys of the join"}
}

// keySet returns the keys of an array of a single key. It is nil when there is none, or its range is too large, or the account refuses
// the memory; what is charged is given back with the join's.
func (h *Hash) keySet() *kernel.IntSet {
	t := &h.tab
	switch {
	case t.direct == nil || len(h.cfg.BuildKeys) != 1: // several keys are one word
		return nil
	case t.distinct == len(t.direct):
		return kernel.NewIntRange(t.low0, t.hi0)
	case len(t.direct) > lateSpan:
		return nil
	}
	words := (len(t.direct) + 63) >> 6
	if h.acc.Reserve(8*int64(words)) != nil {
		return nil
	}
	h.charged.Add(8 * int64(words))
	bits := make([]uint64, words)
	for i, e := range t.direct {
		if e != 0 {
			bits[i>>6] |= 1 << (i & 63)
		}
	}
	return kernel.NewIntBits(t.low0, t.hi0, bits)
}

// keyRange returns the smallest and the largest key of a column; there are none when all are NULL, or when the query has
// ended.
func (h *Hash) keyRange(ctx context.Context, c int) (low, high types.Datum, some bool) {
	if h.tab.words && len(h.cfg.BuildKeys) == 1 {
		t := h.cfg.Build[c]
		return types.IntOf(t, h.tab.low0), types.IntOf(t, h.tab.hi0), h.tab.low0 <= h.tab.hi0
	}
	for _, b := range h.batches {
		if ctx.Err() != nil {
			return low, high, false
		}
		v := b.Cols[c]
		for i := range b.Len {
			if v.IsNull(i) {
				continue
			}
			d := v.Datum(i)
			if !some {
				low, high, some = d, d, true
				continue
			}
			if types.Compare(d, low) < 0 {
				low = d
			} else if types.Compare(d, high) > 0 {
				high = d
			}
		}
	}
	return low, high, some
}

// keyList returns the distinct keys of a column in order, nil when there are too many.
func (h *Hash) keyList(c int) []types.Datum {
	if h.tab.distinct > lateValues && len(h.cfg.BuildKeys) == 1 || h.tab.rows > 16*lateValues {
		return nil
	}
	var all []types.Datum
	for _, b := range h.batches {
		for i := range b.Len {
			if !b.Cols[c].IsNull(i) {
				all = append(all, b.Cols[c].Datum(i))
			}
		}
	}
	slices.SortFunc(all, types.Compare)
	all = slices.CompactFunc(all, func(a, b types.Datum) bool { return types.Compare(a, b) == 0 })
	if len(all) > lateValues {
		return nil
	}
	return all
}
