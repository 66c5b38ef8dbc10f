package plan

import "github.com/siltstone-db/siltstone/engine/expr"

// Totals completes the groups of several grouping sets. No row at all makes no group, but a set without keys has one even
// then: where the input is empty, Totals makes one row for each number in Empty, in which aggregates in Zero are 0 and all
// else is NULL. Behind the columns of the input it has what GROUPING() answers, which depends on the set alone.
type Totals struct {
	Input  Node
	Number Column // of the input: the number of the set
	Empty  []int
	Zero   Set
	Labels []Label
}

// Label is one GROUPING() of a query.
type Label struct {
	Col  Column
	Args string  // as EXPLAIN prints them
	Of   []int32 // value by number of the set
}

// Columns implements Node.
func (n *Totals) Columns() []Column {
	in := n.Input.Columns()
	out := in[:len(in):len(in)]
	for _, l := range n.Labels {
		out = append(out, l.Col)
	}
	return out
}

// Children implements Node.
func (n *Totals) Children() []Node { return []Node{n.Input} }

func (n *Totals) over(in []Node) Node {
	c := *n
	c.Input = in[0]
	return &c
}

func (n *Totals) mapExprs(*exprMapper) Node { return n }

func (n *Totals) trace(id ID) (Node, expr.Expr, string) {
	for _, l := range n.Labels {
		if l.Col.ID == id {
			return nil, nil, "GROUPING(" + l.Args + ")"
		}
	}
	return passed(n.Input, id)
}

// Prune implements Node.
func (n *Totals) Prune(need Set) Node {
	c := *n
	c.Labels = nil
	for _, l := range n.Labels {
		if need.Has(l.Col.ID) {
			c.Labels = append(c.Labels, l)
		}
	}
	need = need.with()
	need.Add(n.Number.ID)
	c.Input = n.Input.Prune(need)
	if c.Input == n.Input && len(c.Labels) == len(n.Labels) {
		return n
	}
	return &c
}

// Estimate implements Node.
func (n *Totals) Estimate(e Estimates) float64 { return e.Rows(n.Input) }

// Title implements Node.
func (n *Totals) Title() string { return "Totals" }

// Details implements Node.
func (n *Totals) Details() []Detail {
	var d details
	for _, l := range n.Labels {
		d.verbose("Label", "GROUPING("+l.Args+")")
	}
	return d
}
