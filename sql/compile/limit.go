package compile

import (
	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/engine/relop"
	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/storage/errs"
)

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
	node := c.explain(n, "Limit", child)
	s.push(relop.NewLimit(s.types, n.Offset, n.Count), node)
	s.origins = nil // which rows a limit keeps must not depend on what is wanted above it
	return s, node, nil
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
