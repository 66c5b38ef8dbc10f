package compile

import (
	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/engine/relop"
	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/storage/errs"
)

var _ = builds((*compiler).limit)

func (c *compiler) limit(n *plan.Limit, need plan.Set) (*stream, *Node, error) {
	n, err := c.settleLimit(n)
	if err != nil {
		return nil, nil, err
	}
	if agg := limitedAggregate(n); agg != nil {
		c.tops = append(c.tops, topFor{agg, &topHint{any: true, k: n.Offset + n.Count}})
	}
	s, child, err := c.node(n.Input, need)
	if err != nil {
		return nil, nil, err
	}
	node := c.explain(n, child)
	s.push(relop.NewLimit(s.types, n.Offset, n.Count), node)
	s.origins = nil // which rows a limit keeps must not depend on what is wanted above it
	return s, node, nil
}

var _ = builds((*compiler).distinctOn)

// distinctOn keeps the first row of equal ones. An input that is not sorted has equal constants, or one row.
func (c *compiler) distinctOn(n *plan.DistinctOn, need plan.Set) (*stream, *Node, error) {
	s, child, err := c.node(n.Input, with(need, n.On...))
	if err != nil {
		return nil, nil, err
	}
	at, err := c.extend(s, n.On)
	if err != nil {
		return nil, nil, err
	}
	node := c.explain(n, child)
	if sorted(n.Input) {
		s.push(relop.NewFirst(s.types, at), node)
	} else {
		s.push(relop.NewLimit(s.types, 0, 1), node)
	}
	s.origins = nil // as with a limit
	return s, node, nil
}

// sorted tells whether the rows come from a sort.
func sorted(n plan.Node) bool {
	switch x := n.(type) {
	case *plan.Sort:
		return true
	case *plan.Project:
		return sorted(x.Input)
	}
	return false
}

// settleLimit computes what is only known when the query runs: calls of stable functions.
func (c *compiler) settleLimit(n *plan.Limit) (*plan.Limit, error) {
	l := *n
	for _, e := range []*expr.Expr{&l.CountExpr, &l.OffsetExpr} {
		if *e == nil {
			continue
		}
		if len(expr.Columns(nil, *e)) > 0 {
			return nil, errs.Unsupported("a LIMIT that reads a column")
		}
		d, err := Constant(*e, c.env.Fn)
		if err != nil {
			return nil, err
		}
		*e = &expr.Const{Value: d}
	}
	return plan.SettleLimit(&l)
}

// limitedAggregate finds an aggregation of which only projections stand below the limit: which of its groups come out
// is then open.
func limitedAggregate(n *plan.Limit) *plan.Aggregate {
	if n.Count <= 0 || n.Offset < 0 || n.Count > topKRows || n.Offset > topKRows {
		return nil
	}
	in := n.Input
	for {
		switch x := in.(type) {
		case *plan.Project:
			in = x.Input
		case *plan.Aggregate:
			return x
		default:
			return nil
		}
	}
}
