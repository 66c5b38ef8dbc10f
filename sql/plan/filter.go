package plan

import "github.com/siltstone-db/siltstone/engine/expr"

// Filter keeps the rows for which every condition is true.
type Filter struct {
	Input Node
	Conds []expr.Expr
}

// Columns implements Node.
func (n *Filter) Columns() []Column { return n.Input.Columns() }

// Children implements Node.
func (n *Filter) Children() []Node { return []Node{n.Input} }

func (n *Filter) over(in []Node) Node { return &Filter{Input: in[0], Conds: n.Conds} }

func (n *Filter) mapExprs(m *exprMapper) Node { return &Filter{Input: n.Input, Conds: m.list(n.Conds)} }

func (n *Filter) trace(id ID) (Node, expr.Expr, string) { return passed(n.Input, id) }

// Prune implements Node.
func (n *Filter) Prune(need Set) Node { return pruneInputs(n, need, n.Conds...) }

// Estimate implements Node.
func (n *Filter) Estimate(e Estimates) float64 { return e.Rows(n.Input) * e.Selectivity(n.Conds) }

// Title implements Node.
func (n *Filter) Title() string { return "Filter" }

// Details implements Node.
func (n *Filter) Details() []Detail {
	var d details
	d.add("Filter", Conditions(n.Conds))
	return d
}
