package fn

import (
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/types/decimal"
)

// CastContext says how much conversion is allowed (PostgreSQL manual, chapter 10 and CREATE CAST). A wider context
// allows everything that a narrower one does.
type CastContext uint8

// The contexts.
const (
	Implicit   CastContext = iota // in expressions
	Assignment                    // of a value to a column
	Explicit                      // CAST, ::
)

// none marks pairs without a cast.
const noCast = Explicit + 1

// castTable holds the narrowest context in which PostgreSQL's pg_cast converts one kind into another, for pairs of
// different kinds; pairs that are absent convert through text only.
var castTable = func() map[[2]types.Kind]CastContext {
	m := map[[2]types.Kind]CastContext{}
	add := func(from types.Kind, ctx CastContext, to ...types.Kind) {
		for _, k := range to {
			m[[2]types.Kind{from, k}] = ctx
		}
	}
	const (
		b, i2, i4, i8 = types.Bool, types.Int2, types.Int4, types.Int8
		f4, f8, num   = types.Float4, types.Float8, types.Numeric
		text, vc, ch  = types.Text, types.Varchar, types.Char
		nm, ic        = types.Name, types.InternalChar
		oid, rc, rt   = types.Oid, types.Regclass, types.Regtype
		rp, rn        = types.Regproc, types.Regnamespace
		date, tm      = types.Date, types.Time
		ts, tz, intvl = types.Timestamp, types.Timestamptz, types.Interval
	)
	add(i2, Implicit, i4, i8, f4, f8, num, oid, rc, rt, rp, rn)
	add(i4, Implicit, i8, f4, f8, num, oid, rc, rt, rp, rn)
	add(i4, Assignment, i2)
	add(i4, Explicit, b, ic)
	add(i8, Implicit, f4, f8, num, oid, rc, rt, rp, rn)
	add(i8, Assignment, i2, i4)
	add(f4, Implicit, f8)
	add(f4, Assignment, i2, i4, i8, num)
	add(f8, Assignment, i2, i4, i8, f4, num)
	add(num, Implicit, f4, f8)
	add(num, Assignment, i2, i4, i8)
	add(b, Explicit, i4)
	add(b, Assignment, text, vc, ch)
	add(text, Implicit, vc, ch, nm, rc)
	add(text, Assignment, ic)
	add(vc, Implicit, text, ch, nm, rc)
	add(vc, Assignment, ic)
	add(ch, Implicit, text, vc, nm)
	add(ch, Assignment, ic)
	add(nm, Implicit, text)
	add(nm, Assignment, vc, ch)
	add(ic, Implicit, text)
	add(ic, Assignment, vc, ch)
	add(ic, Explicit, i4)
	for _, k := range []types.Kind{oid, rc, rt, rp, rn} {
		add(k, Assignment, i4, i8)
		if k != oid {
			add(k, Implicit, oid)
			add(oid, Implicit, k)
		}
	}
	add(date, Implicit, ts, tz)
	add(tm, Implicit, intvl)
	add(ts, Implicit, tz)
	add(ts, Assignment, date, tm)
	add(tz, Assignment, ts, date, tm)
	add(intvl, Assignment, tm)
	add(types.JSONB, Explicit, b, num, i2, i4, i8, f4, f8)
	add(types.JSON, Assignment, types.JSONB)
	add(types.JSONB, Assignment, types.JSON)
	return m
}()

// castContext returns the narrowest context in which from converts to to.
func castContext(from, to types.Type) CastContext {
	switch {
	case from.Kind == to.Kind && (from.Kind != types.Array || from.Elem == to.Elem):
		return Implicit
	case from.Kind == types.Unknown:
		return Implicit
	case from.Kind == types.Array && to.Kind == types.Array:
		if ctx, ok := castTable[[2]types.Kind{from.Elem, to.Elem}]; ok {
			return ctx
		}
		return throughText(types.T(from.Elem), types.T(to.Elem))
	}
	if ctx, ok := castTable[[2]types.Kind{from.Kind, to.Kind}]; ok {
		return ctx
	}
	return throughText(from, to)
}

// throughText is the rule for pairs without a cast of their own: everything prints into a string on assignment, and a
// string is parsed when the user asks for it.
func throughText(from, to types.Type) CastContext {
	switch {
	case from.Kind == types.Void || to.Kind == types.Void || to.Kind == types.Unknown:
		return noCast
	case category(to) == 'S':
		return Assignment
	case category(from) == 'S':
		return Explicit
	}
	return noCast
}

// CanCast tells whether values of one type may be converted to another in a context.
func CanCast(from, to types.Type, ctx CastContext) bool { return castContext(from, to) <= ctx }

