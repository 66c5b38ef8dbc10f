package plan

import (
	"fmt"
	"strings"

	"github.com/siltstone-db/siltstone/engine/expr"
)

// KeysText returns the keys of a sort as EXPLAIN prints them. A key that is computed below the sort shows as what is
// computed, in parentheses, as in PostgreSQL: the column that carries it may have no name.
func (n *Sort) KeysText() string {
	out := make([]string, len(n.Keys))
	for i, k := range n.Keys {
		out[i] = origin(n.Input, k.Expr) + k.direction()
	}
	return strings.Join(out, ", ")
}

// direction returns what is written behind a key.
func (k SortKey) direction() string {
	text := pick(k.Desc, " DESC", "")
	if k.NullsFirst != k.Desc { // not PostgreSQL's default
		text += pick(k.NullsFirst, " NULLS FIRST", " NULLS LAST")
	}
	return text
}

// origin prints an expression over the columns of n; a column as what it is made of.
func origin(n Node, e expr.Expr) string {
	c, ok := e.(*expr.Column)
	if !ok {
		return "(" + e.String() + ")"
	}
	id := ID(c.Index)
	switch n := n.(type) {
	case *Filter:
		return origin(n.Input, e)
	case *Sort:
		return origin(n.Input, e)
	case *Limit:
		return origin(n.Input, e)
	case *Project:
		if i := IndexOf(n.Cols, id); i >= 0 {
			return origin(n.Input, n.Exprs[i])
		}
	case *Aggregate:
		i := IndexOf(n.Cols, id)
		switch {
		case i >= len(n.Keys):
			return "(" + n.Aggs[i-len(n.Keys)].String() + ")"
		case i >= 0:
			return origin(n.Input, n.Keys[i])
		}
	case *Join:
		for _, in := range n.Children() {
			if IndexOf(in.Columns(), id) >= 0 {
				return origin(in, e)
			}
		}
	}
	cols := n.Columns()
	if i := IndexOf(cols, id); i >= 0 && cols[i].Name != "" {
		return cols[i].Name
	}
	if c.Name != "" {
		return c.Name
	}
	return fmt.Sprintf("#%d", c.Index)
}

// IndexOf returns the position of a column in a list, or -1.
func IndexOf(cols []Column, id ID) int {
	for i := range cols {
		if cols[i].ID == id {
			return i
		}
	}
	return -1
}
