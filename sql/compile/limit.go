package compile

import (
	"github.com/siltstone-db/siltstone/engine/relop"
	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/storage/errs"
)

func (c *compiler) limit(n *plan.Limit, need plan.Set) (*stream, *Node, error) {
	if n.CountExpr != nil || n.OffsetExpr != nil {
		return nil, nil, errs.Unsupported("a LIMIT that is not a constant or a parameter")
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
