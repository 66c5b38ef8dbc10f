package rule

import (
	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/sql/plan"
)

// DropSort removes sorts whose order nobody sees: below an aggregate that does not depend on order, below another sort,
// below the sides of joins and set operations; keys that are constant; and sorts of one row.
var DropSort = Rule{Name: "DropSort", Apply: func(_ *Env, n plan.Node) (plan.Node, error) {
	return plan.Rewrite(n, func(n plan.Node) (plan.Node, error) {
		switch x := n.(type) {
		case *plan.Sort:
			return dropKeys(x), nil
		case *plan.Aggregate:
			for _, a := range x.Aggs {
				if a.Fn.Arrival {
					return n, nil
				}
			}
			return with1(x, unsorted(x.Input)), nil
		case *plan.Window:
			if len(x.Keys) > 0 { // without keys, rows are numbered as they come
				return with1(x, unsorted(x.Input)), nil
			}
		case *plan.Join:
			return plan.WithChildren(x, []plan.Node{unsorted(x.Left), unsorted(x.Right)}), nil
		case *plan.SetOp:
			return plan.WithChildren(x, []plan.Node{unsorted(x.Left), unsorted(x.Right)}), nil
		}
		return n, nil
	})
}}

func dropKeys(x *plan.Sort) plan.Node {
	var keys []plan.SortKey
	for _, k := range x.Keys {
		if !expr.IsConst(k.Expr) {
			keys = append(keys, k)
		}
	}
	in := unsorted(x.Input)
	if oneRow(in) || len(keys) == 0 && x.Limit < 0 {
		return in
	}
	if len(keys) == len(x.Keys) && in == x.Input {
		return x
	}
	if len(keys) == 0 {
		return x // a top-k without an order still limits
	}
	return &plan.Sort{Input: in, Keys: keys, Limit: x.Limit}
}

// unsorted removes a sort at the top of an input, through projections and filters.
func unsorted(n plan.Node) plan.Node {
	switch x := n.(type) {
	case *plan.Sort:
		if x.Limit < 0 {
			return unsorted(x.Input)
		}
	case *plan.Project, *plan.Filter:
		return with1(x, unsorted(x.Children()[0]))
	}
	return n
}

func oneRow(n plan.Node) bool {
	switch x := n.(type) {
	case *plan.Aggregate:
		return len(x.Keys) == 0 && len(x.Aggs) > 0
	case *plan.Project, *plan.Filter:
		return oneRow(x.Children()[0])
	case *plan.Values:
		return len(x.Rows) <= 1
	}
	return false
}
