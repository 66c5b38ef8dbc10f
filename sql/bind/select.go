package bind

import (
	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/sql/parse"
	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Clauses whose names decide more than the words of an error.
const (
	clauseLimit  = "LIMIT"
	clauseOffset = "OFFSET"
)

// query is a bound SELECT: cols[i] is column node.Columns()[i] with the name that is seen from outside.
type query struct {
	node plan.Node
	cols []plan.Column
	// places[i] is where column i stood, for errors about its type; nil when unknown.
	places []int32
}

// selectStmt binds SELECT, VALUES and the set operations in a scope of their own. With keepUnknown, untyped literals of
// the select list stay untyped, for a context that knows better (INSERT, UNION).
func (b *Binder) selectStmt(s *scope, n *pg.SelectStmt, keepUnknown bool) (*query, error) {
	if s == nil {
		s = &scope{}
	}
	if n.IntoClause != nil {
		return nil, b.unsupported(n.IntoClause.GetRel().GetLocation(), "SELECT INTO")
	}
	outer := len(s.ctes)
	if n.WithClause != nil {
		if err := b.with(s, n.WithClause); err != nil {
			return nil, err
		}
	}
	q, err := b.selectBody(s, n, keepUnknown)
	if err == nil && len(n.LockingClause) > 0 {
		err = b.locking(n)
	}
	if err == nil {
		q.node = settle(s.ctes[outer:], q.node)
	}
	return q, err
}

func (b *Binder) selectBody(s *scope, n *pg.SelectStmt, keepUnknown bool) (*query, error) {
	switch {
	case n.Op != pg.SetOperation_SETOP_NONE:
		return b.setOperation(s, n)
	case len(n.ValuesLists) > 0:
		return b.values(s, n, keepUnknown)
	}
	return b.plainSelect(s, n, keepUnknown)
}

// plainSelect binds SELECT ... FROM ... WHERE ... GROUP BY ... HAVING ... ORDER BY ... LIMIT.
func (b *Binder) plainSelect(s *scope, n *pg.SelectStmt, keepUnknown bool) (*query, error) {
	if err := b.fromClause(s, n.FromClause); err != nil {
		return nil, err
	}
	if n.WhereClause != nil {
		if err := b.where(s, n.WhereClause); err != nil {
			return nil, err
		}
	}
	targets, err := b.expandTargets(s, n.TargetList)
	if err == nil {
		b.definition.stars(s, n)
	}
	if err != nil {
		return nil, err
	}
	g := &grouping{}
	if err := b.groupBy(s, g, n, targets); err != nil {
		return nil, err
	}
	s.group = g
	if err := b.namedWindows(s, n.WindowClause); err != nil {
		return nil, err
	}
	keepUnknown = keepUnknown && len(n.DistinctClause) == 0 // to compare them, literals need a type: text
	for i := range targets {
		if err := b.bindTarget(s, &targets[i], keepUnknown); err != nil {
			return nil, err
		}
	}
	if len(s.series) > 0 && len(n.GroupClause) == 0 && len(g.aggs) == 0 {
		b.joinPending(s) // the arguments may be subqueries
	}
	series := b.joinSeries(s)
	var having expr.Expr
	if n.HavingClause != nil {
		err := s.without("HAVING", func() (err error) {
			having, err = b.boolean(s, n.HavingClause, "HAVING")
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	order, err := b.orderBy(s, n.SortClause, targets, len(n.DistinctClause) > 0 && !isDistinctOn(n))
	if err != nil {
		return nil, err
	}
	on := 0
	if isDistinctOn(n) {
		if order, on, err = b.distinctOn(s, n.DistinctClause, targets, order); err != nil {
			return nil, err
		}
		if err := b.seriesBehind(n, targets, order, series); err != nil {
			return nil, err
		}
	}
	if s.recursive && len(g.out) > 0 {
		return nil, b.fail(g.loc, errs.InvalidRecursion, "aggregate functions are not allowed in a recursive query's recursive term")
	}
	if len(n.GroupClause) > 0 || having != nil || len(g.aggs) > 0 || g.called {
		err = b.aggregateNode(s, n, targets, order, having)
	} else {
		b.joinPending(s)
	}
	if err == nil {
		err = b.checkWindows(s, targets)
	}
	if err != nil {
		return nil, err
	}
	b.windowNodes(s)
	s.group = nil
	return b.finish(s, n, targets, order, on)
}

func (b *Binder) where(s *scope, n *pg.Node) error {
	s.clause = "WHERE"
	cond, err := b.boolean(s, n, "WHERE")
	s.clause = ""
	if err != nil {
		return err
	}
	s.node = &plan.Filter{Input: s.node, Conds: expr.Conjuncts(nil, cond)}
	return nil
}

// aggregateNode puts the Aggregate over the input and rewrites what stands above it.
func (b *Binder) aggregateNode(s *scope, n *pg.SelectStmt, targets []target, order []orderItem, having expr.Expr) error {
	g := s.group
	for i := range targets {
		if targets[i].series {
			return b.unsupported(targets[i].loc, "a set-returning function in the select list of a query with aggregates")
		}
		var err error
		if targets[i].expr, err = b.aboveItem(s, targets[i].expr, i); err != nil {
			return err
		}
	}
	for i := range order {
		if order[i].target < 0 {
			var err error
			if order[i].key.Expr, err = b.aboveItem(s, order[i].key.Expr, -1); err != nil {
				return err
			}
		}
	}
	having, err := b.above(s, having)
	if err == nil {
		err = b.aboveGroups(s)
	}
	if err != nil {
		return err
	}
	node := b.grouped(g, s.node)
	if node, err = b.settlePending(s, node); err != nil {
		return err
	}
	if having != nil {
		node = &plan.Filter{Input: node, Conds: expr.Conjuncts(nil, having)}
	}
	s.node = node
	return nil
}

// grouped groups the input.
func (b *Binder) grouped(g *grouping, input plan.Node) plan.Node {
	if g.sets != nil {
		return b.overSets(g, input)
	}
	return &plan.Aggregate{Input: input, Keys: g.keys, Aggs: g.aggs, Cols: append(g.cols[:len(g.cols):len(g.cols)], g.out...)}
}

// finish computes the select list, removes duplicates, sorts and cuts. Of DISTINCT ON, the first on items of the order
// are the expressions.
func (b *Binder) finish(s *scope, n *pg.SelectStmt, targets []target, order []orderItem, on int) (*query, error) {
	q := &query{}
	project := &plan.Project{Input: s.node}
	for _, t := range targets {
		col := b.projected(t.name, t.expr)
		if len(t.node.GetTypeCast().GetTypeName().GetTypmods()) > 0 {
			b.declared.Add(col.ID)
		}
		project.Exprs, project.Cols = append(project.Exprs, t.expr), append(project.Cols, col)
		q.places = append(q.places, t.loc)
	}
	q.cols = append([]plan.Column{}, project.Cols...) // never nil: SELECT without a list has rows too
	keys := make([]plan.SortKey, 0, len(order))
	for _, o := range order {
		k := o.key
		if o.target >= 0 {
			k.Expr = ref(project.Cols[o.target])
		} else {
			col := b.projected("", k.Expr)
			project.Exprs, project.Cols = append(project.Exprs, k.Expr), append(project.Cols, col)
			k.Expr = ref(col)
		}
		keys = append(keys, k)
	}
	q.node = project
	if len(n.DistinctClause) > 0 && on == 0 {
		for i, c := range q.cols {
			if err := b.equatable(ref(c), targets[i].loc); err != nil {
				return nil, err
			}
		}
		b.distinct(q, keys)
	}
	if len(keys) > 0 {
		q.node = &plan.Sort{Input: q.node, Keys: keys, Limit: -1}
	}
	if on > 0 {
		first := &plan.DistinctOn{Input: q.node}
		for _, k := range keys[:on] {
			first.On = append(first.On, k.Expr)
		}
		q.node = first
	}
	if err := b.limit(s, q, n); err != nil {
		return nil, err
	}
	if len(project.Cols) > len(targets) {
		strip := &plan.Project{Input: q.node, Cols: q.cols}
		for _, c := range q.cols {
			strip.Exprs = append(strip.Exprs, ref(c))
		}
		q.node = strip
	}
	return q, nil
}

// projected makes the output column of an expression; a plain column keeps its origin.
func (b *Binder) projected(name string, e expr.Expr) plan.Column {
	col := b.newColumn(name, e.Type())
	if c, ok := e.(*expr.Column); ok {
		if o, ok := b.origins[plan.ID(c.Index)]; ok {
			col.TableOID, col.Ordinal = o.TableOID, o.Ordinal
			b.origins[col.ID] = col
		}
		if b.declared.Has(plan.ID(c.Index)) {
			b.declared.Add(col.ID)
		}
	}
	return col
}

// distinct puts an Aggregate without aggregates over the select list and moves the sort keys to its columns.
func (b *Binder) distinct(q *query, keys []plan.SortKey) {
	if len(q.cols) == 0 {
		q.node = firstRow(q.node)
		return
	}
	d := &plan.Aggregate{Input: q.node}
	for i, c := range q.cols {
		out := b.projected(c.Name, ref(c))
		d.Keys, d.Cols = append(d.Keys, ref(c)), append(d.Cols, out)
		for k := range keys {
			if r, ok := keys[k].Expr.(*expr.Column); ok && plan.ID(r.Index) == c.ID {
				keys[k].Expr = ref(out)
			}
		}
		q.cols[i] = out
	}
	q.node = d
}

// limit binds LIMIT and OFFSET.
func (b *Binder) limit(s *scope, q *query, n *pg.SelectStmt) error {
	if n.LimitCount == nil && n.LimitOffset == nil {
		return nil
	}
	l := &plan.Limit{Input: q.node, Count: -1}
	var err error
	if n.LimitOffset != nil {
		if l.OffsetExpr, err = b.limitExpr(s, n.LimitOffset, clauseOffset); err != nil {
			return err
		}
	}
	if n.LimitCount != nil {
		if l.CountExpr, err = b.limitExpr(s, n.LimitCount, clauseLimit); err != nil {
			return err
		}
	}
	if n.LimitOption == pg.LimitOption_LIMIT_OPTION_WITH_TIES && l.CountExpr != nil {
		q.node = &plan.Ties{Input: q.node, On: sortedBy(q.node), Count: l.CountExpr, Offset: l.OffsetExpr}
		return nil
	}
	settled, err := plan.SettleLimit(l)
	if err != nil {
		return err
	}
	q.node = settled
	return nil
}

// sortedBy returns the expressions that the rows of a query are sorted by.
func sortedBy(n plan.Node) (on []expr.Expr) {
	if d, ok := n.(*plan.DistinctOn); ok {
		n = d.Input
	}
	if s, ok := n.(*plan.Sort); ok {
		for _, k := range s.Keys {
			on = append(on, k.Expr)
		}
	}
	return on
}

func (b *Binder) limitExpr(s *scope, n *pg.Node, clause string) (expr.Expr, error) {
	in := &scope{parent: s.parent, from: s.from, node: oneRow(), clause: clause}
	one := in.node
	e, err := b.expr(in, n)
	if err != nil {
		return nil, err
	}
	if in.node != one {
		return nil, b.unsupported(parse.Location(n), "a subquery in %s", clause)
	}
	if t := e.Type(); !t.IsNumber() && t.Kind != types.Unknown {
		return nil, b.fail(parse.Location(n), errs.DatatypeMismatch, "argument of %s must be type bigint, not type %s", clause, plainType(t))
	}
	if e, err = b.coerce(e, types.T(types.Int8), parse.Location(n)); err != nil {
		return nil, err
	}
	own := in.from.columns()
	var failed error
	expr.Walk(e, func(e expr.Expr) bool {
		if c, ok := e.(*expr.Column); ok && own.Has(plan.ID(c.Index)) && failed == nil {
			failed = b.fail(b.places[c], errs.InvalidColumnReference, "argument of %s must not contain variables", clause)
		}
		return true
	})
	if failed != nil {
		return nil, failed
	}
	e, err = b.fold(e)
	return e, b.at(err, parse.Location(n))
}
