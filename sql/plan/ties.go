package plan

import "github.com/siltstone-db/siltstone/engine/expr"

// Ties is FETCH FIRST ... ROWS WITH TIES over a Sort: skip Offset rows, then Count rows and those behind that are equal to the
// last of them in On. Neither expression reads a column; Offset may be nil.
type Ties struct {
	Input         Node
	On            []expr.Expr
	Count, Offset expr.Expr
}

// Columns implements Node.
func (n *Ties) Columns() []Column { return n.Input.Columns() }

// Children implements Node.
func (n *Ties) Children() []Node { return []Node{n.Input} }

func (n *Ties) over(in []Node) Node {
	c := *n
	c.Input = in[0]
	return &c
}

func (n *Ties) mapExprs(m *exprMapper) Node {
	c := *n
	c.On, c.Count, c.Offset = m.list(n.On), m.one(n.Count), m.one(n.Offset)
	return &c
}

func (n *Ties) trace(id ID) (Node, expr.Expr, string) { return passed(n.Input, id) }

// Prune implements Node.
func (n *Ties) Prune(need Set) Node { return pruneInputs(n, need, n.On...) }

// Estimate implements Node.
func (n *Ties) Estimate(e Estimates) float64 {
	rows := e.Rows(n.Input)
	if k, ok := n.Count.(*expr.Const); ok && !k.Value.Null {
		rows = min(rows, float64(max(k.Value.I, 1)))
	}
	return rows
}

// Title implements Node.
func (n *Ties) Title() string { return "Limit With Ties" }

// Details implements Node.
func (n *Ties) Details() []Detail {
	var d details
	d.add("Key", List(n.On))
	return d
}
