package parse

import (
	"fmt"
	"strings"

	"github.com/pganalyze/pg_query_go/v6"
	"google.golang.org/protobuf/proto"
)

// Expression prints the raw tree of an expression as SQL, in PostgreSQL's spelling; Parse of "SELECT " and the text
// gives an equal tree back.
func Expression(n *pg_query.Node) (string, error) {
	target := &pg_query.Node{Node: &pg_query.Node_ResTarget{ResTarget: &pg_query.ResTarget{Val: n}}}
	sel := &pg_query.SelectStmt{TargetList: []*pg_query.Node{target}, LimitOption: pg_query.LimitOption_LIMIT_OPTION_DEFAULT,
		Op: pg_query.SetOperation_SETOP_NONE}
	stmt := &pg_query.RawStmt{Stmt: &pg_query.Node{Node: &pg_query.Node_SelectStmt{SelectStmt: sel}}}
	raw, err := proto.Marshal(&pg_query.ParseResult{Version: 170007, Stmts: []*pg_query.RawStmt{stmt}})
	if err != nil {
		return "", fmt.Errorf("print expression: %w", err)
	}
	text, err := rawDeparse(raw)
	if err != nil {
		return "", fmt.Errorf("print expression: %w", err)
	}
	return strings.TrimPrefix(text, "SELECT "), nil
}
