package plan

import (
	"fmt"
	"math"
)

// SetOpKind is UNION, INTERSECT or EXCEPT.
type SetOpKind uint8

// The set operations.
const (
	Union SetOpKind = iota
	Intersect
	Except
)

// String returns the SQL keyword.
func (k SetOpKind) String() string {
	names := [...]string{"Union", "Intersect", "Except"}
	if int(k) < len(names) {
		return names[k]
	}
	return fmt.Sprintf("SetOpKind(%d)", uint8(k))
}

// SetOp combines two inputs with the same types. All keeps duplicates.
type SetOp struct {
	Kind        SetOpKind
	All         bool
	Left, Right Node
	Cols        []Column
}

// Columns implements Node.
func (n *SetOp) Columns() []Column { return n.Cols }

// Children implements Node.
func (n *SetOp) Children() []Node { return []Node{n.Left, n.Right} }

func (n *SetOp) over(in []Node) Node {
	c := *n
	c.Left, c.Right = in[0], in[1]
	return &c
}

func (n *SetOp) mapExprs(*exprMapper) Node { return n }

// Prune implements Node: rows are compared as a whole, and columns meet by their place, so that all stay.
func (n *SetOp) Prune(Set) Node {
	return WithChildren(n, []Node{PruneExact(n.Left), PruneExact(n.Right)})
}

// Estimate implements Node.
func (n *SetOp) Estimate(e Estimates) float64 {
	l, r := e.Rows(n.Left), e.Rows(n.Right)
	switch n.Kind {
	case Union:
		return l + r
	case Intersect:
		return math.Min(l, r) / 2
	}
	return l
}

// Title implements Node.
func (n *SetOp) Title() string {
	if n.All {
		return n.Kind.String() + " All"
	}
	return n.Kind.String()
}

// Details implements Node.
func (n *SetOp) Details() []Detail { return nil }
