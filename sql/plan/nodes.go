package plan

import "fmt"

// Columns and Children of every node. A Join or Apply that only tests for partners (Semi, Anti) has the columns of its
// left side; Mark has them and the mark; all others have the left columns and then the right ones.

func (n *Scan) Columns() []Column       { return n.Cols }
func (n *Filter) Columns() []Column     { return n.Input.Columns() }
func (n *Project) Columns() []Column    { return n.Cols }
func (n *Aggregate) Columns() []Column  { return n.Cols }
func (n *Sort) Columns() []Column       { return n.Input.Columns() }
func (n *Limit) Columns() []Column      { return n.Input.Columns() }
func (n *DistinctOn) Columns() []Column { return n.Input.Columns() }
func (n *Join) Columns() []Column       { return joinColumns(n.Kind, n.Left, n.Right, n.MarkColumn) }
func (n *Apply) Columns() []Column      { return joinColumns(n.Kind, n.Left, n.Right, n.MarkColumn) }
func (n *Values) Columns() []Column     { return n.Cols }
func (n *SetOp) Columns() []Column      { return n.Cols }
func (n *CTEScan) Columns() []Column    { return n.Cols }

func (n *Scan) Children() []Node       { return nil }
func (n *Filter) Children() []Node     { return []Node{n.Input} }
func (n *Project) Children() []Node    { return []Node{n.Input} }
func (n *Aggregate) Children() []Node  { return []Node{n.Input} }
func (n *Sort) Children() []Node       { return []Node{n.Input} }
func (n *Limit) Children() []Node      { return []Node{n.Input} }
func (n *DistinctOn) Children() []Node { return []Node{n.Input} }
func (n *Join) Children() []Node       { return []Node{n.Left, n.Right} }
func (n *Apply) Children() []Node      { return []Node{n.Left, n.Right} }
func (n *Values) Children() []Node     { return nil }
func (n *SetOp) Children() []Node      { return []Node{n.Left, n.Right} }
func (n *CTEScan) Children() []Node    { return nil }

func joinColumns(kind JoinKind, left, right Node, mark Column) []Column {
	l := left.Columns()
	switch kind {
	case Semi, Anti:
		return l
	case Mark:
		return append(l[:len(l):len(l)], mark)
	}
	return append(l[:len(l):len(l)], right.Columns()...)
}

// WithChildren returns a copy of n over other inputs, as many as Children returns, or n itself when they are the same.
func WithChildren(n Node, children []Node) Node {
	old := n.Children()
	if len(old) != len(children) {
		panic(fmt.Sprintf("plan: %T has %d inputs, got %d", n, len(old), len(children)))
	}
	same := true
	for i := range old {
		same = same && old[i] == children[i]
	}
	if same {
		return n
	}
	switch n := n.(type) {
	case *Filter:
		c := *n
		c.Input = children[0]
		return &c
	case *Project:
		c := *n
		c.Input = children[0]
		return &c
	case *Aggregate:
		c := *n
		c.Input = children[0]
		return &c
	case *Sort:
		c := *n
		c.Input = children[0]
		return &c
	case *Limit:
		c := *n
		c.Input = children[0]
		return &c
	case *DistinctOn:
		c := *n
		c.Input = children[0]
		return &c
	case *Join:
		c := *n
		c.Left, c.Right = children[0], children[1]
		return &c
	case *Apply:
		c := *n
		c.Left, c.Right = children[0], children[1]
		return &c
	case *SetOp:
		c := *n
		c.Left, c.Right = children[0], children[1]
		return &c
	}
	return n
}

// String returns the kind's name as EXPLAIN prints it before "Join".
func (k JoinKind) String() string {
	switch k {
	case Inner:
		return "Inner"
	case Left:
		return "Left"
	case Right:
		return "Right"
	case Full:
		return "Full"
	case Cross:
		return "Cross"
	case Semi:
		return "Semi"
	case Anti:
		return "Anti"
	case Single:
		return "Single"
	case Mark:
		return "Mark"
	}
	return fmt.Sprintf("JoinKind(%d)", uint8(k))
}

// String returns the SQL keyword.
func (k SetOpKind) String() string {
	switch k {
	case Union:
		return "Union"
	case Intersect:
		return "Intersect"
	case Except:
		return "Except"
	}
	return fmt.Sprintf("SetOpKind(%d)", uint8(k))
}
