package plan

import (
	"math"
	"strings"

	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/engine/fn"
)

// Aggregate groups by Keys (none: one row always) and computes Aggs. Output: the keys, then the aggregates. An
// Aggregate without Aggs is DISTINCT.
type Aggregate struct {
	Input Node
	Keys  []expr.Expr
	Aggs  []AggCall
	Cols  []Column
}

// AggCall is one aggregate of an Aggregate.
type AggCall struct {
	Fn       *fn.Aggregate
	Args     []expr.Expr // columns or constants after binding; any expression before Project was inserted
	Distinct bool
	Filter   expr.Expr // FILTER (WHERE ...), or nil
	OrderBy  []SortKey // of string_agg, array_agg
}

// exprs returns the expressions of the call.
func (a *AggCall) exprs() []expr.Expr {
	es := append([]expr.Expr(nil), a.Args...)
	if a.Filter != nil {
		es = append(es, a.Filter)
	}
	for _, k := range a.OrderBy {
		es = append(es, k.Expr)
	}
	return es
}

// Exprs returns all expressions: the keys, then those of the calls.
func (n *Aggregate) Exprs() []expr.Expr {
	es := append([]expr.Expr(nil), n.Keys...)
	for i := range n.Aggs {
		es = append(es, n.Aggs[i].exprs()...)
	}
	return es
}

// Columns implements Node.
func (n *Aggregate) Columns() []Column { return n.Cols }

// Children implements Node.
func (n *Aggregate) Children() []Node { return []Node{n.Input} }

func (n *Aggregate) over(in []Node) Node {
	c := *n
	c.Input = in[0]
	return &c
}

func (n *Aggregate) mapExprs(m *exprMapper) Node {
	c := *n
	c.Keys = m.list(n.Keys)
	c.Aggs = make([]AggCall, len(n.Aggs))
	for i, a := range n.Aggs {
		a.Args, a.Filter, a.OrderBy = m.list(a.Args), m.one(a.Filter), m.keys(a.OrderBy)
		c.Aggs[i] = a
	}
	return &c
}

func (n *Aggregate) trace(id ID) (Node, expr.Expr, string) {
	switch i := IndexOf(n.Cols, id); {
	case i >= len(n.Keys):
		return nil, nil, "(" + n.Aggs[i-len(n.Keys)].String() + ")"
	case i >= 0:
		return n.Input, n.Keys[i], ""
	}
	return nil, nil, ""
}

// Prune implements Node: calls that nobody reads are dropped, keys stay.
func (n *Aggregate) Prune(need Set) Node {
	keys := len(n.Keys)
	c := &Aggregate{Keys: n.Keys, Cols: n.Cols[:keys:keys]}
	for i, a := range n.Aggs {
		col := n.Cols[keys+i]
		last := i == len(n.Aggs)-1 && keys == 0 && len(c.Aggs) == 0 // without keys one aggregate makes the row
		if need.Has(col.ID) || last {
			c.Aggs, c.Cols = append(c.Aggs, a), append(c.Cols, col)
		}
	}
	c.Input = n.Input.Prune(ColumnsOf(c.Exprs()...))
	if len(c.Aggs) == len(n.Aggs) && c.Input == n.Input {
		return n
	}
	return c
}

// Estimate implements Node.
func (n *Aggregate) Estimate(e Estimates) float64 {
	in := e.Rows(n.Input)
	if len(n.Keys) == 0 {
		return 1
	}
	groups := 1.0
	for i, k := range n.Keys {
		d := e.Distinct(k, in)
		groups *= d
		if c, ok := k.(*expr.Column); ok {
			e.Same(n.Cols[i].ID, ID(c.Index))
		}
		e.SetDistinct(n.Cols[i].ID, d)
	}
	return math.Min(groups, in)
}

// Title implements Node.
func (n *Aggregate) Title() string {
	switch {
	case len(n.Keys) == 0:
		return "Aggregate"
	case len(n.Aggs) == 0:
		return "Distinct"
	}
	return "Group"
}

// Details implements Node.
func (n *Aggregate) Details() []Detail {
	var d details
	calls := make([]string, len(n.Aggs))
	for i, a := range n.Aggs {
		calls[i] = a.String()
	}
	d.verbose("Output", strings.Join(calls, ", "))
	d.add("Group Key", List(n.Keys))
	return d
}

// String prints the call as it is written.
func (a AggCall) String() string {
	args := List(a.Args)
	if len(a.Args) == 0 {
		args = "*"
	}
	if a.Distinct {
		args = "DISTINCT " + args
	}
	if len(a.OrderBy) > 0 {
		keys := make([]string, len(a.OrderBy))
		for i, k := range a.OrderBy {
			keys[i] = k.Expr.String() + k.direction()
		}
		args += " ORDER BY " + strings.Join(keys, ", ")
	}
	s := a.Fn.Name + "(" + args + ")"
	if a.Filter != nil {
		s += " FILTER (WHERE " + a.Filter.String() + ")"
	}
	return s
}
