package plan

import "github.com/siltstone-db/siltstone/engine/expr"

// Project computes Exprs[i] as Cols[i].
type Project struct {
	Input Node
	Exprs []expr.Expr
	Cols  []Column
}

// Columns implements Node.
func (n *Project) Columns() []Column { return n.Cols }

// Children implements Node.
func (n *Project) Children() []Node { return []Node{n.Input} }

func (n *Project) over(in []Node) Node {
	c := *n
	c.Input = in[0]
	return &c
}

func (n *Project) mapExprs(m *exprMapper) Node {
	c := *n
	c.Exprs = m.list(n.Exprs)
	return &c
}

func (n *Project) trace(id ID) (Node, expr.Expr, string) {
	if i := IndexOf(n.Cols, id); i >= 0 {
		return n.Input, n.Exprs[i], ""
	}
	return nil, nil, ""
}

// Prune implements Node. A projection that only passes columns on is dropped.
func (n *Project) Prune(need Set) Node {
	c := &Project{}
	passes := true
	for i, col := range n.Cols {
		if !need.Has(col.ID) && !expr.Volatile(n.Exprs[i]) {
			continue
		}
		r, ok := n.Exprs[i].(*expr.Column)
		passes = passes && ok && ID(r.Index) == col.ID
		c.Exprs, c.Cols = append(c.Exprs, n.Exprs[i]), append(c.Cols, col)
	}
	c.Input = n.Input.Prune(ColumnsOf(c.Exprs...))
	if passes && len(c.Cols) > 0 {
		return c.Input
	}
	if len(c.Cols) == len(n.Cols) && c.Input == n.Input {
		return n
	}
	return c
}

// Estimate implements Node.
func (n *Project) Estimate(e Estimates) float64 {
	rows := e.Rows(n.Input)
	for i, x := range n.Exprs {
		if c, ok := x.(*expr.Column); ok {
			e.Same(n.Cols[i].ID, ID(c.Index))
		} else {
			e.SetDistinct(n.Cols[i].ID, e.Distinct(x, rows))
		}
	}
	return rows
}

// Title implements Node.
func (n *Project) Title() string { return "Project" }

// Details implements Node.
func (n *Project) Details() []Detail {
	var d details
	d.verbose("Output", List(n.Exprs))
	return d
}
