package bind

import (
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/sql/parse"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// funcCall binds f(...): a scalar function, an aggregate, or a cast written as a call.
func (b *Binder) funcCall(s *scope, n *pg.FuncCall) (expr.Expr, error) {
	name, err := b.functionName(s, n)
	if err != nil {
		return nil, err
	}
	if n.AggWithinGroup && hypothetical[name] {
		if n.Over != nil {
			return nil, b.fail(n.Location, errs.FeatureNotSupported, "OVER is not supported for ordered-set aggregate %s", name)
		}
		return nil, b.unsupported(n.Location, "the aggregate %s", name)
	}
	if n.Over != nil && (fn.IsAggregate(name) || fn.IsWindow(name)) {
		return b.windowCall(s, name, n)
	}
	if fn.IsAggregate(name) {
		return b.aggregate(s, name, n)
	}
	if fn.IsOrderedSet(name) {
		return b.orderedSet(s, name, n)
	}
	switch {
	case n.AggStar:
		return nil, b.fail(n.Location, errs.WrongObjectType, "%s(*) specified, but %s is not an aggregate function", name, name)
	case n.AggDistinct:
		return nil, b.fail(n.Location, errs.WrongObjectType, "DISTINCT specified, but %s is not an aggregate function", name)
	case len(n.AggOrder) > 0 && !n.AggWithinGroup:
		return nil, b.fail(n.Location, errs.WrongObjectType, "ORDER BY specified, but %s is not an aggregate function", name)
	case n.AggFilter != nil:
		return nil, b.fail(n.Location, errs.WrongObjectType, "FILTER specified, but %s is not an aggregate function", name)
	case missingAggregates[name]:
		return nil, b.unsupported(n.Location, "the aggregate %s", name)
	case fn.IsWindow(name):
		return nil, b.fail(n.Location, errs.WrongObjectType, "window function %s requires an OVER clause", name)
	case n.Over != nil && len(fn.Functions(name)) > 0:
		return nil, b.fail(n.Location, errs.WrongObjectType, "OVER specified, but %s is not a window function nor an aggregate function", name)
	case n.FuncVariadic:
		return nil, b.unsupported(n.Location, "VARIADIC")
	}
	switch s.clause {
	case "transform expressions", "check constraints", "DEFAULT expressions", "WHERE":
		if setReturning[name] {
			return nil, b.fail(n.Location, errs.FeatureNotSupported, "set-returning functions are not allowed in %s", s.clause)
		}
	}
	if setReturning[name] && s.group != nil && s.group.windows.inside {
		return nil, b.fail(n.Location, errs.FeatureNotSupported, "window function calls cannot contain set-returning function calls").
			WithHint("You might be able to move the set-returning function into a LATERAL FROM item.")
	}
	if setReturning[name] {
		return nil, b.unsupported(n.Location, "the set-returning function %s here", name)
	}
	if e, err := b.jsonRow(s, name, n); e != nil || err != nil {
		return e, err
	}
	args, places, err := b.callArguments(s, name, n)
	if err != nil {
		return nil, err
	}
	if len(args) == 1 && len(fn.Functions(name)) == 0 {
		if k, ok := typeKinds[name]; ok && fn.CanCast(args[0].Type(), types.T(k), fn.Explicit) {
			return b.cast(args[0], types.T(k), n.Location, places[0])
		}
	}
	if name == "pg_typeof" && len(args) == 1 && args[0].Type().Kind == types.Unknown {
		return b.named("unknown", types.T(types.Regtype), n.Location) // a literal that nothing gave a type
	}
	e, err := b.call(name, args, places, n.Location)
	if err != nil && len(n.Funcname) > 1 && errs.Is(err, errs.UndefinedFunction) {
		q := *errs.From(err) // PostgreSQL names the function as it was written
		q.Message = strings.Replace(q.Message, "function "+name+"(", "function "+strings.Join(parse.Names(n.Funcname), ".")+"(", 1)
		return nil, &q
	}
	return e, err
}

// functionName returns the name of a function of pg_catalog; there are no others.
func (b *Binder) functionName(s *scope, n *pg.FuncCall) (string, error) {
	parts := parse.Names(n.Funcname)
	name := parts[len(parts)-1]
	if len(parts) == 1 || parts[len(parts)-2] == "pg_catalog" || parts[len(parts)-2] == "siltstone" {
		return name, nil
	}
	args, _, err := b.exprs(s, n.Args)
	if err != nil {
		return "", err
	}
	ts := make([]string, len(args))
	for i, a := range args {
		ts[i] = plainType(a.Type()).String()
	}
	return "", b.fail(n.Location, errs.UndefinedFunction, "function %s(%s) does not exist", strings.Join(parts, "."), strings.Join(ts, ", ")).
		WithHint("No function matches the given name and argument types. You might need to add explicit type casts.")
}

// call resolves a scalar function over bound arguments. Without places, the arguments stand where the call does.
func (b *Binder) call(name string, args []expr.Expr, places []int32, loc int32) (expr.Expr, error) {
	o, want, err := fn.Resolve(name, typesOf(args))
	if err != nil {
		return nil, b.at(err, loc)
	}
	out := make([]expr.Expr, len(args))
	for i, a := range args {
		place := loc
		if places != nil {
			place = places[i]
		}
		if out[i], err = b.coerce(a, want[i], place); err != nil {
			return nil, err
		}
	}
	return expr.NewCall(o, out), nil
}

// setReturning are the functions of FROM that are not in the registry of scalar functions.
var setReturning = map[string]bool{"generate_series": true, "unnest": true, "generate_subscripts": true,
	"regexp_split_to_table": true, "regexp_matches": true, "string_to_table": true,
	"json_array_elements": true, "json_array_elements_text": true, "json_each": true, "json_each_text": true, "json_object_keys": true,
	"jsonb_array_elements": true, "jsonb_array_elements_text": true, "jsonb_each": true, "jsonb_each_text": true, "jsonb_object_keys": true,
	"jsonb_path_query": true, "jsonb_path_query_tz": true}

// missingAggregates exist in PostgreSQL, so they are refused as missing and not as unknown.
var missingAggregates = wordSet("xmlagg range_agg range_intersect_agg")

// hypothetical are the window functions that are aggregates with WITHIN GROUP.
var hypothetical = wordSet("rank dense_rank percent_rank cume_dist")

func wordSet(words string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(words) {
		m[w] = true
	}
	return m
}
