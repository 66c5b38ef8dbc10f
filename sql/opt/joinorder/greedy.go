package joinorder

import "slices"

// greedy joins the two trees with the smallest result until one is left (Fegaras: A New Heuristic for Optimizing Large
// Queries, DEXA 1998); false when no two of those that are left may be joined.
func (g *graph) greedy() (*Plan, bool) {
	trees := slices.Clone(g.single)
	// joined[i][j], j < i, is the join of two trees, if there may be one.
	joined := make([][]*Plan, len(trees))
	for i := range trees {
		joined[i] = make([]*Plan, i)
		for j := range i {
			joined[i][j] = g.tryJoin(trees[i], trees[j])
		}
	}
	for left := len(trees); left > 1; left-- {
		i, j, best := smallest(joined)
		if best == nil {
			return nil, false
		}
		// The new tree takes the place of one; the other's row and column become empty.
		trees[i], trees[j] = nil, best
		for k, other := range trees {
			if k < i {
				joined[i][k] = nil
			} else if k > i {
				joined[k][i] = nil
			}
			if k == j {
				continue
			}
			var p *Plan
			if other != nil {
				p = g.tryJoin(best, other)
			}
			joined[max(j, k)][min(j, k)] = p
		}
	}
	for _, p := range trees {
		if p != nil {
			return p, true
		}
	}
	return nil, false
}

// tryJoin joins two trees; nil when no edge ties them or they may not be joined.
func (g *graph) tryJoin(a, b *Plan) *Plan {
	if !g.tied(a.over, g.nearTo(a.over), b.over) {
		return nil
	}
	p, ok := g.join(a, b)
	if !ok {
		return nil
	}
	return p
}

// smallest finds the join with the fewest rows, of those the cheapest, and its place.
func smallest(joined [][]*Plan) (i, j int, best *Plan) {
	for a, row := range joined {
		for b, p := range row {
			if p != nil && (best == nil || p.Rows < best.Rows || p.Rows == best.Rows && p.Cost < best.Cost) {
				i, j, best = a, b, p
			}
		}
	}
	return i, j, best
}
