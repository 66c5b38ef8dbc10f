package rule

import (
	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/sql/plan"
)

// FactorOr takes what all branches of an OR have in common out of it: (a AND b) OR (a AND c) is a AND (b OR c). The
// common part can be pushed down or become a join key, which an OR cannot. Over a join it also adds, for each table that
// every branch restricts, the OR of those restrictions: they are implied, and the scan of that table can use them.
var FactorOr = Rule{Name: "FactorOr", Apply: func(_ *Env, n plan.Node) (plan.Node, error) {
	return plan.Rewrite(n, func(n plan.Node) (plan.Node, error) {
		switch x := n.(type) {
		case *plan.Filter:
			conds, changed := factorAll(x.Conds)
			all := implied(conds, leaves(nil, x.Input))
			if changed || len(all) > len(conds) {
				return &plan.Filter{Input: x.Input, Conds: all}, nil
			}
		case *plan.Join:
			if conds, changed := factorAll(x.On); changed && !x.NullAware {
				c := *x
				c.On = conds
				return &c, nil
			}
		}
		return n, nil
	})
}}

func factorAll(conds []expr.Expr) (out []expr.Expr, changed bool) {
	for _, c := range conds {
		or, ok := c.(*expr.Logic)
		if !ok || !or.Or {
			out = append(out, c)
			continue
		}
		common, rest := factor(or)
		if len(common) == 0 {
			out = append(out, c)
			continue
		}
		changed = true
		out = append(out, common...)
		if rest != nil {
			out = append(out, rest)
		}
	}
	return out, changed
}

// factor splits an OR into the conditions that stand in every branch and the OR of what is left; a branch with nothing
// left makes the rest true, which nil stands for.
func factor(or *expr.Logic) (common []expr.Expr, rest expr.Expr) {
	branches := make([][]expr.Expr, len(or.Args))
	for i, a := range or.Args {
		branches[i] = expr.Conjuncts(nil, a)
	}
	for _, c := range branches[0] {
		everywhere := !expr.Volatile(c)
		for _, b := range branches[1:] {
			everywhere = everywhere && indexOf(b, c) >= 0
		}
		if everywhere && indexOf(common, c) < 0 {
			common = append(common, c)
		}
	}
	if len(common) == 0 {
		return nil, or
	}
	args := make([]expr.Expr, len(branches))
	for i, b := range branches {
		var left []expr.Expr
		for _, c := range b {
			if indexOf(common, c) < 0 {
				left = append(left, c)
			}
		}
		if len(left) == 0 {
			return common, nil
		}
		args[i] = and(left)
	}
	return common, &expr.Logic{Or: true, Args: args}
}

func indexOf(es []expr.Expr, e expr.Expr) int {
	for i, x := range es {
		if expr.Equal(x, e) {
			return i
		}
	}
	return -1
}

func and(es []expr.Expr) expr.Expr {
	if len(es) == 1 {
		return es[0]
	}
	return &expr.Logic{Args: es}
}

// leaves collects the columns of the inputs of a tree of inner joins.
func leaves(dst []plan.Set, n plan.Node) []plan.Set {
	if j, ok := n.(*plan.Join); ok && (j.Kind == plan.Inner || j.Kind == plan.Cross) {
		return leaves(leaves(dst, j.Left), j.Right)
	}
	return append(dst, plan.OutputSet(n))
}

// implied adds for each OR over several tables the restriction of each single table.
func implied(conds []expr.Expr, tables []plan.Set) []expr.Expr {
	if len(tables) < 2 {
		return conds
	}
	out := clip(conds)
	for _, c := range conds {
		or, ok := c.(*expr.Logic)
		if !ok || !or.Or || expr.Volatile(or) {
			continue
		}
		for _, t := range tables {
			if t.Contains(plan.ColumnsOf(or)) {
				continue // it is pushed down as it is
			}
			if e := restriction(or, t); e != nil {
				out = append(out, e)
			}
		}
	}
	return out
}

func restriction(or *expr.Logic, table plan.Set) expr.Expr {
	args := make([]expr.Expr, len(or.Args))
	for i, branch := range or.Args {
		var own []expr.Expr
		for _, c := range expr.Conjuncts(nil, branch) {
			if cols := plan.ColumnsOf(c); len(cols) > 0 && table.Contains(cols) {
				own = append(own, c)
			}
		}
		if len(own) == 0 {
			return nil
		}
		args[i] = and(own)
	}
	return &expr.Logic{Or: true, Args: args}
}
