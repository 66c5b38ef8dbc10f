package plan

import (
	"fmt"
	"strings"

	"github.com/siltstone-db/siltstone/engine/expr"
)

// String prints a tree as EXPLAIN does without costs: one node per line, inputs indented below "->", details below
// their node. Shared subplans follow, each once.
func String(n Node) string {
	var b strings.Builder
	write(&b, n, 0)
	for _, s := range SharedOf(n) {
		fmt.Fprintf(&b, "CTE %s\n", s.Name)
		write(&b, s.Plan, 1)
	}
	return b.String()
}

func write(b *strings.Builder, n Node, depth int) {
	pad := strings.Repeat("      ", depth)
	arrow := ""
	if depth > 0 {
		arrow = strings.Repeat("      ", depth-1) + "  ->  "
	}
	fmt.Fprintf(b, "%s%s\n", arrow, Title(n))
	for _, d := range Details(n) {
		fmt.Fprintf(b, "%s  %s\n", pad, d)
	}
	for _, c := range n.Children() {
		write(b, c, depth+1)
	}
}

// Title returns the name of a node as EXPLAIN prints it.
func Title(n Node) string {
	switch n := n.(type) {
	case *Scan:
		return scanTitle(n)
	case *CTEScan:
		return CTETitle(n)
	case *Filter:
		return "Filter"
	case *Project:
		return "Project"
	case *Aggregate:
		switch {
		case len(n.Aggs) == 0:
			return "Distinct"
		case len(n.Keys) == 0:
			return "Aggregate"
		}
		return "GroupAggregate"
	case *Sort:
		if n.Limit >= 0 {
			return fmt.Sprintf("TopK %d", n.Limit)
		}
		return "Sort"
	case *Limit:
		return limitTitle(n)
	case *DistinctOn:
		return "Distinct On"
	case *Join:
		return joinTitle(n)
	case *Apply:
		return n.Kind.String() + " Apply"
	case *Values:
		return fmt.Sprintf("Values (%d rows)", len(n.Rows))
	case *SetOp:
		if n.All {
			return n.Kind.String() + " All"
		}
		return n.Kind.String()
	}
	return fmt.Sprintf("%T", n)
}

func scanTitle(n *Scan) string {
	name := ""
	switch {
	case n.Table != nil:
		name = n.Table.Name
	case n.Virtual != nil:
		name = n.Virtual.Name()
		if f, ok := n.Virtual.(*Function); ok {
			name += "(" + list(f.Args) + ")"
		}
	}
	if n.Alias != "" && n.Alias != name {
		name += " " + n.Alias
	}
	if _, ok := n.Virtual.(*Function); ok {
		return "Function Scan on " + name
	}
	return "Scan on " + name
}

// CTETitle returns the name of a CTEScan.
func CTETitle(n *CTEScan) string {
	if n.Alias == n.Shared.Name {
		return "CTE Scan on " + n.Alias
	}
	return "CTE Scan on " + n.Shared.Name + " " + n.Alias
}

func limitTitle(n *Limit) string {
	s := "Limit"
	switch {
	case n.CountExpr != nil:
		s += " " + n.CountExpr.String()
	case n.Count >= 0:
		s += fmt.Sprintf(" %d", n.Count)
	}
	switch {
	case n.OffsetExpr != nil:
		s += " Offset " + n.OffsetExpr.String()
	case n.Offset > 0:
		s += fmt.Sprintf(" Offset %d", n.Offset)
	}
	return s
}

func joinTitle(n *Join) string {
	method, kind := "Hash ", n.Kind.String()+" "
	if len(n.Equal) == 0 {
		method = "Nested Loop "
	}
	if n.Kind == Inner || n.Kind == Cross {
		kind = ""
	}
	if n.NullAware {
		kind = "Null-Aware " + kind
	}
	if n.Kind == Cross {
		return "Cross Join"
	}
	return method + kind + "Join"
}

// Details returns the lines that EXPLAIN prints below a node.
func Details(n Node) []string {
	var d []string
	add := func(label, text string) {
		if text != "" {
			d = append(d, label+": "+text)
		}
	}
	switch n := n.(type) {
	case *Scan:
		add("Output", names(n.Cols))
		add("Filter", conditions(n.Filter))
	case *CTEScan:
		add("Output", names(n.Cols))
	case *Filter:
		add("Filter", conditions(n.Conds))
	case *Project:
		add("Output", list(n.Exprs))
	case *Aggregate:
		add("Group Key", list(n.Keys))
		calls := make([]string, len(n.Aggs))
		for i, a := range n.Aggs {
			calls[i] = a.String()
		}
		add("Output", strings.Join(calls, ", "))
	case *Sort:
		add("Sort Key", n.KeysText())
	case *Join:
		pairs := make([]string, len(n.Equal))
		for i, p := range n.Equal {
			pairs[i] = fmt.Sprintf("(%s = %s)", p.Left, p.Right)
		}
		add("Join Cond", strings.Join(pairs, " AND "))
		add("Join Filter", conditions(n.On))
	}
	return d
}

// String prints the call as it is written.
func (a AggCall) String() string {
	args := list(a.Args)
	if len(a.Args) == 0 {
		args = "*"
	}
	if a.Distinct {
		args = "DISTINCT " + args
	}
	if len(a.OrderBy) > 0 {
		args += " ORDER BY " + sortKeys(a.OrderBy)
	}
	s := a.Fn.Name + "(" + args + ")"
	if a.Filter != nil {
		s += " FILTER (WHERE " + a.Filter.String() + ")"
	}
	return s
}

func names(cols []Column) string {
	out := make([]string, len(cols))
	for i, c := range cols {
		out[i] = c.Name
	}
	return strings.Join(out, ", ")
}

func sortKeys(keys []SortKey) string {
	out := make([]string, len(keys))
	for i, k := range keys {
		out[i] = k.Expr.String() + k.direction()
	}
	return strings.Join(out, ", ")
}

func list(es []expr.Expr) string {
	out := make([]string, len(es))
	for i, e := range es {
		out[i] = e.String()
	}
	return strings.Join(out, ", ")
}

func conditions(es []expr.Expr) string {
	out := make([]string, len(es))
	for i, e := range es {
		out[i] = e.String()
	}
	return strings.Join(out, " AND ")
}
