package compile

import (
	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/sql/plan"
)

var _ = builds((*compiler).project)

// project computes the expressions that are needed above; the others are not evaluated.
func (c *compiler) project(n *plan.Project, need plan.Set) (*stream, *Node, error) {
	var exprs []expr.Expr
	var ids []plan.ID
	for i, col := range n.Cols {
		if need.Has(col.ID) {
			exprs, ids = append(exprs, n.Exprs[i]), append(ids, col.ID)
		}
	}
	s, child, err := c.node(n.Input, with(nil, exprs...))
	if err != nil {
		return nil, nil, err
	}
	for i, e := range exprs {
		if exprs[i], err = s.bind(e); err != nil {
			return nil, nil, err
		}
	}
	node := child
	if !plain(exprs) {
		node = c.explain(n, child)
	} else if s.inPlace(exprs) {
		s.ids = ids
		return s, child, nil
	}
	var mark *Node
	if node != child {
		mark = node
	}
	c.replace(s, exprs, mark)
	s.ids = ids
	return s, node, nil
}

// plain tells whether all expressions are columns.
func plain(exprs []expr.Expr) bool {
	for _, e := range exprs {
		if _, ok := e.(*expr.Column); !ok {
			return false
		}
	}
	return true
}

// inPlace tells whether the expressions are the stream's columns in their order.
func (s *stream) inPlace(exprs []expr.Expr) bool {
	if len(exprs) != len(s.ids) {
		return false
	}
	for i, e := range exprs {
		if col, ok := e.(*expr.Column); !ok || col.Index != i {
			return false
		}
	}
	return true
}
