package plan

import (
	"fmt"
	"strings"

	"github.com/siltstone-db/siltstone/engine/expr"
)

// Detail is a line that EXPLAIN prints below a node. Verbose ones are left out unless VERBOSE asks for them.
type Detail struct {
	Name, Text string
	Verbose    bool
}

// details collects those that say something.
type details []Detail

func (d *details) add(name, text string) {
	if text != "" {
		*d = append(*d, Detail{Name: name, Text: text})
	}
}

func (d *details) verbose(name, text string) {
	if text != "" {
		*d = append(*d, Detail{Name: name, Text: text, Verbose: true})
	}
}

// Line is a node of a printed tree.
type Line struct {
	Title    string
	Details  []Detail
	Shared   []SharedLine // subplans that run once, at the root
	Children []*Line
}

// SharedLine is a shared subplan of a printed tree.
type SharedLine struct {
	Name string
	Root *Line
}

// Lines prints the tree as EXPLAIN (FORMAT TEXT) does: one node per line, inputs indented below "->", details below
// their node.
func (l *Line) Lines() []string { return l.lines(nil, 0) }

func (l *Line) lines(out []string, depth int) []string {
	head := strings.Repeat("      ", max(depth-1, 0))
	indent := head
	if depth > 0 {
		head += "  ->  "
		indent += "      "
	}
	out = append(out, head+l.Title)
	for _, d := range l.Details {
		out = append(out, indent+"  "+d.Name+": "+d.Text)
	}
	for _, s := range l.Shared {
		out = append(out, indent+"  CTE "+s.Name)
		for _, line := range s.Root.lines(nil, depth+1) {
			out = append(out, "  "+line)
		}
	}
	for _, c := range l.Children {
		out = c.lines(out, depth+1)
	}
	return out
}

// String prints a plan with all details and without costs.
func String(n Node) string {
	root := lineOf(n)
	for _, s := range SharedOf(n) {
		root.Shared = append(root.Shared, SharedLine{s.Name, lineOf(s.Plan)})
	}
	return strings.Join(root.Lines(), "\n") + "\n"
}

func lineOf(n Node) *Line {
	l := &Line{Title: n.Title(), Details: n.Details()}
	for _, c := range n.Children() {
		l.Children = append(l.Children, lineOf(c))
	}
	return l
}

// origin prints an expression over the columns of n; a column as what it is made of.
func origin(n Node, e expr.Expr) string {
	c, ok := e.(*expr.Column)
	if !ok {
		return "(" + e.String() + ")"
	}
	id := ID(c.Index)
	if t, ok := n.(tracer); ok {
		switch in, made, text := t.trace(id); {
		case text != "":
			return text
		case made != nil:
			return origin(in, made)
		}
	}
	cols := n.Columns()
	if i := IndexOf(cols, id); i >= 0 && cols[i].Name != "" {
		return cols[i].Name
	}
	if c.Name != "" {
		return c.Name
	}
	return fmt.Sprintf("#%d", c.Index)
}

// passed says that a column comes from an input as it is.
func passed(in Node, id ID) (Node, expr.Expr, string) {
	c := &expr.Column{Index: int(id)}
	if i := IndexOf(in.Columns(), id); i >= 0 {
		c.Name = in.Columns()[i].Name
	}
	return in, c, ""
}

func names(cols []Column) string {
	out := make([]string, len(cols))
	for i, c := range cols {
		out[i] = c.Name
	}
	return strings.Join(out, ", ")
}

// List prints expressions with commas between them.
func List(es []expr.Expr) string { return join(es, ", ") }

// Conditions prints a conjunction.
func Conditions(es []expr.Expr) string { return join(es, " AND ") }

func join(es []expr.Expr, between string) string {
	out := make([]string, len(es))
	for i, e := range es {
		out[i] = e.String()
	}
	return strings.Join(out, between)
}
