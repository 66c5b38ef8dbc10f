package fn

import (
	"math"
	"sync"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/kernel"
	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/types/decimal"
)

// SameValues tells that every value of one type is a value of another as it stands, so that the cast computes nothing.
func SameValues(from, to types.Type) bool {
	switch {
	case from == to:
		return true
	case isOid(from.Kind) && isOid(to.Kind):
		return true
	case from.Kind == types.Numeric && to.Kind == types.Numeric:
		return from.Precision > 0 && from.Scale == to.Scale && from.Precision <= to.Precision && from.Physical() == to.Physical() ||
			to.Precision == 0 && from.Precision > decimal.Precision128
	case from.Kind == types.Array && to.Kind == types.Array:
		return from.Elem == to.Elem
	}
	isText := func(k types.Kind) bool {
		return k == types.Text || k == types.Varchar || k == types.Name || k == types.Unknown
	}
	if !isText(from.Kind) || to.Kind != types.Text && to.Kind != types.Varchar {
		return false
	}
	return to.Width == 0 || from.Kind == types.Varchar && from.Width > 0 && from.Width <= to.Width
}

func isOid(k types.Kind) bool {
	return k == types.Oid || k >= types.Regclass && k <= types.Regnamespace
}

// CastVolatility tells whether a cast depends on the session: on its time zone, or on the catalog.
func CastVolatility(from, to types.Type) Volatility {
	if from.Kind == to.Kind {
		return Immutable
	}
	zoned := from.Kind == types.Timestamptz || to.Kind == types.Timestamptz
	textToTime := category(from) == 'S' && category(to) == 'D'
	named := isOid(from.Kind) && from.Kind != types.Oid || isOid(to.Kind) && to.Kind != types.Oid
	digits := (from.Kind == types.Float4 || from.Kind == types.Float8) && category(to) == 'S' // extra_float_digits
	if zoned || textToTime || named || digits {
		return Stable
	}
	return Immutable
}

type castKey struct {
	from, to   types.Type
	assignment bool
}

var castCache sync.Map // castKey -> *Overload

// ResolveCast returns the conversion between two types as an overload of one argument, or 42846.
func ResolveCast(from, to types.Type, assignment bool) (*Overload, error) {
	key := castKey{from, to, assignment}
	if o, ok := castCache.Load(key); ok {
		return o.(*Overload), nil
	}
	if !CanCast(from, to, Explicit) {
		return nil, errs.New(errs.CannotCoerce, "cannot cast type %s to %s", plain(from), plain(to))
	}
	eval := castEval(from, to, assignment)
	if eval == nil {
		return nil, errs.Unsupported("a cast from %s to %s", plain(from), plain(to))
	}
	o := &Overload{Name: "cast", Args: list(from), Result: returns(to), Volatility: CastVolatility(from, to), Eval: eval}
	castCache.Store(key, o)
	return o, nil
}

func castEval(from, to types.Type, assignment bool) Eval {
	if e := castJSON(from, to); e != nil {
		return e
	}
	switch {
	case from.Kind == types.Numeric && to.IsNumber():
		return fromNumeric(from, to)
	case to.Kind == types.Numeric && from.IsNumber():
		return toNumeric(from, to)
	case from.IsNumber() && to.IsNumber():
		return castNumbers(from, to)
	case to.IsString():
		return castToString(from, to, assignment)
	case from.IsString():
		return parseText(to)
	case from.Kind == types.Array && to.Kind == types.Array:
		return parseText(to)
	case isOid(from.Kind) || isOid(to.Kind):
		return castOid(from, to)
	case from.Kind == types.Bool && to.Kind == types.Int4:
		return func(_ *Context, args []*batch.Vector, n int, _ batch.Bitmap, out *batch.Vector) error {
			b := viewBool(args[0])
			out.Reset(to, n)
			for i := range batch.Values[int32](out)[:n] {
				batch.Values[int32](out)[i] = int32(kernel.Bit(b.at(i)))
			}
			return nil
		}
	case from.Kind == types.Int4 && to.Kind == types.Bool:
		return rowBool(func(_ *Context, r *row) (bool, bool, error) { return r.int4(0) != 0, true, nil })
	}
	return castTimes(from, to)
}

