package bind

import (
	"strings"

	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/storage/types"
)

// coerce converts an expression to a type that it is known to convert to. Literals are parsed now, so that a wrong one
// is an error at its place; a parameter without a type gets this one. Calls without a column are computed only later.
func (b *Binder) coerce(e expr.Expr, to types.Type, loc int32) (expr.Expr, error) {
	from := e.Type()
	if from == to {
		return e, nil
	}
	switch x := e.(type) {
	case *expr.Param:
		if from.Kind == types.Unknown {
			t := types.Type{Kind: to.Kind, Elem: to.Elem}
			if err := b.settle(x.Number, t, loc); err != nil {
				return nil, err
			}
			if t == to {
				return &expr.Param{Number: x.Number, T: t}, nil
			}
			return &expr.Cast{Arg: &expr.Param{Number: x.Number, T: t}, T: to}, nil
		}
	case *expr.Const:
		if from.Kind == types.Unknown && !x.Value.Null {
			if r, err := b.named(x.Value.S, to, loc); r != nil || err != nil {
				return r, err
			}
			if stableLiteral(to, x.Value.S) {
				return &expr.Cast{Arg: &expr.Const{Value: types.TextOf(x.Value.S)}, T: to}, nil
			}
		}
	}
	r, err := expr.Coerce(e, to)
	return r, b.at(err, loc)
}

// stableLiteral tells literals whose value depends on the session and is computed when the statement runs: timestamps
// in the session's time zone, and words such as now.
func stableLiteral(to types.Type, s string) bool {
	switch to.Kind {
	case types.Timestamptz:
		return true
	case types.Date, types.Time, types.Timestamp:
		s = strings.ToLower(s)
		return strings.Contains(s, "now") || strings.Contains(s, "today") || strings.Contains(s, "tomorrow") || strings.Contains(s, "yesterday")
	}
	return false
}

// common converts the branches of a construct to the type they share.
func (b *Binder) common(construct string, es []expr.Expr, places []int32) ([]expr.Expr, types.Type, error) {
	ts := make([]types.Type, len(es))
	for i, e := range es {
		ts[i] = e.Type()
	}
	t, err := fn.CommonTypeFor(construct, ts)
	if err != nil {
		return nil, t, b.at(err, culprit(construct, ts, places))
	}
	if !b.fixedScale(t, es...) {
		t = plainType(t)
	}
	out := make([]expr.Expr, len(es))
	for i, e := range es {
		if out[i], err = b.exactly(e, t, places[i]); err != nil {
			return nil, t, err
		}
	}
	return out, t, nil
}

// exactly converts an expression to a type that others share: coerce alone may leave a constant with the numeric type of
// just its digits, whose values lie in memory in another form.
func (b *Binder) exactly(e expr.Expr, to types.Type, loc int32) (expr.Expr, error) {
	e, err := b.coerce(e, to, loc)
	if err == nil && e.Type() != to {
		e = expr.Fold(&expr.Cast{Arg: e, T: to})
	}
	return e, err
}

// fixedScale tells whether branches that share a numeric of fixed digits may have it. Each value keeps the digits after
// the point that it came with, as PostgreSQL shows them, so the branches must have the same; but arguments of aggregates
// show only in sums, which have the most digits anyway, and fixed digits are many times faster. A literal without a type
// has digits of its own.
func (b *Binder) fixedScale(t types.Type, es ...expr.Expr) bool {
	if t.Kind != types.Numeric || t.Precision == 0 {
		return true
	}
	for _, e := range es {
		from := e.Type()
		k, constant := e.(*expr.Const)
		switch {
		case constant && k.Value.Null:
		case from.Kind == types.Unknown:
			return false
		case b.arguments == 0 && from.Scale != t.Scale:
			return false
		}
	}
	return true
}

// culprit finds the first branch that does not go with those before it: that is where PostgreSQL points.
func culprit(construct string, ts []types.Type, places []int32) int32 {
	for i := range ts {
		if _, err := fn.CommonTypeFor(construct, ts[:i+1]); err != nil {
			return places[i]
		}
	}
	return places[0]
}

// textIfUnknown gives an expression that nothing gave a type the type text.
func (b *Binder) textIfUnknown(e expr.Expr, loc int32) (expr.Expr, error) {
	if e.Type().Kind != types.Unknown {
		return e, nil
	}
	return b.coerce(e, types.T(types.Text), loc)
}

// plainType drops modifiers, as most messages do.
func plainType(t types.Type) types.Type { return types.Type{Kind: t.Kind, Elem: t.Elem} }
