package expr

import "github.com/siltstone-db/siltstone/storage/types"

// tightNumeric gives an unconstrained numeric constant its own digits as precision and scale, when it is finite and has
// at most 38.
func tightNumeric(d types.Datum) types.Datum {
	x, err := d.Decimal()
	if err != nil || !x.IsFinite() || x.Scale() > types.Decimal128Precision {
		return d
	}
	v, err := x.Scaled(types.Decimal128Precision, x.Scale())
	if err != nil {
		return d
	}
	p := max(x.Scale(), 1)
	for p <= types.Decimal128Precision && !v.FitsPrecision(p) {
		p++
	}
	if p > types.Decimal128Precision {
		return d
	}
	t, err := types.NumericDatum(types.NumericOf(p, x.Scale()), x)
	if err != nil {
		return d
	}
	return t
}
