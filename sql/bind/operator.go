package bind

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/sql/parse"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// aExpr binds what is written with operators.
func (b *Binder) aExpr(s *scope, n *pg.A_Expr) (expr.Expr, error) {
	op, err := b.operatorName(n)
	if err != nil {
		return nil, err
	}
	switch n.Kind {
	case pg.A_Expr_Kind_AEXPR_OP:
		return b.infix(s, op, n)
	case pg.A_Expr_Kind_AEXPR_LIKE, pg.A_Expr_Kind_AEXPR_ILIKE, pg.A_Expr_Kind_AEXPR_SIMILAR:
		return b.binary(s, op, n.Lexpr, n.Rexpr, n.Location)
	case pg.A_Expr_Kind_AEXPR_OP_ANY, pg.A_Expr_Kind_AEXPR_OP_ALL:
		return b.arrayOperator(s, op, n)
	case pg.A_Expr_Kind_AEXPR_IN:
		return b.in(s, op, n)
	case pg.A_Expr_Kind_AEXPR_BETWEEN, pg.A_Expr_Kind_AEXPR_NOT_BETWEEN,
		pg.A_Expr_Kind_AEXPR_BETWEEN_SYM, pg.A_Expr_Kind_AEXPR_NOT_BETWEEN_SYM:
		return b.between(s, n)
	case pg.A_Expr_Kind_AEXPR_DISTINCT, pg.A_Expr_Kind_AEXPR_NOT_DISTINCT:
		return b.distinctFrom(s, n)
	case pg.A_Expr_Kind_AEXPR_NULLIF:
		return b.nullIf(s, n)
	}
	return nil, b.unsupported(n.Location, "%s", n.Kind)
}

// operatorName returns the operator; a schema other than pg_catalog has none.
func (b *Binder) operatorName(n *pg.A_Expr) (string, error) {
	name := parse.Names(n.Name)
	if len(name) == 2 && name[0] != "pg_catalog" {
		return "", b.fail(n.Location, errs.UndefinedFunction, "operator does not exist: %s.%s", name[0], name[1])
	}
	return name[len(name)-1], nil
}

func (b *Binder) infix(s *scope, op string, n *pg.A_Expr) (expr.Expr, error) {
	if n.Lexpr == nil {
		r, err := b.expr(s, n.Rexpr)
		if err != nil {
			return nil, err
		}
		return b.operator(op, nil, r, n.Location, -1, parse.Location(n.Rexpr))
	}
	if l, r := n.Lexpr.GetRowExpr(), n.Rexpr.GetRowExpr(); l != nil && r != nil {
		return b.rowCompare(s, op, l.Args, r.Args, n.Location)
	}
	if sub := n.Rexpr.GetSubLink(); sub != nil && sub.SubLinkType == pg.SubLinkType_EXPR_SUBLINK && n.Lexpr.GetRowExpr() != nil {
		return nil, b.unsupported(n.Location, "comparing a row with a subquery")
	}
	return b.binary(s, op, n.Lexpr, n.Rexpr, n.Location)
}

func (b *Binder) binary(s *scope, op string, ln, rn *pg.Node, loc int32) (expr.Expr, error) {
	l, err := b.expr(s, ln)
	if err != nil {
		return nil, err
	}
	r, err := b.expr(s, rn)
	if err != nil {
		return nil, err
	}
	return b.operator(op, l, r, loc, parse.Location(ln), parse.Location(rn))
}

// operator resolves an operator over bound operands; l is nil for a prefix operator.
func (b *Binder) operator(op string, l, r expr.Expr, loc, lloc, rloc int32) (expr.Expr, error) {
	var lt types.Type
	if l != nil {
		lt = l.Type()
	}
	o, want, err := fn.ResolveOperator(op, lt, r.Type())
	if err != nil {
		return nil, b.at(err, loc)
	}
	if l == nil {
		if r, err = b.coerce(r, want[0], rloc); err != nil {
			return nil, err
		}
		return expr.NewCall(o, []expr.Expr{r}), nil
	}
	if l, err = b.coerce(l, want[0], lloc); err != nil {
		return nil, err
	}
	if r, err = b.coerce(r, want[1], rloc); err != nil {
		return nil, err
	}
	return expr.NewCall(o, []expr.Expr{l, r}), nil
}

