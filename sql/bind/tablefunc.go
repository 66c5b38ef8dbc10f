package bind

import (
	"slices"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/sql/parse"
	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// tableFunction binds a call of a set-returning function; it returns nil when the function is not one.
func (b *Binder) tableFunction(s *scope, n *pg.FuncCall, parts []string) (*plan.Function, []plan.Column, error) {
	name, schema := parts[len(parts)-1], ""
	if len(parts) > 1 {
		schema = parts[len(parts)-2]
	}
	builtIn := setReturning[name] && (schema == "" || schema == "pg_catalog")
	if !builtIn && len(fn.Functions(name)) > 0 {
		return nil, nil, nil
	}
	args, places, err := b.exprs(s, n.Args)
	if err != nil {
		return nil, nil, err
	}
	ts := make([]types.Type, len(args))
	for i, a := range args {
		ts[i] = a.Type()
	}
	want, results, err := b.functionTypes(schema, name, ts, n.Location)
	if err != nil || results == nil {
		return nil, nil, err
	}
	f := &plan.Function{Schema: schema, Func: name}
	for i, a := range args {
		if a, err = b.coerce(a, want[i], places[i]); err != nil {
			return nil, nil, err
		}
		f.Args = append(f.Args, a)
	}
	for _, r := range results {
		f.Results = append(f.Results, r.Type)
	}
	return f, results, nil
}

// functionTypes returns the argument and result types of a call.
func (b *Binder) functionTypes(schema, name string, ts []types.Type, loc int32) ([]types.Type, []plan.Column, error) {
	one := func(t types.Type, want ...types.Type) ([]types.Type, []plan.Column, error) {
		return want, []plan.Column{b.newColumn(name, t)}, nil
	}
	switch {
	case name == "generate_series" && (len(ts) == 2 || len(ts) == 3):
		if want := seriesTypes(ts); want != nil {
			return one(want[0], want...)
		}
		if ts[0].Kind == types.Unknown && ts[1].Kind == types.Unknown {
			return nil, nil, b.fail(loc, errs.AmbiguousFunction, "function generate_series(%s) is not unique", typeList(ts)).
				WithHint("Could not choose a best candidate function. You might need to add explicit type casts.")
		}
	case name == "unnest" && len(ts) == 1 && ts[0].Kind == types.Array:
		return one(types.T(ts[0].Elem), ts[0])
	case name == "generate_subscripts" && len(ts) == 2 && ts[0].Kind == types.Array:
		return one(types.T(types.Int4), ts[0], types.T(types.Int4))
	case name == "_pg_expandarray" && schema == "information_schema" && len(ts) == 1 && ts[0].Kind == types.Array:
		return ts, []plan.Column{b.newColumn("x", types.T(ts[0].Elem)), b.newColumn("n", types.T(types.Int4))}, nil
	case name == "regexp_matches" && (len(ts) == 2 || len(ts) == 3):
		want := []types.Type{types.T(types.Text), types.T(types.Text), types.T(types.Text)}
		return one(types.ArrayOf(types.Text), want[:len(ts)]...)
	case name == "string_to_table" && len(ts) == 2 || name == "regexp_split_to_table" && len(ts) == 2:
		return one(types.T(types.Text), types.T(types.Text), types.T(types.Text))
	}
	if want, cols := b.jsonRelation(name, len(ts)); want != nil {
		for i, t := range ts {
			if !fn.CanCast(t, want[i], fn.Implicit) {
				_, _, err := fn.Resolve(name, ts)
				return nil, nil, b.at(err, loc)
			}
		}
		return want, cols, nil
	}
	f, err := b.resolver.Function(schema, name, ts)
	if err != nil {
		return nil, nil, b.at(err, loc)
	}
	if f == nil {
		if setReturning[name] {
			_, _, err := fn.Resolve(name, ts)
			return nil, nil, b.at(err, loc)
		}
		return nil, nil, nil
	}
	if len(f.Args) != len(ts) {
		return nil, nil, errs.Internal("function %s: %d arguments for %d", name, len(ts), len(f.Args))
	}
	var cols []plan.Column
	for _, c := range f.Columns {
		cols = append(cols, b.newColumn(c.Name, c.Type))
	}
	return f.Args, cols, nil
}

func typeList(ts []types.Type) string {
	names := make([]string, len(ts))
	for i, t := range ts {
		names[i] = plainType(t).String()
	}
	return strings.Join(names, ", ")
}

// seriesTypes chooses between the series of integers, of numerics, and of times with an interval as step.
func seriesTypes(ts []types.Type) []types.Type {
	best := types.Invalid
	for _, t := range ts[:2] {
		switch t.Kind {
		case types.Unknown:
			continue
		case types.Int2, types.Int4:
			best = max(best, types.Int4)
		case types.Int8, types.Numeric, types.Timestamptz:
			best = max(best, t.Kind)
		case types.Date, types.Timestamp:
			k := types.Timestamp
			if t.Kind == types.Date {
				k = types.Timestamptz
			}
			best = max(best, k)
		default:
			return nil
		}
	}
	switch {
	case best == types.Invalid:
		return nil
	case best >= types.Date:
		if len(ts) != 3 || ts[2].Kind != types.Interval && ts[2].Kind != types.Unknown {
			return nil
		}
		return []types.Type{types.T(best), types.T(best), types.T(types.Interval)}
	}
	if len(ts) == 3 {
		switch k := ts[2].Kind; k {
		case types.Int2, types.Int4, types.Unknown:
		case types.Int8, types.Numeric:
			best = max(best, k)
		default:
			return nil
		}
	}
	want := make([]types.Type, len(ts))
	for i := range want {
		want[i] = types.T(best)
	}
	return want
}

// seriesInSelect binds a set-returning function that is an item of the select list. joinSeries makes the join with its
// rows. A field chooses one column of a function that returns several.
func (b *Binder) seriesInSelect(s *scope, n *pg.FuncCall, field string) (expr.Expr, bool, error) {
	parts := parse.Names(n.Funcname)
	name := parts[len(parts)-1]
	if fn.IsAggregate(name) || n.Over != nil || rowArguments[name] || !setReturning[name] && len(fn.Functions(name)) > 0 {
		return nil, false, nil
	}
	if _, cast := typeKinds[name]; cast {
		return nil, false, nil
	}
	f, cols, err := b.tableFunction(s, n, parts)
	if err != nil || f == nil {
		return nil, false, err
	}
	chosen := 0
	switch {
	case field != "" && len(cols) == 1:
		return nil, false, b.fail(n.Location, errs.WrongObjectType,
			"column notation .%s applied to type %s, which is not a composite type", field, plainType(cols[0].Type))
	case field != "":
		if chosen = slices.IndexFunc(cols, func(c plan.Column) bool { return c.Name == field }); chosen < 0 {
			return nil, false, b.fail(n.Location, errs.UndefinedColumn, "could not identify column %q in record data type", field)
		}
	case len(cols) != 1:
		return nil, false, b.unsupported(n.Location, "a function that returns several columns in the select list")
	}
	scan := &plan.Scan{Virtual: f, Alias: name, Cols: cols}
	for i := range cols {
		scan.Cols[i].Ordinal = i
		scan.Ordinals = append(scan.Ordinals, i)
	}
	s.series = append(s.series, scan)
	return ref(cols[chosen]), true, nil
}

// joinSeries joins the rows of a select list's set-returning functions to the input: several run side by side, and NULL
// stands where one has ended before the others. It returns their columns.
func (b *Binder) joinSeries(s *scope) plan.Set {
	if len(s.series) == 0 {
		return nil
	}
	scan := together(s.series)
	s.node = cross(s.node, scan)
	s.series = nil
	return plan.OutputSet(scan)
}

// together makes one scan of several scans of functions.
func together(scans []*plan.Scan) *plan.Scan {
	if len(scans) == 1 {
		return scans[0]
	}
	out := &plan.Scan{Alias: scans[0].Alias}
	var all []*plan.Function
	for _, x := range scans {
		all = append(all, x.Virtual.(*plan.Function))
		out.Cols = append(out.Cols, x.Cols...)
	}
	for i := range out.Cols {
		out.Ordinals = append(out.Ordinals, i)
		out.Cols[i].Ordinal = i
	}
	out.Virtual = plan.Together(all)
	return out
}
