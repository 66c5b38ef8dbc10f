package expr

import (
	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/storage/batch"
)

// Fold computes what is the same for every row and every execution: immutable calls over constants, AND and OR with
// constant arguments, branches that are never or always taken. A subtree whose evaluation raises an error stays, so
// that the error comes only if a row reaches it.
func Fold(e Expr) Expr { return (&folder{fn.Immutable, foldEnv}).fold(e) }

// FoldWith folds for one execution, with its session: stable calls over constants (now(), a literal in the session's
// time zone) are computed too.
func FoldWith(e Expr, env *fn.Context) Expr { return (&folder{fn.Stable, env}).fold(e) }

// folder folds calls up to a volatility.
type folder struct {
	most fn.Volatility
	env  *fn.Context
}

func (f *folder) fold(e Expr) Expr { return Transform(e, f.node) }

func (f *folder) node(e Expr) Expr {
	switch x := e.(type) {
	case *Column, *Const, *Param:
		return e
	case *Logic:
		return foldLogic(x)
	case *Case:
		e = foldCase(x)
	case *Coalesce:
		e = foldCoalesce(x)
	case *Call:
		if strictNull(x) {
			return null(x.T)
		}
	}
	if IsConst(e) {
		return e
	}
	for _, c := range Children(e) {
		if !IsConst(c) {
			return e
		}
	}
	if Volatility(e) > f.most {
		return e
	}
	if v, ok := evalConst(e, f.env); ok {
		return v
	}
	return e
}

// strictNull tells whether a call has a constant NULL argument and is NULL for it. The other arguments are not looked at
// then, as in PostgreSQL: NULL > a + b raises no error when a + b is out of range. A constant argument that could not be
// computed still raises its own.
func strictNull(c *Call) bool {
	found := false
	for _, a := range c.Args {
		k, ok := a.(*Const)
		if ok && k.Value.Null {
			found = true
		}
		if !ok && len(Columns(nil, a)) == 0 {
			return false
		}
	}
	return found && !c.Fn.NotStrict
}

var foldEnv = &fn.Context{}

// foldBytes is the most that a constant may take while it is computed. What is larger stays a call, and is computed when
// the statement runs, with its memory.
const foldBytes = 1 << 20

// evalConst computes an expression without columns over one row.
func evalConst(e Expr, env *fn.Context) (*Const, bool) {
	bounded := *env
	bounded.Shared = fn.Bounded(foldBytes)
	ev, err := NewEvaluator(e, nil, &bounded)
	if err != nil {
		return nil, false
	}
	v, err := ev.Eval(&batch.Batch{Len: 1})
	if err != nil {
		return nil, false
	}
	d := v.Datum(0)
	d.Type = e.Type()
	return &Const{d}, true
}

// boolConst returns the value of a constant boolean: 0, 1, or 2 for NULL.
func boolConst(e Expr) (v int, ok bool) {
	c, ok := e.(*Const)
	if !ok {
		return 0, false
	}
	if c.Value.Null {
		return 2, true
	}
	return int(c.Value.I), true
}

func foldLogic(l *Logic) Expr {
	decides := 0
	if l.Or {
		decides = 1
	}
	args := make([]Expr, 0, len(l.Args))
	for _, a := range l.Args {
		if in, ok := a.(*Logic); ok && in.Or == l.Or {
			args = append(args, in.Args...)
			continue
		}
		switch v, ok := boolConst(a); {
		case !ok || v == 2:
			args = append(args, a)
		case v == decides:
			return a
		}
	}
	switch len(args) {
	case 0:
		return boolean(!l.Or)
	case 1:
		return args[0]
	}
	if len(args) == len(l.Args) {
		return l
	}
	return &Logic{Or: l.Or, Args: args}
}

func foldCase(c *Case) Expr {
	out := &Case{Else: c.Else, T: c.T}
	for _, w := range c.Whens {
		v, ok := boolConst(w.Cond)
		if ok && v != 1 {
			continue
		}
		if ok {
			out.Else = w.Result
			break
		}
		out.Whens = append(out.Whens, w)
	}
	switch {
	case len(out.Whens) > 0 && len(out.Whens) == len(c.Whens):
		return c
	case len(out.Whens) > 0:
		return out
	case out.Else == nil:
		return null(c.T)
	}
	return out.Else
}

func foldCoalesce(c *Coalesce) Expr {
	var args []Expr
	for _, a := range c.Args {
		if k, ok := a.(*Const); ok {
			if k.Value.Null {
				continue
			}
			args = append(args, a)
			break
		}
		args = append(args, a)
	}
	switch {
	case len(args) == 0:
		return null(c.T)
	case len(args) == 1:
		return args[0]
	case len(args) == len(c.Args):
		return c
	}
	return &Coalesce{Args: args, T: c.T}
}
