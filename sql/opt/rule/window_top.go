package rule

import (
	"math"

	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/storage/types"
)

// WindowTop tells a window below a condition on row_number or rank that only the first rows of each partition are wanted. No
// other call of the window may depend on the rows behind them, so all must be ranks. The condition stays.
var WindowTop = Rule{Name: "WindowTop", Apply: func(_ *Env, n plan.Node) (plan.Node, error) {
	return plan.Rewrite(n, func(n plan.Node) (plan.Node, error) {
		if f, ok := n.(*plan.Filter); ok {
			return windowTop(f), nil
		}
		return n, nil
	})
}}

func windowTop(f *plan.Filter) plan.Node {
	w, ok := f.Input.(*plan.Window)
	if !ok || w.Top != nil || !onlyRanks(w) {
		return f
	}
	for _, c := range f.Conds {
		id, k, ok := atMost(c)
		if !ok {
			continue
		}
		call := plan.IndexOf(w.Cols, id)
		if call < 0 || w.Calls[call].Part != w.Shared() {
			continue
		}
		if kind := w.Calls[call].Kind(); kind != fn.RowNumber && kind != fn.Rank {
			continue
		}
		top := *w
		top.Top = &plan.WindowTop{Call: call, K: max(k, 0)}
		return with1(f, &top)
	}
	return f
}

// onlyRanks tells whether the calls of a window look at the rows before a row only, all with one partition and order: ranks.
func onlyRanks(w *plan.Window) bool {
	for i := range w.Calls {
		c := &w.Calls[i]
		switch c.Kind() {
		case fn.RowNumber, fn.Rank, fn.DenseRank:
		default:
			return false
		}
		if c.Part != w.Calls[0].Part || c.Order != w.Calls[0].Order {
			return false
		}
	}
	return true
}

// atMost reads a condition that bounds a column from above by a constant: the largest integer that it lets through.
func atMost(e expr.Expr) (id plan.ID, k int64, ok bool) {
	c, is := e.(*expr.Call)
	if !is || len(c.Args) != 2 {
		return 0, 0, false
	}
	x, y, op := c.Args[0], c.Args[1], c.Fn.Name
	if _, constant := x.(*expr.Const); constant {
		x, y = y, x
		op = map[string]string{">=": "<=", ">": "<", "=": "="}[op]
	}
	col, isColumn := x.(*expr.Column)
	bound, constant := y.(*expr.Const)
	if !isColumn || !constant || bound.Value.Null || !bound.Value.Type.IsInteger() || col.T.Kind != types.Int8 {
		return 0, 0, false
	}
	switch k = bound.Value.I; op {
	case "<":
		if k == math.MinInt64 {
			return 0, 0, false
		}
		k--
	case "<=", "=":
	default:
		return 0, 0, false
	}
	return plan.ID(col.Index), k, true
}
