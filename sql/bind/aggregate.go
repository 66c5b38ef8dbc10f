package bind

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/sql/parse"
	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// grouping is what a query with aggregates or GROUP BY collects while its select list, HAVING and ORDER BY are bound.
// Expressions are first bound over the input, with every aggregate replaced by a column of its own; then above rewrites
// them to read the keys and aggregates only.
type grouping struct {
	keys []expr.Expr
	of   []int         // the items of the select list that keys are, by number or name; -1: none
	cols []plan.Column // of keys
	aggs []plan.AggCall
	out  []plan.Column // of aggs
	// sets are the grouping sets, as indexes in keys; nil: one, of all keys. number is the column that numbers them,
	// labels are the calls of GROUPING.
	sets   [][]int
	number plan.Column
	labels []plan.Label
	called bool  // GROUPING was
	loc    int32 // of the first aggregate
	// pending are the subqueries of those expressions: they are joined above the Aggregate.
	pending []pending
	// argument says that an aggregate's argument is being bound; sawOwn and sawOuter tell whose columns it read.
	argument, sawOwn, sawOuter bool
	windows                    windowing
}

// pending is a subquery that waits for the node it is joined to.
type pending struct {
	attach func(left plan.Node, right plan.Node) plan.Node
	right  plan.Node
	left   []expr.Expr
	// setLeft gives back the rewritten expressions of left.
	setLeft func([]expr.Expr)
	loc     int32
}

// aggregateHere tells whether an aggregate may stand here.
func (b *Binder) aggregateHere(s *scope, name string, loc int32) error {
	switch {
	case s.clause != "":
		return b.fail(loc, errs.GroupingError, "aggregate functions are not allowed in %s", s.clause)
	case s.group == nil:
		return b.unsupported(loc, "the aggregate %s here", name)
	case s.group.argument:
		return b.fail(loc, errs.GroupingError, "aggregate function calls cannot be nested")
	}
	return nil
}

// aggregateArguments runs what binds the arguments of an aggregate.
func (b *Binder) aggregateArguments(s *scope, loc int32, bind func() error) error {
	g := s.group
	g.argument, g.sawOwn, g.sawOuter = true, false, false
	b.arguments++
	err := bind()
	b.arguments--
	g.argument = false
	if err == nil && g.sawOuter && !g.sawOwn {
		return b.unsupported(loc, "an aggregate of the outer query in a subquery")
	}
	return err
}

// add gives a call its column, or returns that of the same call.
func (g *grouping) add(b *Binder, name string, call plan.AggCall, t types.Type, loc int32) *expr.Column {
	for i := range g.aggs {
		if sameAggregate(g.aggs[i], call) {
			return ref(g.out[i])
		}
	}
	col := b.newColumn(name, t)
	if len(g.aggs) == 0 {
		g.loc = loc
	}
	g.aggs, g.out = append(g.aggs, call), append(g.out, col)
	return ref(col)
}

// aggregate binds a call of an aggregate function.
func (b *Binder) aggregate(s *scope, name string, n *pg.FuncCall) (expr.Expr, error) {
	if n.AggWithinGroup {
		args, _, err := b.exprs(s, n.Args)
		for _, o := range n.AggOrder {
			var e expr.Expr
			if err == nil {
				e, err = b.expr(s, o.GetSortBy().GetNode())
				args = append(args, e)
			}
		}
		if err == nil {
			_, _, err = fn.ResolveAggregate(name, typesOf(args))
		}
		if err != nil {
			return nil, b.at(err, n.Location)
		}
		return nil, b.fail(n.Location, errs.WrongObjectType, "%s is not an ordered-set aggregate, so it cannot have WITHIN GROUP", name)
	}
	if err := b.aggregateHere(s, name, n.Location); err != nil {
		return nil, err
	}
	switch {
	case n.AggStar && name != "count":
		return nil, b.fail(n.Location, errs.UndefinedFunction, "function %s() does not exist", name).
			WithHint("No function matches the given name and argument types. You might need to add explicit type casts.")
	case !n.AggStar && len(n.Args) == 0 && name == "count":
		return nil, b.fail(n.Location, errs.WrongObjectType, "%s(*) must be used to call a parameterless aggregate function", name)
	}
	var call plan.AggCall
	var t types.Type
	err := b.aggregateArguments(s, n.Location, func() (err error) {
		call, t, err = b.aggregateCall(s, name, n)
		return err
	})
	if err != nil {
		return nil, err
	}
	return b.remember(s.group.add(b, name, call, t, n.Location), n.Location), nil
}

