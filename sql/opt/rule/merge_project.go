package rule

import (
	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/sql/plan"
)

// MergeProject makes one projection of two: the outer one reads what the inner one reads. An inner expression that does
// work is not repeated: it must be used at most once. References to plain columns are also passed through to the
// conditions and keys of the node above a projection by PushFilter and this rule together.
var MergeProject = Rule{Name: "MergeProject", Apply: func(_ *Env, n plan.Node) (plan.Node, error) {
	return plan.Rewrite(n, func(n plan.Node) (plan.Node, error) {
		switch x := n.(type) {
		case *plan.Project:
			if in, ok := x.Input.(*plan.Project); ok && mergeable(in, x.Exprs) {
				return &plan.Project{Input: in.Input, Exprs: substituteAll(x.Exprs, inline(in)), Cols: x.Cols}, nil
			}
		case *plan.Aggregate:
			return mergeAggregate(x), nil
		}
		return n, nil
	})
}}

func inline(p *plan.Project) map[plan.ID]expr.Expr {
	by := map[plan.ID]expr.Expr{}
	for i, c := range p.Cols {
		by[c.ID] = p.Exprs[i]
	}
	return by
}

// mergeable tells whether the expressions of a projection may be put into those that read it.
func mergeable(in *plan.Project, users []expr.Expr) bool {
	uses := map[plan.ID]int{}
	for _, u := range users {
		expr.Walk(u, func(e expr.Expr) bool {
			if c, ok := e.(*expr.Column); ok {
				uses[plan.ID(c.Index)]++
			}
			return true
		})
	}
	for i, e := range in.Exprs {
		switch e.(type) {
		case *expr.Column, *expr.Const, *expr.Param:
			continue
		}
		if uses[in.Cols[i].ID] > 1 || expr.Volatile(e) {
			return false
		}
	}
	return true
}

// mergeAggregate puts a projection below an aggregate into its keys and arguments.
func mergeAggregate(x *plan.Aggregate) plan.Node {
	in, ok := x.Input.(*plan.Project)
	if !ok {
		return x
	}
	var users []expr.Expr
	plan.Exprs(x, func(e expr.Expr) { users = append(users, e) })
	if !mergeable(in, users) {
		return x
	}
	by := inline(in)
	out := plan.MapExprs(x, func(e expr.Expr) expr.Expr { return substitute(e, by) })
	return with1(out, in.Input)
}
