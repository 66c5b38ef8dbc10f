package expr

import (
	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/types/decimal"
)

// tightNumeric gives an unconstrained numeric constant its own digits as precision and scale, when it is finite and has
// at most 38.
func tightNumeric(d types.Datum) types.Datum {
	x, err := d.Decimal()
	if err != nil || !x.IsFinite() || x.Scale() > decimal.Precision128 {
		return d
	}
	v, err := x.Scaled(decimal.Precision128, x.Scale())
	if err != nil {
		return d
	}
	p := max(x.Scale(), 1)
	for p <= decimal.Precision128 && !v.FitsPrecision(p) {
		p++
	}
	if p > decimal.Precision128 {
		return d
	}
	t, err := types.NumericDatum(types.NumericOf(p, x.Scale()), x)
	if err != nil {
		return d
	}
	return t
}
