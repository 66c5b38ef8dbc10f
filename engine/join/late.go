package join

import (
	"context"
	"slices"

	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

// lateValues is the most distinct keys that are published one by one: a list of them is compared with zone maps and
// sorted dictionaries in microseconds, and as a set of integers still fits the first-level cache.
const lateValues = 4096

// publish tells the scan of the probe side which keys can have a partner.
func (h *Hash) publish(ctx context.Context) {
	switch h.cfg.Kind {
	case Inner, Right, Semi:
	default:
		return
	}
	for i, l := range h.cfg.Late {
		if l.Late != nil && h.tab.rows > 0 {
			h.publishKey(ctx, i, l)
		}
	}
}

func (h *Hash) publishKey(ctx context.Context, i int, l LateKey) {
	if list := h.keyList(h.cfg.BuildKeys[i]); len(list) > 0 {
		l.Late.Set(&scan.Term{Column: l.Column, Op: scan.In, Values: list, Text: "keys of the join"})
	} else if low, some := h.lowest(ctx, h.cfg.BuildKeys[i]); some {
		l.Late.Set(&scan.Term{Column: l.Column, Op: scan.Ge, Values: []types.Datum{low}, Text: "smallest key of the join"})
	}
}

// lowest returns the smallest key of a column; there is none when all are NULL, or when the query has ended.
func (h *Hash) lowest(ctx context.Context, c int) (low types.Datum, some bool) {
	if h.tab.words && len(h.cfg.BuildKeys) == 1 {
		return types.IntOf(h.cfg.Build[c], h.tab.low0), h.tab.low0 <= h.tab.hi0
	}
	for _, b := range h.batches {
		if ctx.Err() != nil {
			return low, false
		}
		v := b.Cols[c]
		for i := range b.Len {
			if v.IsNull(i) {
				continue
			}
			if d := v.Datum(i); !some || types.Compare(d, low) < 0 {
				low, some = d, true
			}
		}
	}
	return low, some
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
