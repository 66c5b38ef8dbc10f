// Package joinorder finds a good order for the joins of a tree: of inner, left outer, semi and anti joins, whose inputs and
// conditions it knows only by number, estimated size and selectivity.
//
// Order takes the tree as the query says it (Node) and returns another one with the same result (Plan). What may be moved
// where follows from the algebraic laws of the kinds of joins (conflict.go). Among the trees that they allow, dynamic
// programming over the connected parts of the graph of conditions finds the one with the least cost (enumerate.go); a graph
// with too many parts is joined greedily (greedy.go). There is no product of two inputs that conditions can tie together.
//
// The package knows neither plans nor expressions, so that its tests can run trees of either form over small tables and
// compare what comes out. It has no state.
package joinorder

// Kind is the kind of a join.
type Kind uint8

// The kinds. The left side of the last three is the one that is kept, or looked at.
const (
	Inner Kind = iota
	Left
	Semi
	Anti
)

// Cond is one of the conditions that a join's rows must satisfy, all of them.
type Cond struct {
	ID          int     // the caller's, told in Plan.Conds
	Over        Set     // the inputs whose columns it reads; for inner joins not empty
	Selectivity float64 // the part of the product of these inputs that satisfies it
	// Rejects are the inputs for which it is never true when all of their columns are NULL. Fewer are safe.
	Rejects Set
	// Class is the same for conditions of which any one is enough where two sets are joined, because all pairs of the
	// columns that they compare for equality are compared: a = b, b = c and a = c. 0: none.
	Class int
}

// Node is a join tree as the query says it: an input, which has no sides, or a join of two trees.
type Node struct {
	Input int     // its number; a tree has each from 0 on once
	Rows  float64 // of an input, estimated, at least 1

	Kind        Kind
	Left, Right *Node
	Conds       []Cond
}

// Plan is a join tree as it is to be run.
type Plan struct {
	Input       int // of a leaf
	Kind        Kind
	Left, Right *Plan // the right side is the one whose rows are kept in a hash table
	Conds       []int // IDs of the conditions of the join; none: a product
	Rows, Cost  float64

	over Set
}

// Order returns the best tree that it finds for the join of n; false when it finds none that may take the place of n. A tree
// has at least one join and Most inputs at most.
func Order(n *Node) (*Plan, bool) {
	g := newGraph(n)
	if p, ok := g.enumerate(min(maxPairs, maxEdges/max(1, len(g.edges)))); ok {
		return p, true
	}
	return g.greedy()
}

// Same tells whether a plan is the tree that the query says.
func (p *Plan) Same(n *Node) bool {
	if p.Left == nil || n.Left == nil {
		return p.Left == nil && n.Left == nil && p.Input == n.Input
	}
	return p.Kind == n.Kind && p.Left.Same(n.Left) && p.Right.Same(n.Right)
}
