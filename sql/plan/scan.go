package plan

import (
	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Scan reads a stored table (Table set) or a virtual one (Virtual set). Cols[i] is column Ordinals[i] of it. Filter is
// a conjunction that the rows satisfy, over Cols.
type Scan struct {
	Table    *catalog.Table
	Virtual  Virtual
	Alias    string
	Cols     []Column
	Ordinals []int
	Filter   []expr.Expr
}

// Virtual is a table computed when it is read: a system catalog, or a Function. The session that runs the plan knows
// how.
type Virtual interface {
	Name() string
	Types() []types.Type
}

// Columns implements Node.
func (n *Scan) Columns() []Column { return n.Cols }

// Children implements Node.
func (n *Scan) Children() []Node { return nil }

func (n *Scan) over([]Node) Node { return n }

func (n *Scan) mapExprs(m *exprMapper) Node {
	c := *n
	c.Filter = m.list(n.Filter)
	if f, ok := n.Virtual.(*Function); ok {
		g := *f
		g.Args = m.list(f.Args)
		c.Virtual = &g
	}
	return &c
}

// Prune implements Node.
func (n *Scan) Prune(need Set) Node {
	need = need.with(n.Filter...)
	c := *n
	c.Cols, c.Ordinals = nil, nil
	for i, col := range n.Cols {
		if need.Has(col.ID) {
			c.Cols, c.Ordinals = append(c.Cols, col), append(c.Ordinals, n.Ordinals[i])
		}
	}
	if len(c.Cols) == len(n.Cols) {
		return n
	}
	return &c
}

// Estimate implements Node.
func (n *Scan) Estimate(e Estimates) float64 {
	rows := e.Stored(n)
	rows *= e.Selectivity(n.Filter)
	for _, c := range n.Filter {
		narrow(e, c)
	}
	return rows
}

// narrow tells how many values a column has left when a condition names them.
func narrow(e Estimates, c expr.Expr) {
	switch x := c.(type) {
	case *expr.Call:
		if x.Fn.Name != "=" || len(x.Args) != 2 {
			return
		}
		for i := range 2 {
			col, ok := x.Args[i].(*expr.Column)
			if _, constant := x.Args[1-i].(*expr.Const); ok && constant {
				e.SetDistinct(ID(col.Index), 1)
			}
		}
	case *expr.In:
		col, ok := x.Arg.(*expr.Column)
		if n := float64(len(x.List)); ok && !x.Negate && n > 0 {
			e.SetDistinct(ID(col.Index), e.Distinct(col, n))
		}
	}
}

// Title implements Node.
func (n *Scan) Title() string {
	var name string
	if n.Table != nil {
		name = n.Table.Name
	} else {
		name = n.Virtual.Name()
	}
	title := "Scan on " + name
	if _, ok := n.Virtual.(*Function); ok {
		title = "Function " + title
	}
	if n.Alias != "" && n.Alias != name {
		title += " " + n.Alias
	}
	return title
}

// Details implements Node.
func (n *Scan) Details() []Detail {
	var d details
	d.verbose("Output", names(n.Cols))
	if f, ok := n.Virtual.(*Function); ok {
		d.verbose("Function Call", f.Func+"("+List(f.Args)+")")
	}
	d.add("Filter", Conditions(n.Filter))
	return d
}
