package rule

import (
	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/storage/types"
)

// SumPlus computes sum(x + c) and sum(x - c) as sum(x) + c * count(x): many such sums over one column cost one. Only
// for smallint columns, where x + c itself cannot overflow, so that no error is lost.
var SumPlus = Rule{Name: "SumPlus", Apply: func(env *Env, n plan.Node) (plan.Node, error) {
	return plan.Rewrite(n, func(n plan.Node) (plan.Node, error) {
		if a, ok := n.(*plan.Aggregate); ok {
			return env.sumPlus(a), nil
		}
		return n, nil
	})
}}

func (env *Env) sumPlus(a *plan.Aggregate) plan.Node {
	keys := len(a.Keys)
	out := &plan.Aggregate{Input: a.Input, Keys: a.Keys, Cols: clip(a.Cols[:keys])}
	top := &plan.Project{Cols: a.Cols}
	for _, c := range out.Cols {
		top.Exprs = append(top.Exprs, ref(c))
	}
	changed := false
	for i, call := range a.Aggs {
		col := a.Cols[keys+i]
		x, c, ok := sumOfPlus(call)
		if !ok {
			top.Exprs = append(top.Exprs, ref(addCall(out, call, col)))
			continue
		}
		e, err := env.sumAndCount(out, call, x, c)
		if err != nil {
			return a
		}
		changed = true
		top.Exprs = append(top.Exprs, e)
	}
	if !changed {
		return a
	}
	top.Input = out
	return top
}

// addCall appends an aggregate, unless an equal one is there already, and returns its column.
func addCall(a *plan.Aggregate, call plan.AggCall, col plan.Column) plan.Column {
	for i, c := range a.Aggs {
		if c.Fn == call.Fn && c.Distinct == call.Distinct && len(c.OrderBy)+len(call.OrderBy) == 0 &&
			expr.Equal(c.Filter, call.Filter) && len(c.Args) == 1 && len(call.Args) == 1 && expr.Equal(c.Args[0], call.Args[0]) {
			return a.Cols[len(a.Keys)+i]
		}
	}
	a.Aggs, a.Cols = append(a.Aggs, call), append(a.Cols, col)
	return col
}

// sumOfPlus recognises sum(x + c) over a smallint x; c is the constant, negative for a difference.
func sumOfPlus(call plan.AggCall) (x expr.Expr, c int64, ok bool) {
	if call.Fn.Kind != fn.Sum || call.Distinct || len(call.Args) != 1 {
		return nil, 0, false
	}
	op, isOp := call.Args[0].(*expr.Call)
	if !isOp || !op.Fn.Infix || len(op.Args) != 2 || op.T.Kind != types.Int4 {
		return nil, 0, false
	}
	minus := op.Fn.Name == "-"
	if op.Fn.Name != "+" && !minus {
		return nil, 0, false
	}
	for i := range 2 {
		k, isConst := op.Args[i].(*expr.Const)
		if !isConst || k.Value.Null || minus && i == 0 {
			continue
		}
		x, c = op.Args[1-i], k.Value.I
		if cast, ok := x.(*expr.Cast); ok && cast.T.Kind == types.Int4 {
			x = cast.Arg
		}
		if minus {
			c = -c
		}
		const room = 1<<31 - 1<<15 - 1
		return x, c, x.Type().Kind == types.Int2 && c <= room && c >= -room
	}
	return nil, 0, false
}

// sumAndCount adds sum(x) and count(x) and returns sum + c * count.
func (env *Env) sumAndCount(out *plan.Aggregate, call plan.AggCall, x expr.Expr, c int64) (expr.Expr, error) {
	add := func(name string) (*expr.Column, error) {
		f, _, err := fn.ResolveAggregate(name, []types.Type{x.Type()})
		if err != nil {
			return nil, err
		}
		k := plan.AggCall{Fn: f, Args: []expr.Expr{x}, Filter: call.Filter}
		return ref(addCall(out, k, env.newColumn(name, f.Result([]types.Type{x.Type()})))), nil
	}
	sum, err := add("sum")
	if err != nil {
		return nil, err
	}
	count, err := add("count")
	if err != nil {
		return nil, err
	}
	times, err := expr.CallOperator("*", count, &expr.Const{Value: types.IntOf(types.T(types.Int8), c)})
	if err != nil {
		return nil, err
	}
	return expr.CallOperator("+", sum, times)
}
