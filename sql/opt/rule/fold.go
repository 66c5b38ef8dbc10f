package rule

import (
	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/storage/batch"
)

// Fold computes constant expressions, also calls that are stable while the statement runs when the session is known,
// and draws the conclusions: conditions that are always true vanish, one that never is leaves no rows.
var Fold = Rule{Name: "Fold", Apply: func(env *Env, n plan.Node) (plan.Node, error) {
	return plan.Rewrite(n, func(n plan.Node) (plan.Node, error) {
		n = plan.MapExprs(n, env.fold)
		switch n := n.(type) {
		case *plan.Filter:
			return foldFilter(n), nil
		case *plan.Limit:
			l, err := plan.SettleLimit(n)
			if err != nil {
				return nil, err
			}
			if l.CountExpr == nil && l.Count == 0 {
				return &plan.Values{Cols: n.Columns()}, nil
			}
			if *l == *n {
				return n, nil
			}
			return l, nil
		}
		return n, nil
	})
}}

func (env *Env) fold(e expr.Expr) expr.Expr {
	e = expr.Gather(expr.Fold(e))
	if env.Fn == nil || env.Fn.Session == nil || expr.Volatility(e) != fn.Stable {
		return e
	}
	return expr.Transform(e, func(e expr.Expr) expr.Expr {
		if expr.IsConst(e) || len(expr.Columns(nil, e)) > 0 || expr.Volatility(e) != fn.Stable || hasParam(e) {
			return expr.Fold(e)
		}
		if v, ok := evaluate(e, env.Fn); ok {
			return v
		}
		return e
	})
}

func hasParam(e expr.Expr) bool {
	found := false
	expr.Walk(e, func(e expr.Expr) bool {
		_, p := e.(*expr.Param)
		found = found || p
		return !found
	})
	return found
}

// evaluate computes an expression without columns; what fails is left for the rows to fail on.
func evaluate(e expr.Expr, ctx *fn.Context) (*expr.Const, bool) {
	ev, err := expr.NewEvaluator(e, nil, ctx)
	if err != nil {
		return nil, false
	}
	v, err := ev.Eval(&batch.Batch{Len: 1})
	if err != nil {
		return nil, false
	}
	d := v.Datum(0)
	d.Type = e.Type()
	return &expr.Const{Value: d}, true
}

func foldFilter(n *plan.Filter) plan.Node {
	conds := make([]expr.Expr, 0, len(n.Conds))
	for _, c := range n.Conds {
		for _, x := range expr.Conjuncts(nil, c) {
			if k, ok := x.(*expr.Const); ok {
				if k.Value.Null || k.Value.I == 0 {
					return &plan.Values{Cols: n.Columns()}
				}
				continue
			}
			conds = append(conds, x)
		}
	}
	if len(conds) == len(n.Conds) {
		same := true
		for i := range conds {
			same = same && conds[i] == n.Conds[i]
		}
		if same {
			return n
		}
	}
	return filter(n.Input, conds)
}
