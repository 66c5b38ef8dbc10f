package joinorder

// What bounds the search, to some 20 ms: chains and cycles of 50 inputs stay below it (n^3/6 and n^3/2 pairs), cliques of 9
// (9,330) and stars of 13 (24,576).
const (
	maxPairs = 25_000
	// maxEdges bounds pairs times edges, since each of many edges is looked at again and again.
	maxEdges = 1_000_000
	// stepsPerPair bounds what is looked at without finding a pair.
	stepsPerPair = 20
)

// enumeration is algorithm DPhyp of Moerkotte and Neumann: Dynamic Programming Strikes Back (SIGMOD 2008). It goes through
// all pairs of sets of inputs that are tied within and to each other, each pair once, smaller ones first, without looking
// at sets that are not tied: sets grow from one input along the edges, and inputs below the one that a set has begun
// with are left to the sets that begin with those.
type enumeration struct {
	*graph
	best  map[Set]*Plan
	pairs int // left
	steps int
}

// enumerate finds the plan with the least cost; false when it took more than some pairs, or there is none.
func (g *graph) enumerate(pairs int) (*Plan, bool) {
	e := &enumeration{graph: g}
	e.search(pairs)
	p := e.best[g.all]
	return p, e.left() && p != nil
}

func (e *enumeration) search(pairs int) {
	e.best, e.pairs, e.steps = map[Set]*Plan{}, pairs, pairs*stepsPerPair
	for _, p := range e.single {
		e.best[p.over] = p
	}
	for i := len(e.single) - 1; i >= 0 && e.left(); i-- {
		start := Of(i)
		e.partners(start)
		e.grow(start, upTo(i))
	}
}

// left tells whether the search may go on.
func (e *enumeration) left() bool { return e.pairs > 0 && e.steps > 0 }

// neighbours returns the inputs by which a set may grow: for each edge from it to inputs that are neither in it nor
// forbidden, the smallest of these.
func (e *enumeration) neighbours(of, forbidden Set) (n Set) {
	no := of.Union(forbidden)
	n = e.nearTo(of).Minus(no)
	for _, i := range e.wide {
		ed := &e.edges[i]
		if of.Contains(ed.left) && !no.Intersects(ed.right) {
			n = n.Union(Of(ed.right.First()))
		}
		if of.Contains(ed.right) && !no.Intersects(ed.left) {
			n = n.Union(Of(ed.left.First()))
		}
	}
	return n
}

// subsets calls f for each subset of a set that is not empty, while the search may go on.
func (e *enumeration) subsets(of Set, f func(Set)) {
	for s := nextSubset(Set{}, of); !s.Empty() && e.left(); s = nextSubset(s, of) {
		e.steps--
		f(s)
	}
}

// grow finds the pairs whose first set contains a set and grows from it.
func (e *enumeration) grow(first, forbidden Set) {
	n := e.neighbours(first, forbidden)
	e.subsets(n, func(by Set) {
		if larger := first.Union(by); e.best[larger] != nil {
			e.partners(larger)
		}
	})
	e.subsets(n, func(by Set) { e.grow(first.Union(by), forbidden.Union(n)) })
}

// partners finds the pairs with a given first set.
func (e *enumeration) partners(first Set) {
	forbidden := first.Union(upTo(first.First()))
	n, near := e.neighbours(first, forbidden), e.nearTo(first)
	for i := Most - 1; i >= 0 && e.left(); i-- {
		if !n.Has(i) {
			continue
		}
		second := Of(i)
		if e.tied(first, near, second) {
			e.pair(first, second)
		}
		e.growPartner(first, near, second, forbidden.Union(n.And(upTo(i))))
	}
}

// growPartner finds the pairs with a given first set whose second contains a set and grows from it.
func (e *enumeration) growPartner(first, near, second, forbidden Set) {
	n := e.neighbours(second, forbidden)
	e.subsets(n, func(by Set) {
		if larger := second.Union(by); e.best[larger] != nil && e.tied(first, near, larger) {
			e.pair(first, larger)
		}
	})
	e.subsets(n, func(by Set) { e.growPartner(first, near, second.Union(by), forbidden.Union(n)) })
}

// pair joins the best plans of two sets.
func (e *enumeration) pair(first, second Set) {
	e.pairs--
	a, b := e.best[first], e.best[second]
	if a == nil || b == nil {
		return
	}
	p, ok := e.join(a, b)
	if !ok {
		return
	}
	if old := e.best[p.over]; old == nil || p.Cost < old.Cost {
		e.best[p.over] = p
	}
}
