package plan

import (
	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// SubstituteColumns replaces columns of an outer query by values: one run of the right side of an Apply. The plan must
// not make the columns itself. Shared subplans that read none stay what they are for all runs.
func SubstituteColumns(n Node, values map[ID]types.Datum) (Node, error) {
	leaf := func(e expr.Expr) expr.Expr {
		if c, ok := e.(*expr.Column); ok {
			if d, ok := values[ID(c.Index)]; ok {
				d.Type = c.T
				return &expr.Const{Value: d}
			}
		}
		return e
	}
	n, err := MapShared(n, func(n Node) (Node, error) {
		if len(FreeColumns(n)) == 0 {
			return n, nil
		}
		return replaceLeaves(n, leaf)
	})
	if err != nil {
		return nil, err
	}
	return replaceLeaves(n, leaf)
}

// Substitute replaces the parameters of a prepared statement by their values: params[0] is $1. The values must have
// the types that the binder inferred.
func Substitute(n Node, params []types.Datum) (Node, error) {
	var missing *errs.Error
	leaf := func(e expr.Expr) expr.Expr {
		if p, ok := e.(*expr.Param); ok && (p.Number < 1 || p.Number > len(params)) {
			missing = errs.New(errs.UndefinedParameter, "there is no parameter $%d", p.Number)
			return e
		}
		return given(e, params)
	}
	n, err := MapShared(n, func(n Node) (Node, error) { return replaceLeaves(n, leaf) })
	if err != nil {
		return nil, err
	}
	if n, err = replaceLeaves(n, leaf); err != nil {
		return nil, err
	}
	if missing != nil {
		return nil, missing
	}
	return n, nil
}

// SubstituteParams replaces the parameters of an expression by their values. One that has none stays.
func SubstituteParams(e expr.Expr, params []types.Datum) expr.Expr {
	return expr.Transform(e, func(e expr.Expr) expr.Expr { return given(e, params) })
}

// given returns the value of a parameter, and anything else as it is.
func given(e expr.Expr, params []types.Datum) expr.Expr {
	p, ok := e.(*expr.Param)
	if !ok || p.Number < 1 || p.Number > len(params) {
		return e
	}
	d := params[p.Number-1]
	d.Type = p.T
	return &expr.Const{Value: d}
}

// replaceLeaves maps the expressions of a whole tree, and settles limits that became constant.
func replaceLeaves(n Node, f func(expr.Expr) expr.Expr) (Node, error) {
	return Rewrite(n, func(n Node) (Node, error) {
		n = MapExprs(n, func(e expr.Expr) expr.Expr { return expr.Transform(e, f) })
		if l, ok := n.(*Limit); ok {
			l, err := SettleLimit(l)
			if err != nil {
				return nil, err
			}
			return TopK(l), nil
		}
		return n, nil
	})
}
