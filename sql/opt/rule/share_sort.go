package rule

import (
	"slices"

	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/sql/plan"
)

// ShareSort computes windows that stand one over the other in one node, with one sort, where the partition and order of one
// begin those of the other. The keys of a partition may come in any sequence and direction, so those that others partition
// by come first.
var ShareSort = Rule{Name: "ShareSort", Apply: func(_ *Env, n plan.Node) (plan.Node, error) {
	return plan.Rewrite(n, func(n plan.Node) (plan.Node, error) {
		if w, ok := n.(*plan.Window); ok {
			return shareSort(w), nil
		}
		return n, nil
	})
}}

// shareNear is how many windows below one are looked at: a query may have hundreds.
const shareNear = 32

// shareSort puts the calls of a window into a node below it. All nodes below were looked at before, so at most one takes
// them.
func shareSort(w *plan.Window) plan.Node {
	var chain []*plan.Window // w, then those below it whose columns w does not read
	at := w
	for {
		chain = append(chain, at)
		in, ok := at.Input.(*plan.Window)
		if !ok || len(chain) > shareNear || in.Top != nil || w.Top != nil || readsCalls(w, in) {
			break
		}
		at = in
	}
	for i, below := range chain[1:] {
		both := merged(below, w)
		if both == nil {
			continue
		}
		both.Input = below.Input
		var top plan.Node = both
		for k := i; k > 0; k-- {
			top = with1(chain[k], top)
		}
		return top
	}
	return w
}

// readsCalls tells whether a window reads the calls of one below it.
func readsCalls(w, below *plan.Window) bool {
	made := plan.Set{}
	for _, c := range below.Cols {
		made.Add(c.ID)
	}
	reads := false
	plan.Exprs(w, func(e expr.Expr) { reads = reads || plan.ColumnsOf(e).Intersects(made) })
	return reads
}

// merged returns a window of the calls of both, or nil when no order serves them all.
func merged(a, b *plan.Window) *plan.Window {
	for _, k := range append(clip(a.Keys), b.Keys...) {
		if expr.Volatile(k.Expr) {
			return nil
		}
	}
	keys := order(spans(a, b))
	if keys == nil && len(a.Keys)+len(b.Keys) > 0 {
		return nil
	}
	out := &plan.Window{Keys: keys, Cols: append(clip(a.Cols), b.Cols...)}
	for _, w := range []*plan.Window{a, b} {
		for _, c := range w.Calls {
			if !sameKeys(keys, w.Keys, c.Part, c.Order) {
				return nil
			}
			out.Calls = append(out.Calls, c)
		}
	}
	return out
}

// span is a window: its partition and its order.
type span struct{ part, by []plan.SortKey }

// spans lists the windows of two nodes, the shortest first.
func spans(nodes ...*plan.Window) (all []span) {
	for _, w := range nodes {
		for _, c := range w.Calls {
			all = append(all, span{w.Keys[:c.Part], w.Keys[c.Part:c.Order]})
		}
	}
	slices.SortStableFunc(all, func(x, y span) int {
		if c := len(x.part) - len(y.part); c != 0 {
			return c
		}
		return len(x.by) - len(y.by)
	})
	return all
}

// order makes a list of keys that begins, for each window, with its partition in some sequence and then its order; nil when
// there is none. Windows come with the smallest partition first: what that is ordered by decides how the larger ones, which
// must have it among their keys, are arranged.
func order(all []span) []plan.SortKey {
	var keys []plan.SortKey
	for _, s := range all {
		for len(keys) < len(s.part) {
			next := missing(s.part, keys)
			if next < 0 {
				return nil
			}
			keys = append(keys, s.part[next])
		}
		for i, k := range s.by {
			at := len(s.part) + i
			if at == len(keys) {
				keys = append(keys, k)
			} else if !sameKey(keys[at], k) {
				return nil
			}
		}
	}
	return keys
}

// missing returns the first key of a partition that is not in a list, -1 when the list has others.
func missing(part, keys []plan.SortKey) int {
	for _, k := range keys {
		if indexKey(part, k) < 0 {
			return -1
		}
	}
	for i, k := range part {
		if indexKey(keys, k) < 0 {
			return i
		}
	}
	return -1
}

func indexKey(keys []plan.SortKey, k plan.SortKey) int {
	return slices.IndexFunc(keys, func(x plan.SortKey) bool { return expr.Equal(x.Expr, k.Expr) })
}

func sameKey(x, y plan.SortKey) bool {
	return x.Desc == y.Desc && x.NullsFirst == y.NullsFirst && expr.Equal(x.Expr, y.Expr)
}

// sameKeys tells whether a list of keys begins with a partition, in any sequence, and then its order.
func sameKeys(keys, old []plan.SortKey, part, to int) bool {
	if len(keys) < to {
		return false
	}
	for _, k := range keys[:part] {
		if indexKey(old[:part], k) < 0 {
			return false
		}
	}
	for _, k := range old[:part] {
		if indexKey(keys[:part], k) < 0 {
			return false
		}
	}
	for i := part; i < to; i++ {
		if !sameKey(keys[i], old[i]) {
			return false
		}
	}
	return true
}
