package joinorder

import (
	"math"
	"slices"
)

// buildCost is what a row of the right side costs, which is kept in a hash table, where one of the left side, which looks
// for partners there, costs 1.
const buildCost = 3

// besideOne is what a row of the left side costs when the right one is a single row: it is compared, and nothing looked up.
const besideOne = 0.25

// probeCost is what a join costs apart from the rows that it makes.
func probeCost(a, b *Plan) float64 {
	if b.Rows <= 1 {
		return a.Rows*besideOne + buildCost
	}
	return a.Rows + buildCost*b.Rows
}

// tied tells whether an edge has one of its sides in each of two sets, near being g.nearTo(a).
func (g *graph) tied(a, near, b Set) bool {
	if near.Intersects(b) {
		return true
	}
	for _, i := range g.wide {
		e := &g.edges[i]
		if a.Contains(e.left) && b.Contains(e.right) || b.Contains(e.left) && a.Contains(e.right) {
			return true
		}
	}
	return false
}

// met appends the edges for which two sets have all inputs together, and neither has alone, in the order in which they are
// written.
func (g *graph) met(list []int, a, b Set) []int {
	over := a.Union(b)
	if b.Count() > a.Count() {
		a, b = b, a
	}
	for k := b.First(); k >= 0; k = b.Next(k + 1) {
		for _, i := range g.about[k] {
			e := &g.edges[i]
			// An edge is found by each of its inputs in b, and counts by the first.
			if over.Contains(e.over) && !b.Contains(e.over) && e.over.And(b).First() == k {
				list = append(list, i)
			}
		}
	}
	slices.Sort(list)
	return list
}

// join makes the plan that joins two plans, which an edge ties; false when some join or condition for which all inputs are
// there now may not be done here.
func (g *graph) join(a, b *Plan) (*Plan, bool) {
	var few [16]int
	over := a.over.Union(b.over)
	p := &Plan{over: over, Kind: Inner}
	s, conds := 1.0, 0
	var special *edge
	met := g.met(few[:0], a.over, b.over)
	for k, i := range met {
		e := &g.edges[i]
		switch {
		case !e.op.obeys(over):
			return nil, false
		case e.op.kind != Inner:
			if special != nil {
				return nil, false
			}
			special = e
		}
		if len(e.conds) > 0 && !g.said(e, met[:k]) {
			p.Conds = append(p.Conds, e.conds...)
			s = both(s, e.selectivity, conds)
			conds++
		}
	}
	if special == nil {
		p.inner(a, b, s)
		return p, true
	}
	if len(p.Conds) > len(special.conds) {
		return nil, false
	}
	if !a.over.Contains(special.left) {
		a, b = b, a
	}
	if !a.over.Contains(special.left) || !b.over.Contains(special.right) {
		return nil, false
	}
	p.Kind = special.op.kind
	p.outer(a, b, s)
	return p, true
}

// said tells whether one of some edges makes the condition of another one needless.
func (g *graph) said(e *edge, before []int) bool {
	if e.class == 0 {
		return false
	}
	for _, i := range before {
		if g.edges[i].class == e.class {
			return true
		}
	}
	return false
}

// inner makes p the inner join of two plans, of which a part of s of the product is left.
func (p *Plan) inner(a, b *Plan, s float64) {
	if a.Rows < b.Rows || a.Rows == b.Rows && a.over.First() > b.over.First() { // as written, when neither is better
		a, b = b, a
	}
	p.Left, p.Right = a, b
	p.Rows = math.Max(1, a.Rows*b.Rows*s)
	p.Cost = a.Cost + b.Cost + p.Rows + probeCost(a, b)
	if len(p.Conds) == 0 {
		p.Cost += a.Rows * b.Rows
	}
}

// outer makes p the join of a kind that keeps or looks at rows of a.
func (p *Plan) outer(a, b *Plan, s float64) {
	p.Left, p.Right = a, b
	found := a.Rows * b.Rows * s
	probe := probeCost(a, b)
	switch p.Kind {
	case Left:
		p.Rows = math.Max(found, a.Rows)
		probe = math.Min(probe, probeCost(b, a)) // the sides may still be swapped
	case Semi:
		p.Rows = math.Min(a.Rows, math.Max(found, 1)) * 0.8
	case Anti:
		p.Rows = a.Rows - math.Min(a.Rows*0.8, found)
	}
	p.Rows = math.Max(1, p.Rows)
	p.Cost = a.Cost + b.Cost + p.Rows + probe
}
