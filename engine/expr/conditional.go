package expr

import (
	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/storage/types"
)

// NewCoalesce returns COALESCE of arguments, converted to their common type.
func NewCoalesce(args []Expr) (Expr, error) {
	args, t, err := unify("COALESCE", args)
	if err != nil {
		return nil, err
	}
	return &Coalesce{Args: args, T: t}, nil
}

// NewCase returns a searched CASE whose results are converted to their common type; otherwise may be nil.
func NewCase(whens []When, otherwise Expr) (Expr, error) {
	var results []Expr
	if otherwise != nil {
		results = append(results, otherwise)
	}
	for _, w := range whens {
		results = append(results, w.Result)
	}
	results, t, err := unify("CASE", results)
	if err != nil {
		return nil, err
	}
	c := &Case{T: t}
	if otherwise != nil {
		c.Else, results = results[0], results[1:]
	}
	for i, w := range whens {
		c.Whens = append(c.Whens, When{w.Cond, results[i]})
	}
	return c, nil
}

// NewAny returns left op ANY (array), or ALL.
func NewAny(op string, left, array Expr, all bool) (Expr, error) {
	o, want, err := fn.ResolveAny(op, left.Type(), array.Type(), all)
	if err != nil {
		return nil, err
	}
	return newConverted(o, want, []Expr{left, array})
}

func unify(construct string, args []Expr) ([]Expr, types.Type, error) {
	t, err := fn.CommonTypeFor(construct, typesOf(args))
	if err != nil {
		return nil, t, err
	}
	out := make([]Expr, len(args))
	for i, a := range args {
		// Not Coerce alone: it may give a constant a tighter numeric type, and here all must have one type.
		c, err := Coerce(a, t)
		if err != nil {
			return nil, t, err
		}
		if c.Type() != t {
			c = Fold(&Cast{Arg: c, T: t})
		}
		out[i] = c
	}
	return out, t, nil
}
