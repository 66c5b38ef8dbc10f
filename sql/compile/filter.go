package compile

import (
	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/engine/relop"
	"github.com/siltstone-db/siltstone/sql/plan"
)

var _ = builds((*compiler).filter)

func (c *compiler) filter(n *plan.Filter, need plan.Set) (*stream, *Node, error) {
	s, child, err := c.node(n.Input, with(need, n.Conds...))
	if err != nil {
		return nil, nil, err
	}
	node := c.explain(n, child)
	return s, node, c.where(s, n.Conds, node)
}

// where keeps the rows of a stream that satisfy all conditions.
func (c *compiler) where(s *stream, conds []expr.Expr, node *Node) error {
	if len(conds) == 0 {
		return nil
	}
	cond, err := s.bind(and(conds))
	if err != nil {
		return err
	}
	s.push(relop.NewFilter(s.types, cond, c.env.Fn), node)
	return nil
}

// and joins conditions to one.
func and(conds []expr.Expr) expr.Expr {
	if len(conds) == 1 {
		return conds[0]
	}
	return &expr.Logic{Args: conds}
}
