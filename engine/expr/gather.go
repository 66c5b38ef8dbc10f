package expr

import (
	"slices"
	"strings"

	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/types/decimal"
)

// gatherMin is from how many equations on a list is made of them. A list costs a search per row, an equation a comparison:
// they meet at about four.
const gatherMin = 4

// gatherMost bounds the operands that one OR compares with lists of their own: each equation is held against all of them.
const gatherMost = 8

// Gather makes lists of long chains x = a OR x = b OR ... and x <> a AND x <> b AND ..., and of x = ANY (array) with a
// constant array: a row is looked up in a list, and compared with each item of a chain.
func Gather(e Expr) Expr {
	return Transform(e, func(e Expr) Expr {
		switch x := e.(type) {
		case *Logic:
			return gatherLogic(x)
		case *Call:
			return gatherArray(x)
		}
		return e
	})
}

// Gathers tells whether Gather, or folding before it, may change an expression: a cheap look at what every run would
// otherwise fold in vain.
func Gathers(e Expr) bool {
	found := false
	Walk(e, func(e Expr) bool {
		switch x := e.(type) {
		case *Logic:
			found = found || len(x.Args) >= gatherMin
		case *Call:
			found = found || quantified(x)
		}
		return !found
	})
	return found
}

// list is a list that is being gathered.
type list struct {
	arg    Expr
	values []types.Datum
	at     int // in the arguments: where the first equation stood
}

func gatherLogic(l *Logic) Expr {
	if len(l.Args) < gatherMin {
		return l
	}
	var lists []*list
	of := make([]*list, len(l.Args))
	for i, a := range l.Args {
		if x, v, ok := equation(a, l.Or); ok {
			of[i] = listOf(&lists, x, v, i)
		}
	}
	args := make([]Expr, 0, len(l.Args))
	for i, a := range l.Args {
		switch in := of[i]; {
		case in == nil || len(in.values) < gatherMin:
			args = append(args, a)
		case in.at == i:
			args = append(args, NewIn(in.arg, in.values, false, !l.Or))
		}
	}
	switch len(args) {
	case len(l.Args):
		return l
	case 1:
		return args[0]
	}
	return &Logic{Or: l.Or, Args: args}
}

// listOf adds a value to the list of x; it returns nil when it goes with none.
func listOf(lists *[]*list, x Expr, v types.Datum, at int) *list {
	for _, in := range *lists {
		if Equal(in.arg, x) {
			in.values = append(in.values, v)
			return in
		}
	}
	if len(*lists) == gatherMost || Volatility(x) == fn.Volatile {
		return nil
	}
	in := &list{arg: x, values: []types.Datum{v}, at: at}
	*lists = append(*lists, in)
	return in
}

// equation takes x = constant apart, or x <> constant.
func equation(e Expr, equal bool) (Expr, types.Datum, bool) {
	c, ok := e.(*Call)
	if !ok || !c.Fn.Infix || len(c.Args) != 2 || c.Fn.Name != "=" && equal || c.Fn.Name != "<>" && !equal {
		return nil, types.Datum{}, false
	}
	x, k := c.Args[0], c.Args[1]
	if IsConst(x) {
		x, k = k, x
	}
	v, ok := k.(*Const)
	if !ok || v.Value.Null || !listable(x.Type(), v.Value.Type) {
		return nil, types.Datum{}, false
	}
	return x, v.Value, true
}

// listable tells whether values of two types are equal just when types.Compare says so.
func listable(x, v types.Type) bool {
	switch {
	case x.Kind == types.Array || v.Kind == types.Array:
		return false
	case x.Kind == v.Kind:
		return true
	case x.IsInteger() && v.IsInteger():
		return true
	}
	return isString(x) && isString(v)
}

func isString(t types.Type) bool {
	return t.Kind == types.Text || t.Kind == types.Varchar || t.Kind == types.Name
}

