package compile

import (
	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/engine/op"
	"github.com/siltstone-db/siltstone/engine/order"
	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/storage/scan"
)

// topKRows is the most rows that a top-k keeps instead of sorting everything: beyond it the heap's memory and its
// comparisons cost more than a sort.
const topKRows = 1 << 16

// topKFew is the largest top-k for which dictionaries are read by the strings of single rows: each may cost a chunk of
// 256 KiB, of which large dictionaries have some hundred.
const topKFew = 1 << 10

var _ = builds((*compiler).sort)

func (c *compiler) sort(n *plan.Sort, need plan.Set) (*stream, *Node, error) {
	keys := make([]expr.Expr, len(n.Keys))
	for i, k := range n.Keys {
		keys[i] = k.Expr
	}
	s, child, err := c.sortInput(n, with(need, keys...))
	if err != nil {
		return nil, nil, err
	}
	at, err := c.extend(s, keys)
	if err != nil {
		return nil, nil, err
	}
	cfg := order.Config{In: s.types, Limit: n.Limit}
	for i, k := range n.Keys {
		cfg.Keys = append(cfg.Keys, order.Key{Column: at[i], Desc: k.Desc, NullsFirst: k.NullsFirst})
	}
	top := n.Limit >= 0 && n.Limit <= topKRows
	node := c.explain(n, child)
	if !top {
		node.Title = "Sort" // so many rows that it is no top-k
	}
	var sink op.Sink
	var src op.Source
	if top {
		if o := s.origin(at[0]); o >= 0 && s.scan.req.Columns[o] >= 0 { // no term is on a number
			cfg.Late, cfg.LateColumn = &scan.Late{}, s.scan.req.Columns[o]
			cfg.LateNotNull = s.scan.rel.Stats(cfg.LateColumn).Nulls == 0
			s.scan.req.Late = append(s.scan.req.Late, cfg.Late)
			// The bound soon leaves few rows, and the top-k itself reads nothing of a dictionary but their strings.
			s.scan.req.Few = len(s.ops) == 0 && n.Limit <= topKFew
		}
		k := order.NewTopK(cfg)
		sink, src, node.spill = k, k, k.Spilled()
	} else {
		k := order.NewSort(cfg)
		sink, src, node.spill = k, k, k.Spilled()
	}
	pipe := c.close(s, sink, node)
	return &stream{source: src, deps: []int{pipe}, ids: s.ids, types: s.types, marks: []mark{{node, -1}}}, node, nil
}

// sortInput compiles what is sorted. A top-k by one aggregate tells the aggregation that only its best groups count.
func (c *compiler) sortInput(n *plan.Sort, need plan.Set) (*stream, *Node, error) {
	if n.Limit >= 0 && n.Limit <= topKRows && len(n.Keys) == 1 {
		if agg, call, ok := topAggregate(n.Input, n.Keys[0].Expr); ok && n.Keys[0].NullsFirst == n.Keys[0].Desc {
			top := &topHint{call: call, desc: n.Keys[0].Desc, k: n.Limit}
			return c.above(n.Input, agg, need, top)
		}
	}
	return c.node(n.Input, need)
}

// topAggregate finds the aggregation below projections whose call the expression is.
func topAggregate(n plan.Node, e expr.Expr) (*plan.Aggregate, int, bool) {
	col, ok := e.(*expr.Column)
	if !ok {
		return nil, 0, false
	}
	id := plan.ID(col.Index)
	for {
		switch x := n.(type) {
		case *plan.Project:
			at := plan.IndexOf(x.Cols, id)
			if at < 0 {
				return nil, 0, false
			}
			in, ok := x.Exprs[at].(*expr.Column)
			if !ok {
				return nil, 0, false
			}
			id, n = plan.ID(in.Index), x.Input
		case *plan.Aggregate:
			if call := plan.IndexOf(x.Cols, id) - len(x.Keys); call >= 0 {
				return x, call, true
			}
			return nil, 0, false
		default:
			return nil, 0, false
		}
	}
}

// above compiles the projections above an aggregation, which gets the hint.
func (c *compiler) above(n plan.Node, agg *plan.Aggregate, need plan.Set, top *topHint) (*stream, *Node, error) {
	c.tops = append(c.tops, topFor{agg, top})
	return c.node(n, need)
}
