package plan

import "github.com/siltstone-db/siltstone/engine/expr"

// MapExpr rebuilds an expression bottom-up: f sees every node after its arguments and returns what stands in its place.
// Unchanged subtrees are shared.
func MapExpr(e expr.Expr, f func(expr.Expr) expr.Expr) expr.Expr {
	switch n := e.(type) {
	case *expr.Call:
		if args, ok := mapArgs(n.Args, f); ok {
			c := *n
			c.Args = args
			e = &c
		}
	case *expr.Cast:
		if a := MapExpr(n.Arg, f); a != n.Arg {
			c := *n
			c.Arg = a
			e = &c
		}
	case *expr.Logic:
		if args, ok := mapArgs(n.Args, f); ok {
			e = &expr.Logic{Or: n.Or, Args: args}
		}
	case *expr.Not:
		if a := MapExpr(n.Arg, f); a != n.Arg {
			e = &expr.Not{Arg: a}
		}
	case *expr.IsNull:
		if a := MapExpr(n.Arg, f); a != n.Arg {
			e = &expr.IsNull{Arg: a, Negate: n.Negate}
		}
	case *expr.IsBool:
		if a := MapExpr(n.Arg, f); a != n.Arg {
			e = &expr.IsBool{Arg: a, Value: n.Value, Negate: n.Negate}
		}
	case *expr.In:
		if a := MapExpr(n.Arg, f); a != n.Arg {
			c := *n
			c.Arg = a
			e = &c
		}
	case *expr.Case:
		e = mapCase(n, f)
	case *expr.Coalesce:
		if args, ok := mapArgs(n.Args, f); ok {
			e = &expr.Coalesce{Args: args, T: n.T}
		}
	}
	return f(e)
}

func mapCase(n *expr.Case, f func(expr.Expr) expr.Expr) expr.Expr {
	changed := false
	whens := make([]expr.When, len(n.Whens))
	for i, w := range n.Whens {
		whens[i] = expr.When{Cond: MapExpr(w.Cond, f), Result: MapExpr(w.Result, f)}
		changed = changed || whens[i] != w
	}
	els := n.Else
	if els != nil {
		els = MapExpr(els, f)
		changed = changed || els != n.Else
	}
	if !changed {
		return n
	}
	return &expr.Case{Whens: whens, Else: els, T: n.T}
}

func mapArgs(args []expr.Expr, f func(expr.Expr) expr.Expr) ([]expr.Expr, bool) {
	var out []expr.Expr
	for i, a := range args {
		r := MapExpr(a, f)
		if r != a && out == nil {
			out = append(make([]expr.Expr, 0, len(args)), args[:i]...)
		}
		if out != nil {
			out = append(out, r)
		}
	}
	return out, out != nil
}

// WalkExpr calls f for e and everything below it, parents first; f returns false to skip what is below.
func WalkExpr(e expr.Expr, f func(expr.Expr) bool) {
	if e == nil || !f(e) {
		return
	}
	switch n := e.(type) {
	case *expr.Call:
		walkArgs(n.Args, f)
	case *expr.Cast:
		WalkExpr(n.Arg, f)
	case *expr.Logic:
		walkArgs(n.Args, f)
	case *expr.Not:
		WalkExpr(n.Arg, f)
	case *expr.IsNull:
		WalkExpr(n.Arg, f)
	case *expr.IsBool:
		WalkExpr(n.Arg, f)
	case *expr.In:
		WalkExpr(n.Arg, f)
	case *expr.Case:
		for _, w := range n.Whens {
			WalkExpr(w.Cond, f)
			WalkExpr(w.Result, f)
		}
		if n.Else != nil {
			WalkExpr(n.Else, f)
		}
	case *expr.Coalesce:
		walkArgs(n.Args, f)
	}
}

func walkArgs(args []expr.Expr, f func(expr.Expr) bool) {
	for _, a := range args {
		WalkExpr(a, f)
	}
}
