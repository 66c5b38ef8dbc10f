package scan

import (
	"math/bits"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/kernel"
	"github.com/siltstone-db/siltstone/storage/types"
)

// CodeRange returns the predicate "lo <= x <= hi" on dictionary codes.
func CodeRange(lo, hi int64) Pred { return Pred{Kind: PredInts, Lo: lo, Hi: hi} }

// CodeSet returns the predicate on codes that is true for those of n whose bit is set.
func CodeSet(set batch.Bitmap, n int) Pred {
	switch kernel.CountBits(set, n) {
	case 0:
		return Pred{Kind: PredNone}
	case n:
		return Pred{Kind: PredAll}
	case 1:
		code := int64(firstBit(set))
		return CodeRange(code, code)
	}
	return Pred{Kind: PredCodes, Codes: set}
}

func firstBit(b batch.Bitmap) int {
	for i, w := range b {
		if w != 0 {
			return i<<6 + bits.TrailingZeros64(w)
		}
	}
	return 0
}

// OnCodes translates a predicate on strings of a type into one on their codes in d, by looking its constants up. False
// for predicates that must ask the entries: order, filters, types with equal values of different bytes.
func (p *Pred) OnCodes(d *batch.Dictionary, typ types.Type) (Pred, bool) {
	if p.Kind == PredNone {
		return *p, true
	}
	if p.Kind != PredRows || !KeyIsValue(typ) || !d.Distinct || !d.Searchable() {
		return Pred{}, false
	}
	find := func(i int) (int, bool) {
		s := []byte(p.Values[i].S)
		return d.Find(kernel.HashBytes(s), s)
	}
	switch p.Op {
	case Eq, Ne:
		code, ok := find(0)
		switch {
		case ok:
			q := CodeRange(int64(code), int64(code))
			q.Not = p.Op == Ne
			return q, true
		case p.Op == Eq:
			return Pred{Kind: PredNone}, true
		}
		return Pred{Kind: PredAll}, true
	case In:
		set := make(batch.Bitmap, batch.Words(d.Len))
		for i := range p.Values {
			if code, ok := find(i); ok {
				set.Set(code)
			}
		}
		return CodeSet(set, d.Len), true
	}
	return Pred{}, false
}
