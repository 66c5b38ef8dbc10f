package rule

import (
	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/sql/plan"
)

// What is known of a condition when all columns of a set are NULL, as they are in the rows that an outer join adds. Each
// function may say false without need. NULL is not enough of an answer inside NOT: NOT (NULL AND false) is true.

// rejectsNulls tells whether some condition is not true when all columns of a set are NULL.
func rejectsNulls(conds []expr.Expr, set plan.Set) bool {
	for _, c := range conds {
		if neverTrue(c, set) {
			return true
		}
	}
	return false
}

// neverTrue tells that a condition is NULL or false when the set's columns are NULL.
func neverTrue(e expr.Expr, set plan.Set) bool {
	switch x := e.(type) {
	case *expr.Not:
		return neverFalse(x.Arg, set)
	case *expr.IsNull:
		return x.Negate && alwaysNull(x.Arg, set)
	case *expr.Logic:
		return decides(x, !x.Or, set, neverTrue)
	}
	return alwaysNull(e, set)
}

// neverFalse tells that a condition is NULL or true when the set's columns are NULL.
func neverFalse(e expr.Expr, set plan.Set) bool {
	switch x := e.(type) {
	case *expr.Not:
		return neverTrue(x.Arg, set)
	case *expr.IsNull:
		return !x.Negate && alwaysNull(x.Arg, set)
	case *expr.Logic:
		return decides(x, x.Or, set, neverFalse)
	}
	return alwaysNull(e, set)
}

// alwaysNull tells that an expression is NULL when the set's columns are NULL.
func alwaysNull(e expr.Expr, set plan.Set) bool {
	switch x := e.(type) {
	case *expr.Column:
		return set.Has(plan.ID(x.Index))
	case *expr.Call:
		if x.Fn.NotStrict {
			return false
		}
		for _, a := range x.Args {
			if alwaysNull(a, set) {
				return true
			}
		}
	case *expr.Cast:
		return alwaysNull(x.Arg, set)
	case *expr.Not:
		return alwaysNull(x.Arg, set)
	case *expr.In:
		return (len(x.List) > 0 || x.HasNull) && alwaysNull(x.Arg, set) // NULL is not in an empty list
	case *expr.Logic:
		return decides(x, false, set, alwaysNull)
	}
	return false
}

// decides tells that f holds for one argument, or for all of them.
func decides(x *expr.Logic, one bool, set plan.Set, f func(expr.Expr, plan.Set) bool) bool {
	for _, a := range x.Args {
		if f(a, set) == one {
			return one
		}
	}
	return !one
}
