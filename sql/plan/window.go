package plan

import (
	"strconv"
	"strings"

	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/engine/window"
)

// Window computes window functions over one order of its rows, which it keeps. Output: the input's columns, then the
// calls. Calls partition by some of the first keys and are ordered by those behind them, so that several windows of the
// query may share one sort.
type Window struct {
	Input Node
	Keys  []SortKey
	Calls []WindowCall
	Cols  []Column   // of Calls
	Top   *WindowTop // nil: all rows are wanted
}

// WindowCall is one window function.
type WindowCall struct {
	Fn        *fn.Window    // nil: an aggregate
	Aggregate *fn.Aggregate // nil: not an aggregate
	Args      []expr.Expr
	Filter    expr.Expr // of an aggregate, or nil
	// Part is how many of the node's keys make the partition, Order how many keys in all tell peers apart.
	Part, Order int
	Frame       WindowFrame
}

// WindowFrame is the frame of a call: that of package window, with expressions as offsets that are the same for all rows.
type WindowFrame struct {
	Mode       window.Mode
	Start, End WindowBound
	Exclude    window.Exclusion
}

// WindowBound is one end of a frame.
type WindowBound struct {
	Kind   window.BoundKind
	Offset expr.Expr // of Preceding and Following
}

// WindowTop says that rows behind the first K by one call, row_number or rank, are not wanted.
type WindowTop struct {
	Call int
	K    int64
}

// DefaultWindowFrame is RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW.
func DefaultWindowFrame() WindowFrame {
	return WindowFrame{Start: WindowBound{Kind: window.UnboundedPreceding}, End: WindowBound{Kind: window.CurrentRow}}
}

// Kind returns what the call computes.
func (c *WindowCall) Kind() fn.WindowKind {
	if c.Fn == nil {
		return fn.OverAggregate
	}
	return c.Fn.Kind
}

// Exprs returns the expressions of the call, without the node's keys.
func (c *WindowCall) Exprs() []expr.Expr {
	es := append([]expr.Expr(nil), c.Args...)
	for _, e := range []expr.Expr{c.Filter, c.Frame.Start.Offset, c.Frame.End.Offset} {
		if e != nil {
			es = append(es, e)
		}
	}
	return es
}

// Shared returns how many leading keys all calls partition by.
func (n *Window) Shared() int {
	shared := len(n.Keys)
	for i := range n.Calls {
		shared = min(shared, n.Calls[i].Part)
	}
	return shared
}

// Columns implements Node. A query may have hundreds of windows one over the other, so they are asked in one go.
func (n *Window) Columns() []Column {
	var chain []*Window
	var at Node = n
	more := 0
	for w, ok := at.(*Window); ok; w, ok = at.(*Window) {
		chain, at = append(chain, w), w.Input
		more += len(w.Cols)
	}
	in := at.Columns()
	cols := append(make([]Column, 0, len(in)+more), in...)
	for i := len(chain) - 1; i >= 0; i-- {
		cols = append(cols, chain[i].Cols...)
	}
	return cols
}

// Children implements Node.
func (n *Window) Children() []Node { return []Node{n.Input} }

func (n *Window) over(in []Node) Node {
	c := *n
	c.Input = in[0]
	return &c
}

func (n *Window) mapExprs(m *exprMapper) Node {
	c := *n
	c.Keys = m.keys(n.Keys)
	c.Calls = make([]WindowCall, len(n.Calls))
	for i, x := range n.Calls {
		x.Args, x.Filter = m.list(x.Args), m.one(x.Filter)
		x.Frame.Start.Offset, x.Frame.End.Offset = m.one(x.Frame.Start.Offset), m.one(x.Frame.End.Offset)
		c.Calls[i] = x
	}
	return &c
}

func (n *Window) trace(id ID) (Node, expr.Expr, string) {
	for {
		if i := IndexOf(n.Cols, id); i >= 0 {
			return nil, nil, "(" + n.call(i) + ")"
		}
		below, ok := n.Input.(*Window)
		if !ok {
			return passed(n.Input, id)
		}
		n = below
	}
}

