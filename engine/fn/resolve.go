package fn

import (
	"strings"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Resolve finds the overload that a call means (PostgreSQL manual, 10.3), and the types to which its arguments are
// converted. Untyped literals have Kind Unknown. Names are lower case and without schema. Errors: 42883, 42725.
func Resolve(name string, args []types.Type) (o *Overload, want []types.Type, err error) {
	c, many := choose(functions[name], args, false)
	switch {
	case c != nil:
		return c, wants(c, args), nil
	case many:
		return nil, nil, errs.New(errs.AmbiguousFunction, "function %s is not unique", signature(name, args)).
			WithHint("Could not choose a best candidate function. You might need to add explicit type casts.")
	}
	return nil, nil, undefinedFunction(name, args)
}

func undefinedFunction(name string, args []types.Type) error {
	return errs.New(errs.UndefinedFunction, "function %s does not exist", signature(name, args)).
		WithHint("No function matches the given name and argument types. You might need to add explicit type casts.")
}

// ResolveOperator finds the overload that an operator means (PostgreSQL manual, 10.2), and the types to which its
// operands are converted; want has one element for a prefix operator, whose left type has Kind Invalid.
func ResolveOperator(op string, left, right types.Type) (o *Overload, want []types.Type, err error) {
	args := []types.Type{left, right}
	if left.Kind == types.Invalid {
		args = args[1:]
	}
	if op == "!=" {
		op = "<>"
	}
	c, many := choose(operators[op], args, true)
	switch {
	case c != nil:
		return c, wants(c, args), nil
	case many:
		return nil, nil, errs.New(errs.AmbiguousFunction, "operator is not unique: %s", operation(op, args)).
			WithHint("Could not choose a best candidate operator. You might need to add explicit type casts.")
	}
	e := errs.New(errs.UndefinedFunction, "operator does not exist: %s", operation(op, args))
	if len(args) == 1 {
		return nil, nil, e.WithHint("No operator matches the given name and argument type. You might need to add an explicit type cast.")
	}
	return nil, nil, e.WithHint("No operator matches the given name and argument types. You might need to add explicit type casts.")
}

// ResolveAggregate finds the aggregate that a call means. count(*) is a call without arguments.
func ResolveAggregate(name string, args []types.Type) (a *Aggregate, want []types.Type, err error) {
	// The rules are those of functions, so the candidates are dressed up as such.
	var os []*Overload
	byOverload := map[*Overload]*Aggregate{}
	for _, a := range aggregates[name] {
		o := &Overload{Name: a.Name, Args: a.Args}
		os = append(os, o)
		byOverload[o] = a
	}
	c, many := choose(os, args, false)
	switch {
	case c != nil:
		return byOverload[c], wants(c, args), nil
	case many:
		return nil, nil, errs.New(errs.AmbiguousFunction, "function %s is not unique", signature(name, args)).
			WithHint("Could not choose a best candidate function. You might need to add explicit type casts.")
	}
	return nil, nil, undefinedFunction(name, args)
}

func signature(name string, args []types.Type) string {
	s := make([]string, len(args))
	for i, t := range args {
		s[i] = typeName(t)
	}
	return name + "(" + strings.Join(s, ", ") + ")"
}

func operation(op string, args []types.Type) string {
	if len(args) == 1 {
		return op + " " + typeName(args[0])
	}
	return typeName(args[0]) + " " + op + " " + typeName(args[1])
}

func typeName(t types.Type) string {
	if t.Kind == types.Unknown {
		return "unknown"
	}
	return plain(t).String()
}

// param returns the type of parameter i.
func (o *Overload) param(i int) types.Type {
	if i >= len(o.Args) {
		return o.Args[len(o.Args)-1]
	}
	return o.Args[i]
}

// takes tells whether the overload may be called with n arguments.
func (o *Overload) takes(n int) bool {
	return n == len(o.Args) || o.Variadic && n >= len(o.Args)
}

func wants(o *Overload, args []types.Type) []types.Type {
	want := make([]types.Type, len(args))
	for i, t := range args {
		want[i] = wanted(t, o.param(i))
	}
	return want
}

func isKind(t, param types.Type) bool { return t.Kind == param.Kind && t.Elem == param.Elem }

func accepts(t, param types.Type) bool {
	switch {
	case param.Kind == types.Invalid:
		return true
	case param.Kind == types.Array && param.Elem == types.Invalid:
		return t.Kind == types.Array || t.Kind == types.Unknown
	case param == tNonArray:
		return t.Kind != types.Array
	}
	return CanCast(t, param, Implicit)
}

// choose finds the best candidate; many tells that there were several and none was better than the others.
func choose(all []*Overload, args []types.Type, operator bool) (best *Overload, many bool) {
	var cands []*Overload
	for _, o := range all {
		if o.takes(len(args)) {
			cands = append(cands, o)
		}
	}
	if o := exact(cands, args, operator); o != nil {
		return o, false
	}
	cands = filter(cands, func(o *Overload) bool {
		for i, t := range args {
			if !accepts(t, o.param(i)) {
				return false
			}
		}
		return true
	})
	if len(cands) < 2 {
		return first(cands), false
	}
	return narrow(cands, args)
}

func first(os []*Overload) *Overload {
	if len(os) == 0 {
		return nil
	}
	return os[0]
}

func filter(os []*Overload, keep func(*Overload) bool) []*Overload {
	var out []*Overload
	for _, o := range os {
		if keep(o) {
			out = append(out, o)
		}
	}
	return out
}

// exact finds a candidate whose parameters are the arguments' types; an untyped operand counts as of the other's type.
func exact(cands []*Overload, args []types.Type, operator bool) *Overload {
	if operator && len(args) == 2 {
		l, r := args[0], args[1]
		switch {
		case l.Kind == types.Unknown && r.Kind != types.Unknown:
			l = r
		case r.Kind == types.Unknown && l.Kind != types.Unknown:
			r = l
		}
		args = []types.Type{l, r}
	}
next:
	for _, o := range cands {
		for i, t := range args {
			if !isKind(t, o.param(i)) {
				continue next
			}
		}
		return o
	}
	return nil
}

// narrow applies the tie-breaking steps of the manual's 10.2 and 10.3, in their order.
func narrow(cands []*Overload, args []types.Type) (*Overload, bool) {
	unknown := func(i int) bool { return args[i].Kind == types.Unknown }
	cands = most(cands, len(args), func(o *Overload, i int) bool { return !unknown(i) && isKind(args[i], o.param(i)) })
	if len(cands) == 1 {
		return cands[0], false
	}
	cands = most(cands, len(args), func(o *Overload, i int) bool {
		p := o.param(i)
		return !unknown(i) && (isKind(args[i], p) || preferred(p) && category(p) == category(args[i]))
	})
	if len(cands) == 1 {
		return cands[0], false
	}
	known := types.Type{}
	unknowns, same := 0, true
	for i, t := range args {
		switch {
		case unknown(i):
			unknowns++
		case known.Kind == types.Invalid:
			known = t
		case !isKind(t, known):
			same = false
		}
	}
	if unknowns == 0 {
		return nil, true
	}
	cands = byCategory(cands, args)
	if len(cands) == 1 {
		return cands[0], false
	}
	if same && known.Kind != types.Invalid {
		cands = filter(cands, func(o *Overload) bool {
			for i := range args {
				if !accepts(known, o.param(i)) {
					return false
				}
			}
			return true
		})
		if len(cands) == 1 {
			return cands[0], false
		}
	}
	return nil, true
}

// most keeps the candidates for which match holds at the most positions.
func most(cands []*Overload, n int, match func(o *Overload, i int) bool) []*Overload {
	best := 0
	var out []*Overload
	for _, o := range cands {
		score := 0
		for i := range n {
			if match(o, i) {
				score++
			}
		}
		if score > best {
			best, out = score, out[:0]
		}
		if score == best {
			out = append(out, o)
		}
	}
	return out
}

// byCategory decides untyped arguments: a position where some candidate takes a string is a string, one where all
// candidates agree on a category is of it; preferred types of the category win.
func byCategory(cands []*Overload, args []types.Type) []*Overload {
	type slot struct {
		category  byte
		preferred bool
	}
	slots := make([]slot, len(args))
	for i, t := range args {
		if t.Kind != types.Unknown {
			continue
		}
		s := slot{category(cands[0].param(i)), preferred(cands[0].param(i))}
		conflict := false
		for _, o := range cands[1:] {
			p := o.param(i)
			switch c := category(p); {
			case c == s.category:
				s.preferred = s.preferred || preferred(p)
			case c == 'S':
				s, conflict = slot{c, preferred(p)}, false
			case s.category != 'S':
				conflict = true
			}
		}
		if conflict {
			return cands
		}
		slots[i] = s
	}
	kept := filter(cands, func(o *Overload) bool {
		for i, t := range args {
			if t.Kind != types.Unknown {
				continue
			}
			p := o.param(i)
			if category(p) != slots[i].category || slots[i].preferred && !preferred(p) {
				return false
			}
		}
		return true
	})
	if len(kept) == 0 {
		return cands
	}
	return kept
}
