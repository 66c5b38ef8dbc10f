package bind

import (
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/siltstone-db/siltstone/sql/parse"
)

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
	if tag, ok := commandTags[parse.NodeName(n)]; ok {
		return tag
	}
	var words strings.Builder
	for i, c := range strings.TrimSuffix(parse.NodeName(n), "Stmt") {
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
