package rule

import (
	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/sql/plan"
)

// What a subquery computes for the rows of one outer row, it can compute for all of them when the correlation is by
// equality: the inner sides become keys in front of its own. Each group is then what the subquery would have seen.

// pullKeyed pulls the conditions out of an input, which must all be equalities: keys are their inner sides. What may fail
// for a row is not computed for rows that no outer row asks for: such an input stays as it is.
func (p *puller) pullKeyed(input plan.Node) (in plan.Node, keys []expr.Expr, ok bool) {
	if !total(input) {
		return nil, nil, false
	}
	before := len(p.conds)
	if in, ok = p.pull(input); !ok {
		return nil, nil, false
	}
	for i, c := range p.conds[before:] {
		l, r, ok := correlation(c, p.outer)
		if !ok {
			return nil, nil, false
		}
		// The sides may have been brought to one type.
		if c, err := expr.CallOperator("=", l, r); err == nil {
			p.conds[before+i] = c
		} else {
			return nil, nil, false
		}
		keys = append(keys, r)
	}
	return in, keys, len(keys) > 0
}

// total tells whether nothing that a plan computes can fail for a row.
func total(n plan.Node) bool {
	ok := true
	plan.Walk(n, func(n plan.Node) bool {
		plan.Exprs(n, func(e expr.Expr) { ok = ok && expr.Total(e) })
		return ok
	})
	return ok
}

// replaceKeys makes the last conditions compare with columns in place of the keys.
func (p *puller) replaceKeys(cols []plan.Column) bool {
	conds := p.conds[len(p.conds)-len(cols):]
	for i, col := range cols {
		l := conds[i].(*expr.Call).Args[0]
		c, err := expr.CallOperator("=", l, ref(col))
		if err != nil {
			return false
		}
		conds[i] = c
	}
	return true
}

// newColumns makes a column for each key.
func (p *puller) newColumns(keys []expr.Expr) (cols []plan.Column) {
	for _, k := range keys {
		cols = append(cols, p.env.newColumn("key", k.Type()))
	}
	return cols
}

// pullAggregate groups by the keys as well. One without keys makes a row where there is none to group, which needs the
// outer query's rows: unnestAggregate does that at the top of a subquery.
func (p *puller) pullAggregate(x *plan.Aggregate) (plan.Node, bool) {
	if len(x.Keys) == 0 || plan.ColumnsOf(x.Exprs()...).Intersects(p.outer) {
		return x, false
	}
	in, keys, ok := p.pullKeyed(x.Input)
	if !ok {
		return x, false
	}
	cols := p.newColumns(keys)
	c := &plan.Aggregate{Input: in, Keys: append(keys, x.Keys...), Aggs: x.Aggs, Cols: append(cols[:len(cols):len(cols)], x.Cols...)}
	return c, p.replaceKeys(cols)
}

// pullDistinctOn keeps the first row of each value of the keys and its own. Its input is sorted by its own keys; it will be
// by all of them.
func (p *puller) pullDistinctOn(x *plan.DistinctOn) (plan.Node, bool) {
	s, sorted := x.Input.(*plan.Sort)
	if !sorted || s.Limit >= 0 || plan.ColumnsOf(x.On...).Intersects(p.outer) || readsKeys(s.Keys, p.outer) {
		return x, false
	}
	in, keys, ok := p.pullKeyed(s.Input)
	if !ok {
		return x, false
	}
	in, cols := project(in, keys, p.newColumns(keys))
	c := &plan.DistinctOn{On: append(refs(cols), x.On...)}
	c.Input = &plan.Sort{Input: in, Keys: append(sortKeys(refs(cols)), s.Keys...), Limit: -1}
	return c, p.replaceKeys(cols)
}

// pullWindow makes the keys part of every partition.
func (p *puller) pullWindow(x *plan.Window) (plan.Node, bool) {
	for i := range x.Calls {
		if plan.ColumnsOf(x.Calls[i].Exprs()...).Intersects(p.outer) {
			return x, false
		}
	}
	if readsKeys(x.Keys, p.outer) {
		return x, false
	}
	in, keys, ok := p.pullKeyed(x.Input)
	if !ok {
		return x, false
	}
	in, cols := project(in, keys, p.newColumns(keys))
	c := &plan.Window{Input: in, Keys: append(sortKeys(refs(cols)), x.Keys...), Cols: x.Cols, Top: x.Top}
	for _, call := range x.Calls {
		call.Part += len(keys)
		call.Order += len(keys)
		c.Calls = append(c.Calls, call)
	}
	return c, p.replaceKeys(cols)
}

func readsKeys(keys []plan.SortKey, outer plan.Set) bool {
	for _, k := range keys {
		if plan.ColumnsOf(k.Expr).Intersects(outer) {
			return true
		}
	}
	return false
}

func sortKeys(es []expr.Expr) (keys []plan.SortKey) {
	for _, e := range es {
		keys = append(keys, plan.SortKey{Expr: e})
	}
	return keys
}

func refs(cols []plan.Column) (es []expr.Expr) {
	for _, c := range cols {
		es = append(es, ref(c))
	}
	return es
}

// project adds columns to those of a node.
func project(n plan.Node, exprs []expr.Expr, cols []plan.Column) (plan.Node, []plan.Column) {
	p := &plan.Project{Input: n}
	for _, c := range n.Columns() {
		p.Exprs, p.Cols = append(p.Exprs, ref(c)), append(p.Cols, c)
	}
	p.Exprs, p.Cols = append(p.Exprs, exprs...), append(p.Cols, cols...)
	return p, cols
}