func (b *Binder) remember(c *expr.Column, loc int32) *expr.Column {
	b.places[c] = loc
	return c
}

func (b *Binder) aggregateCall(s *scope, name string, n *pg.FuncCall) (plan.AggCall, types.Type, error) {
	call := plan.AggCall{Distinct: n.AggDistinct}
	args, places, err := b.aggregated(s, name, n)
	if err != nil {
		return call, types.Type{}, err
	}
	var lines *fn.Aggregate
	if jsonAggregates[name] && call.Distinct { // the values would be told apart, and sorted, as JSON
		return call, types.Type{}, b.unsupported(n.Location, "%s with DISTINCT", name)
	}
	if jsonAggregates[name] {
		if lines, err = b.jsonAggregate(name, args, places, b.isRow(s, n), n.Location); err != nil {
			return call, types.Type{}, err
		}
	}
	ts := typesOf(args)
	f, want, err := fn.ResolveAggregate(name, ts)
	if err != nil {
		return call, types.Type{}, b.at(err, n.Location)
	}
	if lines != nil {
		f = lines
	}
	call.Fn = f
	for i, a := range args {
		if a, err = b.coerce(a, want[i], places[i]); err != nil {
			return call, types.Type{}, err
		}
		call.Args = append(call.Args, a)
		ts[i] = a.Type()
	}
	if n.AggFilter != nil {
		err := s.without("FILTER", func() (err error) {
			call.Filter, err = b.boolean(s, n.AggFilter, "FILTER")
			return err
		})
		if err != nil {
			return call, types.Type{}, err
		}
	}
	for _, o := range n.AggOrder {
		k, err := b.sortKey(o.GetSortBy(), func(n *pg.Node) (expr.Expr, error) { return b.expr(s, n) })
		if err != nil {
			return call, types.Type{}, err
		}
		if call.Distinct && !containsExpr(call.Args, k.Expr) {
			return call, types.Type{}, b.fail(parse.Location(o), errs.InvalidColumnReference,
				"in an aggregate with DISTINCT, ORDER BY expressions must appear in argument list")
		}
		call.OrderBy = append(call.OrderBy, k)
	}
	return call, f.Result(ts), nil
}

// aggregated binds the arguments of an aggregate, of which some take rows.
func (b *Binder) aggregated(s *scope, name string, n *pg.FuncCall) ([]expr.Expr, []int32, error) {
	if len(n.Args) == 1 {
		e, err := b.rowArgument(s, name, n.Args, n.Location)
		if e != nil || err != nil {
			return []expr.Expr{e}, []int32{parse.Location(n.Args[0])}, err
		}
	}
	return b.exprs(s, n.Args)
}

// isRow tells whether the only argument of a call is a row.
func (b *Binder) isRow(s *scope, n *pg.FuncCall) bool {
	return len(n.Args) == 1 && (n.Args[0].GetRowExpr() != nil || b.wholeRow(s, n.Args[0]) != nil)
}

func sameAggregate(a, b plan.AggCall) bool {
	if a.Fn != b.Fn || a.Distinct != b.Distinct || len(a.Args) != len(b.Args) || len(a.OrderBy) != len(b.OrderBy) ||
		!expr.Equal(a.Filter, b.Filter) {
		return false
	}
	for i, k := range a.OrderBy {
		if k.Desc != b.OrderBy[i].Desc || k.NullsFirst != b.OrderBy[i].NullsFirst || !expr.Equal(k.Expr, b.OrderBy[i].Expr) ||
			expr.Volatile(k.Expr) {
			return false
		}
	}
	for i := range a.Args {
		if !expr.Equal(a.Args[i], b.Args[i]) || expr.Volatile(a.Args[i]) {
			return false
		}
	}
	return true
}

