package joinorder

import "math"

// edge is what can tie two sets of inputs: one condition of an inner join, all conditions of another kind of join, or,
// where no condition does, a product.
type edge struct {
	op          *operator
	conds       []int
	selectivity float64
	class       int
	left, right Set // what the two sides must have at least
	over        Set // both together
}

// graph is a join tree taken apart.
type graph struct {
	single []*Plan // by number of the input
	ops    []*operator
	edges  []edge
	all    Set

	near  []Set   // by input: those that an edge between two inputs ties to it
	wide  []int   // the edges that need more than one input on a side
	about [][]int // by input: the edges that need it
}

func newGraph(n *Node) *graph {
	g := &graph{}
	g.takeApart(n)
	for _, o := range g.ops {
		g.addEdges(o)
	}
	g.tie()
	g.index()
	return g
}

// index finds the edges by their inputs.
func (g *graph) index() {
	g.near, g.about = make([]Set, len(g.single)), make([][]int, len(g.single))
	for i, e := range g.edges {
		for k := e.over.First(); k >= 0; k = e.over.Next(k + 1) {
			g.about[k] = append(g.about[k], i)
		}
		if e.over.Count() > 2 {
			g.wide = append(g.wide, i)
			continue
		}
		l, r := e.left.First(), e.right.First()
		g.near[l], g.near[r] = g.near[l].Union(e.right), g.near[r].Union(e.left)
	}
}

// nearTo returns the inputs that edges between two inputs tie to a set, or to each other in it.
func (g *graph) nearTo(s Set) (n Set) {
	for k := s.First(); k >= 0; k = s.Next(k + 1) {
		n = n.Union(g.near[k])
	}
	return n
}

// takeApart finds the inputs and the joins of a tree, and each join's conflicts with those below it.
func (g *graph) takeApart(n *Node) (over Set) {
	if n.Left == nil {
		for len(g.single) <= n.Input {
			g.single = append(g.single, nil)
		}
		over = Of(n.Input)
		g.single[n.Input] = &Plan{Input: n.Input, Rows: n.Rows, over: over}
		g.all = g.all.Union(over)
		return over
	}
	before := len(g.ops)
	left := g.takeApart(n.Left)
	between := len(g.ops)
	right := g.takeApart(n.Right)
	o := &operator{kind: n.Kind, left: left, right: right, conds: n.Conds}
	for _, c := range n.Conds {
		o.reads, o.rejects = o.reads.Union(c.Over), o.rejects.Union(c.Rejects)
	}
	for i, below := range g.ops[before:] {
		o.conflicts(below, before+i < between)
	}
	g.ops = append(g.ops, o)
	return left.Union(right)
}

// addEdges makes the edges of a join: of an inner one each condition is an edge, since all must be met in any order.
func (g *graph) addEdges(o *operator) {
	if o.kind != Inner {
		e := edge{op: o, selectivity: 1}
		for i, c := range o.conds {
			e.conds = append(e.conds, c.ID)
			e.selectivity = both(e.selectivity, c.Selectivity, i)
		}
		g.addEdge(e, o.reads)
		return
	}
	for _, c := range o.conds {
		g.addEdge(edge{op: o, conds: []int{c.ID}, selectivity: c.Selectivity, class: c.Class}, c.Over)
	}
}

// both combines the selectivity of i conditions with that of another: they are rarely independent of each other.
func both(s, of float64, i int) float64 {
	if i > 0 {
		of = math.Sqrt(of)
	}
	return s * of
}

// addEdge adds an edge whose conditions read some inputs. What the rules need anyway is made part of it; a side that the
// conditions do not read is needed whole.
func (g *graph) addEdge(e edge, reads Set) {
	if !reads.Intersects(e.op.left) {
		reads = reads.Union(e.op.left)
	}
	if !reads.Intersects(e.op.right) {
		reads = reads.Union(e.op.right)
	}
	reads = e.op.needs(reads)
	e.left, e.right = reads.And(e.op.left), reads.And(e.op.right)
	e.over = e.left.Union(e.right)
	g.edges = append(g.edges, e)
}

// tie adds products where edges leave inputs apart, each of the largest sets that are tied on either side of a join without
// conditions: whatever can be tied is tied before it is multiplied.
func (g *graph) tie() {
	for {
		parts := g.parts()
		if len(parts) == 1 {
			return
		}
		tied := false
		for _, o := range g.ops {
			if l, r, ok := apart(parts, o); ok {
				e := edge{op: o, selectivity: 1, left: l, right: r, over: l.Union(r)}
				g.edges = append(g.edges, e)
				tied = true
				break
			}
		}
		if !tied {
			return // no plan will be found
		}
	}
}

// apart finds two parts with inputs of either side of an inner join, which can be multiplied in its place.
func apart(parts []Set, o *operator) (l, r Set, ok bool) {
	if o.kind != Inner {
		return l, r, false
	}
	for _, l = range parts {
		for _, r = range parts {
			if l != r && o.left.Intersects(l) && o.right.Intersects(r) && o.obeys(l.Union(r)) {
				return l, r, true
			}
		}
	}
	return l, r, false
}

// parts returns the sets of inputs that edges tie, directly or over others.
func (g *graph) parts() []Set {
	var parts []Set
	for _, p := range g.single {
		parts = append(parts, p.over)
	}
	for joined := true; joined; {
		joined = false
		for _, e := range g.edges {
			l, r := partOf(parts, e.left), partOf(parts, e.right)
			if l >= 0 && r >= 0 && l != r {
				parts[l] = parts[l].Union(parts[r])
				parts = append(parts[:r], parts[r+1:]...)
				joined = true
			}
		}
	}
	return parts
}

// partOf returns the part that has all of a set; -1: none.
func partOf(parts []Set, s Set) int {
	for i, p := range parts {
		if p.Contains(s) {
			return i
		}
	}
	return -1
}