// castNumbers converts between integers and floats.
func castNumbers(from, to types.Type) Eval {
	switch from.Kind {
	case types.Int2:
		return intTo[int16](to)
	case types.Int4:
		return intTo[int32](to)
	case types.Int8:
		return intTo[int64](to)
	case types.Float4:
		return floatTo[float32](to)
	}
	return floatTo[float64](to)
}

func intTo[A kernel.Integer](to types.Type) Eval {
	switch to.Kind {
	case types.Int2:
		return narrowInt[A, int16](to)
	case types.Int4:
		return narrowInt[A, int32](to)
	case types.Int8:
		return narrowInt[A, int64](to)
	case types.Float4:
		return scalar1(to, total1(func(v A) float32 { return float32(v) }))
	}
	return convert[A, float64](to)
}

// convert is a conversion that always fits.
func convert[A, R kernel.Integer | kernel.Float](to types.Type) Eval {
	return func(_ *Context, args []*batch.Vector, n int, _ batch.Bitmap, out *batch.Vector) error {
		out.Reset(to, n)
		r := batch.Values[R](out)
		for i, v := range batch.Values[A](args[0])[:n] {
			r[i] = R(v)
		}
		return nil
	}
}

func narrowInt[A, R kernel.Integer](to types.Type) Eval {
	return func(_ *Context, args []*batch.Vector, n int, valid batch.Bitmap, out *batch.Vector) error {
		out.Reset(to, n)
		r := batch.Values[R](out)
		var bad int64
		a := batch.Values[A](args[0])[:n]
		for i, v := range a {
			r[i] = R(v)
			bad |= int64(v) ^ int64(R(v))
		}
		if bad == 0 {
			return nil
		}
		for i, v := range a {
			if live(valid, i) && int64(v) != int64(R(v)) {
				return outOfRange(to)
			}
		}
		return nil
	}
}

func floatTo[A kernel.Float](to types.Type) Eval {
	switch to.Kind {
	case types.Int2:
		return scalar1(to, func(v A) (int16, error) { return types.FloatToInt16(float64(v)) })
	case types.Int4:
		return scalar1(to, func(v A) (int32, error) { return types.FloatToInt32(float64(v)) })
	case types.Int8:
		return scalar1(to, func(v A) (int64, error) { return types.FloatToInt64(float64(v)) })
	case types.Float4:
		return scalar1(to, func(v A) (float32, error) {
			r := float32(v)
			switch {
			case math.IsInf(float64(r), 0) && !math.IsInf(float64(v), 0):
				return 0, floatOverflow()
			case r == 0 && v != 0:
				return 0, floatUnderflow()
			}
			return r, nil
		})
	}
	return convert[A, float64](to)
}

// fromNumeric converts numeric to any number.
func fromNumeric(from, to types.Type) Eval {
	switch to.Kind {
	case types.Int2:
		return decimalTo(to, decimal.Decimal.Int16)
	case types.Int4:
		return decimalTo(to, decimal.Decimal.Int32)
	case types.Int8:
		return decimalTo(to, decimal.Decimal.Int64)
	case types.Float4:
		return decimalTo(to, decimal.Decimal.ToFloat32)
	case types.Float8:
		if from.Physical() == types.PhysInt64 {
			div := float64(decimal.Pow10Int64(int(from.Scale)))
			return scaledToFloat(to, div)
		}
		return decimalTo(to, decimal.Decimal.ToFloat64)
	}
	return constrain(from, to)
}

// scaledToFloat divides two exact floats, which rounds once, as long as the integer has at most 53 bits.
func scaledToFloat(to types.Type, div float64) Eval {
	slow := decimalTo(to, decimal.Decimal.ToFloat64)
	return func(c *Context, args []*batch.Vector, n int, valid batch.Bitmap, out *batch.Vector) error {
		out.Reset(to, n)
		r := batch.Values[float64](out)
		const exact = 1 << 53
		big := false
		for i, v := range batch.Values[int64](args[0])[:n] {
			big = big || v > exact || v < -exact
			r[i] = float64(v) / div
		}
		if big {
			return slow(c, args, n, valid, out)
		}
		return nil
	}
}