func (b *Binder) between(s *scope, n *pg.A_Expr) (expr.Expr, error) {
	bounds := n.Rexpr.GetList().GetItems()
	if len(bounds) != 2 {
		return nil, errs.Internal("BETWEEN with %d bounds", len(bounds))
	}
	pair := func(lo, hi *pg.Node) (expr.Expr, error) {
		l, err := b.binary(s, ">=", n.Lexpr, lo, n.Location)
		if err != nil {
			return nil, err
		}
		h, err := b.binary(s, "<=", n.Lexpr, hi, n.Location)
		if err != nil {
			return nil, err
		}
		return &expr.Logic{Args: []expr.Expr{l, h}}, nil
	}
	e, err := pair(bounds[0], bounds[1])
	if err != nil {
		return nil, err
	}
	if n.Kind == pg.A_Expr_Kind_AEXPR_BETWEEN_SYM || n.Kind == pg.A_Expr_Kind_AEXPR_NOT_BETWEEN_SYM {
		swapped, err := pair(bounds[1], bounds[0])
		if err != nil {
			return nil, err
		}
		e = &expr.Logic{Or: true, Args: []expr.Expr{e, swapped}}
	}
	if n.Kind == pg.A_Expr_Kind_AEXPR_NOT_BETWEEN || n.Kind == pg.A_Expr_Kind_AEXPR_NOT_BETWEEN_SYM {
		e = not(e)
	}
	return e, nil
}

// distinctFrom binds a IS [NOT] DISTINCT FROM b: equality that is never NULL.
func (b *Binder) distinctFrom(s *scope, n *pg.A_Expr) (expr.Expr, error) {
	l, err := b.expr(s, n.Lexpr)
	if err != nil {
		return nil, err
	}
	r, err := b.expr(s, n.Rexpr)
	if err != nil {
		return nil, err
	}
	eq, err := b.operator("=", l, r, n.Location, parse.Location(n.Lexpr), parse.Location(n.Rexpr))
	if err != nil {
		return nil, err
	}
	call, ok := eq.(*expr.Call)
	if !ok {
		return nil, errs.Internal("= is not a call")
	}
	same := &expr.Coalesce{T: types.T(types.Bool), Args: []expr.Expr{eq, &expr.Logic{Args: []expr.Expr{
		&expr.IsNull{Arg: call.Args[0]}, &expr.IsNull{Arg: call.Args[1]}}}}}
	if n.Kind == pg.A_Expr_Kind_AEXPR_NOT_DISTINCT {
		return same, nil
	}
	return not(same), nil
}

// nullIf binds NULLIF(a, b): NULL where a = b, else a.
func (b *Binder) nullIf(s *scope, n *pg.A_Expr) (expr.Expr, error) {
	l, err := b.expr(s, n.Lexpr)
	if err != nil {
		return nil, err
	}
	r, err := b.expr(s, n.Rexpr)
	if err != nil {
		return nil, err
	}
	eq, err := b.operator("=", l, r, n.Location, parse.Location(n.Lexpr), parse.Location(n.Rexpr))
	if err != nil {
		return nil, err
	}
	if call, ok := eq.(*expr.Call); ok && (l.Type().Kind == types.Unknown || !comparesAcross(l.Type().Kind, r.Type().Kind)) {
		l = call.Args[0]
	}
	if l.Type().Kind == types.Varchar { // whose = is that of text
		l = &expr.Cast{Arg: l, T: types.T(types.Text)}
	}
	return &expr.Case{T: l.Type(), Else: l,
		Whens: []expr.When{{Cond: eq, Result: &expr.Const{Value: types.NullOf(l.Type())}}}}, nil
}

// comparesAcross tells whether PostgreSQL has an = of the two types as they are, so that NULLIF keeps the type of its
// first argument.
func comparesAcross(l, r types.Kind) bool {
	for _, family := range [][]types.Kind{{types.Int2, types.Int4, types.Int8}, {types.Float4, types.Float8},
		{types.Date, types.Timestamp, types.Timestamptz}, {types.Name, types.Text}} {
		if slices.Contains(family, l) && slices.Contains(family, r) {
			return true
		}
	}
	return l == r
}

