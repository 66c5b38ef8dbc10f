package bind

import (
	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/sql/parse"
	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/storage/errs"
)

// groupKeys binds an item of GROUP BY that is no grouping set, or a list of such in parentheses, and returns which keys they
// are. An item is a column of the input, else the name or the number of an item of the select list, else any expression
// over the input.
func (b *Binder) groupKeys(s *scope, g *grouping, n *pg.Node, targets []target) (set []int, err error) {
	if row := n.GetRowExpr(); row != nil && row.RowFormat == pg.CoercionForm_COERCE_IMPLICIT_CAST {
		for _, it := range row.Args {
			more, err := b.groupKeys(s, g, it, targets)
			if err != nil {
				return nil, err
			}
			set = append(set, more...)
		}
		return set, nil
	}
	e, of, err := b.groupItem(s, n, targets)
	if err != nil {
		return nil, err
	}
	if e, err = b.textIfUnknown(e, parse.Location(n)); err != nil {
		return nil, err
	}
	for i, k := range g.keys {
		// Items of the select list that are named by number or name are keys of their own, however equal they are: a grouping
		// set may have one of them and not the other.
		if expr.Equal(k, e) && (of < 0 || g.of[i] < 0 || g.of[i] == of) {
			g.of[i] = max(g.of[i], of)
			return []int{i}, nil
		}
	}
	if err := b.equatable(e, parse.Location(n)); err != nil {
		return nil, err
	}
	if err := b.tooMany(len(g.keys)+1, -1); err != nil {
		return nil, err
	}
	g.keys, g.of = append(g.keys, e), append(g.of, of)
	label := "key"
	if c, ok := e.(*expr.Column); ok {
		label = c.Name
	}
	g.cols = append(g.cols, b.projected(label, e))
	return []int{len(g.keys) - 1}, nil
}

// groupItem binds an item of GROUP BY; of is the item of the select list that it names, -1: none.
func (b *Binder) groupItem(s *scope, n *pg.Node, targets []target) (e expr.Expr, of int, err error) {
	bind := func(t *target) (expr.Expr, error) {
		if t.node == nil {
			return t.expr, nil
		}
		input := s.node
		e, err := b.expr(s, t.node)
		if err != nil {
			return nil, err
		}
		e, err = b.textIfUnknown(e, t.loc)
		if s.node != input { // a subquery was joined to the input: the select list has its column, not one of its own
			t.expr, t.node = e, nil
		}
		return e, err
	}
	if c := n.GetColumnRef(); c != nil && len(c.Fields) == 1 && c.Fields[0].GetString_() != nil {
		label := c.Fields[0].GetString_().Sval
		if _, found := s.from.find(label); found == 0 {
			i, err := b.findTarget(targets, label, "GROUP BY", c.Location)
			if err != nil {
				return nil, -1, err
			}
			if i >= 0 {
				e, err = bind(&targets[i])
				return e, i, err
			}
		}
	}
	if k := n.GetAConst(); k != nil && !k.Isnull {
		i, err := b.ordinal(k, targets, "GROUP BY")
		if err != nil {
			return nil, -1, err
		}
		e, err = bind(&targets[i])
		return e, i, err
	}
	e, err = b.expr(s, n)
	return e, -1, err
}

// findTarget finds an item of the select list by its name; -1 when there is none.
func (b *Binder) findTarget(targets []target, label, clause string, loc int32) (int, error) {
	found := -1
	for i := range targets {
		if targets[i].name != label {
			continue
		}
		if found >= 0 && !sameTarget(&targets[found], &targets[i]) {
			return -1, b.fail(loc, errs.AmbiguousColumn, "%s %q is ambiguous", clause, label)
		}
		if found < 0 {
			found = i
		}
	}
	return found, nil
}

func sameTarget(x, y *target) bool {
	return x.expr != nil && y.expr != nil && expr.Equal(x.expr, y.expr)
}

// ordinal finds an item of the select list by its number.
func (b *Binder) ordinal(k *pg.A_Const, targets []target, clause string) (int, error) {
	i := k.GetIval()
	if i == nil {
		return 0, b.fail(k.Location, errs.SyntaxError, "non-integer constant in %s", clause)
	}
	if i.Ival < 1 || int(i.Ival) > len(targets) {
		return 0, b.fail(k.Location, errs.InvalidColumnReference, "%s position %d is not in select list", clause, i.Ival)
	}
	return int(i.Ival) - 1, nil
}

