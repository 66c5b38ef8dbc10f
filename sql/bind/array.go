package bind

import (
	"fmt"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/sql/parse"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

func columnN(i int) string { return fmt.Sprintf("column%d", i+1) }

// arrayExpr binds ARRAY[...] with the element type that the items share.
func (b *Binder) arrayExpr(s *scope, n *pg.A_ArrayExpr) (expr.Expr, error) {
	if len(n.Elements) == 0 {
		return nil, b.fail(n.Location, errs.IndeterminateDatatype, "cannot determine type of empty array").
			WithHint("Explicitly cast to the desired type, for example ARRAY[]::integer[].")
	}
	args, t, places, err := b.arrayItems(s, n)
	if err != nil {
		return nil, err
	}
	return b.makeArray(args, types.ArrayOf(t.Kind), places, n.Location)
}

// arrayItems binds the items of ARRAY[...], converted to the type that they share.
func (b *Binder) arrayItems(s *scope, n *pg.A_ArrayExpr) ([]expr.Expr, types.Type, []int32, error) {
	args, places, err := b.exprs(s, n.Elements)
	if err != nil {
		return nil, types.Type{}, nil, err
	}
	args, t, err := b.common("ARRAY", args, places)
	if err == nil && t.Kind == types.Array {
		err = b.unsupported(n.Location, "an array of several dimensions")
	}
	return args, t, places, err
}

// arrayOf binds ARRAY[...]::t[], whose items get the element type.
func (b *Binder) arrayOf(s *scope, n *pg.A_ArrayExpr, t types.Type) (expr.Expr, error) {
	args, places, err := b.exprs(s, n.Elements)
	if err != nil {
		return nil, err
	}
	for i := range args {
		if args[i].Type().Kind == types.Array {
			return nil, b.unsupported(places[i], "an array of several dimensions")
		}
		if args[i], err = b.cast(args[i], types.T(t.Elem), n.Location, places[i]); err != nil {
			return nil, err
		}
	}
	return b.makeArray(args, t, places, n.Location)
}

// makeArray builds the constant in its text form, or calls the constructor when an item is not constant.
func (b *Binder) makeArray(args []expr.Expr, t types.Type, places []int32, loc int32) (expr.Expr, error) {
	text := []byte{'{'}
	for i, a := range args {
		k, err := b.fold(a)
		if err != nil {
			return nil, b.at(err, places[i])
		}
		c, ok := k.(*expr.Const)
		if !ok {
			return b.arrayCall(args, t)
		}
		var elem []byte
		if !c.Value.Null {
			elem = types.Append(nil, c.Value)
		}
		text = types.AppendElement(text, elem, c.Value.Null, i == 0)
	}
	return &expr.Const{Value: types.StringOf(t, string(append(text, '}')))}, nil
}

// arrayCall makes an array of items that are not all constant.
func (b *Binder) arrayCall(args []expr.Expr, t types.Type) (expr.Expr, error) {
	return expr.NewCall(fn.ArrayOf(types.T(t.Elem), len(args)), args), nil
}

// arrayOperator binds x op ANY (array) and x op ALL (array).
func (b *Binder) arrayOperator(s *scope, op string, n *pg.A_Expr) (expr.Expr, error) {
	l, err := b.expr(s, n.Lexpr)
	if err != nil {
		return nil, err
	}
	var r expr.Expr
	if a := n.Rexpr.GetAArrayExpr(); a != nil && len(a.Elements) > 0 {
		args, _, places, err := b.arrayItems(s, a)
		if err != nil {
			return nil, err
		}
		return b.overItems(op, n, l, args, places)
	}
	if r, err = b.expr(s, n.Rexpr); err != nil {
		return nil, err
	}
	if r.Type().Kind == types.Unknown { // '{...}' or $1: an array of the left side's type
		elem := l.Type().Kind
		if elem == types.Unknown {
			elem = types.Text
		}
		if elem == types.Varchar {
			elem = types.Text
		}
		if r, err = b.coerce(r, types.ArrayOf(elem), parse.Location(n.Rexpr)); err != nil {
			return nil, err
		}
	}
	if r.Type().Kind != types.Array {
		return nil, b.fail(n.Location, errs.WrongObjectType, "op ANY/ALL (array) requires array on right side")
	}
	if c, ok := r.(*expr.Const); ok && !c.Value.Null {
		var args []expr.Expr
		var places []int32
		elems, err := types.ParseArray([]byte(c.Value.S))
		if err != nil {
			return nil, b.at(err, parse.Location(n.Rexpr))
		}
		for _, e := range elems {
			k := types.NullOf(types.T(c.Value.Type.Elem))
			if !e.Null {
				if k, err = types.Parse(types.T(c.Value.Type.Elem), string(e.Text)); err != nil {
					return nil, b.at(err, parse.Location(n.Rexpr))
				}
			}
			args, places = append(args, &expr.Const{Value: k}), append(places, parse.Location(n.Rexpr))
		}
		return b.overItems(op, n, l, args, places)
	}
	return b.overColumn(op, n, l, r)
}

// overItems compares with each item of a known list.
func (b *Binder) overItems(op string, n *pg.A_Expr, l expr.Expr, args []expr.Expr, places []int32) (expr.Expr, error) {
	all := n.Kind == pg.A_Expr_Kind_AEXPR_OP_ALL
	if len(args) == 0 {
		return &expr.Const{Value: types.BoolOf(all)}, nil
	}
	if op == "=" && !all || op == "<>" && all {
		return b.inList(op, l, args, parse.Location(n.Lexpr), places, n.Location)
	}
	parts := make([]expr.Expr, len(args))
	for i, a := range args {
		var err error
		if parts[i], err = b.operator(op, l, a, n.Location, parse.Location(n.Lexpr), places[i]); err != nil {
			return nil, err
		}
	}
	return joinLogic(!all, parts), nil
}

// overColumn compares with the items of an array that is known only at run time.
func (b *Binder) overColumn(op string, n *pg.A_Expr, l, r expr.Expr) (expr.Expr, error) {
	o, want, err := fn.ResolveAny(op, l.Type(), r.Type(), n.Kind == pg.A_Expr_Kind_AEXPR_OP_ALL)
	if err != nil {
		return nil, b.at(err, n.Location)
	}
	if l, err = b.coerce(l, want[0], parse.Location(n.Lexpr)); err != nil {
		return nil, err
	}
	if r, err = b.coerce(r, want[1], parse.Location(n.Rexpr)); err != nil {
		return nil, err
	}
	return expr.NewCall(o, []expr.Expr{l, r}), nil
}

// indirection binds a[1], and fields of what stands for composite values.
func (b *Binder) indirection(s *scope, n *pg.A_Indirection) (expr.Expr, error) {
	if e, err := b.fieldOfColumn(s, n); e != nil || err != nil {
		return e, err
	}
	e, err := b.expr(s, n.Arg)
	if err != nil {
		return nil, err
	}
	if e.Type().Kind == types.JSONB {
		return b.jsonSubscript(s, e, n.Indirection, parse.Location(n.Arg))
	}
	for _, part := range n.Indirection {
		ix := part.GetAIndices()
		if ix == nil || ix.IsSlice {
			return nil, b.unsupported(parse.Location(n.Arg), "a field selection or array slice")
		}
		if e.Type().Kind != types.Array {
			return nil, b.fail(parse.Location(n.Arg), errs.DatatypeMismatch,
				"cannot subscript type %s because it does not support subscripting", plainType(e.Type()))
		}
		i, err := b.expr(s, ix.Uidx)
		if err != nil {
			return nil, err
		}
		if i, err = b.coerce(i, types.T(types.Int4), parse.Location(ix.Uidx)); err != nil {
			return nil, err
		}
		if e, err = b.call("array_subscript", []expr.Expr{e, i}, nil, parse.Location(n.Arg)); err != nil {
			return nil, err
		}
	}
	return e, nil
}
