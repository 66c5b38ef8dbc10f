package bind

import (
	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/engine/window"
	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// windowing is what a query collects of window functions while its select list and ORDER BY are bound: each call is
// replaced by a column of its own, and computed above the groups.
type windowing struct {
	clauses []*windowClause // those of WINDOW that were bound
	calls   []windowCall
	inside  bool // arguments of a call are being bound
}

// windowCall is a call with its window.
type windowCall struct {
	plan.WindowCall
	clause *windowClause
	col    plan.Column
}

// windowCall binds a call with OVER.
func (b *Binder) windowCall(s *scope, name string, n *pg.FuncCall) (expr.Expr, error) {
	var c windowCall
	var t types.Type
	var err error
	bind := func() error {
		if fn.IsAggregate(name) {
			t, err = b.windowAggregate(s, name, n, &c)
		} else {
			t, err = b.windowFunction(s, name, n, &c)
		}
		return err
	}
	if s.group == nil || s.clause != "" || s.windowless != "" {
		return nil, b.noWindowHere(s, name, n.Location)
	}
	switch w := &s.group.windows; {
	case s.group.argument:
		return nil, b.fail(n.Location, errs.GroupingError, "aggregate function calls cannot contain window function calls")
	case w.inside:
		return nil, b.fail(n.Location, errs.WindowingError, "window function calls cannot be nested")
	default:
		w.inside = true
		err = bind()
		w.inside = false
	}
	if err != nil {
		return nil, err
	}
	if c.clause, err = b.over(s, n.Over); err != nil {
		return nil, err
	}
	c.Frame = c.clause.frame
	return b.remember(s.group.windows.add(b, name, c, t), n.Location), nil
}

// noWindowHere refuses a window function where there can be none.
func (b *Binder) noWindowHere(s *scope, name string, loc int32) error {
	clause := s.clause
	if s.windowless != "" {
		clause = s.windowless
	}
	if clause == "" {
		return b.unsupported(loc, "the window function %s here", name)
	}
	return b.fail(loc, errs.WindowingError, "window functions are not allowed in %s", clause)
}

// without runs what binds a clause that window functions may not stand in.
func (s *scope) without(clause string, bind func() error) error {
	outer := s.windowless
	s.windowless = clause
	err := bind()
	s.windowless = outer
	return err
}

// windowAggregate binds an aggregate function with OVER.
func (b *Binder) windowAggregate(s *scope, name string, n *pg.FuncCall, c *windowCall) (types.Type, error) {
	var t types.Type
	switch {
	case n.AggStar && name != "count":
		return t, b.fail(n.Location, errs.UndefinedFunction, "function %s() does not exist", name).
			WithHint("No function matches the given name and argument types. You might need to add explicit type casts.")
	case n.AggWithinGroup:
		return t, b.fail(n.Location, errs.WrongObjectType, "%s is not an ordered-set aggregate, so it cannot have WITHIN GROUP", name)
	case n.AggDistinct:
		return t, b.fail(n.Location, errs.FeatureNotSupported, "DISTINCT is not implemented for window functions")
	case !n.AggStar && len(n.Args) == 0 && name == "count":
		return t, b.fail(n.Location, errs.WrongObjectType, "%s(*) must be used to call a parameterless aggregate function", name)
	case len(n.AggOrder) > 0:
		return t, b.fail(n.Location, errs.FeatureNotSupported, "aggregate ORDER BY is not implemented for window functions")
	}
	b.arguments++
	call, t, err := b.aggregateCall(s, name, n)
	b.arguments--
	c.Aggregate, c.Args, c.Filter = call.Fn, call.Args, call.Filter
	return t, err
}

// windowFunction binds a window function that is no aggregate.
func (b *Binder) windowFunction(s *scope, name string, n *pg.FuncCall, c *windowCall) (types.Type, error) {
	args, places, err := b.exprs(s, n.Args)
	if err != nil {
		return types.Type{}, err
	}
	if args, err = b.windowDefault(name, args, places); err != nil {
		return types.Type{}, b.at(err, n.Location)
	}
	f, want, err := fn.ResolveWindow(name, typesOf(args))
	if err != nil {
		return types.Type{}, b.at(err, n.Location)
	}
	switch {
	case n.AggWithinGroup:
		return types.Type{}, b.fail(n.Location, errs.WrongObjectType, "window function %s cannot have WITHIN GROUP", name)
	case n.AggDistinct:
		return types.Type{}, b.fail(n.Location, errs.FeatureNotSupported, "DISTINCT is not implemented for window functions")
	case len(n.AggOrder) > 0:
		return types.Type{}, b.fail(n.Location, errs.FeatureNotSupported, "aggregate ORDER BY is not implemented for window functions")
	case n.AggFilter != nil:
		return types.Type{}, b.fail(n.Location, errs.FeatureNotSupported, "FILTER is not implemented for non-aggregate window functions")
	case len(f.Args) > 0 && f.Args[0].Kind == types.Invalid && args[0].Type().Kind == types.Unknown:
		return types.Type{}, b.fail(-1, errs.DatatypeMismatch, "could not determine polymorphic type because input has type unknown")
	}
	for i := range args {
		if args[i], err = b.coerce(args[i], want[i], places[i]); err != nil {
			return types.Type{}, err
		}
	}
	c.Fn, c.Args = f, args
	return f.Result(typesOf(args)), nil
}

// windowDefault gives the value and the default of lag and lead one type.
func (b *Binder) windowDefault(name string, args []expr.Expr, places []int32) ([]expr.Expr, error) {
	if name != "lag" && name != "lead" || len(args) != 3 {
		return args, nil
	}
	both, _, err := b.common(name, []expr.Expr{args[0], args[2]}, []int32{places[0], places[2]})
	if err != nil && errs.Is(err, errs.DatatypeMismatch) { // no such function, then
		_, _, err = fn.Resolve(name, typesOf(args))
	}
	if err != nil {
		return nil, err
	}
	return []expr.Expr{both[0], args[1], both[1]}, nil
}

// add gives a call its column, or returns that of the same call.
func (w *windowing) add(b *Binder, name string, c windowCall, t types.Type) *expr.Column {
	for i := range w.calls {
		o := &w.calls[i]
		if o.Fn == c.Fn && o.Aggregate == c.Aggregate && sameExprs(o.Args, c.Args) && sameExpr(o.Filter, c.Filter) &&
			o.clause.same(c.clause) && o.clause.sameFrame(c.clause) && !volatileCall(&c.WindowCall) {
			return ref(o.col)
		}
	}
	c.col = b.newColumn(name, t)
	w.calls = append(w.calls, c)
	return ref(c.col)
}

func volatileCall(c *plan.WindowCall) bool {
	for _, e := range c.Exprs() {
		if expr.Volatile(e) {
			return true
		}
	}
	return false
}

func sameExpr(a, b expr.Expr) bool {
	return a == nil && b == nil || a != nil && b != nil && expr.Equal(a, b)
}

func sameExprs(a, b []expr.Expr) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !expr.Equal(a[i], b[i]) {
			return false
		}
	}
	return true
}

