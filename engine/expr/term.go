package expr

import (
	"slices"
	"sync"

	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

func boolean(b bool) *Const    { return &Const{types.BoolOf(b)} }
func null(t types.Type) *Const { return &Const{types.NullOf(t)} }

var termOps = map[string]scan.Op{"=": scan.Eq, "<>": scan.Ne, "<": scan.Lt, "<=": scan.Le, ">": scan.Gt, ">=": scan.Ge}

var swappedOps = [...]scan.Op{scan.Eq: scan.Eq, scan.Ne: scan.Ne, scan.Lt: scan.Gt, scan.Le: scan.Ge, scan.Gt: scan.Lt, scan.Ge: scan.Le}

// ToTerm turns a condition on one column into a term that a scan answers, with Column.Index as the ordinal. It returns
// false for conditions that are not about one column alone, depend on the session, or may raise an error (a scan may
// look at rows that other conditions exclude).
func ToTerm(e Expr) (scan.Term, bool) {
	t, ok := simpleTerm(e)
	if !ok {
		t, ok = entriesTerm(e)
	}
	t.Text = e.String()
	return t, ok
}

// bareColumn sees through casts that keep the bytes, and those to wider integers, which keep the values.
func bareColumn(e Expr) (*Column, bool) {
	for {
		switch x := e.(type) {
		case *Column:
			return x, true
		case *Cast:
			from := x.Arg.Type()
			wider := from.IsInteger() && x.T.IsInteger() && from.Physical().Width() <= x.T.Physical().Width()
			if !wider && !fn.SameValues(from, x.T) {
				return nil, false
			}
			e = x.Arg
		default:
			return nil, false
		}
	}
}

func simpleTerm(e Expr) (t scan.Term, ok bool) {
	switch x := e.(type) {
	case *Column:
		return scan.Term{Column: x.Index, Op: scan.Eq, Values: []types.Datum{types.BoolOf(true)}}, x.T.Kind == types.Bool
	case *Not:
		c, ok := x.Arg.(*Column)
		if !ok {
			return t, false
		}
		return scan.Term{Column: c.Index, Op: scan.Eq, Values: []types.Datum{types.BoolOf(false)}}, true
	case *IsNull:
		c, ok := bareColumn(x.Arg)
		if !ok {
			return t, false
		}
		op := scan.IsNull
		if x.Negate {
			op = scan.IsNotNull
		}
		return scan.Term{Column: c.Index, Op: op}, true
	case *In:
		return inTerm(x)
	case *Call:
		return callTerm(x)
	}
	return t, false
}

func inTerm(x *In) (t scan.Term, ok bool) {
	c, ok := bareColumn(x.Arg)
	if !ok || x.Negate || len(x.List) == 0 || c.T.Kind == types.Char || c.T.Kind == types.Array {
		return t, false
	}
	vals := make([]types.Datum, 0, len(x.List))
	for _, d := range x.List {
		v, ok := asColumnValue(d, c.T)
		if !ok {
			return t, false
		}
		vals = append(vals, v)
	}
	slices.SortFunc(vals, types.Compare)
	return scan.Term{Column: c.Index, Op: scan.In, Values: vals}, true
}

func callTerm(x *Call) (t scan.Term, ok bool) {
	if !x.Fn.Infix || len(x.Args) != 2 {
		return t, false
	}
	op, ok := termOps[x.Fn.Name]
	if !ok {
		return t, false
	}
	c, ok := bareColumn(x.Args[0])
	k, isConst := x.Args[1].(*Const)
	if !ok {
		c, ok = bareColumn(x.Args[1])
		k, isConst = x.Args[0].(*Const)
		op = swappedOps[op]
	}
	if !ok || !isConst || k.Value.Null || c.T.Kind == types.Char || c.T.Kind == types.Array {
		return t, false
	}
	v, ok := asColumnValue(k.Value, c.T)
	return scan.Term{Column: c.Index, Op: op, Values: []types.Datum{v}}, ok
}

// asColumnValue converts a constant to the column's type when that changes nothing in comparisons.
func asColumnValue(d types.Datum, t types.Type) (types.Datum, bool) {
	from := d.Type
	switch {
	case from == t:
		return d, true
	case from.IsInteger() && t.IsInteger():
		bits := uint(t.Physical().Width()) * 8
		if min := int64(-1) << (bits - 1); d.I < min || d.I > ^min {
			return d, false
		}
	case t.Kind == types.Numeric && from.Kind == types.Numeric:
		x, err := d.Decimal()
		if err != nil || !x.IsFinite() {
			return d, false
		}
		v, err := types.NumericDatum(t, x)
		if err != nil {
			return d, false
		}
		y, err := v.Decimal()
		return v, err == nil && x.Cmp(y) == 0
	case fn.SameValues(from, t), fn.SameValues(t, from):
	case from.Kind == t.Kind && from.Physical() == types.PhysBytes:
	default:
		return d, false
	}
	d.Type = t
	return d, true
}

func entriesTerm(e Expr) (t scan.Term, ok bool) {
	cols := Columns(nil, e)
	if len(cols) != 1 || e.Type().Kind != types.Bool || Volatility(e) != fn.Immutable || !Total(e) {
		return t, false
	}
	p, err := NewPredicate(e)
	if err != nil || p.acceptsNull() {
		return t, false
	}
	return scan.Term{Column: cols[0], Op: scan.Entries, Filter: p}, true
}

// acceptsNull tells whether the condition is true for NULL (x IS NOT TRUE): then it is no term, which NULL never
// satisfies.
func (p *Predicate) acceptsNull() bool {
	v := &batch.Vector{}
	v.ResetConstant(types.NullOf(p.in[0]), 1)
	out := make(batch.Bitmap, 1)
	return p.Filter(v, out) != nil || out.Get(0)
}

// Total tells whether no row can make e raise an error.
func Total(e Expr) bool {
	ok := true
	Walk(e, func(e Expr) bool {
		switch x := e.(type) {
		case *Call:
			ok = ok && x.Fn.Total
		case *Cast:
			ok = ok && fn.SameValues(x.Arg.Type(), x.T)
		case *Param:
			ok = false
		}
		return ok
	})
	return ok
}

// Predicate is a condition over one column, for scans (scan.EntryFilter). It is safe for concurrent use.
type Predicate struct {
	cond Expr // over column 0
	in   []types.Type
	pool sync.Pool // *predicateState
}

type predicateState struct {
	ev *Evaluator
	b  batch.Batch
}

// NewPredicate makes a predicate of a condition that uses exactly one column and nothing of the session.
func NewPredicate(e Expr) (*Predicate, error) {
	p := &Predicate{}
	p.cond = Transform(e, func(e Expr) Expr {
		if c, ok := e.(*Column); ok {
			p.in = []types.Type{c.T}
			return &Column{Index: 0, Name: c.Name, T: c.T}
		}
		return e
	})
	s, err := p.state()
	if err != nil {
		return nil, err
	}
	p.pool.Put(s)
	return p, nil
}

func (p *Predicate) state() (*predicateState, error) {
	if s, ok := p.pool.Get().(*predicateState); ok {
		return s, nil
	}
	env := *foldEnv // Cut is the evaluator's own
	c := compiler{in: p.in, env: &env, inMemo: true}
	root, err := c.node(p.cond)
	if err == nil {
		err = c.failed
	}
	if err != nil {
		return nil, err
	}
	s := &predicateState{ev: &Evaluator{root: root, r: run{env: &env}, pieces: pieces{t: p.cond.Type()}}}
	s.b.Cols = make([]*batch.Vector, 1)
	return s, nil
}

// Filter sets bit i of out where the condition is true for row i of v.
func (p *Predicate) Filter(v *batch.Vector, out batch.Bitmap) error {
	s, err := p.state()
	if err != nil {
		return err
	}
	s.b.Cols[0], s.b.Len = v, v.Len
	err = s.ev.EvalBool(&s.b, out)
	s.b.Cols[0] = nil
	p.pool.Put(s)
	return err
}

// String prints the condition.
func (p *Predicate) String() string { return p.cond.String() }
