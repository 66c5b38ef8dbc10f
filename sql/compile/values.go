package compile

import (
	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/engine/source"
	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

var _ = builds((*compiler).values)

// values computes the rows of VALUES now: there are as many expressions as the statement's text has.
func (c *compiler) values(n *plan.Values, _ plan.Set) (*stream, *Node, error) {
	s := &stream{}
	for _, col := range n.Cols {
		s.ids, s.types = append(s.ids, col.ID), append(s.types, col.Type)
	}
	var rows []*batch.Batch
	var cur *batch.Batch
	for _, r := range n.Rows {
		if cur == nil || cur.Len == batch.MaxRows {
			cur = batch.New(s.types)
			cur.Reset()
			rows = append(rows, cur)
		}
		for i, e := range r {
			d, err := Constant(e, c.env.Fn)
			if err != nil {
				return nil, nil, err
			}
			if d.Type != s.types[i] && !d.Null {
				if d, err = Constant(&expr.Cast{Arg: &expr.Const{Value: d}, T: s.types[i]}, c.env.Fn); err != nil {
					return nil, nil, err
				}
			}
			cur.Cols[i].AppendDatum(d)
		}
		cur.Len++
	}
	node := c.explain(n)
	s.source = source.NewValues(s.types, rows)
	s.marks = []mark{{node, -1}}
	return s, node, nil
}

// Constant computes an expression without columns.
func Constant(e expr.Expr, env *fn.Context) (types.Datum, error) {
	switch x := e.(type) {
	case *expr.Const:
		return x.Value, nil
	case *expr.Param:
		return types.Datum{}, errs.New(errs.UndefinedParameter, "there is no parameter $%d", x.Number)
	}
	ev, err := expr.NewEvaluator(e, nil, env)
	if err != nil {
		return types.Datum{}, err
	}
	v, err := ev.Eval(&batch.Batch{Len: 1})
	if err != nil {
		return types.Datum{}, err
	}
	return v.Datum(0), nil
}
