package plan

import (
	"strconv"

	"github.com/siltstone-db/siltstone/engine/expr"
)

// Values is a list of rows of expressions without columns.
type Values struct {
	Rows [][]expr.Expr
	Cols []Column
}

// Columns implements Node.
func (n *Values) Columns() []Column { return n.Cols }

// Children implements Node.
func (n *Values) Children() []Node { return nil }

func (n *Values) over([]Node) Node { return n }

func (n *Values) mapExprs(m *exprMapper) Node {
	c := *n
	c.Rows = make([][]expr.Expr, len(n.Rows))
	for i, r := range n.Rows {
		c.Rows[i] = m.list(r)
	}
	return &c
}

// Prune implements Node.
func (n *Values) Prune(need Set) Node {
	var keep []int
	for i, col := range n.Cols {
		if need.Has(col.ID) {
			keep = append(keep, i)
		}
	}
	if len(keep) == len(n.Cols) {
		return n
	}
	c := &Values{}
	for _, i := range keep {
		c.Cols = append(c.Cols, n.Cols[i])
	}
	for _, r := range n.Rows {
		row := make([]expr.Expr, len(keep))
		for k, i := range keep {
			row[k] = r[i]
		}
		c.Rows = append(c.Rows, row)
	}
	return c
}

// Estimate implements Node.
func (n *Values) Estimate(Estimates) float64 { return float64(len(n.Rows)) }

// Title implements Node.
func (n *Values) Title() string {
	if len(n.Rows) == 1 {
		return "Result"
	}
	return "Values"
}

// Details implements Node.
func (n *Values) Details() []Detail {
	var d details
	if len(n.Rows) != 1 {
		d.verbose("Rows", strconv.Itoa(len(n.Rows)))
	}
	return d
}
