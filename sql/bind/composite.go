package bind

import (
	"slices"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/sql/parse"
)

// There are no composite values, but JDBC and tools built on it ask for keys by the fields of one:
//
//	SELECT (i.keys).x FROM (SELECT information_schema._pg_expandarray(indkey) AS keys FROM pg_index) i
//
// So an item of a derived table's select list that calls this function stands for one column per field, whose name is
// the item's and the field's with fieldMark between them, a character that SQL text cannot have. Only the field
// selection finds such columns. The query must be plain, so that nothing in it counts columns.
const fieldMark = "\x00"

// expandedFields are the fields of information_schema._pg_expandarray: an element and its number, from 1.
var expandedFields = []string{"x", "n"}

func isField(name string) bool { return strings.Contains(name, fieldMark) }

// isExpandArray tells whether an item calls the function.
func isExpandArray(n *pg.Node) bool {
	call := n.GetFuncCall()
	return call != nil && slices.Equal(parse.Names(call.Funcname), []string{"information_schema", "_pg_expandarray"})
}

// countsColumns tells whether a query counts the columns of its select list.
func countsColumns(n *pg.SelectStmt) bool {
	return n.Op != pg.SetOperation_SETOP_NONE || len(n.DistinctClause) > 0 || len(n.GroupClause) > 0 || len(n.SortClause) > 0
}

// fieldTargets makes an item for each field. The calls run side by side, so that their rows belong together.
func fieldTargets(t target) []target {
	var out []target
	for _, f := range expandedFields {
		field := t
		field.name = t.name + fieldMark + f
		field.node = &pg.Node{Node: &pg.Node_AIndirection{AIndirection: &pg.A_Indirection{Arg: t.node,
			Indirection: []*pg.Node{pg.MakeStrNode(f)}}}}
		out = append(out, field)
	}
	return out
}

// fieldOfCall takes f(...) and (f(...)).field apart; the call is nil for all else.
func fieldOfCall(n *pg.Node) (call *pg.FuncCall, field string) {
	if ind := n.GetAIndirection(); ind != nil && len(ind.Indirection) == 1 {
		if f := ind.Indirection[0].GetString_(); f != nil {
			return ind.Arg.GetFuncCall(), f.Sval
		}
	}
	return n.GetFuncCall(), ""
}

// fieldOfColumn binds (t.column).field; it returns nil for all else.
func (b *Binder) fieldOfColumn(s *scope, n *pg.A_Indirection) (expr.Expr, error) {
	c := n.Arg.GetColumnRef()
	if c == nil || len(n.Indirection) != 1 || n.Indirection[0].GetString_() == nil {
		return nil, nil
	}
	parts := parse.Names(c.Fields)
	if len(parts) == 0 || len(parts) != len(c.Fields) {
		return nil, nil
	}
	name := parts[len(parts)-1] + fieldMark + n.Indirection[0].GetString_().Sval
	for l := s; l != nil; l = l.parent {
		for _, t := range l.from.tables {
			for _, col := range t.columns {
				if col.name != name || len(parts) > 1 && t.alias != parts[len(parts)-2] {
					continue
				}
				if len(parts) == 1 {
					return b.unqualified(s, name, c.Location)
				}
				return b.qualified(s, "", parts[len(parts)-2], name, c.Location)
			}
		}
	}
	return nil, nil
}
