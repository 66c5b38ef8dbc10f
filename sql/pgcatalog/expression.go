package pgcatalog

import (
	"regexp"
	"strconv"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/siltstone-db/siltstone/sql/parse"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/types"
)

// byOID is a relation in the text of a default, which is kept by its OID.
var byOID = regexp.MustCompile(`'([0-9]+)'::regclass`)

// expression prints an expression that is kept as text as PostgreSQL does: relations by the names that they have now, and
// unless it is to be pretty, operators in parentheses.
func (e *Env) expression(text string, pretty bool) string {
	text = byOID.ReplaceAllStringFunc(text, func(s string) string {
		oid, err := strconv.ParseUint(s[1:strings.IndexByte(s[1:], '\'')+1], 10, 32)
		if err != nil {
			return s
		}
		name, ok := e.className(uint32(oid))
		if !ok {
			return s
		}
		return "'" + strings.ReplaceAll(name, "'", "''") + "'::regclass"
	})
	if pretty {
		return text
	}
	switch topOf(text).GetNode().(type) {
	case *pg.Node_AExpr, *pg.Node_BoolExpr, *pg.Node_NullTest, *pg.Node_BooleanTest:
		return "(" + text + ")"
	}
	return text
}

// topOf returns the tree of an expression, nil for what is none.
func topOf(text string) *pg.Node {
	sts, err := parse.Parse("SELECT " + text)
	if err != nil || len(sts) != 1 || len(sts[0].Node.GetSelectStmt().GetTargetList()) != 1 {
		return nil
	}
	return sts[0].Node.GetSelectStmt().TargetList[0].GetResTarget().GetVal()
}

// defaultText is the default of a column: a string that has become one of the column's type says so.
func defaultText(c *catalog.Column) string {
	n := topOf(c.Default)
	if n.GetAConst().GetSval() != nil {
		t := types.Type{Kind: c.Type.Kind, Elem: c.Type.Elem}
		if c.Type.Kind == types.Char {
			return c.Default + "::bpchar"
		}
		return c.Default + "::" + t.String()
	}
	if n.GetSqlvalueFunction() != nil {
		return strings.ToUpper(c.Default)
	}
	return c.Default
}

// getExpr answers pg_get_expr.
func getExpr(e *Env, args []types.Datum) (types.Datum, bool, error) {
	return types.TextOf(e.expression(args[0].S, len(args) > 2 && args[2].I != 0)), true, nil
}