// aboveGroups makes the windows read the groups of a query in place of its rows.
func (b *Binder) aboveGroups(s *scope) error {
	w := &s.group.windows
	above := func(e *expr.Expr) (err error) {
		*e, err = b.aboveItem(s, *e, -1)
		return err
	}
	done := map[*windowClause]bool{}
	for i := range w.calls {
		c := &w.calls[i]
		for k := range c.Args {
			if err := above(&c.Args[k]); err != nil {
				return err
			}
		}
		if c.Filter != nil {
			if err := above(&c.Filter); err != nil {
				return err
			}
		}
		w.clauses = append(w.clauses, c.clause)
	}
	for _, c := range w.clauses {
		if done[c] {
			continue
		}
		done[c] = true
		for k := range c.part {
			if err := above(&c.part[k]); err != nil {
				return err
			}
		}
		for k := range c.order {
			if err := above(&c.order[k].Expr); err != nil {
				return err
			}
		}
	}
	return nil
}

// windowNodes puts the windows over the rows, one node for each partition and order.
func (b *Binder) windowNodes(s *scope) {
	calls := s.group.windows.calls
	done := make([]bool, len(calls))
	for i := range calls {
		if done[i] {
			continue
		}
		clause := calls[i].clause
		node := &plan.Window{Input: s.node}
		for _, e := range clause.part {
			node.Keys = append(node.Keys, plan.SortKey{Expr: e})
		}
		part := len(node.Keys)
		node.Keys = append(node.Keys, clause.order...)
		for k := i; k < len(calls); k++ {
			if done[k] || !calls[k].clause.same(clause) {
				continue
			}
			done[k] = true
			c := calls[k].WindowCall
			c.Part, c.Order = part, len(node.Keys)
			node.Calls, node.Cols = append(node.Calls, c), append(node.Cols, calls[k].col)
		}
		s.node = node
	}
}

// checkWindows refuses what cannot stand beside window functions.
func (b *Binder) checkWindows(s *scope, targets []target) error {
	if len(s.group.windows.calls) == 0 {
		return nil
	}
	for i := range targets {
		if targets[i].series {
			return b.unsupported(targets[i].loc, "a set-returning function in the select list of a query with window functions")
		}
	}
	return nil
}

// The bits of WindowDef.FrameOptions (PostgreSQL's FRAMEOPTION_*).
const (
	frameNonDefault = 0x1
	frameRows       = 0x4
	frameGroups     = 0x8
	frameStarts     = 0x20 // bits of the start, each followed by that of the end
	frameEnds       = 0x40
	frameExclusions = 0x8000
)

// frameBound tells a kind of bound by the bits of options of one end, which are two apart.
func frameBound(options, first int32) window.BoundKind {
	for i, k := range []window.BoundKind{window.UnboundedPreceding, window.UnboundedFollowing, window.CurrentRow, window.Preceding, window.Following} {
		if options&(first<<(2*i)) != 0 {
			return k
		}
	}
	return window.CurrentRow
}

// frameOf reads what options say of a frame; offsets are bound by themselves.
func frameOf(options int32) plan.WindowFrame {
	f := plan.WindowFrame{Mode: window.Range}
	switch {
	case options&frameRows != 0:
		f.Mode = window.Rows
	case options&frameGroups != 0:
		f.Mode = window.Groups
	}
	f.Start.Kind, f.End.Kind = frameBound(options, frameStarts), frameBound(options, frameEnds)
	for i, x := range []window.Exclusion{window.ExcludeCurrentRow, window.ExcludeGroup, window.ExcludeTies} {
		if options&(frameExclusions<<i) != 0 {
			f.Exclude = x
		}
	}
	return f
}
