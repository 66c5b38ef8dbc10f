package compile

import (
	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/engine/relop"
	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/storage/errs"
)

var _ = builds((*compiler).ties)

// ties passes on the first rows and those that are equal to the last of them. An input that is not sorted has equal rows.
func (c *compiler) ties(n *plan.Ties, need plan.Set) (*stream, *Node, error) {
	count, err := c.rowCount(n.Count, "row count cannot be null in FETCH FIRST ... WITH TIES clause", errs.InvalidRowCountInLimit, "LIMIT")
	if err != nil {
		return nil, nil, err
	}
	offset, err := c.rowCount(n.Offset, "", errs.InvalidRowCountInOffset, "OFFSET")
	if err != nil {
		return nil, nil, err
	}
	s, child, err := c.node(n.Input, with(need, n.On...))
	if err != nil {
		return nil, nil, err
	}
	at, err := c.extend(s, n.On)
	if err != nil {
		return nil, nil, err
	}
	node := c.explain(n, child)
	switch {
	case sorted(n.Input):
		s.push(relop.NewTies(s.types, at, offset, count), node)
	case count > 0:
		s.push(relop.NewLimit(s.types, offset, -1), node)
	default:
		s.push(relop.NewLimit(s.types, 0, 0), node)
	}
	s.origins = nil // as with a limit
	return s, node, nil
}

// rowCount computes a number of rows; null is the error of NULL, "" where that is 0.
func (c *compiler) rowCount(e expr.Expr, null string, code errs.Code, clause string) (int64, error) {
	if e == nil {
		return 0, nil
	}
	d, err := Constant(e, c.env.Fn)
	switch {
	case err != nil:
		return 0, err
	case d.Null && null != "":
		return 0, errs.New(code, "%s", null)
	case d.Null:
		return 0, nil
	case d.I < 0:
		return 0, errs.New(code, "%s must not be negative", clause)
	}
	return d.I, nil
}
