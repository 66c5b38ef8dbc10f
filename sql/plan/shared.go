package plan

import "slices"

// Shared is a subplan that runs once, whatever number of CTEScans reads its rows: a WITH query that may not be inlined.
// One that reads no columns of an outer query (FreeColumns) is the same wherever it is read, also in the right side of an
// Apply; one that does stands in the right side of an Apply, and runs once in each run of it.
//
// A plan with shared subplans is not a tree: its CTEScans point to them. The subplan is not an input of the CTEScan
// (Children has none), so that no pass looks through it: it is optimized for itself.
type Shared struct {
	ID   int // unique in the query, from 1
	Name string
	Plan Node
}

// SharedOf returns the shared subplans that some plans read, also those that only another one reads, each after those
// that it reads itself.
func SharedOf(plans ...Node) []*Shared {
	var all []*Shared
	var visit func(Node)
	visit = func(n Node) {
		Walk(n, func(n Node) bool {
			if c, ok := n.(*CTEScan); ok && !slices.Contains(all, c.Shared) {
				visit(c.Shared.Plan)
				all = append(all, c.Shared)
			}
			return true
		})
	}
	for _, n := range plans {
		visit(n)
	}
	return all
}

// Relink makes the CTEScans of a plan read other subplans; those that are not in by stay.
func Relink(n Node, by map[*Shared]*Shared) Node {
	n, _ = Rewrite(n, func(n Node) (Node, error) {
		if c, ok := n.(*CTEScan); ok && by[c.Shared] != nil && by[c.Shared] != c.Shared {
			d := *c
			d.Shared = by[c.Shared]
			return &d, nil
		}
		return n, nil
	})
	return n
}

// MapShared replaces every shared subplan of a plan by f of it, once for all its readers, those that others read first.
func MapShared(n Node, f func(Node) (Node, error)) (Node, error) {
	all := SharedOf(n)
	if len(all) == 0 {
		return n, nil
	}
	by := make(map[*Shared]*Shared, len(all))
	for _, s := range all {
		p, err := f(Relink(s.Plan, by))
		if err != nil {
			return nil, err
		}
		by[s] = s
		if p != s.Plan {
			by[s] = &Shared{ID: s.ID, Name: s.Name, Plan: p}
		}
	}
	return Relink(n, by), nil
}