// category is PostgreSQL's pg_type.typcategory.
func category(t types.Type) byte {
	switch t.Kind {
	case types.Bool:
		return 'B'
	case types.Int2, types.Int4, types.Int8, types.Float4, types.Float8, types.Numeric, types.Oid, types.Regclass,
		types.Regtype, types.Regproc, types.Regnamespace:
		return 'N'
	case types.Text, types.Varchar, types.Char, types.Name:
		return 'S'
	case types.Date, types.Time, types.Timestamp, types.Timestamptz:
		return 'D'
	case types.Interval:
		return 'T'
	case types.Array:
		return 'A'
	case types.InternalChar:
		return 'Z'
	case types.Unknown:
		return 'X'
	case types.Invalid, types.Void:
		return 'P'
	}
	return 'U'
}

// preferred is PostgreSQL's pg_type.typispreferred.
func preferred(t types.Type) bool {
	switch t.Kind {
	case types.Bool, types.Float8, types.Oid, types.Text, types.Timestamptz, types.Interval:
		return true
	}
	return false
}

// sameForm tells that values of both string-like or oid-like types are the same bytes, so that no conversion is needed
// where the second is wanted and the first is given.
func sameForm(from, to types.Type) bool {
	switch to.Kind {
	case types.Text:
		return from.Kind == types.Varchar || from.Kind == types.Name
	case types.Varchar:
		return from.Kind == types.Text && to.Width == 0
	case types.Oid:
		return from.Kind >= types.Regclass && from.Kind <= types.Regnamespace
	}
	return false
}

// wanted returns the type to which an argument is converted for a parameter.
func wanted(arg, param types.Type) types.Type {
	switch {
	case param.Kind == types.Invalid || param == tNonArray || param.Kind == types.Array && param.Elem == types.Invalid:
		if arg.Kind == types.Unknown {
			return types.T(types.Text)
		}
		return arg
	case arg.Kind == param.Kind && arg.Elem == param.Elem:
		return arg
	case sameForm(arg, param):
		return arg
	case param.Kind == types.Numeric:
		return numericFor(arg)
	}
	return param
}

// numericFor returns the numeric type that holds every value of a type that is converted to numeric.
func numericFor(t types.Type) types.Type {
	switch t.Kind {
	case types.Int2:
		return types.NumericOf(5, 0)
	case types.Int4:
		return types.NumericOf(10, 0)
	case types.Int8:
		return types.NumericOf(19, 0)
	case types.Numeric:
		return t
	}
	return types.T(types.Numeric)
}

// CommonTypeFor returns the type that the branches of a construct (UNION, CASE, COALESCE, IN, VALUES, GREATEST, ...)
// share (PostgreSQL manual, 10.5), or 42804. Of numerics it keeps the larger scale and the larger number of digits
// before the point, so that the result stays of fixed width where the branches are.
func CommonTypeFor(construct string, ts []types.Type) (types.Type, error) {
	common := types.T(types.Unknown)
	for _, t := range ts {
		switch {
		case t.Kind == types.Unknown || t.Kind == types.Invalid || t.Kind == common.Kind && t.Elem == common.Elem:
		case common.Kind == types.Unknown:
			common = t
		case category(t) != category(common):
			return common, errs.New(errs.DatatypeMismatch, "%s types %s and %s cannot be matched", construct, plain(common), plain(t))
		case !preferred(common) && CanCast(common, t, Implicit) && !CanCast(t, common, Implicit):
			common = t
		}
	}
	if common.Kind == types.Unknown {
		return types.T(types.Text), nil
	}
	for _, t := range ts {
		if !CanCast(t, common, Implicit) {
			return common, errs.New(errs.CannotCoerce, "%s could not convert type %s to %s", construct, plain(t), plain(common))
		}
	}
	return commonModifiers(common, ts), nil
}

func commonModifiers(common types.Type, ts []types.Type) types.Type {
	if common.Kind == types.Numeric {
		digits, scale := 0, 0
		for _, t := range ts {
			if t.Kind == types.Unknown {
				continue
			}
			n := numericFor(t)
			if n.Precision == 0 {
				return types.T(types.Numeric)
			}
			digits, scale = max(digits, int(n.Precision-n.Scale)), max(scale, int(n.Scale))
		}
		return numericOf(digits+scale, scale)
	}
	for _, t := range ts {
		if t != common {
			return types.Type{Kind: common.Kind, Elem: common.Elem}
		}
	}
	return common
}

// plain returns a type without modifiers, as error messages name it.
func plain(t types.Type) types.Type { return types.Type{Kind: t.Kind, Elem: t.Elem} }

// maxCappedScale is the largest scale at which a product or sum of more than 38 digits is still computed as an int128 and checked for
// overflow: 26 digits before the point are left, which money never fills, while the variable form is 20 times slower.
const maxCappedScale = 12

// numericOf returns numeric(precision, scale), capped at 38 digits while the scale leaves room before the point, and
// the unconstrained numeric otherwise.
func numericOf(precision, scale int) types.Type {
	switch {
	case scale < 0:
		return types.T(types.Numeric)
	case precision <= decimal.Precision128:
		return types.NumericOf(max(precision, 1, scale), scale)
	case scale <= maxCappedScale:
		return types.NumericOf(decimal.Precision128, scale)
	}
	return types.T(types.Numeric)
}