// Prune implements Node: calls that nobody reads are dropped, and the node with the last one.
func (n *Window) Prune(need Set) Node {
	c := &Window{Keys: n.Keys, Top: n.Top}
	below := Set{}
	for id := range need {
		below.Add(id)
	}
	for i, col := range n.Cols {
		delete(below, col.ID)
		if need.Has(col.ID) {
			c.Calls, c.Cols = append(c.Calls, n.Calls[i]), append(c.Cols, col)
		}
	}
	if len(c.Calls) == 0 {
		return n.Input.Prune(below)
	}
	if len(c.Calls) < len(n.Calls) {
		c.Top = nil // it names a call by its place
	}
	last := 0
	for i := range c.Calls {
		below = below.with(c.Calls[i].Exprs()...)
		last = max(last, c.Calls[i].Order)
	}
	c.Keys = c.Keys[:last:last]
	for _, k := range c.Keys {
		below = below.with(k.Expr)
	}
	c.Input = n.Input.Prune(below)
	if len(c.Calls) == len(n.Calls) && len(c.Keys) == len(n.Keys) && c.Input == n.Input {
		return n
	}
	return c
}

// Estimate implements Node.
func (n *Window) Estimate(e Estimates) float64 {
	rows := e.Rows(n.Input)
	if n.Top != nil {
		groups := 1.0
		for _, k := range n.Keys[:n.Shared()] {
			groups *= e.Distinct(k.Expr, rows)
		}
		rows = min(rows, groups*float64(n.Top.K))
	}
	return rows
}

// Title implements Node.
func (n *Window) Title() string {
	if n.Top != nil {
		return "WindowAgg Top-K"
	}
	return "WindowAgg"
}

// Details implements Node.
func (n *Window) Details() []Detail {
	var d details
	calls := make([]string, len(n.Calls))
	for i := range n.Calls {
		calls[i] = n.call(i)
	}
	if n.Top != nil {
		d.add("Run Condition", "("+n.call(n.Top.Call)+" <= "+strconv.FormatInt(n.Top.K, 10)+")")
	}
	d.verbose("Output", strings.Join(calls, ", "))
	shared := n.Shared()
	d.add("Partition Key", n.keys(0, shared, false))
	d.add("Sort Key", n.keys(shared, len(n.Keys), true))
	return d
}

// keys prints some of the keys.
func (n *Window) keys(from, to int, directed bool) string {
	var out []string
	for _, k := range n.Keys[from:to] {
		s := origin(n.Input, k.Expr)
		if directed {
			s += k.direction()
		}
		out = append(out, s)
	}
	return strings.Join(out, ", ")
}

// call prints a call with its window.
func (n *Window) call(i int) string {
	c := &n.Calls[i]
	s := ""
	if c.Aggregate != nil {
		s = AggCall{Fn: c.Aggregate, Args: c.Args, Filter: c.Filter}.String()
	} else {
		s = c.Fn.Name + "(" + List(c.Args) + ")"
	}
	var over []string
	if c.Part > 0 {
		over = append(over, "PARTITION BY "+n.keys(0, c.Part, false))
	}
	if c.Order > c.Part {
		over = append(over, "ORDER BY "+n.keys(c.Part, c.Order, true))
	}
	if f := c.Frame.String(); f != "" {
		over = append(over, f)
	}
	return s + " OVER (" + strings.Join(over, " ") + ")"
}

// String prints the frame as it is written, "" for the default.
func (f *WindowFrame) String() string {
	if *f == DefaultWindowFrame() {
		return ""
	}
	s := [...]string{"RANGE", "ROWS", "GROUPS"}[f.Mode] + " BETWEEN " + f.Start.String() + " AND " + f.End.String()
	return s + [...]string{"", " EXCLUDE CURRENT ROW", " EXCLUDE GROUP", " EXCLUDE TIES"}[f.Exclude]
}

// String prints the bound as it is written.
func (x *WindowBound) String() string {
	switch x.Kind {
	case window.UnboundedPreceding:
		return "UNBOUNDED PRECEDING"
	case window.Preceding:
		return x.Offset.String() + " PRECEDING"
	case window.Following:
		return x.Offset.String() + " FOLLOWING"
	case window.UnboundedFollowing:
		return "UNBOUNDED FOLLOWING"
	}
	return "CURRENT ROW"
}
