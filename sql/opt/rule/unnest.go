package rule

import (
	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Unnest turns correlated subqueries into joins: conditions that read the outer query are pulled up out of the subquery
// and become the join's; an aggregate without keys, whose correlation is by equality, is grouped by the inner sides
// instead (the "magic" of Kim's and Dayal's papers, in its plain form). So are groups, windows and limits inside of it
// (unnest_group.go, unnest_limit.go). What does not fit stays an Apply.
var Unnest = Rule{Name: "Unnest", Apply: func(env *Env, n plan.Node) (plan.Node, error) {
	return plan.Rewrite(n, func(n plan.Node) (plan.Node, error) {
		if a, ok := n.(*plan.Apply); ok {
			return env.unnest(a), nil
		}
		return n, nil
	})
}}

func (env *Env) unnest(a *plan.Apply) plan.Node {
	outer := plan.OutputSet(a.Left)
	if !reads(a.Right, outer) {
		return &plan.Join{Kind: a.Kind, Left: a.Left, Right: a.Right, MarkColumn: a.MarkColumn}
	}
	right := a.Right
	switch a.Kind {
	case plan.Mark, plan.Semi, plan.Anti:
		right = existence(right)
	case plan.Single, plan.Left, plan.Inner:
		if n, ok := env.unnestAggregate(a, outer); ok {
			return n
		}
	}
	p := puller{env: env, outer: outer, left: a.Left}
	right, ok := p.pull(right)
	if !ok || reads(right, outer) {
		return a
	}
	return &plan.Join{Kind: a.Kind, Left: a.Left, Right: right, On: p.conds, MarkColumn: a.MarkColumn}
}

func reads(n plan.Node, outer plan.Set) bool {
	for _, c := range plan.FreeColumns(n) {
		if outer.Has(plan.ID(c.Index)) {
			return true
		}
	}
	return false
}

// existence strips what does not change whether a plan makes rows: projections, orders, DISTINCT.
func existence(n plan.Node) plan.Node {
	for {
		switch x := n.(type) {
		case *plan.Project:
			n = x.Input
		case *plan.Sort:
			n = x.Input
		case *plan.Limit:
			if x.CountExpr != nil || x.OffsetExpr != nil || x.Offset != 0 || x.Count == 0 {
				return n
			}
			n = x.Input
		case *plan.Aggregate:
			if len(x.Keys) == 0 {
				return n
			}
			n = x.Input
		default:
			return n
		}
	}
}

// puller takes conditions that read outer columns out of a plan.
type puller struct {
	env   *Env
	outer plan.Set
	left  plan.Node // the outer query
	conds []expr.Expr
}

func (p *puller) split(conds []expr.Expr) (stay []expr.Expr) {
	for _, c := range conds {
		if plan.ColumnsOf(c).Intersects(p.outer) {
			p.conds = append(p.conds, c)
		} else {
			stay = append(stay, c)
		}
	}
	return stay
}

// pull returns the plan without the conditions; it makes the columns they read visible.
func (p *puller) pull(n plan.Node) (plan.Node, bool) {
	if !reads(n, p.outer) {
		return n, true
	}
	switch x := n.(type) {
	case *plan.Filter:
		stay := p.split(x.Conds)
		in, ok := p.pull(x.Input)
		return filter(in, stay), ok
	case *plan.Scan:
		c := *x
		c.Filter = p.split(x.Filter)
		return &c, !reads(&c, p.outer)
	case *plan.Sort:
		if x.Limit >= 0 {
			return n, false
		}
		return p.pull(x.Input)
	case *plan.Project:
		return p.pullProject(x)
	case *plan.Join:
		return p.pullJoin(x)
	case *plan.Aggregate:
		return p.pullAggregate(x)
	case *plan.DistinctOn:
		return p.pullDistinctOn(x)
	case *plan.Window:
		return p.pullWindow(x)
	case *plan.Limit:
		return p.pullLimit(x)
	}
	return n, false
}

func (p *puller) pullProject(x *plan.Project) (plan.Node, bool) {
	if plan.ColumnsOf(x.Exprs...).Intersects(p.outer) {
		return x, false
	}
	before := len(p.conds)
	in, ok := p.pull(x.Input)
	if !ok {
		return x, false
	}
	c := &plan.Project{Input: in, Exprs: clip(x.Exprs), Cols: clip(x.Cols)}
	have, below := plan.OutputSet(x), in.Columns()
	need := plan.ColumnsOf(p.conds[before:]...)
	for _, col := range below {
		if need.Has(col.ID) && !have.Has(col.ID) {
			c.Exprs, c.Cols = append(c.Exprs, ref(col)), append(c.Cols, col)
			have.Add(col.ID)
		}
	}
	return c, true
}

func (p *puller) pullJoin(x *plan.Join) (plan.Node, bool) {
	c := *x
	for _, e := range x.Equal {
		if plan.ColumnsOf(e.Left, e.Right).Intersects(p.outer) {
			return x, false
		}
	}
	var ok bool
	switch x.Kind {
	case plan.Inner, plan.Cross:
		c.On = p.split(x.On)
		if c.Left, ok = p.pull(x.Left); !ok {
			return x, false
		}
		if c.Right, ok = p.pull(x.Right); !ok {
			return x, false
		}
		return &c, true
	case plan.Left, plan.Semi, plan.Anti, plan.Single, plan.Mark:
		if plan.ColumnsOf(x.On...).Intersects(p.outer) || reads(x.Right, p.outer) {
			return x, false
		}
		c.Left, ok = p.pull(x.Left)
		return &c, ok
	}
	return x, false
}

// unnestAggregate handles projections over an aggregate without keys.
func (env *Env) unnestAggregate(a *plan.Apply, outer plan.Set) (plan.Node, bool) {
	var tops []*plan.Project
	n := a.Right
	for {
		p, ok := n.(*plan.Project)
		if !ok {
			break
		}
		tops = append(tops, p)
		n = p.Input
	}
	agg, ok := n.(*plan.Aggregate)
	if !ok || len(agg.Keys) > 0 || len(agg.Aggs) == 0 {
		return nil, false
	}
	p := puller{env: env, outer: outer, left: a.Left}
	in, ok := p.pull(agg.Input)
	if !ok || len(p.conds) == 0 {
		return nil, false
	}
	grouped := &plan.Aggregate{Input: in, Aggs: agg.Aggs}
	var pairs []plan.EqualPair
	for _, c := range p.conds {
		l, r, ok := correlation(c, outer)
		if !ok {
			return nil, false
		}
		key := env.newColumn("key", r.Type())
		grouped.Keys, grouped.Cols = append(grouped.Keys, r), append(grouped.Cols, key)
		pairs = append(pairs, plan.EqualPair{Left: l, Right: ref(key)})
	}
	by := env.renameAggregates(agg, grouped)
	if reads(grouped, outer) {
		return nil, false
	}
	join := &plan.Join{Kind: plan.Left, Left: a.Left, Right: grouped, Equal: pairs}
	return finishAggregate(a, join, tops, agg, by), true
}

// renameAggregates gives the grouped aggregates numbers of their own; by computes the old columns from them, with a
// count of no rows being 0 and not NULL.
func (env *Env) renameAggregates(agg, grouped *plan.Aggregate) map[plan.ID]expr.Expr {
	by := map[plan.ID]expr.Expr{}
	for i, call := range agg.Aggs {
		out := env.newColumn(agg.Cols[i].Name, agg.Cols[i].Type)
		grouped.Cols = append(grouped.Cols, out)
		var e expr.Expr = ref(out)
		if call.Fn.Zero {
			e = &expr.Coalesce{Args: []expr.Expr{e, &expr.Const{Value: types.IntOf(out.Type, 0)}}, T: out.Type}
		}
		by[agg.Cols[i].ID] = e
	}
	return by
}

// finishAggregate projects the outer columns and what the subquery computed over its aggregates.
func finishAggregate(a *plan.Apply, join plan.Node, tops []*plan.Project, agg *plan.Aggregate, by map[plan.ID]expr.Expr) plan.Node {
	out := &plan.Project{Input: join}
	for _, c := range a.Left.Columns() {
		out.Exprs, out.Cols = append(out.Exprs, ref(c)), append(out.Cols, c)
	}
	for i := len(tops) - 1; i >= 0; i-- {
		next := map[plan.ID]expr.Expr{}
		for k, e := range tops[i].Exprs {
			next[tops[i].Cols[k].ID] = substitute(e, by)
		}
		by = next
	}
	for _, c := range a.Right.Columns() {
		out.Exprs, out.Cols = append(out.Exprs, by[c.ID]), append(out.Cols, c)
	}
	return out
}

// correlation takes outer = inner apart.
func correlation(c expr.Expr, outer plan.Set) (l, r expr.Expr, ok bool) {
	call, ok := isCall(c, "=", 2)
	if !ok {
		return nil, nil, false
	}
	for i := range 2 {
		x, y := call.Args[i], call.Args[1-i]
		if outer.Contains(plan.ColumnsOf(x)) && !plan.ColumnsOf(y).Intersects(outer) {
			return matched(x, y)
		}
	}
	return nil, nil, false
}