// orderItem is one item of ORDER BY: an item of the select list (target >= 0) or an expression of its own.
type orderItem struct {
	target int
	key    plan.SortKey
}

// orderBy binds ORDER BY. An item is the name or number of an item of the select list, else an expression.
func (b *Binder) orderBy(s *scope, items []*pg.Node, targets []target, distinct bool) ([]orderItem, error) {
	var out []orderItem
	for _, it := range items {
		sb := it.GetSortBy()
		var o orderItem
		key, err := b.sortKey(sb, func(n *pg.Node) (e expr.Expr, err error) {
			o, err = b.orderedExpr(s, n, targets, "ORDER BY")
			return o.key.Expr, err
		})
		if err != nil {
			return nil, err
		}
		if distinct && o.target < 0 {
			return nil, b.fail(parse.Location(sb.Node), errs.InvalidColumnReference,
				"for SELECT DISTINCT, ORDER BY expressions must appear in select list")
		}
		o.key = key
		if containsOrder(out, o) { // the rows that it would order are equal
			continue
		}
		if err := b.tooMany(len(out)+1, -1); err != nil {
			return nil, err
		}
		out = append(out, o)
	}
	return out, nil
}

// orderedExpr binds an expression of ORDER BY or DISTINCT ON: the name or number of an item of the select list, else an
// expression, which may be that of an item too.
func (b *Binder) orderedExpr(s *scope, n *pg.Node, targets []target, clause string) (o orderItem, err error) {
	if o.target, err = b.orderTarget(n, targets, clause); err != nil {
		return o, err
	}
	if o.target >= 0 {
		o.key.Expr = targets[o.target].expr
		return o, nil
	}
	if o.key.Expr, err = b.expr(s, n); err != nil {
		return o, err
	}
	if o.key.Expr, err = b.textIfUnknown(o.key.Expr, parse.Location(n)); err != nil {
		return o, err
	}
	for i := range targets {
		if o.target < 0 && expr.Equal(targets[i].expr, o.key.Expr) {
			o.target = i
		}
	}
	return o, nil
}

func containsOrder(items []orderItem, o orderItem) bool {
	for i := range items {
		if items[i].target == o.target && (o.target >= 0 || expr.Equal(items[i].key.Expr, o.key.Expr)) {
			return true
		}
	}
	return false
}

func (b *Binder) orderTarget(n *pg.Node, targets []target, clause string) (int, error) {
	if c := n.GetColumnRef(); c != nil && len(c.Fields) == 1 && c.Fields[0].GetString_() != nil {
		return b.findTarget(targets, c.Fields[0].GetString_().Sval, clause, c.Location)
	}
	if k := n.GetAConst(); k != nil && !k.Isnull {
		return b.ordinal(k, targets, clause)
	}
	return -1, nil
}

// sortKey binds the direction of an item; bind gives its expression.
func (b *Binder) sortKey(n *pg.SortBy, bind func(*pg.Node) (expr.Expr, error)) (plan.SortKey, error) {
	e, err := bind(n.Node)
	if err != nil {
		return plan.SortKey{}, err
	}
	if err := b.sortable(e, parse.Location(n.Node)); err != nil {
		return plan.SortKey{}, err
	}
	k := plan.SortKey{Expr: e}
	switch n.SortbyDir {
	case pg.SortByDir_SORTBY_DESC:
		k.Desc = true
	case pg.SortByDir_SORTBY_USING:
		switch op := parse.Names(n.UseOp); op[len(op)-1] {
		case "<":
		case ">":
			k.Desc = true
		default:
			return k, b.fail(n.Location, errs.WrongObjectType, "operator %s is not a valid ordering operator", op[len(op)-1]).
				WithHint("Ordering operators must be \"<\" or \">\" members of btree operator families.")
		}
	}
	k.NullsFirst = k.Desc
	switch n.SortbyNulls {
	case pg.SortByNulls_SORTBY_NULLS_FIRST:
		k.NullsFirst = true
	case pg.SortByNulls_SORTBY_NULLS_LAST:
		k.NullsFirst = false
	}
	return k, nil
}
