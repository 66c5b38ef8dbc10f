package fn

import (
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// width_bucket(value, thresholds) has an overload for each type, so that the value is converted to that of the elements.
func init() {
	for _, k := range []types.Kind{types.Int2, types.Int4, types.Int8, types.Float4, types.Float8, types.Numeric, types.Text, types.Date,
		types.Time, types.Timestamp, types.Timestamptz, types.Interval, types.UUID} {
		t := types.T(k)
		register(&Overload{Name: "width_bucket", Args: list(t, types.ArrayOf(k)), Result: returns(tInt4),
			Eval: rowFixed(tInt4, func(_ *Context, r *row) (int32, bool, error) {
				n, err := bucketOf(r.args[0].Datum(r.index(0)), r.bytes(1), t)
				return n, true, err
			})})
	}
}

// bucketOf counts the thresholds, in ascending order, that are not above a value.
func bucketOf(x types.Datum, array []byte, t types.Type) (int32, error) {
	elems, err := types.ParseArray(array)
	if err != nil {
		return 0, err
	}
	bounds := make([]types.Datum, len(elems))
	for i, e := range elems {
		if e.Null {
			return 0, errs.New(errs.NullValueNotAllowed, "thresholds array must not contain NULLs")
		}
		if bounds[i], err = types.ParseWith(t, e.Text, nil); err != nil {
			return 0, err
		}
	}
	lo, hi := 0, len(bounds)
	for lo < hi {
		if mid := (lo + hi) / 2; types.Compare(x, bounds[mid]) < 0 {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	return int32(lo), nil
}
