package compile

import (
	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/engine/relop"
	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

var _ = builds((*compiler).expand)

// expand repeats the rows for each grouping set.
func (c *compiler) expand(n *plan.Expand, need plan.Set) (*stream, *Node, error) {
	s, child, err := c.node(n.Input, with(need, n.Keys...))
	if err != nil {
		return nil, nil, err
	}
	at, err := c.extend(s, n.Keys)
	if err != nil {
		return nil, nil, err
	}
	node := c.explain(n, child)
	o := relop.NewExpand(s.types, at, n.Sets)
	s.push(o, node)
	s.types, s.origins = o.Types(), nil // keys are NULL where they are not in the statistics of their table
	s.ids = s.ids[:len(s.ids):len(s.ids)]
	for _, col := range n.Cols {
		s.ids = append(s.ids, col.ID)
	}
	return s, node, nil
}

var _ = builds((*compiler).totals)

// totals adds the rows of sets without keys over an empty input, and what GROUPING answers.
func (c *compiler) totals(n *plan.Totals, need plan.Set) (*stream, *Node, error) {
	number := ref(n.Number)
	s, child, err := c.node(n.Input, with(need, number))
	if err != nil {
		return nil, nil, err
	}
	at, ok := s.column(number)
	if !ok {
		return nil, nil, errs.Internal("the number of the grouping set is not in the input")
	}
	rows := make([][]types.Datum, len(n.Empty))
	for i, set := range n.Empty {
		rows[i] = make([]types.Datum, len(s.types))
		for k, t := range s.types {
			rows[i][k] = types.NullOf(t)
			if n.Zero.Has(s.ids[k]) {
				rows[i][k] = types.IntOf(t, 0)
			}
		}
		rows[i][at] = types.IntOf(types.T(types.Int4), int64(set))
	}
	labels := make([][]int32, len(n.Labels))
	s.ids = s.ids[:len(s.ids):len(s.ids)]
	for i, l := range n.Labels {
		labels[i] = l.Of
		s.ids = append(s.ids, l.Col.ID)
	}
	node := c.explain(n, child)
	o := relop.NewTotals(s.types, at, labels, rows)
	s.push(o, node)
	s.types, s.origins = o.Types(), nil
	return s, node, nil
}

func ref(c plan.Column) *expr.Column { return &expr.Column{Index: int(c.ID), Name: c.Name, T: c.Type} }
