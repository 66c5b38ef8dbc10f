// Package rule has the passes of the optimizer, one rule per file. A rule is a pure function from a plan to a better or
// equal one that makes the same rows with the same column numbers; the plan's root keeps its columns and their order.
package rule

import (
	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/sql/stats"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Rule is one pass. Required ones give the plan the shape that the engine can run fast, or at all; they cannot be
// switched off.
type Rule struct {
	Name     string
	Required bool
	Apply    func(*Env, plan.Node) (plan.Node, error)
}

// Env is what the rules of one optimization share.
type Env struct {
	Fn     *fn.Context
	Stats  *stats.Estimator
	NextID plan.ID
}

// newColumn makes a column number.
func (env *Env) newColumn(name string, t types.Type) plan.Column {
	c := plan.Column{ID: env.NextID, Name: name, Type: t}
	env.NextID++
	return c
}

func ref(c plan.Column) *expr.Column { return &expr.Column{Index: int(c.ID), Name: c.Name, T: c.Type} }

// substitute replaces columns by the expressions that compute them.
func substitute(e expr.Expr, by map[plan.ID]expr.Expr) expr.Expr {
	return expr.Transform(e, func(e expr.Expr) expr.Expr {
		if c, ok := e.(*expr.Column); ok {
			if r, ok := by[plan.ID(c.Index)]; ok {
				return r
			}
		}
		return e
	})
}

func substituteAll(es []expr.Expr, by map[plan.ID]expr.Expr) []expr.Expr {
	out := make([]expr.Expr, len(es))
	for i, e := range es {
		out[i] = substitute(e, by)
	}
	return out
}

// filter puts conditions over a node.
func filter(n plan.Node, conds []expr.Expr) plan.Node {
	if len(conds) == 0 {
		return n
	}
	return &plan.Filter{Input: n, Conds: conds}
}

// isCall tells whether e is the operator or function name over n arguments.
func isCall(e expr.Expr, name string, n int) (*expr.Call, bool) {
	c, ok := e.(*expr.Call)
	return c, ok && c.Fn.Name == name && len(c.Args) == n
}

func clip[T any](s []T) []T { return s[:len(s):len(s)] }
