package rule

import (
	"math"

	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Few rows of the outer query look up theirs faster than those of all others are numbered: with fewOuter of them, a
// table of manyInner rows and more is read for each.
const (
	fewOuter  = 8
	manyInner = 10_000
)

// pullLimit numbers the rows of each value of the keys, in the order of the subquery, and keeps those that the limit
// would: the latest event of each user, the three best of each class.
func (p *puller) pullLimit(x *plan.Limit) (plan.Node, bool) {
	if x.CountExpr != nil || x.OffsetExpr != nil || x.Count <= 0 || x.Count > math.MaxInt64-x.Offset {
		return x, false
	}
	input := x.Input
	var order []plan.SortKey
	if s, ok := input.(*plan.Sort); ok {
		order, input = s.Keys, s.Input
	}
	if readsKeys(order, p.outer) {
		return x, false
	}
	in, keys, ok := p.pullKeyed(input)
	if !ok || p.env.Stats.Rows(p.left) <= fewOuter && p.env.Stats.Rows(in) >= manyInner {
		return x, false
	}
	number, _, err := fn.ResolveWindow("row_number", nil)
	if err != nil {
		return x, false
	}
	in, cols := project(in, keys, p.newColumns(keys))
	at := p.env.newColumn(number.Name, types.T(types.Int8))
	w := &plan.Window{Input: in, Keys: append(sortKeys(refs(cols)), order...), Cols: []plan.Column{at}}
	w.Calls = []plan.WindowCall{{Fn: number, Part: len(keys), Order: len(w.Keys), Frame: plan.DefaultWindowFrame()}}
	w.Top = &plan.WindowTop{K: x.Count + x.Offset}
	conds, ok := between(ref(at), x.Offset, x.Count+x.Offset)
	return filter(w, conds), ok && p.replaceKeys(cols)
}

// between makes above < e AND e <= most.
func between(e expr.Expr, above, most int64) (conds []expr.Expr, ok bool) {
	for _, c := range []struct {
		op string
		k  int64
	}{{"<=", most}, {">", above}} {
		call, err := expr.CallOperator(c.op, e, &expr.Const{Value: types.IntOf(types.T(types.Int8), c.k)})
		if err != nil {
			return nil, false
		}
		if c.op == "<=" || c.k > 0 {
			conds = append(conds, call)
		}
	}
	return conds, true
}
