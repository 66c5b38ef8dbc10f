package bind

import (
	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/sql/parse"
	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// orderedSet binds f(direct arguments) WITHIN GROUP (ORDER BY x): a list of all x that are not NULL is the aggregate, and
// a function of the direct arguments and the list stands above it. Calls over the same list share it.
func (b *Binder) orderedSet(s *scope, name string, n *pg.FuncCall) (expr.Expr, error) {
	switch {
	case n.Over != nil:
		return nil, b.fail(n.Location, errs.FeatureNotSupported, "OVER is not supported for ordered-set aggregate %s", name)
	case !n.AggWithinGroup:
		args, _, err := b.exprs(s, n.Args)
		if err == nil {
			_, _, err = fn.ResolveOrderedSet(name, typesOf(args))
		}
		if err != nil {
			return nil, b.at(err, n.Location)
		}
		return nil, b.fail(n.Location, errs.WrongObjectType, "WITHIN GROUP is required for ordered-set aggregate %s", name)
	}
	if err := b.aggregateHere(s, name, n.Location); err != nil {
		return nil, err
	}
	var direct []expr.Expr
	var call plan.AggCall
	var final *fn.Overload
	err := b.aggregateArguments(s, n.Location, func() error {
		args, places, err := b.exprs(s, n.Args)
		if err != nil {
			return err
		}
		var keys []plan.SortKey
		for _, o := range n.AggOrder {
			k, err := b.sortKey(o.GetSortBy(), func(n *pg.Node) (expr.Expr, error) { return b.expr(s, n) })
			if err != nil {
				return err
			}
			args, places, keys = append(args, k.Expr), append(places, parse.Location(o)), append(keys, k)
		}
		f, args, err := b.resolveOrderedSet(name, n, args, places)
		if err != nil {
			return err
		}
		last := len(args) - 1
		keys[0].Expr = args[last]
		direct, final = args[:last], f.Final
		call, err = b.listOf(s, n, keys[0])
		return err
	})
	if err != nil {
		return nil, err
	}
	array := s.group.add(b, "array_agg", call, call.Fn.Result([]types.Type{call.Args[0].Type()}), n.Location)
	return expr.NewCall(final, append(direct, b.remember(array, n.Location))), nil
}

func (b *Binder) resolveOrderedSet(name string, n *pg.FuncCall, args []expr.Expr, places []int32) (*fn.OrderedSet, []expr.Expr, error) {
	f, want, err := fn.ResolveOrderedSet(name, typesOf(args))
	if err != nil {
		return nil, nil, b.at(err, n.Location)
	}
	for i := range args {
		if args[i], err = b.coerce(args[i], want[i], places[i]); err != nil {
			return nil, nil, err
		}
	}
	return f, args, nil
}

// listOf is array_agg(x ORDER BY x) FILTER (WHERE x IS NOT NULL AND the call's own filter).
func (b *Binder) listOf(s *scope, n *pg.FuncCall, key plan.SortKey) (plan.AggCall, error) {
	x := key.Expr
	if x.Type().Kind == types.Array {
		return plan.AggCall{}, b.unsupported(n.Location, "an ordered-set aggregate of arrays")
	}
	agg, _, err := fn.ResolveAggregate("array_agg", []types.Type{x.Type()})
	if err != nil {
		return plan.AggCall{}, b.at(err, n.Location)
	}
	call := plan.AggCall{Fn: agg, Args: []expr.Expr{x}, OrderBy: []plan.SortKey{key}, Filter: &expr.IsNull{Arg: x, Negate: true}}
	if n.AggFilter != nil {
		own, err := b.boolean(s, n.AggFilter, "FILTER")
		if err != nil {
			return call, err
		}
		call.Filter = &expr.Logic{Args: []expr.Expr{own, call.Filter}}
	}
	return call, nil
}

func typesOf(es []expr.Expr) []types.Type {
	ts := make([]types.Type, len(es))
	for i, e := range es {
		ts[i] = e.Type()
	}
	return ts
}
