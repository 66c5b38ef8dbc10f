package fn

import (
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// array_position has an overload for each type of elements, so that the value sought is converted to it as PostgreSQL
// does.
func init() {
	for _, k := range []types.Kind{types.Bool, types.Int2, types.Int4, types.Int8, types.Float4, types.Float8, types.Numeric,
		types.Text, types.Name, types.InternalChar, types.Oid, types.Date, types.Time, types.Timestamp, types.Timestamptz, types.Interval,
		types.UUID, types.Bytea} {
		args := list(types.ArrayOf(k), types.T(k))
		register(&Overload{Name: "array_position", Args: args, Result: returns(tInt4), NotStrict: true, Eval: arrayPosition(k)},
			&Overload{Name: "array_position", Args: append(args[:2:2], tInt4), Result: returns(tInt4), NotStrict: true, Eval: arrayPosition(k)})
	}
}

// arrayPosition is the place of the first element that equals a value, or is NULL when the value is, at or after a start.
// NULL when there is none.
func arrayPosition(k types.Kind) Eval {
	t := types.T(k)
	return func(_ *Context, args []*batch.Vector, n int, valid batch.Bitmap, out *batch.Vector) error {
		out.Reset(tInt4, n)
		places := batch.Values[int32](out)
		r := row{args: args}
		for i := range n {
			if !live(valid, i) {
				continue
			}
			if r.i = i; r.null(0) {
				out.Nulls(n).Clear(i)
				continue
			}
			start := 1
			if len(args) == 3 {
				if r.null(2) {
					return errs.New(errs.NullValueNotAllowed, "initial position must not be null")
				}
				start = r.int4(2)
			}
			place, err := placeOf(r.bytes(0), args[1].Datum(i), t, start)
			if err != nil {
				return err
			}
			if places[i] = int32(place); place == 0 {
				out.Nulls(n).Clear(i)
			}
		}
		return nil
	}
}

// placeOf counts from 1; 0 is nowhere.
func placeOf(array []byte, x types.Datum, t types.Type, start int) (int, error) {
	place := 0
	e := types.ReadArray(array)
	for i := 1; e.Next(); i++ { // to the end: it may be malformed
		if place > 0 || i < start || x.Null != e.Null {
			continue
		}
		if e.Null {
			place = i
			continue
		}
		d, err := types.ParseWith(t, e.Text, nil)
		if err != nil {
			return 0, err
		}
		if types.Compare(d, x) == 0 {
			place = i
		}
	}
	return place, e.Err
}
