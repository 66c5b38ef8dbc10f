package stmt

import (
	"context"

	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/sql/compile"
	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// PostgreSQL plans a statement once it has its parameters, and computes what is constant then: 1/0 and $1/0 fail at Bind,
// before any row and before the description of rows in the simple protocol. A Command is planned before, without
// parameters, and its passes leave what fails where it is. So the expressions in which something constant is left are
// kept, and Check computes it.

// unsettled returns the expressions of a plan, and of its shared subplans, in which something that does not depend on
// rows is left to be computed. Where a parameter alone may decide a condition (WHERE $1 AND a > 1/0), PostgreSQL does not
// look at those beside it; the passes have scattered these, so that then none of the conditions is among the result.
func unsettled(n plan.Node) []expr.Expr {
	var found, conditions []expr.Expr
	decided := false
	visit := func(n plan.Node) bool {
		list := conditionsOf(n)
		conds := make(map[expr.Expr]bool, len(list)) // there may be tens of thousands
		for _, e := range list {
			conds[e] = true
		}
		plan.Exprs(n, func(e expr.Expr) {
			whole, left := fixed(e)
			isCondition := conds[e]
			decided = decided || isCondition && whole && hasParam(e)
			switch {
			case !left:
			case isCondition:
				conditions = append(conditions, e)
			default:
				found = append(found, e)
			}
		})
		return true
	}
	plan.Walk(n, visit)
	for _, s := range plan.SharedOf(n) {
		plan.Walk(s.Plan, visit)
	}
	if decided {
		return found
	}
	return append(found, conditions...)
}

// conditionsOf returns the conditions of a node, all of which must be true.
func conditionsOf(n plan.Node) []expr.Expr {
	switch n := n.(type) {
	case *plan.Scan:
		return n.Filter
	case *plan.Filter:
		return n.Conds
	case *plan.Join:
		return n.On
	}
	return nil
}

func hasParam(e expr.Expr) bool {
	found := false
	expr.Walk(e, func(e expr.Expr) bool {
		_, is := e.(*expr.Param)
		found = found || is
		return !found
	})
	return found
}

// fixed tells whether an expression has one value for all rows and executions with the same parameters, and whether
// there is something to compute in it that has.
func fixed(e expr.Expr) (whole, left bool) {
	switch x := e.(type) {
	case *expr.Column:
		return false, false
	case *expr.Const, *expr.Param:
		return true, false
	case *expr.Call:
		whole = x.Fn.Volatility == fn.Immutable
	case *expr.Cast:
		whole = fn.CastVolatility(x.Arg.Type(), x.T) == fn.Immutable
	default:
		whole = true
	}
	for _, c := range expr.Children(e) {
		w, l := fixed(c)
		whole, left = whole && w, left || l
	}
	return whole, left || whole
}

// constantBytes is the most that constants may take together that are computed for their errors alone.
const constantBytes = 1 << 20

// Check computes what is constant in the plan for some parameters, and returns the first error.
func (c *Command) Check(ctx context.Context, params []types.Datum) error {
	if len(c.unsettled) == 0 {
		return nil
	}
	env := &fn.Context{Ctx: ctx, Shared: fn.Bounded(constantBytes)}
	for _, e := range c.unsettled {
		if _, _, err := settle(plan.SubstituteParams(e, params), env); err != nil {
			return err
		}
	}
	return nil
}

// settle computes the constant parts of an expression in the order in which they stand, without those that are never
// reached. When all of it is constant it returns its value.
func settle(e expr.Expr, env *fn.Context) (value types.Datum, known bool, err error) {
	if whole, _ := fixed(e); whole {
		value, err = compile.Constant(e, env)
		if errs.Is(err, errs.OutOfMemory) { // the statement computes it with its own memory
			return value, false, nil
		}
		return value, err == nil, err
	}
	if x, ok := e.(*expr.Case); ok {
		return value, false, settleCase(x, env)
	}
	for _, a := range expr.Children(e) {
		d, known, err := settle(a, env)
		if err != nil {
			return value, false, err
		}
		if known && lastOf(e, d) {
			break
		}
	}
	return value, false, nil
}

// lastOf tells whether an argument of this value is the last that is looked at.
func lastOf(e expr.Expr, d types.Datum) bool {
	switch x := e.(type) {
	case *expr.Logic:
		return !d.Null && (d.I != 0) == x.Or
	case *expr.Coalesce:
		return !d.Null
	}
	return false
}

// settleCase computes the constant parts of the branches that may be taken.
func settleCase(x *expr.Case, env *fn.Context) error {
	for _, w := range x.Whens {
		d, known, err := settle(w.Cond, env)
		if err != nil {
			return err
		}
		if known && (d.Null || d.I == 0) {
			continue
		}
		if _, _, err := settle(w.Result, env); err != nil || known {
			return err
		}
	}
	if x.Else == nil {
		return nil
	}
	_, _, err := settle(x.Else, env)
	return err
}
