package bind

import (
	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/siltstone-db/siltstone/sql/parse"
	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/storage/errs"
)

// isDistinctOn tells DISTINCT ON (...) from DISTINCT, which is a list of one empty node.
func isDistinctOn(n *pg.SelectStmt) bool {
	return len(n.DistinctClause) > 0 && n.DistinctClause[0].GetNode() != nil
}

// seriesBehind refuses set-returning functions that PostgreSQL computes for the rows that DISTINCT ON has left, and not
// before: those of a sorted query whose order does not read them.
func (b *Binder) seriesBehind(n *pg.SelectStmt, targets []target, order []orderItem, series plan.Set) error {
	if len(n.SortClause) == 0 || len(series) == 0 {
		return nil
	}
	for _, o := range order {
		e := o.key.Expr
		if o.target >= 0 {
			e = targets[o.target].expr
		}
		for id := range plan.ColumnsOf(e) {
			delete(series, id)
		}
	}
	for _, t := range targets {
		if plan.ColumnsOf(t.expr).Intersects(series) {
			return b.unsupported(t.loc, "a set-returning function behind DISTINCT ON")
		}
	}
	return nil
}

// distinctOn binds the expressions of DISTINCT ON, which are written as those of ORDER BY, and checks that the order
// begins with them, in any sequence. It returns the order, with those that it lacks added, and how many they are.
func (b *Binder) distinctOn(s *scope, items []*pg.Node, targets []target, order []orderItem) ([]orderItem, int, error) {
	var on []orderItem
	var places []int32
	for _, it := range items {
		o, err := b.orderedExpr(s, it, targets, "DISTINCT ON")
		if err != nil {
			return nil, 0, err
		}
		o.key = plan.SortKey{Expr: o.key.Expr}
		if !containsOrder(on, o) {
			on, places = append(on, o), append(places, parse.Location(it))
		}
	}
	lead := 0
	for lead < len(order) && containsOrder(on, order[lead]) {
		lead++
	}
	for i, o := range on {
		switch {
		case containsOrder(order[:lead], o):
		case lead < len(order):
			return nil, 0, b.fail(places[i], errs.InvalidColumnReference,
				"SELECT DISTINCT ON expressions must match initial ORDER BY expressions")
		default:
			order = append(order, o)
			lead++
		}
	}
	return order, lead, nil
}
