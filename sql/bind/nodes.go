package bind

import (
	"fmt"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"
)

// location returns where an expression starts, as PostgreSQL's exprLocation does: for what is written with operators,
// casts or subscripts that is the leftmost part. -1 when it is unknown.
func location(n *pg.Node) int32 {
	if n == nil {
		return -1
	}
	switch x := n.Node.(type) {
	case *pg.Node_AConst:
		return x.AConst.Location
	case *pg.Node_ColumnRef:
		return x.ColumnRef.Location
	case *pg.Node_ParamRef:
		return x.ParamRef.Location
	case *pg.Node_AExpr:
		return leftmost(x.AExpr.Location, location(x.AExpr.Lexpr))
	case *pg.Node_BoolExpr:
		if len(x.BoolExpr.Args) > 0 {
			return leftmost(x.BoolExpr.Location, location(x.BoolExpr.Args[0]))
		}
		return x.BoolExpr.Location
	case *pg.Node_NullTest:
		return leftmost(x.NullTest.Location, location(x.NullTest.Arg))
	case *pg.Node_BooleanTest:
		return leftmost(x.BooleanTest.Location, location(x.BooleanTest.Arg))
	case *pg.Node_TypeCast:
		l := leftmost(x.TypeCast.Location, location(x.TypeCast.Arg))
		if t := x.TypeCast.TypeName; t != nil {
			l = leftmost(l, t.Location)
		}
		return l
	case *pg.Node_FuncCall:
		return x.FuncCall.Location
	case *pg.Node_CaseExpr:
		return x.CaseExpr.Location
	case *pg.Node_CoalesceExpr:
		return x.CoalesceExpr.Location
	case *pg.Node_MinMaxExpr:
		return x.MinMaxExpr.Location
	case *pg.Node_SubLink:
		return leftmost(location(x.SubLink.Testexpr), x.SubLink.Location)
	case *pg.Node_AArrayExpr:
		return x.AArrayExpr.Location
	case *pg.Node_AIndirection:
		return location(x.AIndirection.Arg)
	case *pg.Node_SqlvalueFunction:
		return x.SqlvalueFunction.Location
	case *pg.Node_CollateClause:
		return leftmost(location(x.CollateClause.Arg), x.CollateClause.Location)
	case *pg.Node_RowExpr:
		return x.RowExpr.Location
	case *pg.Node_SetToDefault:
		return x.SetToDefault.Location
	case *pg.Node_GroupingFunc:
		return x.GroupingFunc.Location
	case *pg.Node_ResTarget:
		return x.ResTarget.Location
	case *pg.Node_RangeVar:
		return x.RangeVar.Location
	case *pg.Node_SortBy:
		return location(x.SortBy.Node)
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

// stringsOf returns the parts of a qualified name.
func stringsOf(ns []*pg.Node) []string {
	out := make([]string, 0, len(ns))
	for _, n := range ns {
		if s := n.GetString_(); s != nil {
			out = append(out, s.Sval)
		}
	}
	return out
}

// intOf returns the value of an integer constant, 0 for anything else.
func intOf(n *pg.Node) int32 {
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

// nodeName names a kind of node for messages: FooBar for *pg.Node_FooBar.
func nodeName(n *pg.Node) string {
	return strings.TrimPrefix(fmt.Sprintf("%T", n.Node), "*pg_query.Node_")
}

// commandTag returns the command tag of a utility statement, or the name of its node in words.
func commandTag(n *pg.Node) string {
	switch x := n.Node.(type) {
	case *pg.Node_VariableSetStmt:
		if x.VariableSetStmt.Kind == pg.VariableSetKind_VAR_RESET || x.VariableSetStmt.Kind == pg.VariableSetKind_VAR_RESET_ALL {
			return "RESET"
		}
		return "SET"
	case *pg.Node_VariableShowStmt:
		return "SHOW"
	case *pg.Node_TransactionStmt:
		return transactionTags[x.TransactionStmt.Kind]
	case *pg.Node_DropStmt:
		return "DROP " + strings.ReplaceAll(strings.TrimPrefix(x.DropStmt.RemoveType.String(), "OBJECT_"), "_", " ")
	}
	if tag, ok := commandTags[nodeName(n)]; ok {
		return tag
	}
	var words strings.Builder
	for i, c := range strings.TrimSuffix(nodeName(n), "Stmt") {
		if i > 0 && c >= 'A' && c <= 'Z' {
			words.WriteByte(' ')
		}
		words.WriteRune(c)
	}
	return strings.ToUpper(words.String())
}

var transactionTags = map[pg.TransactionStmtKind]string{
	pg.TransactionStmtKind_TRANS_STMT_BEGIN: "BEGIN", pg.TransactionStmtKind_TRANS_STMT_START: "START TRANSACTION",
	pg.TransactionStmtKind_TRANS_STMT_COMMIT: "COMMIT", pg.TransactionStmtKind_TRANS_STMT_ROLLBACK: "ROLLBACK",
	pg.TransactionStmtKind_TRANS_STMT_SAVEPOINT: "SAVEPOINT", pg.TransactionStmtKind_TRANS_STMT_RELEASE: "RELEASE",
	pg.TransactionStmtKind_TRANS_STMT_ROLLBACK_TO: "ROLLBACK", pg.TransactionStmtKind_TRANS_STMT_PREPARE: "PREPARE TRANSACTION",
	pg.TransactionStmtKind_TRANS_STMT_COMMIT_PREPARED:   "COMMIT PREPARED",
	pg.TransactionStmtKind_TRANS_STMT_ROLLBACK_PREPARED: "ROLLBACK PREPARED",
}

var commandTags = map[string]string{
	"CheckPointStmt": "CHECKPOINT", "DeclareCursorStmt": "DECLARE CURSOR", "ClosePortalStmt": "CLOSE CURSOR",
	"IndexStmt": "CREATE INDEX", "ViewStmt": "CREATE VIEW", "CreateSchemaStmt": "CREATE SCHEMA", "TruncateStmt": "TRUNCATE TABLE",
	"AlterTableStmt": "ALTER TABLE", "RenameStmt": "ALTER", "CommentStmt": "COMMENT", "GrantStmt": "GRANT", "LockStmt": "LOCK TABLE",
	"CreateRoleStmt": "CREATE ROLE", "CreateFunctionStmt": "CREATE FUNCTION", "CreateSeqStmt": "CREATE SEQUENCE",
	"CreateEnumStmt": "CREATE TYPE", "CompositeTypeStmt": "CREATE TYPE", "CreateExtensionStmt": "CREATE EXTENSION",
	"CreateTrigStmt": "CREATE TRIGGER", "CreatedbStmt": "CREATE DATABASE", "DropdbStmt": "DROP DATABASE",
	"ConstraintsSetStmt": "SET CONSTRAINTS", "RefreshMatViewStmt": "REFRESH MATERIALIZED VIEW",
	"CreateForeignTableStmt": "CREATE FOREIGN TABLE", "AlterRoleStmt": "ALTER ROLE", "DropRoleStmt": "DROP ROLE",
}
