package bind

import (
	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/sql/parse"
	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// subLink binds a subquery in an expression: it is joined to the rows of the scope and stands as a column.
func (b *Binder) subLink(s *scope, n *pg.SubLink) (expr.Expr, error) {
	sel := n.Subselect.GetSelectStmt()
	if sel == nil {
		return nil, b.unsupported(n.Location, "this subquery")
	}
	if s.group != nil && s.group.argument && s.clause == "" {
		// A subquery inside an aggregate's argument is computed below the Aggregate.
		saved := s.group
		s.group = nil
		defer func() { s.group = saved }()
	}
	inner := &scope{parent: s}
	q, err := b.selectStmt(inner, sel, false)
	if err != nil {
		return nil, err
	}
	switch n.SubLinkType {
	case pg.SubLinkType_EXISTS_SUBLINK:
		return b.exists(s, q, n.Location), nil
	case pg.SubLinkType_EXPR_SUBLINK:
		if len(q.cols) != 1 {
			return nil, b.fail(n.Location, errs.SyntaxError, "subquery must return only one column")
		}
		return b.scalar(s, q.node, n.Location), nil
	case pg.SubLinkType_ARRAY_SUBLINK:
		if len(q.cols) != 1 {
			return nil, b.fail(n.Location, errs.SyntaxError, "subquery must return only one column")
		}
		return b.arraySubquery(s, q, n.Location)
	case pg.SubLinkType_ANY_SUBLINK, pg.SubLinkType_ALL_SUBLINK:
		return b.quantified(s, q, n)
	}
	return nil, b.unsupported(n.Location, "%s", n.SubLinkType)
}

// attach joins a subquery to the rows of the scope, or keeps it until they exist. The join is an Apply when the subquery
// reads columns that it does not make.
func (b *Binder) attach(s *scope, kind plan.JoinKind, right plan.Node, mark plan.Column, loc int32) {
	join := func(left, right plan.Node) plan.Node {
		if correlated(right, left) {
			return &plan.Apply{Kind: kind, Left: left, Right: right, MarkColumn: mark}
		}
		return &plan.Join{Kind: kind, Left: left, Right: right, MarkColumn: mark}
	}
	if s.group != nil {
		s.group.pending = append(s.group.pending, pending{attach: join, right: right, loc: loc})
		return
	}
	s.node = join(s.node, right)
}

// correlated tells whether right reads columns of left.
func correlated(right, left plan.Node) bool {
	have := plan.OutputSet(left)
	for _, c := range plan.FreeColumns(right) {
		if have.Has(plan.ID(c.Index)) {
			return true
		}
	}
	return false
}

func (b *Binder) exists(s *scope, q *query, loc int32) expr.Expr {
	mark := b.newColumn("exists", types.T(types.Bool))
	b.attach(s, plan.Mark, q.node, mark, loc)
	return ref(mark)
}

// scalar joins a subquery of one column and at most one row.
func (b *Binder) scalar(s *scope, node plan.Node, loc int32) expr.Expr {
	if e := bare(node); e != nil {
		expr.Walk(e, func(e expr.Expr) bool {
			if c, ok := e.(*expr.Column); ok {
				b.below[c] = true
			}
			return true
		})
		return e
	}
	kind := plan.Single
	if single(node) {
		kind = plan.Left
	}
	b.attach(s, kind, node, plan.Column{}, loc)
	return ref(node.Columns()[0])
}

// bare returns e of (SELECT e) without FROM that reads columns of the outer query. It is nothing but e, which CASE and
// COALESCE compute only where they need it, so that its errors come only there. What reads no column stays a subquery,
// which is computed once, and so does what is volatile; nil for both.
func bare(n plan.Node) expr.Expr {
	p, ok := n.(*plan.Project)
	if !ok || len(p.Exprs) != 1 || len(plan.FreeColumns(n)) == 0 || expr.Volatility(p.Exprs[0]) == fn.Volatile {
		return nil
	}
	if in, ok := p.Input.(*plan.Values); !ok || len(in.Rows) != 1 || len(in.Rows[0]) != 0 {
		return nil
	}
	return p.Exprs[0]
}

// single tells whether a plan never makes more than one row: an aggregate without keys.
func single(n plan.Node) bool {
	switch n := n.(type) {
	case *plan.Aggregate:
		return len(n.Keys) == 0 && len(n.Aggs) > 0
	case *plan.Project:
		return single(n.Input)
	case *plan.Filter:
		return single(n.Input)
	case *plan.Sort:
		return single(n.Input)
	case *plan.Limit:
		return n.CountExpr == nil && n.Count >= 0 && n.Count <= 1 || single(n.Input)
	case *plan.Values:
		return len(n.Rows) <= 1
	}
	return false
}

// arraySubquery binds ARRAY(SELECT ...): array_agg of the rows, empty instead of NULL.
func (b *Binder) arraySubquery(s *scope, q *query, loc int32) (expr.Expr, error) {
	in := q.node.Columns()[0]
	f, _, err := fn.ResolveAggregate("array_agg", []types.Type{in.Type})
	if err != nil {
		return nil, b.at(err, loc)
	}
	out := b.newColumn("array", f.Result([]types.Type{in.Type}))
	call := plan.AggCall{Fn: f, Args: []expr.Expr{ref(in)}}
	node := q.node
	if sort, ok := node.(*plan.Sort); ok { // the order of the subquery is that of the array
		call.OrderBy, node = sort.Keys, sort.Input
	}
	agg := &plan.Aggregate{Input: node, Aggs: []plan.AggCall{call}, Cols: []plan.Column{out}}
	v := b.scalar(s, agg, loc)
	empty := &expr.Const{Value: types.StringOf(out.Type, "{}")}
	return &expr.Coalesce{Args: []expr.Expr{v, empty}, T: out.Type}, nil
}

// quantified binds x op ANY (SELECT), x op ALL (SELECT) and x IN (SELECT).
func (b *Binder) quantified(s *scope, q *query, n *pg.SubLink) (expr.Expr, error) {
	op := "="
	if name := parse.Names(n.OperName); len(name) > 0 {
		op = name[len(name)-1]
	}
	left, places, err := b.testExprs(s, n.Testexpr)
	if err != nil {
		return nil, err
	}
	switch {
	case len(q.cols) > len(left):
		return nil, b.fail(n.Location, errs.SyntaxError, "subquery has too many columns")
	case len(q.cols) < len(left):
		return nil, b.fail(n.Location, errs.SyntaxError, "subquery has too few columns")
	}
	all := n.SubLinkType == pg.SubLinkType_ALL_SUBLINK
	node := q.node
	cmp := make([]expr.Expr, len(left))
	for i := range left {
		if cmp[i], err = b.operator(op, left[i], ref(node.Columns()[i]), n.Location, places[i], n.Location); err != nil {
			return nil, err
		}
	}
	if len(left) > 1 && op != "=" && op != "<>" {
		return nil, b.unsupported(n.Location, "%s of rows with a subquery", op)
	}
	if mark, ok := b.markJoin(s, node, cmp, op, all, n.Location); ok {
		return mark, nil
	}
	return b.quantifiedAggregate(s, node, joinLogic(op == "<>" && len(cmp) > 1, cmp), all, n.Location)
}

func (b *Binder) testExprs(s *scope, n *pg.Node) ([]expr.Expr, []int32, error) {
	if row := n.GetRowExpr(); row != nil {
		return b.exprs(s, row.Args)
	}
	return b.exprs(s, []*pg.Node{n})
}

// markJoin makes a null-aware mark join of x = ANY (uncorrelated subquery), and its negation of x <> ALL.
func (b *Binder) markJoin(s *scope, node plan.Node, cmp []expr.Expr, op string, all bool, loc int32) (expr.Expr, bool) {
	if len(cmp) != 1 || !(op == "=" && !all || op == "<>" && all) || len(plan.FreeColumns(node)) > 0 {
		return nil, false
	}
	call, ok := cmp[0].(*expr.Call)
	if !ok || len(call.Args) != 2 || call.Args[0].Type() != call.Args[1].Type() {
		return nil, false
	}
	mark := b.newColumn("in", types.T(types.Bool))
	pair := plan.EqualPair{Left: call.Args[0], Right: call.Args[1]}
	join := func(left, right plan.Node) plan.Node {
		return &plan.Join{Kind: plan.Mark, Left: left, Right: right, Equal: []plan.EqualPair{pair}, NullAware: true, MarkColumn: mark}
	}
	if s.group != nil {
		s.group.pending = append(s.group.pending, pending{attach: join, right: node, left: []expr.Expr{pair.Left},
			setLeft: func(es []expr.Expr) { pair.Left = es[0] }, loc: loc})
	} else {
		s.node = join(s.node, node)
	}
	if all {
		return not(ref(mark)), true
	}
	return ref(mark), true
}

// quantifiedAggregate is the general form: one comparison that is true decides ANY, one that is false decides ALL; if none
// does, one that is NULL makes the answer NULL. bool_or and bool_and leave NULLs out, so these are counted.
func (b *Binder) quantifiedAggregate(s *scope, node plan.Node, cmp expr.Expr, all bool, loc int32) (expr.Expr, error) {
	name := "bool_or"
	if all {
		name = "bool_and"
	}
	boolean, bigint := types.T(types.Bool), types.T(types.Int8)
	f, _, err := fn.ResolveAggregate(name, []types.Type{boolean})
	if err != nil {
		return nil, b.at(err, loc)
	}
	count, _, err := fn.ResolveAggregate("count", nil)
	if err != nil {
		return nil, b.at(err, loc)
	}
	countOf, _, err := fn.ResolveAggregate("count", []types.Type{boolean})
	if err != nil {
		return nil, b.at(err, loc)
	}
	value, rows, known := b.newColumn("any", boolean), b.newColumn("rows", bigint), b.newColumn("known", bigint)
	agg := &plan.Aggregate{Input: node, Cols: []plan.Column{value, rows, known},
		Aggs: []plan.AggCall{{Fn: f, Args: []expr.Expr{cmp}}, {Fn: count}, {Fn: countOf, Args: []expr.Expr{cmp}}}}
	var decided expr.Expr = ref(value)
	if all {
		decided = not(decided)
	}
	unknown, err := expr.CallOperator("<", ref(known), ref(rows))
	if err != nil {
		return nil, b.at(err, loc)
	}
	out := b.newColumn(name, boolean)
	top := &plan.Project{Input: agg, Cols: []plan.Column{out}, Exprs: []expr.Expr{&expr.Case{T: boolean,
		Whens: []expr.When{{Cond: decided, Result: &expr.Const{Value: types.BoolOf(!all)}},
			{Cond: unknown, Result: &expr.Const{Value: types.NullOf(boolean)}}},
		Else: &expr.Const{Value: types.BoolOf(all)}}}}
	return b.scalar(s, top, loc), nil
}
