package parse

import (
	"fmt"
	"strings"

	"github.com/pganalyze/pg_query_go/v6"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Expression prints the raw tree of an expression as SQL, in PostgreSQL's spelling; Parse of "SELECT " and the text
// gives an equal tree back.
func Expression(n *pg_query.Node) (string, error) {
	target := &pg_query.Node{Node: &pg_query.Node_ResTarget{ResTarget: &pg_query.ResTarget{Val: n}}}
	sel := &pg_query.SelectStmt{TargetList: []*pg_query.Node{target}, LimitOption: pg_query.LimitOption_LIMIT_OPTION_DEFAULT,
		Op: pg_query.SetOperation_SETOP_NONE}
	text, err := Query(sel)
	return strings.TrimPrefix(text, "SELECT "), err
}

// Query prints the raw tree of a query as SQL; Parse of the text gives an equal tree back.
func Query(sel *pg_query.SelectStmt) (string, error) {
	stmt := &pg_query.RawStmt{Stmt: &pg_query.Node{Node: &pg_query.Node_SelectStmt{SelectStmt: sel}}}
	raw, err := proto.Marshal(&pg_query.ParseResult{Version: 170007, Stmts: []*pg_query.RawStmt{stmt}})
	if err != nil {
		return "", fmt.Errorf("print a query: %w", err)
	}
	text, err := rawDeparse(raw)
	if err != nil {
		return "", fmt.Errorf("print a query: %w", err)
	}
	return text, nil
}

// RangeVars calls do with each table name in a tree, and do may change it.
func RangeVars(tree proto.Message, do func(*pg_query.RangeVar)) {
	var walk func(protoreflect.Message)
	walk = func(m protoreflect.Message) {
		if v, ok := m.Interface().(*pg_query.RangeVar); ok {
			do(v)
		}
		m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
			switch {
			case f.Kind() != protoreflect.MessageKind:
			case f.IsList():
				for i := range v.List().Len() {
					walk(v.List().Get(i).Message())
				}
			default:
				walk(v.Message())
			}
			return true
		})
	}
	walk(tree.ProtoReflect())
}
