package plan

import (
	"fmt"

	"github.com/siltstone-db/siltstone/engine/expr"
)

// WithChildren returns a copy of n over other inputs, as many as Children returns, or n itself when they are the same.
func WithChildren(n Node, children []Node) Node {
	old := n.Children()
	if len(old) != len(children) {
		panic(fmt.Sprintf("plan: %T has %d inputs, got %d", n, len(old), len(children)))
	}
	for i := range old {
		if old[i] != children[i] {
			return n.over(children)
		}
	}
	return n
}

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
	if c := n.mapExprs(&m); m.changed {
		return c
	}
	return n
}

// exprMapper replaces expressions and remembers whether any is another now.
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
