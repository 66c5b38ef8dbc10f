package rule

import (
	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/storage/types"
)

// groupFirstShare is which part of the rows the groups by all keys may be for GroupFirst to pay: the first grouping costs
// about as much as one grouping set, and saves this share of all others.
const groupFirstShare = 0.5

// GroupFirst groups the rows of several grouping sets by all keys first, and then repeats these groups for each set in place
// of the rows. Counts become sums of counts, averages sums by counts. All aggregates must be of that sort.
var GroupFirst = Rule{Name: "GroupFirst", Apply: func(env *Env, n plan.Node) (plan.Node, error) {
	return plan.Rewrite(n, func(n plan.Node) (plan.Node, error) {
		a, ok := n.(*plan.Aggregate)
		if !ok {
			return n, nil
		}
		if x, ok := a.Input.(*plan.Expand); ok && len(x.Keys) > 0 {
			if first, err := env.groupFirst(a, x); first != nil || err != nil {
				return first, err
			}
		}
		return n, nil
	})
}}

func (env *Env) groupFirst(a *plan.Aggregate, x *plan.Expand) (plan.Node, error) {
	f := &firstGrouping{env: env, base: &plan.Aggregate{Input: x.Input}, last: &plan.Aggregate{Keys: a.Keys}}
	for i, k := range x.Keys {
		if expr.Volatile(k) {
			return nil, nil
		}
		f.base.Keys, f.base.Cols = append(f.base.Keys, k), append(f.base.Cols, env.newColumn(x.Cols[i].Name, k.Type()))
	}
	keys := len(a.Keys)
	f.last.Cols = append(f.last.Cols, a.Cols[:keys]...)
	top := &plan.Project{Cols: a.Cols}
	for _, c := range a.Cols[:keys] {
		top.Exprs = append(top.Exprs, ref(c))
	}
	for i := range a.Aggs {
		e, err := f.call(&a.Aggs[i], a.Cols[keys+i].Type)
		if e == nil || err != nil {
			return nil, err
		}
		top.Exprs = append(top.Exprs, e)
	}
	if rows := env.Stats.Rows(x.Input); env.Stats.Rows(f.base) > groupFirstShare*rows {
		return nil, nil
	}
	again := *x
	again.Input, again.Keys = f.base, nil
	for _, c := range f.base.Cols[:len(x.Keys)] {
		again.Keys = append(again.Keys, ref(c))
	}
	f.last.Input, top.Input = &again, f.last
	return top, nil
}

// firstGrouping is a grouping by all keys, and the one over it.
type firstGrouping struct {
	env        *Env
	base, last *plan.Aggregate
}

// call splits an aggregate and returns its value over the last grouping; nil when it cannot be split.
func (f *firstGrouping) call(call *plan.AggCall, t types.Type) (expr.Expr, error) {
	if call.Distinct || len(call.OrderBy) > 0 || len(call.Args) > 1 {
		return nil, nil
	}
	for _, e := range call.Args {
		if expr.Volatile(e) {
			return nil, nil
		}
	}
	switch call.Fn.Kind {
	case fn.CountStar, fn.Count:
		return f.twice(call, "sum", t)
	case fn.Sum:
		if t.Kind == types.Float4 || t.Kind == types.Interval {
			return nil, nil
		}
		return f.twice(call, "sum", t)
	case fn.Min, fn.Max, fn.BoolAnd, fn.BoolOr, fn.AnyValue, fn.BitAnd, fn.BitOr, fn.BitXor:
		return f.twice(call, call.Fn.Name, t)
	case fn.Avg:
		return f.average(call, t)
	}
	return nil, nil
}

// twice computes a call per group, and another one over its values, as t.
func (f *firstGrouping) twice(call *plan.AggCall, name string, t types.Type) (expr.Expr, error) {
	args := make([]types.Type, len(call.Args))
	for i, e := range call.Args {
		args[i] = e.Type()
	}
	part := f.env.newColumn(name, call.Fn.Result(args))
	f.base.Aggs, f.base.Cols = append(f.base.Aggs, *call), append(f.base.Cols, part)
	again, want, err := fn.ResolveAggregate(name, []types.Type{part.Type})
	if err != nil || want[0].Kind != part.Type.Kind {
		return nil, nil // not of this type: the rule does not apply
	}
	whole := f.env.newColumn(name, again.Result([]types.Type{part.Type}))
	f.last.Aggs = append(f.last.Aggs, plan.AggCall{Fn: again, Args: []expr.Expr{ref(part)}})
	f.last.Cols = append(f.last.Cols, whole)
	var e expr.Expr = ref(whole)
	if whole.Type != t {
		e = &expr.Cast{Arg: e, T: t}
	}
	return e, nil
}

// average divides the sum of sums by the sum of counts, which is what avg does.
func (f *firstGrouping) average(call *plan.AggCall, t types.Type) (expr.Expr, error) {
	arg := call.Args[0].Type()
	if arg.Kind == types.Float4 || arg.Kind == types.Interval {
		return nil, nil
	}
	part := func(name string, t types.Type) (expr.Expr, error) {
		a, _, err := fn.ResolveAggregate(name, []types.Type{arg})
		if err != nil {
			return nil, err
		}
		return f.twice(&plan.AggCall{Fn: a, Args: call.Args, Filter: call.Filter}, "sum", t)
	}
	wide := types.T(types.Numeric)
	if arg.Kind == types.Float8 {
		wide = arg
	}
	sum, err := part("sum", wide)
	if sum == nil || err != nil {
		return nil, err
	}
	count, err := part("count", wide)
	if count == nil || err != nil {
		return nil, err
	}
	quotient, err := expr.CallOperator("/", sum, count)
	if err != nil {
		return nil, err
	}
	if quotient.Type() != t {
		return &expr.Cast{Arg: quotient, T: t}, nil
	}
	return quotient, nil
}
