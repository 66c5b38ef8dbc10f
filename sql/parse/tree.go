package parse

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/pganalyze/pg_query_go/v6"

	"github.com/siltstone-db/siltstone/storage/errs"
)

// Location returns where an expression starts, as PostgreSQL's exprLocation does: for what is written with operators,
// casts or subscripts that is the leftmost part. -1 when it is unknown.
func Location(n *pg_query.Node) int32 {
	if n == nil {
		return -1
	}
	switch x := n.Node.(type) {
	case *pg_query.Node_AConst:
		return x.AConst.Location
	case *pg_query.Node_ColumnRef:
		return x.ColumnRef.Location
	case *pg_query.Node_ParamRef:
		return x.ParamRef.Location
	case *pg_query.Node_AExpr:
		return leftmost(x.AExpr.Location, Location(x.AExpr.Lexpr))
	case *pg_query.Node_BoolExpr:
		if len(x.BoolExpr.Args) > 0 {
			return leftmost(x.BoolExpr.Location, Location(x.BoolExpr.Args[0]))
		}
		return x.BoolExpr.Location
	case *pg_query.Node_NullTest:
		return leftmost(x.NullTest.Location, Location(x.NullTest.Arg))
	case *pg_query.Node_BooleanTest:
		return leftmost(x.BooleanTest.Location, Location(x.BooleanTest.Arg))
	case *pg_query.Node_TypeCast:
		l := leftmost(x.TypeCast.Location, Location(x.TypeCast.Arg))
		if t := x.TypeCast.TypeName; t != nil {
			l = leftmost(l, t.Location)
		}
		return l
	case *pg_query.Node_FuncCall:
		return x.FuncCall.Location
	case *pg_query.Node_CaseExpr:
		return x.CaseExpr.Location
	case *pg_query.Node_CoalesceExpr:
		return x.CoalesceExpr.Location
	case *pg_query.Node_MinMaxExpr:
		return x.MinMaxExpr.Location
	case *pg_query.Node_SubLink:
		return leftmost(Location(x.SubLink.Testexpr), x.SubLink.Location)
	case *pg_query.Node_AArrayExpr:
		return x.AArrayExpr.Location
	case *pg_query.Node_AIndirection:
		return Location(x.AIndirection.Arg)
	case *pg_query.Node_SqlvalueFunction:
		return x.SqlvalueFunction.Location
	case *pg_query.Node_CollateClause:
		return leftmost(Location(x.CollateClause.Arg), x.CollateClause.Location)
	case *pg_query.Node_RowExpr:
		return x.RowExpr.Location
	case *pg_query.Node_SetToDefault:
		return x.SetToDefault.Location
	case *pg_query.Node_GroupingFunc:
		return x.GroupingFunc.Location
	case *pg_query.Node_ResTarget:
		return x.ResTarget.Location
	case *pg_query.Node_RangeVar:
		return x.RangeVar.Location
	case *pg_query.Node_SortBy:
		return Location(x.SortBy.Node)
	}
	return -1
}

func leftmost(a, b int32) int32 {
	switch {
	case a < 0:
		return b
	case b < 0:
		return a
	}
	return min(a, b)
}

// Names returns the parts of a qualified name.
func Names(ns []*pg_query.Node) []string {
	out := make([]string, 0, len(ns))
	for _, n := range ns {
		if s := n.GetString_(); s != nil {
			out = append(out, s.Sval)
		}
	}
	return out
}

// Int returns the value of an integer constant, 0 for anything else.
func Int(n *pg_query.Node) int32 {
	if c := n.GetAConst(); c != nil {
		if i := c.GetIval(); i != nil {
			return i.Ival
		}
	}
	if i := n.GetInteger(); i != nil {
		return i.Ival
	}
	return 0
}

// NodeName names a kind of node for messages: FooBar for *pg_query.Node_FooBar.
func NodeName(n *pg_query.Node) string {
	return strings.TrimPrefix(fmt.Sprintf("%T", n.Node), "*pg_query.Node_")
}

// Text returns the text of an option's value.
func Text(n *pg_query.Node) string {
	if n == nil {
		return ""
	}
	switch x := n.Node.(type) {
	case *pg_query.Node_String_:
		return x.String_.Sval
	case *pg_query.Node_Integer:
		return itoa(x.Integer.Ival)
	case *pg_query.Node_Float:
		return x.Float.Fval
	case *pg_query.Node_Boolean:
		if x.Boolean.Boolval {
			return "true"
		}
		return "false"
	case *pg_query.Node_TypeName:
		return strings.Join(Names(x.TypeName.Names), ".")
	case *pg_query.Node_AConst:
		switch v := x.AConst.Val.(type) {
		case *pg_query.A_Const_Sval:
			return v.Sval.Sval
		case *pg_query.A_Const_Ival:
			return itoa(v.Ival.Ival)
		case *pg_query.A_Const_Fval:
			return v.Fval.Fval
		case *pg_query.A_Const_Boolval:
			if v.Boolval.Boolval {
				return "true"
			}
			return "false"
		}
	case *pg_query.Node_List:
		return strings.Join(Names(x.List.Items), ".")
	}
	return ""
}

// Bool reads a boolean option of a statement; without a value it is true.
func Bool(d *pg_query.DefElem) (bool, error) {
	if d.Arg == nil {
		return true, nil
	}
	switch strings.ToLower(Text(d.Arg)) {
	case "true", "on", "1":
		return true, nil
	case "false", "off", "0":
		return false, nil
	}
	return false, errs.New(errs.SyntaxError, "%s requires a Boolean value", d.Defname)
}

func itoa(i int32) string { return strconv.Itoa(int(i)) }