// quantified tells whether a call is x = ANY (constant array) or x <> ALL (constant array).
func quantified(c *Call) bool {
	if !c.Fn.Infix || len(c.Args) != 2 || c.Fn.Name != "= any" && c.Fn.Name != "<> all" {
		return false
	}
	k, ok := c.Args[1].(*Const)
	return ok && !k.Value.Null && k.Value.Type.Kind == types.Array && types.T(k.Value.Type.Elem).Kind != types.Array
}

func gatherArray(c *Call) Expr {
	if !quantified(c) {
		return c
	}
	x, array := c.Args[0], c.Args[1].(*Const).Value
	elems, err := types.ParseArray([]byte(array.S))
	if err != nil {
		return c
	}
	values, hasNull := make([]types.Datum, 0, len(elems)), false
	for _, e := range elems {
		if e.Null {
			hasNull = true
			continue
		}
		d, err := types.ParseWith(types.T(array.Type.Elem), e.Text, nil)
		if err != nil || !listable(x.Type(), d.Type) {
			return c
		}
		values = append(values, d)
	}
	if len(elems) == 0 { // false for NULL, too, which a list is not
		return c
	}
	return NewIn(x, values, hasNull, c.Fn.Name == "<> all")
}

// NewIn returns arg IN (values) of values that are not NULL and that arg can be compared with: those of its own kind, or
// integers of any width. hasNull says that a NULL stood among them. Values that no value of arg's type equals are left
// out, and an integer that was made a numeric to be compared is compared as an integer.
func NewIn(arg Expr, values []types.Datum, hasNull, negate bool) Expr {
	t := arg.Type()
	if c, ok := arg.(*Cast); ok && t.Kind == types.Numeric && c.Arg.Type().IsInteger() {
		arg, t = c.Arg, c.Arg.Type()
	}
	in := &In{Arg: arg, HasNull: hasNull, Negate: negate, List: make([]types.Datum, 0, len(values))}
	for _, v := range values {
		if v, ok := valueOf(v, t); ok {
			in.List = append(in.List, v)
		}
	}
	slices.SortFunc(in.List, types.Compare)
	in.List = slices.CompactFunc(in.List, func(a, b types.Datum) bool { return types.Compare(a, b) == 0 })
	return in
}

// valueOf returns the value of a type that equals v, and false when there is none.
func valueOf(v types.Datum, t types.Type) (types.Datum, bool) {
	switch {
	case t.IsInteger():
		if v.Type.Kind == types.Numeric {
			d, err := v.Decimal()
			if err != nil || !d.IsFinite() {
				return v, false
			}
			n, err := types.NumericDatum(types.NumericOf(18, 0), d)
			if err != nil {
				return bigInteger(d, t)
			}
			if back, err := n.Decimal(); err != nil || back.Cmp(d) != 0 {
				return v, false
			}
			v = n
		}
		bits := uint(t.Physical().Width()) * 8
		if least := int64(-1) << (bits - 1); v.I < least || v.I > ^least {
			return v, false
		}
		return types.IntOf(t, v.I), true
	case t.Kind == types.Numeric:
		d, err := v.Decimal()
		if err != nil {
			return v, false
		}
		n, err := types.NumericDatum(t, d)
		if err != nil {
			return v, false // NaN, or too large for the type
		}
		back, err := n.Decimal()
		return n, err == nil && back.Cmp(d) == 0
	case t.Kind == types.Char:
		v.S = strings.TrimRight(v.S, " ")
	}
	v.Type = t
	return v, true
}

// bigInteger returns a number of more than 18 digits as an integer of 64 bits, if it is one.
func bigInteger(d decimal.Decimal, t types.Type) (types.Datum, bool) {
	n, err := types.NumericDatum(types.NumericOf(38, 0), d)
	if err != nil {
		return n, false
	}
	back, err := n.Decimal()
	if err != nil || back.Cmp(d) != 0 || n.Hi != n.I>>63 || t.Physical().Width() < 8 {
		return n, false
	}
	return types.IntOf(t, n.I), true
}
