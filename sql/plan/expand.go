package plan

import "github.com/siltstone-db/siltstone/engine/expr"

// Expand makes every row once for each of several grouping sets: behind the columns of its input stand the grouping keys,
// NULL where the set has them not, and the number of the set. An Aggregate over these keys and the number computes all sets
// in one reading of the input.
type Expand struct {
	Input Node
	Keys  []expr.Expr
	Sets  [][]int  // which of Keys each set has
	Cols  []Column // of Keys, and of the number, an integer from 0
}

// Columns implements Node.
func (n *Expand) Columns() []Column {
	in := n.Input.Columns()
	return append(in[:len(in):len(in)], n.Cols...)
}

// Number returns the column that numbers the sets.
func (n *Expand) Number() Column { return n.Cols[len(n.Keys)] }

// Children implements Node.
func (n *Expand) Children() []Node { return []Node{n.Input} }

func (n *Expand) over(in []Node) Node {
	c := *n
	c.Input = in[0]
	return &c
}

func (n *Expand) mapExprs(m *exprMapper) Node {
	c := *n
	c.Keys = m.list(n.Keys)
	return &c
}

func (n *Expand) trace(id ID) (Node, expr.Expr, string) {
	if i := IndexOf(n.Cols, id); i >= 0 {
		if i < len(n.Keys) {
			return n.Input, n.Keys[i], ""
		}
		return nil, nil, ""
	}
	return passed(n.Input, id)
}

// Prune implements Node: the keys stay.
func (n *Expand) Prune(need Set) Node { return pruneInputs(n, need, n.Keys...) }

// Estimate implements Node.
func (n *Expand) Estimate(e Estimates) float64 {
	rows := e.Rows(n.Input)
	for i, k := range n.Keys {
		e.SetDistinct(n.Cols[i].ID, e.Distinct(k, rows)+1)
	}
	e.SetDistinct(n.Number().ID, float64(len(n.Sets)))
	return rows * float64(len(n.Sets))
}

// Title implements Node.
func (n *Expand) Title() string { return "Expand" }

// detailSets is how many sets EXPLAIN lists.
const detailSets = 32

// Details implements Node.
func (n *Expand) Details() []Detail {
	var d details
	for i, set := range n.Sets {
		if i == detailSets {
			d.add("Grouping Set", "...")
			break
		}
		keys := make([]expr.Expr, len(set))
		for j, k := range set {
			keys[j] = n.Keys[k]
		}
		d.add("Grouping Set", "("+List(keys)+")")
	}
	return d
}
