package plan

import (
	"math"

	"github.com/siltstone-db/siltstone/engine/expr"
)

// DistinctOn keeps the first row of every run of rows with equal On (NULLs are equal). Its input is sorted by them.
type DistinctOn struct {
	Input Node
	On    []expr.Expr
}

// Columns implements Node.
func (n *DistinctOn) Columns() []Column { return n.Input.Columns() }

// Children implements Node.
func (n *DistinctOn) Children() []Node { return []Node{n.Input} }

func (n *DistinctOn) over(in []Node) Node { return &DistinctOn{Input: in[0], On: n.On} }

func (n *DistinctOn) mapExprs(m *exprMapper) Node {
	return &DistinctOn{Input: n.Input, On: m.list(n.On)}
}

// Prune implements Node.
func (n *DistinctOn) Prune(need Set) Node { return pruneInputs(n, need, n.On...) }

// Estimate implements Node.
func (n *DistinctOn) Estimate(e Estimates) float64 {
	rows := e.Rows(n.Input)
	groups := 1.0
	for _, k := range n.On {
		groups *= max(e.Distinct(k, rows), 1)
	}
	return math.Min(rows, groups)
}

// Title implements Node.
func (n *DistinctOn) Title() string { return "Distinct On" }

// Details implements Node.
func (n *DistinctOn) Details() []Detail {
	var d details
	d.add("Key", List(n.On))
	return d
}
