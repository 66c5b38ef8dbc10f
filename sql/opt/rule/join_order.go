package rule

import (
	"math"
	"math/bits"
	"slices"

	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/sql/plan"
)

// The most inputs of a join tree that are ordered exactly (3^9 splits take about 10 ms), and at all.
const (
	exactInputs  = 9
	greedyInputs = 40
)

// JoinOrder reorders trees of inner joins by estimated sizes. Up to nine inputs it finds the tree with the smallest sum
// of intermediate results among all, products only where nothing connects; beyond that it joins the pair with the
// smallest result again and again. The smaller side of each join becomes the right one: Join.Right is the build side.
var JoinOrder = Rule{Name: "JoinOrder", Apply: func(env *Env, n plan.Node) (plan.Node, error) {
	return env.orderJoins(n), nil
}}

// orderJoins works top-down, so that a maximal tree is seen whole.
func (env *Env) orderJoins(n plan.Node) plan.Node {
	if j, ok := n.(*plan.Join); ok && (j.Kind == plan.Inner || j.Kind == plan.Cross) {
		g := &joinGraph{env: env}
		if g.collect(j) && len(g.inputs) <= greedyInputs {
			g.restrict()
			for i := range g.inputs {
				g.inputs[i] = env.orderJoins(g.inputs[i])
			}
			return g.order()
		}
	}
	children := n.Children()
	for i := range children {
		children[i] = env.orderJoins(children[i])
	}
	return plan.WithChildren(n, children)
}

// joinGraph is a tree of inner joins taken apart.
type joinGraph struct {
	env    *Env
	inputs []plan.Node
	sets   []plan.Set
	edges  []edge
}

// edge is one condition over several inputs.
type edge struct {
	cond        expr.Expr
	over        uint64 // inputs it reads
	selectivity float64
}

// collect takes a tree apart; false when a pair of columns cannot be written as a condition.
func (g *joinGraph) collect(n plan.Node) bool {
	j, ok := n.(*plan.Join)
	if !ok || j.Kind != plan.Inner && j.Kind != plan.Cross {
		g.inputs, g.sets = append(g.inputs, n), append(g.sets, plan.OutputSet(n))
		return true
	}
	if !g.collect(j.Left) || !g.collect(j.Right) {
		return false
	}
	for _, on := range j.On {
		g.edges = append(g.edges, edge{cond: on})
	}
	for _, p := range j.Equal {
		call, err := expr.CallOperator("=", p.Left, p.Right)
		if err != nil {
			return false
		}
		g.edges = append(g.edges, edge{cond: call})
	}
	return true
}

// restrict moves the conditions over one input, and columns of an outer query perhaps, onto it: between two inputs nobody
// would find them. PushFilter leaves none that read no outer columns, unless it is switched off.
func (g *joinGraph) restrict() {
	for i := range g.sets {
		var own []expr.Expr
		g.edges = slices.DeleteFunc(g.edges, func(e edge) bool {
			used := plan.ColumnsOf(e.cond)
			if g.inputsOf(used) != 1<<i {
				return false
			}
			own = append(own, e.cond)
			return true
		})
		g.inputs[i] = filter(g.inputs[i], own)
	}
}

// inputsOf returns the inputs that make any of some columns.
func (g *joinGraph) inputsOf(used plan.Set) (over uint64) {
	for k, s := range g.sets {
		if s.Intersects(used) {
			over |= 1 << k
		}
	}
	return over
}

// candidate is the best known tree over some inputs.
type candidate struct {
	node  plan.Node
	over  uint64
	rows  float64
	cost  float64
	valid bool
}

func (g *joinGraph) order() plan.Node {
	single := make([]candidate, len(g.inputs))
	for i, n := range g.inputs {
		single[i] = candidate{node: n, over: 1 << i, rows: g.env.Stats.Rows(n), valid: true}
	}
	g.prepareEdges(single)
	if len(g.inputs) <= exactInputs {
		return g.exact(single).node
	}
	return g.greedy(single).node
}