// rowCompare binds (a, b) op (c, d): = and <> by elements, the orders lexicographically.
func (b *Binder) rowCompare(s *scope, op string, l, r []*pg.Node, loc int32) (expr.Expr, error) {
	if len(l) != len(r) {
		return nil, b.fail(loc, errs.SyntaxError, "unequal number of entries in row expressions")
	}
	if len(l) == 0 {
		return nil, b.fail(loc, errs.FeatureNotSupported, "cannot compare rows of zero length")
	}
	each := func(op string, i int) (expr.Expr, error) { return b.binary(s, op, l[i], r[i], loc) }
	switch op {
	case "=", "<>", "!=":
		parts := make([]expr.Expr, len(l))
		for i := range l {
			var err error
			if parts[i], err = each(op, i); err != nil {
				return nil, err
			}
		}
		return joinLogic(op != "=", parts), nil
	case "<", "<=", ">", ">=":
		last := len(l) - 1
		e, err := each(op, last)
		for i := last - 1; i >= 0 && err == nil; i-- {
			var less, equal expr.Expr
			if less, err = each(op[:1], i); err != nil {
				break
			}
			if equal, err = each("=", i); err != nil {
				break
			}
			// A pair that is not equal decides, also when it is NULL; those behind it are not computed.
			e = &expr.Case{T: types.T(types.Bool), Whens: []expr.When{{Cond: equal, Result: e}}, Else: less}
		}
		return e, err
	}
	return nil, b.fail(loc, errs.FeatureNotSupported, "could not determine interpretation of row comparison operator %s", op).
		WithHint("Row comparison operators must be associated with btree operator families.")
}

// in binds a [NOT] IN (list).
func (b *Binder) in(s *scope, op string, n *pg.A_Expr) (expr.Expr, error) {
	items := n.Rexpr.GetList().GetItems()
	if row := n.Lexpr.GetRowExpr(); row != nil {
		var parts []expr.Expr
		for _, it := range items {
			r := it.GetRowExpr()
			if r == nil {
				return nil, b.unsupported(parse.Location(it), "comparing a row with this")
			}
			e, err := b.rowCompare(s, op, row.Args, r.Args, n.Location)
			if err != nil {
				return nil, err
			}
			parts = append(parts, e)
		}
		return joinLogic(op == "=", parts), nil
	}
	l, err := b.expr(s, n.Lexpr)
	if err != nil {
		return nil, err
	}
	args, places, err := b.exprs(s, items)
	if err != nil {
		return nil, err
	}
	return b.inList(op, l, args, parse.Location(n.Lexpr), places, n.Location)
}

// inList builds an expr.In when all items are constants that convert to one type with the operand, else a chain of
// comparisons.
func (b *Binder) inList(op string, l expr.Expr, args []expr.Expr, lloc int32, places []int32, loc int32) (expr.Expr, error) {
	constant := true
	for i, a := range args {
		if !expr.IsConst(a) { // 1::float8; what fails stays, to fail for the rows
			if a = expr.Fold(a); expr.IsConst(a) {
				args[i] = a
			}
		}
		constant = constant && expr.IsConst(a)
	}
	if constant {
		if e, err := b.constantIn(op, l, args, lloc, places); e != nil || err != nil {
			return e, err
		}
	}
	parts := make([]expr.Expr, len(args))
	for i, a := range args {
		var err error
		if parts[i], err = b.operator(op, l, a, loc, lloc, places[i]); err != nil {
			return nil, err
		}
	}
	return joinLogic(op == "=", parts), nil
}

// constantIn returns nil when the constants do not have the operand's type in the end.
func (b *Binder) constantIn(op string, l expr.Expr, args []expr.Expr, lloc int32, places []int32) (expr.Expr, error) {
	ts := []types.Type{l.Type()}
	for _, a := range args {
		ts = append(ts, a.Type())
	}
	common, err := fn.CommonTypeFor("IN", ts)
	if err != nil || common.Kind == types.Array {
		return nil, nil // the comparison one by one tells what is wrong
	}
	if common.Kind == types.Unknown {
		common = types.T(types.Text)
	}
	switch kind := common.Kind; {
	case kind == l.Type().Kind:
		common = l.Type()
	case kind == types.Text && (l.Type().Kind == types.Varchar || l.Type().Kind == types.Name):
		common = types.Type{Kind: l.Type().Kind}
	}
	var values []types.Datum
	hasNull := false
	for i, a := range args {
		if a.(*expr.Const).Value.Null {
			hasNull = true
			continue
		}
		// An item keeps its own digits and blanks: the modifier of a column would cut or refuse them.
		k, err := b.coerce(a, plainType(common), places[i])
		if err != nil {
			return nil, err
		}
		if k, err = b.fold(k); err != nil {
			return nil, b.at(err, places[i])
		}
		v, ok := k.(*expr.Const)
		if !ok {
			return nil, nil
		}
		values = append(values, v.Value)
	}
	if len(values) == 0 {
		return nil, nil
	}
	if common.Kind == types.Numeric {
		common = plainType(common)
	}
	if l, err = b.coerce(l, common, lloc); err != nil {
		return nil, err
	}
	return expr.NewIn(l, values, hasNull, op != "="), nil
}
