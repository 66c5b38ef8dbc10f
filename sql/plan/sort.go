package plan

import (
	"math"
	"strconv"
	"strings"

	"github.com/siltstone-db/siltstone/engine/expr"
)

// Sort orders the rows. Limit >= 0 says that only the first Limit+Offset rows matter: a top-k (set by a pass).
type Sort struct {
	Input Node
	Keys  []SortKey
	Limit int64 // -1: all rows
}

// SortKey is one key of an order.
type SortKey struct {
	Expr       expr.Expr
	Desc       bool
	NullsFirst bool
}

// direction returns what is written behind a key.
func (k SortKey) direction() string {
	var text string
	if k.Desc {
		text = " DESC"
	}
	switch {
	case k.NullsFirst == k.Desc: // PostgreSQL's default
	case k.NullsFirst:
		text += " NULLS FIRST"
	default:
		text += " NULLS LAST"
	}
	return text
}

// Columns implements Node.
func (n *Sort) Columns() []Column { return n.Input.Columns() }

// Children implements Node.
func (n *Sort) Children() []Node { return []Node{n.Input} }

func (n *Sort) over(in []Node) Node { return &Sort{Input: in[0], Keys: n.Keys, Limit: n.Limit} }

func (n *Sort) mapExprs(m *exprMapper) Node {
	return &Sort{Input: n.Input, Keys: m.keys(n.Keys), Limit: n.Limit}
}

func (n *Sort) trace(id ID) (Node, expr.Expr, string) { return passed(n.Input, id) }

// Prune implements Node.
func (n *Sort) Prune(need Set) Node {
	keys := make([]expr.Expr, len(n.Keys))
	for i, k := range n.Keys {
		keys[i] = k.Expr
	}
	return pruneInputs(n, need, keys...)
}

// Estimate implements Node.
func (n *Sort) Estimate(e Estimates) float64 {
	rows := e.Rows(n.Input)
	if n.Limit >= 0 {
		rows = math.Min(rows, float64(n.Limit))
	}
	return rows
}

// Title implements Node.
func (n *Sort) Title() string {
	if n.Limit >= 0 {
		return "Top-K"
	}
	return "Sort"
}

// Details implements Node. A key that is computed below the sort shows as what is computed, in parentheses, as in
// PostgreSQL: the column that carries it may have no name.
func (n *Sort) Details() []Detail {
	var d details
	if n.Limit >= 0 {
		d.verbose("Rows", strconv.FormatInt(n.Limit, 10))
	}
	keys := make([]string, len(n.Keys))
	for i, k := range n.Keys {
		keys[i] = origin(n.Input, k.Expr) + k.direction()
	}
	d.add("Sort Key", strings.Join(keys, ", "))
	return d
}