// prepareEdges finds which inputs a condition reads and how selective it is.
func (g *joinGraph) prepareEdges(single []candidate) {
	for i := range g.edges {
		e := &g.edges[i]
		e.over = g.inputsOf(plan.ColumnsOf(e.cond))
		e.selectivity = g.env.Stats.Selectivity([]expr.Expr{e.cond})
		if bits.OnesCount64(e.over) != 2 {
			continue
		}
		a := bits.TrailingZeros64(e.over)
		b := bits.TrailingZeros64(e.over &^ (1 << a))
		if p, ok := pairOf(e.cond, g.sets[a], g.sets[b]); ok {
			e.selectivity = g.env.Stats.JoinSelectivity([]plan.EqualPair{p}, nil, single[a].rows, single[b].rows)
		}
	}
}

// between returns the conditions that join two disjoint sets of inputs: those that read both and nothing else.
func (g *joinGraph) between(a, b uint64) (conds []expr.Expr, selectivity float64) {
	selectivity = 1
	n := 0
	for _, e := range g.edges {
		if e.over&a != 0 && e.over&b != 0 && e.over&^(a|b) == 0 || e.over == 0 && bits.OnesCount64(a|b) == len(g.inputs) {
			conds = append(conds, e.cond)
			s := e.selectivity
			if n > 0 {
				s = math.Sqrt(s)
			}
			selectivity *= s
			n++
		}
	}
	return conds, selectivity
}

// join combines two candidates.
func (g *joinGraph) join(a, b candidate) candidate {
	conds, s := g.between(a.over, b.over)
	if a.rows < b.rows {
		a, b = b, a
	}
	c := candidate{over: a.over | b.over, rows: math.Max(1, a.rows*b.rows*s), valid: true}
	// A build row costs about three times a probed one.
	c.cost = a.cost + b.cost + c.rows + a.rows + 3*b.rows
	kind := plan.Inner
	if len(conds) == 0 {
		kind = plan.Cross
		c.cost += a.rows * b.rows
	}
	c.node = &plan.Join{Kind: kind, Left: a.node, Right: b.node, On: conds}
	return c
}

func (g *joinGraph) connected(a, b uint64) bool {
	for _, e := range g.edges {
		if e.over&a != 0 && e.over&b != 0 && e.over&^(a|b) == 0 {
			return true
		}
	}
	return false
}

// exact tries all ways to split every set of inputs.
func (g *joinGraph) exact(single []candidate) candidate {
	n := len(single)
	best := make([]candidate, 1<<n)
	for i, s := range single {
		best[1<<i] = s
	}
	for set := uint64(1); set < 1<<n; set++ {
		if set&(set-1) == 0 {
			continue
		}
		for pass := range 2 { // products only when nothing connects
			for a := (set - 1) & set; a > 0; a = (a - 1) & set {
				b := set &^ a
				if a < b || !best[a].valid || !best[b].valid || pass == 0 && !g.connected(a, b) {
					continue
				}
				if c := g.join(best[a], best[b]); !best[set].valid || c.cost < best[set].cost {
					best[set] = c
				}
			}
			if best[set].valid {
				break
			}
		}
	}
	return best[1<<n-1]
}

// greedy joins the pair with the smallest result until one tree is left.
func (g *joinGraph) greedy(trees []candidate) candidate {
	for len(trees) > 1 {
		bi, bj, linked := -1, -1, false
		var best candidate
		for i := range trees {
			for j := i + 1; j < len(trees); j++ {
				link := g.connected(trees[i].over, trees[j].over)
				if linked && !link {
					continue
				}
				c := g.join(trees[i], trees[j])
				if bi < 0 || link && !linked || c.rows < best.rows {
					bi, bj, best, linked = i, j, c, link
				}
			}
		}
		trees[bi] = best
		trees = append(trees[:bj], trees[bj+1:]...)
	}
	return trees[0]
}