func containsExpr(es []expr.Expr, e expr.Expr) bool {
	for _, x := range es {
		if expr.Equal(x, e) {
			return true
		}
	}
	return false
}

// above rewrites an expression over the input of an Aggregate into one over its output. A column that is neither a key
// nor inside an aggregate is error 42803.
func (b *Binder) above(s *scope, e expr.Expr) (expr.Expr, error) {
	if e == nil {
		return nil, nil
	}
	own := plan.OutputSet(s.node)
	return b.aboveIn(s, own, e, "")
}

// aboveItem is above for a whole item of the select list, whose place is item, or of ORDER BY (-1): it may be a key by its
// number or name, and a constant that is a key of some grouping sets is NULL in the others.
func (b *Binder) aboveItem(s *scope, e expr.Expr, item int) (expr.Expr, error) {
	g := s.group
	if g.sets == nil || e == nil {
		return b.above(s, e)
	}
	if i := slices.Index(g.of, item); i >= 0 && item >= 0 && expr.Equal(g.keys[i], e) {
		return ref(g.cols[i]), nil
	}
	if expr.IsConst(e) {
		for i, k := range g.keys {
			if expr.Equal(k, e) {
				return ref(g.cols[i]), nil
			}
		}
	}
	return b.above(s, e)
}

func (b *Binder) aboveIn(s *scope, own plan.Set, e expr.Expr, sub string) (expr.Expr, error) {
	g := s.group
	if expr.IsConst(e) {
		return e, nil // a constant that is also a key stays what it is
	}
	for i, k := range g.keys {
		if expr.Equal(k, e) {
			return ref(g.cols[i]), nil
		}
	}
	if c, ok := e.(*expr.Column); ok {
		if own.Has(plan.ID(c.Index)) {
			if d := b.determined(s, c); d != nil {
				return d, nil
			}
			return nil, b.ungrouped(s, c, sub)
		}
		return e, nil
	}
	children := expr.Children(e)
	if len(children) == 0 {
		return e, nil
	}
	out := make([]expr.Expr, len(children))
	changed := false
	for i, c := range children {
		var err error
		if out[i], err = b.aboveIn(s, own, c, sub); err != nil {
			return nil, err
		}
		changed = changed || out[i] != c
	}
	if !changed {
		return e, nil
	}
	return expr.WithChildren(e, out), nil
}

// ungrouped is error 42803 for a column, named as table.column.
func (b *Binder) ungrouped(s *scope, c *expr.Column, sub string) error {
	full := c.Name
	for _, t := range s.from.tables {
		for _, n := range t.columns {
			if v, ok := n.value.(*expr.Column); ok && v.Index == c.Index {
				full = t.alias + "." + n.name
			}
		}
	}
	loc, ok := b.places[c]
	if !ok {
		loc = -1
	}
	if sub != "" || b.below[c] {
		return b.fail(loc, errs.GroupingError, "subquery uses ungrouped column %q from outer query", full)
	}
	return b.fail(loc, errs.GroupingError, "column %q must appear in the GROUP BY clause or be used in an aggregate function", full)
}

// joinPending joins the waiting subqueries of a query without an Aggregate to its rows.
func (b *Binder) joinPending(s *scope) {
	for _, p := range s.group.pending {
		s.node = p.attach(s.node, p.right)
	}
	s.group.pending = nil
}

// settlePending joins the waiting subqueries to the rows above the Aggregate.
func (b *Binder) settlePending(s *scope, above plan.Node) (plan.Node, error) {
	own := plan.OutputSet(s.node)
	for _, p := range s.group.pending {
		right, err := plan.Rewrite(p.right, func(n plan.Node) (plan.Node, error) {
			var failed error
			n = plan.MapExprs(n, func(e expr.Expr) expr.Expr {
				r, err := b.aboveIn(s, own, e, "subquery")
				if err != nil {
					failed = err
					return e
				}
				return r
			})
			return n, failed
		})
		if err != nil {
			return nil, err
		}
		if p.left != nil {
			left := make([]expr.Expr, len(p.left))
			for i, e := range p.left {
				if left[i], err = b.above(s, e); err != nil {
					return nil, err
				}
			}
			p.setLeft(left)
		}
		above = p.attach(above, right)
	}
	return above, nil
}
