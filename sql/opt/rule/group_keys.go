package rule

import (
	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/storage/types"
)

// GroupKeys drops grouping keys that the others determine: constants, and expressions over columns that are keys
// themselves. They are computed once per group, above the Aggregate. A key determines something only when equal values
// are the same: 1.0 and 1.00 are one group and two texts.
var GroupKeys = Rule{Name: "GroupKeys", Apply: func(_ *Env, n plan.Node) (plan.Node, error) {
	return plan.Rewrite(n, func(n plan.Node) (plan.Node, error) {
		if a, ok := n.(*plan.Aggregate); ok && len(a.Keys) > 1 {
			return groupKeys(a), nil
		}
		return n, nil
	})
}}

func groupKeys(a *plan.Aggregate) plan.Node {
	plain := map[plan.ID]expr.Expr{} // input columns that are keys, by the output column that has them
	for i, k := range a.Keys {
		if c, ok := k.(*expr.Column); ok && equalIsSame(c.T) {
			if _, twice := plain[plan.ID(c.Index)]; !twice {
				plain[plan.ID(c.Index)] = ref(a.Cols[i])
			}
		}
	}
	have := plan.Set{}
	for id := range plain {
		have.Add(id)
	}
	out := &plan.Aggregate{Input: a.Input, Aggs: a.Aggs}
	top := &plan.Project{Cols: a.Cols}
	dropped := 0
	for i, k := range a.Keys {
		_, column := k.(*expr.Column)
		determined := !column && !expr.Volatile(k) && have.Contains(plan.ColumnsOf(k))
		if determined && dropped < len(a.Keys)-1 {
			dropped++
			top.Exprs = append(top.Exprs, substitute(k, plain))
			continue
		}
		out.Keys, out.Cols = append(out.Keys, k), append(out.Cols, a.Cols[i])
		top.Exprs = append(top.Exprs, ref(a.Cols[i]))
	}
	if dropped == 0 {
		return a
	}
	for _, c := range a.Cols[len(a.Keys):] {
		out.Cols = append(out.Cols, c)
		top.Exprs = append(top.Exprs, ref(c))
	}
	top.Input = out
	return top
}

// equalIsSame tells that no function sees a difference between equal values of a type.
func equalIsSame(t types.Type) bool {
	switch t.Kind {
	case types.Numeric:
		return t.Physical() != types.PhysBytes // 1.0 and 1.00
	case types.JSONB: // 1.0 and 1.00 within
		return false
	case types.Float4, types.Float8: // 0 and -0
		return false
	case types.Interval: // 1 day and 24 hours
		return false
	case types.Char: // blanks at the end
		return false
	case types.Array:
		return equalIsSame(types.T(t.Elem))
	}
	return true
}
