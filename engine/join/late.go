package join

import (
	"slices"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

// lateValues is the most distinct keys that are published one by one: a list of them is compared with zone maps and
// sorted dictionaries in microseconds, and as a set of integers still fits the first-level cache.
const lateValues = 4096

// publish tells the scan of the probe side which keys can have a partner.
func (h *Hash) publish() {
	switch h.cfg.Kind {
	case Inner, Right, Semi:
	default:
		return
	}
	for i, l := range h.cfg.Late {
		if l.Late == nil && l.Upper == nil && l.Filter == nil || h.tab.rows == 0 {
			continue
		}
		h.publishKey(i, l)
	}
}

func (h *Hash) publishKey(i int, l LateKey) {
	low, high, some := h.keyRange(h.cfg.BuildKeys[i])
	if !some {
		return
	}
	list := h.keyList(h.cfg.BuildKeys[i])
	switch {
	case l.Late != nil && list != nil:
		l.Late.Set(&scan.Term{Column: l.Column, Op: scan.In, Values: list, Text: "keys of the join"})
	case l.Late != nil:
		l.Late.Set(&scan.Term{Column: l.Column, Op: scan.Ge, Values: []types.Datum{low}, Text: "smallest key of the join"})
	}
	if l.Upper != nil && (list == nil || l.Late == nil) {
		l.Upper.Set(&scan.Term{Column: l.Column, Op: scan.Le, Values: []types.Datum{high}, Text: "largest key of the join"})
	}
	if l.Filter != nil && list == nil && h.tab.direct != nil && len(h.cfg.BuildKeys) == 1 {
		l.Filter.Set(&scan.Term{Column: l.Column, Op: scan.Entries, Filter: newBitmapFilter(&h.tab), Text: "keys of the join"})
	}
}

// keyRange returns the smallest and the largest key of a column.
func (h *Hash) keyRange(c int) (low, high types.Datum, some bool) {
	if h.tab.words && len(h.cfg.BuildKeys) == 1 {
		t := h.cfg.Build[c]
		return types.IntOf(t, h.tab.low0), types.IntOf(t, h.tab.hi0), h.tab.low0 <= h.tab.hi0
	}
	for _, b := range h.batches {
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

// bitmapFilter knows the keys of a dense join exactly. It owns its memory: a scan may still hold it when the join is
// closed.
type bitmapFilter struct {
	low  uint64
	bits batch.Bitmap
	n    uint64
}

func newBitmapFilter(t *entries) *bitmapFilter {
	f := &bitmapFilter{low: t.low, n: uint64(len(t.direct)), bits: make(batch.Bitmap, batch.Words(len(t.direct)))}
	for i, e := range t.direct {
		if e != 0 {
			f.bits.Set(i)
		}
	}
	return f
}

// Filter sets the bits of the rows whose key is one of the join's.
func (f *bitmapFilter) Filter(v *batch.Vector, out batch.Bitmap) error {
	switch {
	case v.Form == batch.Constant:
		if !v.IsNull(0) && f.has(v.Datum(0).I) {
			out.Fill(v.Len)
		}
		return nil
	case v.Type.Physical() == types.PhysInt64:
		test(f, batch.Values[int64](v)[:v.Len], out)
	case v.Type.Physical() == types.PhysInt32:
		test(f, batch.Values[int32](v)[:v.Len], out)
	case v.Type.Physical() == types.PhysInt16:
		test(f, batch.Values[int16](v)[:v.Len], out)
	default:
		out.Fill(v.Len)
	}
	out.And(v.Valid)
	return nil
}

func (f *bitmapFilter) has(x int64) bool {
	i := uint64(x) - f.low
	return i < f.n && f.bits.Get(int(i))
}

func test[T int16 | int32 | int64](f *bitmapFilter, values []T, out batch.Bitmap) {
	for i, x := range values {
		if j := uint64(int64(x)) - f.low; j < f.n && f.bits[j>>6]>>(j&63)&1 != 0 {
			out.Set(i)
		}
	}
}
