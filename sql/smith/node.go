package smith

import "strings"

// Node is a piece of a statement: text with holes, each filled by another piece.
type Node struct {
	kind  string   // the type of an expression, optional, or "" for what holds others together
	parts []string // the text around the holes: one more than kids
	kids  []*Node
}

// optional is the kind of pieces that may be left out.
const optional = "?"

func text(s string) *Node { return &Node{parts: []string{s}} }

// glue joins pieces in a text with a %s for each.
func glue(format string, kids ...*Node) *Node {
	return &Node{parts: strings.Split(format, "%s"), kids: kids}
}

func maybe(format string, kids ...*Node) *Node {
	n := glue(format, kids...)
	n.kind = optional
	return n
}

// list joins pieces with a separator.
func list(separator string, kids ...*Node) *Node {
	n := &Node{kids: kids, parts: []string{""}}
	for i := range kids {
		if i > 0 {
			n.parts[len(n.parts)-1] = separator
		}
		n.parts = append(n.parts, "")
	}
	return n
}

// String returns the SQL.
func (n *Node) String() string {
	var s strings.Builder
	n.write(&s)
	return s.String()
}

func (n *Node) write(s *strings.Builder) {
	for i, p := range n.parts {
		s.WriteString(p)
		if i < len(n.kids) {
			n.kids[i].write(s)
		}
	}
}

// Reduce makes n smaller as long as fails says that it still fails: pieces are left out, expressions replaced by
// expressions of the same type inside them, or by NULL. It asks at most tries times.
func Reduce(n *Node, tries int, fails func(sql string) bool) {
	r := &reducer{root: n, tries: tries, fails: fails}
	for r.pass(n) && r.tries > 0 {
	}
}

type reducer struct {
	root  *Node
	tries int
	fails func(string) bool
}

func (r *reducer) pass(n *Node) (smaller bool) {
	for _, c := range n.smaller() {
		if r.tries--; r.tries < 0 {
			return smaller
		}
		old := *n
		*n = *c
		if r.fails(r.root.String()) {
			smaller = true
			break
		}
		*n = old
	}
	for _, k := range n.kids {
		smaller = r.pass(k) || smaller
	}
	return smaller
}

// smaller returns what may stand in the place of a piece.
func (n *Node) smaller() []*Node {
	switch {
	case n.kind == "" || len(n.kids) == 0 && n.kind != optional:
		return nil
	case n.kind == optional:
		return []*Node{text("")}
	}
	var out []*Node
	for _, k := range n.kids {
		out = append(out, k.inside(n.kind)...)
	}
	return append(out, &Node{kind: n.kind, parts: []string{"NULL::" + valuesOf[n.kind].name}})
}

// inside returns the outermost expressions of a type in a piece.
func (n *Node) inside(kind string) []*Node {
	if n.kind == kind {
		return []*Node{n}
	}
	var out []*Node
	for _, k := range n.kids {
		out = append(out, k.inside(kind)...)
	}
	return out
}
