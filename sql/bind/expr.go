package bind

import (
	"math"
	"strconv"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"
	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/sql/parse"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// expr binds an expression. Untyped literals and parameters come back with Kind Unknown: whoever knows what is wanted
// converts them.
func (b *Binder) expr(s *scope, n *pg.Node) (expr.Expr, error) {
	if n == nil {
		return nil, errs.Internal("expression without a node")
	}
	switch x := n.Node.(type) {
	case *pg.Node_AConst:
		return b.constant(x.AConst)
	case *pg.Node_ColumnRef:
		return b.columnRef(s, x.ColumnRef)
	case *pg.Node_ParamRef:
		return b.param(x.ParamRef)
	case *pg.Node_AExpr:
		return b.aExpr(s, x.AExpr)
	case *pg.Node_BoolExpr:
		return b.boolExpr(s, x.BoolExpr)
	case *pg.Node_NullTest:
		return b.nullTest(s, x.NullTest)
	case *pg.Node_BooleanTest:
		return b.booleanTest(s, x.BooleanTest)
	case *pg.Node_TypeCast:
		return b.typeCast(s, x.TypeCast)
	case *pg.Node_FuncCall:
		return b.funcCall(s, x.FuncCall)
	case *pg.Node_CaseExpr:
		return b.caseExpr(s, x.CaseExpr)
	case *pg.Node_CoalesceExpr:
		return b.coalesce(s, x.CoalesceExpr)
	case *pg.Node_MinMaxExpr:
		return b.minMax(s, x.MinMaxExpr)
	case *pg.Node_SubLink:
		return b.subLink(s, x.SubLink)
	case *pg.Node_AArrayExpr:
		return b.arrayExpr(s, x.AArrayExpr)
	case *pg.Node_AIndirection:
		return b.indirection(s, x.AIndirection)
	case *pg.Node_SqlvalueFunction:
		return b.sqlValue(s, x.SqlvalueFunction)
	case *pg.Node_CollateClause:
		return b.collate(s, x.CollateClause)
	case *pg.Node_RowExpr:
		return nil, b.unsupported(x.RowExpr.Location, "a row value here")
	case *pg.Node_SetToDefault:
		return nil, b.fail(x.SetToDefault.Location, errs.SyntaxError, "DEFAULT is not allowed in this context")
	case *pg.Node_GroupingFunc:
		return b.groupingFunc(s, x.GroupingFunc)
	case *pg.Node_NamedArgExpr:
		return nil, b.unsupported(x.NamedArgExpr.Location, "a named argument")
	}
	return nil, b.unsupported(parse.Location(n), "%s", parse.NodeName(n))
}

// constant binds a literal with the type that PostgreSQL gives it: integer, bigint, numeric by size; unknown for
// strings and NULL.
func (b *Binder) constant(n *pg.A_Const) (expr.Expr, error) {
	if n.Isnull {
		return &expr.Const{Value: types.NullOf(types.T(types.Unknown))}, nil
	}
	switch v := n.Val.(type) {
	case *pg.A_Const_Ival:
		return &expr.Const{Value: types.IntOf(types.T(types.Int4), int64(v.Ival.Ival))}, nil
	case *pg.A_Const_Fval:
		return b.number(v.Fval.Fval, n.Location)
	case *pg.A_Const_Boolval:
		return &expr.Const{Value: types.BoolOf(v.Boolval.Boolval)}, nil
	case *pg.A_Const_Sval:
		return untyped(v.Sval.Sval), nil
	case *pg.A_Const_Bsval:
		return nil, b.unsupported(n.Location, "a bit string")
	}
	return nil, b.unsupported(n.Location, "this constant")
}

func untyped(s string) *expr.Const {
	return &expr.Const{Value: types.StringOf(types.T(types.Unknown), s)}
}

func (b *Binder) number(s string, loc int32) (expr.Expr, error) {
	if v, err := strconv.ParseInt(strings.ReplaceAll(s, "_", ""), 0, 64); err == nil && !isOctal(s) {
		if v >= math.MinInt32 && v <= math.MaxInt32 {
			return &expr.Const{Value: types.IntOf(types.T(types.Int4), v)}, nil
		}
		return &expr.Const{Value: types.IntOf(types.T(types.Int8), v)}, nil
	}
	e, err := expr.Coerce(untyped(s), types.T(types.Numeric))
	return e, b.at(err, loc)
}

// isOctal tells numbers that ParseInt would read as octal because of a leading zero; SQL's are decimal.
func isOctal(s string) bool {
	s = strings.TrimPrefix(s, "-")
	return len(s) > 1 && s[0] == '0' && s[1] >= '0' && s[1] <= '9'
}

func (b *Binder) boolExpr(s *scope, n *pg.BoolExpr) (expr.Expr, error) {
	word := map[pg.BoolExprType]string{pg.BoolExprType_AND_EXPR: "AND", pg.BoolExprType_OR_EXPR: "OR"}[n.Boolop]
	if n.Boolop == pg.BoolExprType_NOT_EXPR {
		word = "NOT"
	}
	args := make([]expr.Expr, 0, len(n.Args))
	for _, a := range n.Args {
		e, err := b.boolean(s, a, word)
		if err != nil {
			return nil, err
		}
		args = append(args, e)
	}
	if n.Boolop == pg.BoolExprType_NOT_EXPR {
		return not(args[0]), nil
	}
	return &expr.Logic{Or: n.Boolop == pg.BoolExprType_OR_EXPR, Args: args}, nil
}

// not negates a condition, without stacking negations.
func not(e expr.Expr) expr.Expr {
	switch x := e.(type) {
	case *expr.Not:
		return x.Arg
	case *expr.In:
		c := *x
		c.Negate = !c.Negate
		return &c
	case *expr.IsNull:
		return &expr.IsNull{Arg: x.Arg, Negate: !x.Negate}
	case *expr.IsBool:
		return &expr.IsBool{Arg: x.Arg, Value: x.Value, Negate: !x.Negate}
	}
	return &expr.Not{Arg: e}
}

// boolean binds an expression that a construct wants to be a condition.
func (b *Binder) boolean(s *scope, n *pg.Node, construct string) (expr.Expr, error) {
	e, err := b.expr(s, n)
	if err != nil {
		return nil, err
	}
	if t := e.Type(); t.Kind != types.Bool && t.Kind != types.Unknown {
		return nil, b.fail(parse.Location(n), errs.DatatypeMismatch, "argument of %s must be type boolean, not type %s", construct, plainType(t))
	}
	return b.coerce(e, types.T(types.Bool), parse.Location(n))
}

func (b *Binder) nullTest(s *scope, n *pg.NullTest) (expr.Expr, error) {
	if row := n.Arg.GetRowExpr(); row != nil {
		var args []expr.Expr
		for _, a := range row.Args {
			e, err := b.expr(s, a)
			if err != nil {
				return nil, err
			}
			args = append(args, &expr.IsNull{Arg: e, Negate: n.Nulltesttype == pg.NullTestType_IS_NOT_NULL})
		}
		return allOf(args), nil
	}
	e, err := b.expr(s, n.Arg)
	if err != nil {
		return nil, err
	}
	if c, ok := e.(*expr.Const); ok && c.Value.Type.Kind == types.Unknown {
		e, _ = expr.Coerce(c, types.T(types.Text))
	}
	return &expr.IsNull{Arg: e, Negate: n.Nulltesttype == pg.NullTestType_IS_NOT_NULL}, nil
}

func (b *Binder) booleanTest(s *scope, n *pg.BooleanTest) (expr.Expr, error) {
	value, negate, name := types.BoolOf(true), false, "IS TRUE"
	switch n.Booltesttype {
	case pg.BoolTestType_IS_NOT_TRUE:
		negate, name = true, "IS NOT TRUE"
	case pg.BoolTestType_IS_FALSE:
		value, name = types.BoolOf(false), "IS FALSE"
	case pg.BoolTestType_IS_NOT_FALSE:
		value, negate, name = types.BoolOf(false), true, "IS NOT FALSE"
	case pg.BoolTestType_IS_UNKNOWN:
		value, name = types.NullOf(types.T(types.Bool)), "IS UNKNOWN"
	case pg.BoolTestType_IS_NOT_UNKNOWN:
		value, negate, name = types.NullOf(types.T(types.Bool)), true, "IS NOT UNKNOWN"
	}
	e, err := b.boolean(s, n.Arg, name)
	if err != nil {
		return nil, err
	}
	return &expr.IsBool{Arg: e, Value: value, Negate: negate}, nil
}

func (b *Binder) caseExpr(s *scope, n *pg.CaseExpr) (expr.Expr, error) {
	var subject expr.Expr
	if n.Arg != nil {
		var err error
		if subject, err = b.expr(s, n.Arg); err != nil {
			return nil, err
		}
		// An untyped subject is text, as in PostgreSQL.
		if c, ok := subject.(*expr.Const); ok && c.Value.Type.Kind == types.Unknown {
			subject, _ = expr.Coerce(c, types.T(types.Text))
		}
	}
	c := &expr.Case{}
	var results []expr.Expr
	var places []int32
	for _, w := range n.Args {
		when := w.GetCaseWhen()
		cond, err := b.caseCondition(s, subject, n, when)
		if err != nil {
			return nil, err
		}
		r, err := b.expr(s, when.Result)
		if err != nil {
			return nil, err
		}
		c.Whens = append(c.Whens, expr.When{Cond: cond})
		results, places = append(results, r), append(places, parse.Location(when.Result))
	}
	if n.Defresult != nil {
		r, err := b.expr(s, n.Defresult)
		if err != nil {
			return nil, err
		}
		// PostgreSQL looks at ELSE first.
		results, places = append([]expr.Expr{r}, results...), append([]int32{parse.Location(n.Defresult)}, places...)
	}
	results, t, err := b.common("CASE", results, places)
	if err != nil {
		return nil, err
	}
	c.T = t
	if n.Defresult != nil {
		c.Else, results = results[0], results[1:]
	}
	for i := range c.Whens {
		c.Whens[i].Result = results[i]
	}
	return c, nil
}

func (b *Binder) caseCondition(s *scope, subject expr.Expr, n *pg.CaseExpr, when *pg.CaseWhen) (expr.Expr, error) {
	if subject == nil {
		return b.boolean(s, when.Expr, "CASE/WHEN")
	}
	v, err := b.expr(s, when.Expr)
	if err != nil {
		return nil, err
	}
	return b.operator("=", subject, v, when.Location, parse.Location(n.Arg), parse.Location(when.Expr))
}

func (b *Binder) coalesce(s *scope, n *pg.CoalesceExpr) (expr.Expr, error) {
	args, places, err := b.exprs(s, n.Args)
	if err != nil {
		return nil, err
	}
	args, t, err := b.common("COALESCE", args, places)
	if err != nil {
		return nil, err
	}
	return &expr.Coalesce{Args: args, T: t}, nil
}

func (b *Binder) minMax(s *scope, n *pg.MinMaxExpr) (expr.Expr, error) {
	o := fn.Greatest
	if n.Op == pg.MinMaxOp_IS_LEAST {
		o = fn.Least
	}
	args, places, err := b.exprs(s, n.Args)
	if err != nil {
		return nil, err
	}
	if args, _, err = b.common(o.Name, args, places); err != nil {
		return nil, err
	}
	return expr.NewCall(o, args), nil
}

// exprs binds a list.
func (b *Binder) exprs(s *scope, ns []*pg.Node) ([]expr.Expr, []int32, error) {
	args, places := make([]expr.Expr, 0, len(ns)), make([]int32, 0, len(ns))
	for _, n := range ns {
		e, err := b.expr(s, n)
		if err != nil {
			return nil, nil, err
		}
		args, places = append(args, e), append(places, parse.Location(n))
	}
	return args, places, nil
}

func (b *Binder) sqlValue(s *scope, n *pg.SQLValueFunction) (expr.Expr, error) {
	name, ok := sqlValueNames[n.Op]
	if !ok {
		return nil, b.unsupported(n.Location, "%s", n.Op)
	}
	e, err := b.call(name, nil, nil, n.Location)
	if round := precisionNames[n.Op]; err == nil && round != "" {
		return b.call(round, []expr.Expr{e, &expr.Const{Value: types.IntOf(types.T(types.Int4), int64(n.Typmod))}}, nil, n.Location)
	}
	return e, err
}

// precisionNames are the functions that round what has a precision: current_timestamp(3).
var precisionNames = map[pg.SQLValueFunctionOp]string{
	pg.SQLValueFunctionOp_SVFOP_CURRENT_TIMESTAMP_N: "timestamptz",
	pg.SQLValueFunctionOp_SVFOP_LOCALTIMESTAMP_N:    "timestamp",
	pg.SQLValueFunctionOp_SVFOP_LOCALTIME_N:         "time",
}

var sqlValueNames = map[pg.SQLValueFunctionOp]string{
	pg.SQLValueFunctionOp_SVFOP_CURRENT_DATE:        "current_date",
	pg.SQLValueFunctionOp_SVFOP_CURRENT_TIME:        "current_time",
	pg.SQLValueFunctionOp_SVFOP_CURRENT_TIMESTAMP:   "current_timestamp",
	pg.SQLValueFunctionOp_SVFOP_CURRENT_TIMESTAMP_N: "current_timestamp",
	pg.SQLValueFunctionOp_SVFOP_LOCALTIME:           "localtime",
	pg.SQLValueFunctionOp_SVFOP_LOCALTIME_N:         "localtime",
	pg.SQLValueFunctionOp_SVFOP_LOCALTIMESTAMP:      "localtimestamp",
	pg.SQLValueFunctionOp_SVFOP_LOCALTIMESTAMP_N:    "localtimestamp",
	pg.SQLValueFunctionOp_SVFOP_CURRENT_ROLE:        "current_role",
	pg.SQLValueFunctionOp_SVFOP_CURRENT_USER:        "current_user",
	pg.SQLValueFunctionOp_SVFOP_USER:                "user",
	pg.SQLValueFunctionOp_SVFOP_SESSION_USER:        "session_user",
	pg.SQLValueFunctionOp_SVFOP_CURRENT_CATALOG:     "current_catalog",
	pg.SQLValueFunctionOp_SVFOP_CURRENT_SCHEMA:      "current_schema",
}

// collate accepts the collations that order by bytes, which is the only order there is.
func (b *Binder) collate(s *scope, n *pg.CollateClause) (expr.Expr, error) {
	e, err := b.expr(s, n.Arg)
	if err != nil {
		return nil, err
	}
	name := parse.Names(n.Collname)
	switch last := name[len(name)-1]; last {
	case "default", "C", "POSIX", "ucs_basic", "C.UTF-8", "C.utf8":
	default:
		if !strings.ContainsAny(last, "_-") { // not a locale
			return nil, b.fail(n.Location, errs.UndefinedObject, "collation %q for encoding \"UTF8\" does not exist", last)
		}
		return nil, b.unsupported(n.Location, "collation %q", last)
	}
	if t := e.Type(); !t.IsString() {
		return nil, b.fail(n.Location, errs.DatatypeMismatch, "collations are not supported by type %s", plainType(t))
	}
	return e, nil
}

func allOf(es []expr.Expr) expr.Expr { return joinLogic(false, es) }

func joinLogic(or bool, es []expr.Expr) expr.Expr {
	if len(es) == 1 {
		return es[0]
	}
	return &expr.Logic{Or: or, Args: es}
}
