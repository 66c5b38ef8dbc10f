package plan

import (
	"fmt"

	"github.com/siltstone-db/siltstone/engine/expr"
)

// Rewrite rebuilds a tree bottom-up: f sees every node after its inputs were rewritten and returns what stands in its
// place. Nodes that did not change are shared with the old tree. f must keep the node's columns that others use.
func Rewrite(n Node, f func(Node) (Node, error)) (Node, error) {
	old := n.Children()
	if len(old) > 0 {
		children := make([]Node, len(old))
		for i, c := range old {
			var err error
			if children[i], err = Rewrite(c, f); err != nil {
				return nil, err
			}
		}
		n = WithChildren(n, children)
	}
	return f(n)
}

// Walk calls f for n and everything below it, parents first; f returns false to skip what is below a node.
func Walk(n Node, f func(Node) bool) {
	if !f(n) {
		return
	}
	for _, c := range n.Children() {
		Walk(c, f)
	}
}

// Exprs calls f for every expression that stands in the node itself.
func Exprs(n Node, f func(expr.Expr)) {
	_ = MapExprs(n, func(e expr.Expr) expr.Expr { f(e); return e })
}

// MapExprs returns the node with every expression that stands in it replaced by f of it, or n itself when f changed
// nothing. The inputs stay.
func MapExprs(n Node, f func(expr.Expr) expr.Expr) Node {
	m := exprMapper{f: f}
	switch n := n.(type) {
	case *Scan:
		c := *n
		c.Filter = m.list(n.Filter)
		if f, ok := n.Virtual.(*Function); ok {
			g := *f
			g.Args = m.list(f.Args)
			c.Virtual = &g
		}
		return pick[Node](m.changed, &c, n)
	case *Filter:
		c := *n
		c.Conds = m.list(n.Conds)
		return pick[Node](m.changed, &c, n)
	case *Project:
		c := *n
		c.Exprs = m.list(n.Exprs)
		return pick[Node](m.changed, &c, n)
	case *Aggregate:
		c := *n
		c.Keys = m.list(n.Keys)
		c.Aggs = make([]AggCall, len(n.Aggs))
		for i, a := range n.Aggs {
			a.Args, a.Filter, a.OrderBy = m.list(a.Args), m.one(a.Filter), m.keys(a.OrderBy)
			c.Aggs[i] = a
		}
		return pick[Node](m.changed, &c, n)
	case *Sort:
		c := *n
		c.Keys = m.keys(n.Keys)
		return pick[Node](m.changed, &c, n)
	case *Limit:
		c := *n
		c.CountExpr, c.OffsetExpr = m.one(n.CountExpr), m.one(n.OffsetExpr)
		return pick[Node](m.changed, &c, n)
	case *DistinctOn:
		c := *n
		c.On = m.list(n.On)
		return pick[Node](m.changed, &c, n)
	case *Join:
		c := *n
		c.Equal = make([]EqualPair, len(n.Equal))
		for i, p := range n.Equal {
			c.Equal[i] = EqualPair{m.one(p.Left), m.one(p.Right)}
		}
		c.On = m.list(n.On)
		return pick[Node](m.changed, &c, n)
	case *Values:
		c := *n
		c.Rows = make([][]expr.Expr, len(n.Rows))
		for i, r := range n.Rows {
			c.Rows[i] = m.list(r)
		}
		return pick[Node](m.changed, &c, n)
	case *Apply, *SetOp, *CTEScan:
		return n
	}
	panic(fmt.Sprintf("plan: unknown node %T", n))
}

type exprMapper struct {
	f       func(expr.Expr) expr.Expr
	changed bool
}

func (m *exprMapper) one(e expr.Expr) expr.Expr {
	if e == nil {
		return nil
	}
	r := m.f(e)
	m.changed = m.changed || r != e
	return r
}

func (m *exprMapper) list(es []expr.Expr) []expr.Expr {
	if es == nil {
		return nil
	}
	out := make([]expr.Expr, len(es))
	for i, e := range es {
		out[i] = m.one(e)
	}
	return out
}

func (m *exprMapper) keys(ks []SortKey) []SortKey {
	if ks == nil {
		return nil
	}
	out := make([]SortKey, len(ks))
	for i, k := range ks {
		k.Expr = m.one(k.Expr)
		out[i] = k
	}
	return out
}

func pick[T any](cond bool, a, b T) T {
	if cond {
		return a
	}
	return b
}
