package compile

import (
	"slices"

	"github.com/siltstone-db/siltstone/engine/agg"
	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/sql/plan"
)

// topHint says that only the first k groups by one call are needed, or any k groups.
type topHint struct {
	any  bool
	call int
	desc bool
	k    int64
}

// topFor is the hint for one aggregation.
type topFor struct {
	agg  *plan.Aggregate
	hint *topHint
}

func (c *compiler) hintFor(n *plan.Aggregate) *topHint {
	for _, t := range c.tops {
		if t.agg == n {
			return t.hint
		}
	}
	return nil
}

var _ = builds((*compiler).aggregate)

func (c *compiler) aggregate(n *plan.Aggregate, _ plan.Set) (*stream, *Node, error) {
	if s, node, ok, err := c.fromStatistics(n); ok || err != nil {
		return s, node, err
	}
	if s, node, ok, err := c.fromEntries(n); ok || err != nil {
		return s, node, err
	}
	s, child, err := c.node(n.Input, with(nil, n.Exprs()...))
	if err != nil {
		return nil, nil, err
	}
	return c.group(n, s, child, nil)
}

// anyOrder tells that nothing of the groups depends on the order in which rows come.
func (c *compiler) anyOrder(n *plan.Aggregate) bool {
	if h := c.hintFor(n); h != nil && h.any {
		return false // the first groups are as good as any, but should be the same ones each time
	}
	return !slices.ContainsFunc(n.Aggs, func(a plan.AggCall) bool { return a.Fn.Arrival })
}

// group aggregates a stream, whose rows are those of a counted request with their weights in a column; nil: all count once.
func (c *compiler) group(n *plan.Aggregate, s *stream, child *Node, weight *expr.Column) (*stream, *Node, error) {
	exprs := guarded(n).Exprs()
	if weight != nil {
		exprs = append(exprs, weight)
	}
	at, err := c.extend(s, exprs)
	if err != nil {
		return nil, nil, err
	}
	if s.scan != nil {
		s.scan.req.AnyOrder = c.anyOrder(n)
	}
	s.finish()
	cfg := agg.Config{In: s.types}
	if s.scan != nil && s.scan.src != nil {
		cfg.Scan = s.scan.src
	}
	next := func() int { i := at[0]; at = at[1:]; return i }
	for range n.Keys {
		cfg.Keys = append(cfg.Keys, c.key(s, next()))
	}
	for _, a := range n.Aggs {
		call := agg.Call{Fn: a.Fn, Distinct: a.Distinct, Filter: -1}
		for range a.Args {
			call.Args = append(call.Args, next())
		}
		if a.Filter != nil {
			call.Filter = next()
		}
		for _, k := range a.OrderBy {
			call.OrderBy = append(call.OrderBy, agg.Order{Column: next(), Desc: k.Desc, NullsFirst: k.NullsFirst})
		}
		cfg.Calls = append(cfg.Calls, call)
	}
	if h := c.hintFor(n); h != nil && len(n.Keys) > 0 {
		if h.any {
			cfg.Limit = h.k
		} else {
			cfg.Top = &agg.Top{Call: h.call, Desc: h.desc, K: h.k}
		}
	}
	if c.env.Rows != nil && len(n.Keys) > 0 {
		cfg.Expected, cfg.Rows = int64(c.env.Rows(n)), int64(max(1, c.env.Rows(n.Input)))
	}
	if weight != nil {
		cfg.Weight = &agg.Weight{Column: next(), Once: true}
	}
	for at := range s.types {
		k := c.key(s, at)
		cfg.Columns = append(cfg.Columns, agg.Column{Origin: k.Origin, Stats: k.Stats})
	}
	g := agg.New(cfg)
	node := c.explain(n, child)
	node.spill = g.Spilled()
	pipe := c.close(s, g, node)
	ids := make([]plan.ID, len(n.Cols))
	for i, col := range n.Cols {
		ids[i] = col.ID
	}
	return &stream{source: g, deps: []int{pipe}, ids: ids, types: g.Types(), marks: []mark{{node, -1}}}, node, nil
}

// guarded is n with arguments that are not computed for rows which FILTER leaves out.
func guarded(n *plan.Aggregate) *plan.Aggregate {
	c := *n
	c.Aggs = slices.Clone(n.Aggs)
	for i := range c.Aggs {
		a := &c.Aggs[i]
		if a.Filter == nil {
			continue
		}
		a.Args, a.OrderBy = slices.Clone(a.Args), slices.Clone(a.OrderBy)
		for k := range a.Args {
			a.Args[k] = guardedBy(a.Filter, a.Args[k])
		}
		for k := range a.OrderBy {
			a.OrderBy[k].Expr = guardedBy(a.Filter, a.OrderBy[k].Expr)
		}
	}
	return &c
}

// guardedBy is an argument that is not computed for rows which FILTER leaves out, where that may raise an error. A filter
// that is volatile cannot be asked twice.
func guardedBy(filter, e expr.Expr) expr.Expr {
	if filter == nil || expr.Volatile(filter) || expr.Total(e) {
		return e
	}
	return &expr.Case{Whens: []expr.When{{Cond: filter, Result: e}}, T: e.Type()}
}

// key describes a column to group by. The statistics of a table's column hold for it as long as nothing but filters
// stand in between, and a filter only makes ranges narrower.
func (c *compiler) key(s *stream, at int) agg.Key {
	k := agg.Key{Column: at, Origin: s.origin(at)}
	if k.Origin >= 0 {
		k.Stats = s.scan.rel.Stats(s.scan.req.Columns[k.Origin])
	}
	return k
}
