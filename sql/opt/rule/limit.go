package rule

import (
	"math"

	"github.com/siltstone-db/siltstone/sql/plan"
)

// PushLimit moves limits below projections and copies them into the sides of UNION ALL.
var PushLimit = Rule{Name: "PushLimit", Apply: func(_ *Env, n plan.Node) (plan.Node, error) {
	return plan.Rewrite(n, func(n plan.Node) (plan.Node, error) {
		if l, ok := n.(*plan.Limit); ok {
			return pushLimit(l), nil
		}
		return n, nil
	})
}}

func pushLimit(l *plan.Limit) plan.Node {
	switch x := l.Input.(type) {
	case *plan.Project:
		c := *l
		c.Input = x.Input
		return with1(x, pushLimit(&c))
	case *plan.SetOp:
		if x.Kind != plan.Union || !x.All || l.CountExpr != nil || l.OffsetExpr != nil ||
			l.Count < 0 || l.Count > math.MaxInt64-l.Offset {
			return l
		}
		side := func(n plan.Node) plan.Node {
			if s, ok := n.(*plan.Limit); ok && s.CountExpr == nil && s.Count >= 0 && s.Count <= l.Count+l.Offset {
				return n
			}
			return pushLimit(&plan.Limit{Input: n, Count: l.Count + l.Offset})
		}
		return with1(l, plan.WithChildren(x, []plan.Node{side(x.Left), side(x.Right)}))
	}
	return l
}

// TopK tells a sort below a limit how many rows matter.
var TopK = Rule{Name: "TopK", Apply: func(_ *Env, n plan.Node) (plan.Node, error) {
	return plan.Rewrite(n, func(n plan.Node) (plan.Node, error) {
		if l, ok := n.(*plan.Limit); ok {
			return plan.TopK(l), nil
		}
		return n, nil
	})
}}
