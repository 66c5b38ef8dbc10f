package stats

import (
	"sync"

	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/sql/plan"
)

// Kept remembers what was estimated of the nodes of a plan, for further runs of it: a plan that is kept was optimized once
// and would be estimated by each run. It knows the nodes of the plan itself, and none that a run has made of them by
// putting in its parameters. It is safe for concurrent use.
type Kept struct {
	plan plan.Node
	mu   struct {
		sync.Mutex
		rows map[plan.Node]keptRows
	}
}

// keptRows is an estimate, and how many rows the tables below had when it was made.
type keptRows struct {
	rows   float64
	stored int64
}

// keptDrift is the part of their rows by which tables may grow or shrink before an estimate is made anew.
const keptDrift = 8

// Keep returns what remembers the estimates of a plan.
func Keep(n plan.Node) *Kept {
	k := &Kept{plan: n}
	k.mu.rows = map[plan.Node]keptRows{}
	return k
}

// Rows returns the rows of a node as they were estimated when its tables had about as many rows as they have, or asks
// estimate. A nil Kept always asks.
func (k *Kept) Rows(n plan.Node, source Source, estimate func(plan.Node) float64) float64 {
	if k == nil {
		return estimate(n)
	}
	stored := storedRows(n, source)
	k.mu.Lock()
	was, ok := k.mu.rows[n]
	k.mu.Unlock()
	if ok && max(stored-was.stored, was.stored-stored) <= was.stored/keptDrift {
		return was.rows
	}
	rows := estimate(n)
	if ok || k.keeps(n) {
		k.mu.Lock()
		k.mu.rows[n] = keptRows{rows, stored}
		k.mu.Unlock()
	}
	return rows
}

// storedRows adds up the rows of the tables below a node.
func storedRows(n plan.Node, source Source) (rows int64) {
	add := func(n plan.Node) bool {
		if s, ok := n.(*plan.Scan); ok && s.Table != nil {
			if t, ok := source.Table(s.Table); ok {
				rows += t.Rows()
			}
		}
		return true
	}
	plan.Walk(n, add)
	for _, s := range plan.SharedOf(n) {
		plan.Walk(s.Plan, add)
	}
	return rows
}

// keeps tells whether a node is one of the plan, and whether all that it computes is the same in every run.
func (k *Kept) keeps(n plan.Node) bool {
	found, same := false, true
	plans := []plan.Node{k.plan}
	for _, s := range plan.SharedOf(k.plan) {
		plans = append(plans, s.Plan)
	}
	for _, p := range plans {
		plan.Walk(p, func(x plan.Node) bool {
			found = found || x == n
			return !found
		})
	}
	if !found {
		return false
	}
	fixed := func(n plan.Node) bool {
		plan.Exprs(n, func(e expr.Expr) { same = same && expr.Volatility(e) == fn.Immutable })
		return same
	}
	plan.Walk(n, fixed)
	for _, s := range plan.SharedOf(n) {
		plan.Walk(s.Plan, fixed)
	}
	return same
}