func decimalTo[R any](to types.Type, f func(decimal.Decimal) (R, error)) Eval {
	return func(_ *Context, args []*batch.Vector, n int, valid batch.Bitmap, out *batch.Vector) error {
		a := viewDecimal(args[0])
		out.Reset(to, n)
		r := batch.Values[R](out)
		for i := range n {
			if !live(valid, i) {
				continue
			}
			d, err := a.at(i)
			if err != nil {
				return err
			}
			if r[i], err = f(d); err != nil {
				return err
			}
		}
		return nil
	}
}

// constrain brings numerics to a precision and scale: 22003 when there is no room before the point.
func constrain(from, to types.Type) Eval {
	up := int(to.Scale - from.Scale)
	fits := from.Precision > 0 && from.Precision-from.Scale <= to.Precision-to.Scale
	if from.Physical() == types.PhysInt64 && to.Physical() == types.PhysInt64 && fits && up >= 0 {
		f := decimal.Pow10Int64(up)
		return func(_ *Context, args []*batch.Vector, n int, _ batch.Bitmap, out *batch.Vector) error {
			out.Reset(to, n)
			r := batch.Values[int64](out)
			for i, v := range batch.Values[int64](args[0])[:n] {
				r[i] = v * f
			}
			return nil
		}
	}
	return func(_ *Context, args []*batch.Vector, n int, valid batch.Bitmap, out *batch.Vector) error {
		a := viewDecimal(args[0])
		out.Reset(to, n)
		for i := range n {
			if !live(valid, i) {
				skipDecimal(out)
				continue
			}
			d, err := a.at(i)
			if err == nil {
				err = storeConstrained(out, i, d)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
}

// storeConstrained writes row i as an assignment to the type does.
func storeConstrained(out *batch.Vector, i int, d decimal.Decimal) error {
	t := out.Type
	switch t.Physical() {
	case types.PhysBytes:
		d, err := d.Constrain(int(t.Precision), int(t.Scale))
		if err != nil {
			return err
		}
		out.Data = decimal.AppendEncoded(out.Data, d)
		out.EndString()
		return nil
	case types.PhysInt64:
		s, err := d.Scaled(int(t.Precision), int(t.Scale))
		batch.Values[int64](out)[i] = int64(s.Lo)
		return err
	}
	s, err := d.Scaled(int(t.Precision), int(t.Scale))
	batch.Values[decimal.Int128](out)[i] = s
	return err
}

// toNumeric converts integers and floats to numeric.
func toNumeric(from, to types.Type) Eval {
	switch from.Kind {
	case types.Int2:
		return numberToNumeric(to, func(v int16) decimal.Decimal { return decimal.FromInt64(int64(v)) })
	case types.Int4:
		if to.Physical() == types.PhysInt64 && to.Scale == 0 && to.Precision >= 10 {
			return convert[int32, int64](to)
		}
		return numberToNumeric(to, func(v int32) decimal.Decimal { return decimal.FromInt64(int64(v)) })
	case types.Int8:
		return numberToNumeric(to, decimal.FromInt64)
	case types.Float4:
		return numberToNumeric(to, decimal.FromFloat32)
	}
	return numberToNumeric(to, decimal.FromFloat64)
}

func numberToNumeric[A any](to types.Type, f func(A) decimal.Decimal) Eval {
	return func(_ *Context, args []*batch.Vector, n int, valid batch.Bitmap, out *batch.Vector) error {
		a := view[A](args[0])
		out.Reset(to, n)
		for i := range n {
			if !live(valid, i) {
				skipDecimal(out)
				continue
			}
			if err := storeConstrained(out, i, f(a.at(i))); err != nil {
				return err
			}
		}
		return nil
	}
}
