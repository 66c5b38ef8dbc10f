package expr

import (
	"slices"

	"github.com/siltstone-db/siltstone/engine/fn"
)

// Children returns the direct arguments of a node, in the order in which WithChildren takes them.
func Children(e Expr) []Expr {
	switch e := e.(type) {
	case *Call:
		return e.Args
	case *Cast:
		return []Expr{e.Arg}
	case *Logic:
		return e.Args
	case *Not:
		return []Expr{e.Arg}
	case *IsNull:
		return []Expr{e.Arg}
	case *IsBool:
		return []Expr{e.Arg}
	case *In:
		return []Expr{e.Arg}
	case *Case:
		out := make([]Expr, 0, 2*len(e.Whens)+1)
		for _, w := range e.Whens {
			out = append(out, w.Cond, w.Result)
		}
		if e.Else != nil {
			out = append(out, e.Else)
		}
		return out
	case *Coalesce:
		return e.Args
	}
	return nil
}

// WithChildren returns a copy of a node with other arguments.
func WithChildren(e Expr, args []Expr) Expr {
	switch e := e.(type) {
	case *Call:
		return &Call{Fn: e.Fn, Args: args, T: e.T}
	case *Cast:
		return &Cast{Arg: args[0], T: e.T, Assignment: e.Assignment}
	case *Logic:
		return &Logic{Or: e.Or, Args: args}
	case *Not:
		return &Not{args[0]}
	case *IsNull:
		return &IsNull{args[0], e.Negate}
	case *IsBool:
		return &IsBool{args[0], e.Value, e.Negate}
	case *In:
		return &In{args[0], e.List, e.HasNull, e.Negate}
	case *Case:
		c := &Case{Whens: make([]When, len(e.Whens)), T: e.T}
		for i := range c.Whens {
			c.Whens[i] = When{args[2*i], args[2*i+1]}
		}
		if e.Else != nil {
			c.Else = args[len(args)-1]
		}
		return c
	case *Coalesce:
		return &Coalesce{args, e.T}
	}
	return e
}

// Walk calls visit for e and everything below it, parents first; visit returns false to leave out what is below.
func Walk(e Expr, visit func(Expr) bool) {
	if e == nil || !visit(e) {
		return
	}
	for _, c := range Children(e) {
		Walk(c, visit)
	}
}

// Transform returns the tree in which every node was replaced by change(node), arguments first. Nodes below which
// nothing changed stay the same objects.
func Transform(e Expr, change func(Expr) Expr) Expr {
	old := Children(e)
	var args []Expr
	for i, c := range old {
		n := Transform(c, change)
		if n != c && args == nil {
			args = slices.Clone(old)
		}
		if args != nil {
			args[i] = n
		}
	}
	if args != nil {
		e = WithChildren(e, args)
	}
	return change(e)
}

// Columns appends the distinct Index values of the columns of e to dst, in order of appearance.
func Columns(dst []int, e Expr) []int {
	Walk(e, func(e Expr) bool {
		if c, ok := e.(*Column); ok && !slices.Contains(dst, c.Index) {
			dst = append(dst, c.Index)
		}
		return true
	})
	return dst
}

// IsConst tells whether e is a constant.
func IsConst(e Expr) bool { _, ok := e.(*Const); return ok }

// Volatility returns the worst volatility of the calls in e.
func Volatility(e Expr) fn.Volatility {
	worst := fn.Immutable
	Walk(e, func(e Expr) bool {
		switch e := e.(type) {
		case *Call:
			worst = max(worst, e.Fn.Volatility)
		case *Cast:
			worst = max(worst, fn.CastVolatility(e.Arg.Type(), e.T))
		case *Param:
			worst = max(worst, fn.Stable)
		}
		return true
	})
	return worst
}

// InOrder tells whether rows must be computed in their order.
func InOrder(e Expr) bool {
	found := false
	Walk(e, func(e Expr) bool {
		c, ok := e.(*Call)
		found = found || ok && c.Fn.InOrder
		return !found
	})
	return found
}

// Volatile tells whether e must be computed for each row although its arguments are the same.
func Volatile(e Expr) bool { return Volatility(e) == fn.Volatile }

// Equal tells whether two trees compute the same. Names of columns do not matter.
func Equal(a, b Expr) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	if a == b {
		return true
	}
	if a.Type() != b.Type() {
		return false
	}
	switch x := a.(type) {
	case *Column:
		y, ok := b.(*Column)
		return ok && x.Index == y.Index
	case *Const:
		y, ok := b.(*Const)
		nan := x.Value.F != x.Value.F // which equals nothing, but is the same constant
		return ok && (x.Value == y.Value || nan && y.Value.F != y.Value.F && x.Value.Null == y.Value.Null)
	case *Param:
		y, ok := b.(*Param)
		return ok && x.Number == y.Number
	case *Call:
		y, ok := b.(*Call)
		return ok && x.Fn.Name == y.Fn.Name && x.Fn.Infix == y.Fn.Infix && equalAll(x.Args, y.Args)
	case *Cast:
		y, ok := b.(*Cast)
		return ok && x.Assignment == y.Assignment && Equal(x.Arg, y.Arg)
	case *Logic:
		y, ok := b.(*Logic)
		return ok && x.Or == y.Or && equalAll(x.Args, y.Args)
	case *Not:
		y, ok := b.(*Not)
		return ok && Equal(x.Arg, y.Arg)
	case *IsNull:
		y, ok := b.(*IsNull)
		return ok && x.Negate == y.Negate && Equal(x.Arg, y.Arg)
	case *IsBool:
		y, ok := b.(*IsBool)
		return ok && x.Negate == y.Negate && x.Value == y.Value && Equal(x.Arg, y.Arg)
	case *In:
		y, ok := b.(*In)
		return ok && x.Negate == y.Negate && x.HasNull == y.HasNull && slices.Equal(x.List, y.List) && Equal(x.Arg, y.Arg)
	case *Case:
		y, ok := b.(*Case)
		return ok && len(x.Whens) == len(y.Whens) && (x.Else == nil) == (y.Else == nil) && equalAll(Children(x), Children(y))
	case *Coalesce:
		y, ok := b.(*Coalesce)
		return ok && equalAll(x.Args, y.Args)
	}
	return false
}

func equalAll(a, b []Expr) bool { return slices.EqualFunc(a, b, Equal) }

// Conjuncts appends the arguments of nested ANDs to dst, or e itself.
func Conjuncts(dst []Expr, e Expr) []Expr {
	if l, ok := e.(*Logic); ok && !l.Or {
		for _, a := range l.Args {
			dst = Conjuncts(dst, a)
		}
		return dst
	}
	return append(dst, e)
}
