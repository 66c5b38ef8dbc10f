package expr

import (
	"strings"

	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/types/datetime"
	"github.com/siltstone-db/siltstone/storage/types/decimal"
)

// NewCall returns the call of an overload with arguments that were already converted (Coerce) to the types that fn.Resolve wants.
// It gives the overload the chance to look at constant arguments and computes the type of the result.
func NewCall(o *fn.Overload, args []Expr) *Call {
	ts := make([]types.Type, len(args))
	consts := make([]*types.Datum, len(args))
	for i, a := range args {
		ts[i] = a.Type()
		if c, ok := a.(*Const); ok {
			consts[i] = &c.Value
		}
	}
	if o.Refine != nil {
		if r := o.Refine(ts, consts); r != nil {
			o = r
		}
	}
	return &Call{Fn: o, Args: args, T: o.Result(ts)}
}

// CallFunction resolves a function by name over typed arguments, converts them and returns the call.
func CallFunction(name string, args ...Expr) (*Call, error) {
	o, want, err := fn.Resolve(name, typesOf(args))
	if err != nil {
		return nil, err
	}
	return newConverted(o, want, args)
}

// CallOperator resolves an operator; left is nil for a prefix one.
func CallOperator(op string, left, right Expr) (*Call, error) {
	args := []Expr{left, right}
	var lt types.Type
	if left == nil {
		args = args[1:]
	} else {
		lt = left.Type()
	}
	o, want, err := fn.ResolveOperator(op, lt, right.Type())
	if err != nil {
		return nil, err
	}
	return newConverted(o, want, args)
}

func newConverted(o *fn.Overload, want []types.Type, args []Expr) (*Call, error) {
	conv := make([]Expr, len(args))
	for i, a := range args {
		c, err := Coerce(a, want[i])
		if err != nil {
			return nil, err
		}
		conv[i] = c
	}
	return NewCall(o, conv), nil
}

func typesOf(args []Expr) []types.Type {
	ts := make([]types.Type, len(args))
	for i, a := range args {
		ts[i] = a.Type()
	}
	return ts
}

// Coerce converts an expression to a type that it may be cast to. Untyped literals are parsed now, so a bad one is an
// error of the statement, as in PostgreSQL; an untyped parameter takes the type; an integer constant that becomes
// numeric gets the tightest precision, which keeps products narrow. Other expressions get a Cast node.
func Coerce(e Expr, to types.Type) (Expr, error) {
	from := e.Type()
	if from == to {
		return e, nil
	}
	switch x := e.(type) {
	case *Const:
		if x.Value.Null {
			return &Const{types.NullOf(to)}, nil
		}
		if from.Kind == types.Unknown {
			if to.Kind >= types.Regclass && to.Kind <= types.Regnamespace {
				return &Cast{Arg: &Const{types.TextOf(x.Value.S)}, T: to}, nil
			}
			d, err := parseLiteral(to, x.Value.S)
			if err != nil && !ofDateStyle(to, x.Value.S) {
				return nil, err
			}
			if err != nil || ofSession(to, x.Value.S) {
				return &Cast{Arg: &Const{types.TextOf(x.Value.S)}, T: to}, nil
			}
			return &Const{d}, nil
		}
		if from.IsInteger() && to.Kind == types.Numeric {
			if d, ok := tightInteger(x.Value.I, to); ok {
				return &Const{d}, nil
			}
		}
	case *Param:
		if from.Kind == types.Unknown {
			return &Param{Number: x.Number, T: to}, nil
		}
	}
	return &Cast{Arg: e, T: to}, nil
}

// ofSession tells whether what a literal means depends on the session: its time zone, the current time ("today"), the
// order of day and month, or the names in the catalog. Such a literal stays text with a stable cast, which FoldWith computes for one execution.
func ofSession(to types.Type, s string) bool {
	switch to.Kind {
	case types.Timestamptz:
		return true
	case types.Date, types.Timestamp, types.Time:
		l := strings.ToLower(s)
		return strings.Contains(l, "now") || strings.Contains(l, "tod") || strings.Contains(l, "tom") || strings.Contains(l, "yest") ||
			ofDateStyle(to, s)
	}
	return false
}

// ofDateStyle tells whether a date means something else in another order of day, month and year.
func ofDateStyle(to types.Type, s string) bool {
	if to.Kind != types.Date && to.Kind != types.Timestamp && to.Kind != types.Timestamptz {
		return false
	}
	first, err := types.Parse(to, s)
	for _, order := range []datetime.Order{datetime.DMY, datetime.YMD} {
		d, e := types.ParseWith(to, []byte(s), &types.Settings{Settings: datetime.Settings{Order: order}})
		if (e == nil) != (err == nil) || d != first {
			return true
		}
	}
	return false
}

// tightInteger gives an integer constant the numeric type with just its digits, when the wanted type is what any value
// of its kind would get (scale 0) and nothing was asked for explicitly.
func tightInteger(v int64, to types.Type) (types.Datum, bool) {
	if to.Scale != 0 || to.Precision != 5 && to.Precision != 10 && to.Precision != 19 {
		return types.Datum{}, false
	}
	digits := 1
	for x := v; x >= 10 || x <= -10; x /= 10 {
		digits++
	}
	if digits > int(to.Precision) { // an explicit numeric(5,0): the cast says that it overflows
		return types.Datum{}, false
	}
	t := types.NumericOf(digits, 0)
	if digits > decimal.Precision64 {
		return types.Int128Of(t, uint64(v), v>>63), true
	}
	return types.IntOf(t, v), true
}

// parseLiteral parses an untyped literal. A literal that becomes an unconstrained numeric gets its own digits as
// precision and scale.
func parseLiteral(to types.Type, s string) (types.Datum, error) {
	d, err := types.Parse(to, s)
	if err != nil || to.Kind != types.Numeric || to.Precision != 0 {
		return d, err
	}
	return tightNumeric(d), nil
}
