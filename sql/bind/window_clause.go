package bind

import (
	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/engine/window"
	"github.com/siltstone-db/siltstone/sql/parse"
	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// windowClause is a bound window: one of WINDOW, or what OVER says in place of one.
type windowClause struct {
	name   string
	part   []expr.Expr
	order  []plan.SortKey
	frame  plan.WindowFrame
	framed bool // the frame was written
}

// same tells whether two windows have the same partition and order.
func (c *windowClause) same(o *windowClause) bool {
	if c == o {
		return true
	}
	if !sameExprs(c.part, o.part) || len(c.order) != len(o.order) {
		return false
	}
	for i := range c.order {
		x, y := &c.order[i], &o.order[i]
		if x.Desc != y.Desc || x.NullsFirst != y.NullsFirst || !expr.Equal(x.Expr, y.Expr) {
			return false
		}
	}
	return true
}

func (c *windowClause) sameFrame(o *windowClause) bool {
	x, y := &c.frame, &o.frame
	return x.Mode == y.Mode && x.Exclude == y.Exclude && x.Start.Kind == y.Start.Kind && x.End.Kind == y.End.Kind &&
		sameExpr(x.Start.Offset, y.Start.Offset) && sameExpr(x.End.Offset, y.End.Offset)
}

// namedWindows binds the WINDOW clause.
func (b *Binder) namedWindows(s *scope, list []*pg.Node) error {
	w := &s.group.windows
	for _, n := range list {
		d := n.GetWindowDef()
		if w.find(d.Name) != nil {
			return b.fail(d.Location, errs.WindowingError, "window %q is already defined", d.Name)
		}
		c, err := b.windowDef(s, d, true)
		if err != nil {
			return err
		}
		w.clauses = append(w.clauses, c)
	}
	return nil
}

func (w *windowing) find(name string) *windowClause {
	for _, c := range w.clauses {
		if c.name == name && name != "" {
			return c
		}
	}
	return nil
}

// over binds what stands behind OVER: the name of a window, or a window without a name.
func (b *Binder) over(s *scope, d *pg.WindowDef) (*windowClause, error) {
	if d.Name == "" {
		return b.windowDef(s, d, false)
	}
	if c := s.group.windows.find(d.Name); c != nil {
		return c, nil
	}
	return nil, b.fail(d.Location, errs.UndefinedObject, "window %q does not exist", d.Name)
}

// windowDef binds a window, which may add an order to another one.
func (b *Binder) windowDef(s *scope, d *pg.WindowDef, named bool) (*windowClause, error) {
	c := &windowClause{name: d.Name, framed: d.FrameOptions&frameNonDefault != 0}
	var base *windowClause
	if d.Refname != "" {
		if base = s.group.windows.find(d.Refname); base == nil {
			return nil, b.fail(d.Location, errs.UndefinedObject, "window %q does not exist", d.Refname)
		}
	}
	err := s.without("window definitions", func() error { return b.windowKeys(s, c, d) })
	if err != nil {
		return nil, err
	}
	if base != nil {
		if err := b.inherit(c, base, d, named); err != nil {
			return nil, err
		}
	}
	c.frame = frameOf(d.FrameOptions)
	return c, b.windowFrame(s, c, d)
}

// inherit takes over what the window referred to has.
func (b *Binder) inherit(c, base *windowClause, d *pg.WindowDef, named bool) error {
	switch {
	case len(d.PartitionClause) > 0:
		return b.fail(d.Location, errs.WindowingError, "cannot override PARTITION BY clause of window %q", d.Refname)
	case len(c.order) > 0 && len(base.order) > 0:
		return b.fail(d.Location, errs.WindowingError, "cannot override ORDER BY clause of window %q", d.Refname)
	case base.framed && (named || len(c.order) > 0 || c.framed):
		return b.fail(d.Location, errs.WindowingError, "cannot copy window %q because it has a frame clause", d.Refname)
	case base.framed:
		return b.fail(d.Location, errs.WindowingError, "cannot copy window %q because it has a frame clause", d.Refname).
			WithHint("Omit the parentheses in this OVER clause.")
	}
	c.part = append([]expr.Expr(nil), base.part...)
	if len(c.order) == 0 {
		c.order = append([]plan.SortKey(nil), base.order...)
	}
	return nil
}

// windowKeys binds PARTITION BY and ORDER BY, whose items are expressions over the input.
func (b *Binder) windowKeys(s *scope, c *windowClause, d *pg.WindowDef) error {
	bind := func(n *pg.Node) (expr.Expr, error) {
		e, err := b.expr(s, n)
		if err != nil {
			return nil, err
		}
		return b.textIfUnknown(e, parse.Location(n))
	}
	for _, o := range d.OrderClause {
		k, err := b.sortKey(o.GetSortBy(), bind)
		if err != nil {
			return err
		}
		same := false
		for i := range c.order {
			same = same || expr.Equal(c.order[i].Expr, k.Expr)
		}
		if !same {
			c.order = append(c.order, k)
		}
	}
	for _, n := range d.PartitionClause {
		e, err := bind(n)
		if err != nil {
			return err
		}
		if !containsExpr(c.part, e) && !expr.IsConst(e) {
			c.part = append(c.part, e)
		}
	}
	return b.tooMany(len(c.part)+len(c.order), -1)
}

// windowFrame binds the offsets of a frame.
func (b *Binder) windowFrame(s *scope, c *windowClause, d *pg.WindowDef) error {
	offset := d.StartOffset != nil || d.EndOffset != nil
	word := [...]string{"RANGE", "ROWS", "GROUPS"}[c.frame.Mode]
	switch {
	case c.frame.Mode == window.Range && offset && len(c.order) != 1:
		return b.fail(d.Location, errs.WindowingError, "RANGE with offset PRECEDING/FOLLOWING requires exactly one ORDER BY column")
	case c.frame.Mode == window.Groups && len(c.order) == 0:
		return b.fail(d.Location, errs.WindowingError, "GROUPS mode requires an ORDER BY clause")
	}
	for _, x := range []struct {
		n  *pg.Node
		to *plan.WindowBound
	}{{d.StartOffset, &c.frame.Start}, {d.EndOffset, &c.frame.End}} {
		if x.n == nil {
			continue
		}
		e, err := b.frameOffset(s, x.n, c, word)
		if err != nil {
			return err
		}
		x.to.Offset = e
	}
	return nil
}

// frameOffset binds an offset: the same for all rows, so without columns of the query.
func (b *Binder) frameOffset(s *scope, n *pg.Node, c *windowClause, word string) (expr.Expr, error) {
	outer := s.clause
	s.clause = "window " + word
	var e expr.Expr
	err := s.without("window definitions", func() (err error) {
		e, err = b.expr(s, n)
		return err
	})
	s.clause = outer
	if err != nil {
		return nil, err
	}
	want := types.T(types.Int8)
	if c.frame.Mode == window.Range {
		if want, err = b.rangeOffset(c.order[0].Expr.Type(), e.Type(), parse.Location(n)); err != nil {
			return nil, err
		}
	}
	if t := e.Type(); t.Kind != types.Unknown && !fn.CanCast(t, want, fn.Assignment) {
		return nil, b.fail(parse.Location(n), errs.DatatypeMismatch, "argument of %s must be type %s, not type %s", word, plainType(want), plainType(t))
	}
	if e, err = b.coerce(e, want, parse.Location(n)); err != nil {
		return nil, err
	}
	own := s.from.columns()
	var failed error
	expr.Walk(e, func(e expr.Expr) bool {
		if c, ok := e.(*expr.Column); ok && own.Has(plan.ID(c.Index)) && failed == nil {
			failed = b.fail(b.places[c], errs.InvalidColumnReference, "argument of %s must not contain variables", word)
		}
		return true
	})
	return e, failed
}

// rangeOffsets are the types of offsets for each type of key, as PostgreSQL has in_range functions.
var rangeOffsets = map[types.Kind][]types.Kind{
	types.Int2: {types.Int8, types.Int4, types.Int2}, types.Int4: {types.Int8, types.Int4, types.Int2}, types.Int8: {types.Int8},
	types.Float4: {types.Float8}, types.Float8: {types.Float8}, types.Numeric: {types.Numeric},
	types.Date: {types.Interval}, types.Time: {types.Interval}, types.Timestamp: {types.Interval},
	types.Timestamptz: {types.Interval}, types.Interval: {types.Interval},
}

// rangeOffset chooses the type of a RANGE frame's offset.
func (b *Binder) rangeOffset(key, t types.Type, loc int32) (types.Type, error) {
	all := rangeOffsets[key.Kind]
	if len(all) == 0 {
		return t, b.fail(loc, errs.FeatureNotSupported, "RANGE with offset PRECEDING/FOLLOWING is not supported for column type %s", plainType(key))
	}
	preferred := t.Kind
	if t.Kind == types.Unknown {
		preferred = key.Kind
	}
	chosen, matches := types.Invalid, 0
	for _, k := range all {
		if t.Kind != types.Unknown && t.Kind != k && !fn.CanCast(t, types.T(k), fn.Implicit) {
			continue
		}
		if matches++; chosen != preferred {
			chosen = k
		}
	}
	switch {
	case matches == 0:
		return t, b.fail(loc, errs.FeatureNotSupported, "RANGE with offset PRECEDING/FOLLOWING is not supported for column type %s and offset type %s",
			plainType(key), plainType(t)).WithHint("Cast the offset value to an appropriate type.")
	case matches > 1 && chosen != preferred:
		return t, b.fail(loc, errs.FeatureNotSupported, "RANGE with offset PRECEDING/FOLLOWING has multiple interpretations for column type %s and offset type %s",
			plainType(key), plainType(t)).WithHint("Cast the offset value to the exact intended type.")
	}
	if chosen == t.Kind {
		return t, nil
	}
	return types.T(chosen), nil
}
