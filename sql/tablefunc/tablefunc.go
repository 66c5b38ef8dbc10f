// Package tablefunc makes relations of set-returning functions: what FROM generate_series(...), unnest(...) and ROWS FROM
// read. Lookup tells the binder of those that it does not know itself; Env.Relation runs one, with its arguments computed.
//
// Series are computed as they are read, however long they are, and so are functions beside each other; the rows of the
// others lie in memory, as their argument does. An Env is of one statement and used by one goroutine; what it returns may be
// scanned by several.
package tablefunc

import (
	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/sql/bind"
	"github.com/siltstone-db/siltstone/sql/compile"
	"github.com/siltstone-db/siltstone/sql/pgcatalog"
	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/storage"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

// tableFunction is a set-returning function that the binder does not know itself.
type tableFunction struct {
	args []types.Type
	cols []catalog.Column
	run  func(e *Env, args []types.Datum) ([][]types.Datum, error)
}

// tableFunctions are those that catalog queries of clients use.
var tableFunctions = map[string]*tableFunction{
	"pg_partition_ancestors": {args: []types.Type{types.T(types.Regclass)},
		cols: []catalog.Column{{Name: "relid", Type: types.T(types.Regclass)}}, run: partitionAncestors},
	"pg_get_keywords": {cols: []catalog.Column{{Name: "word", Type: types.T(types.Text)},
		{Name: "catcode", Type: types.T(types.InternalChar)}, {Name: "barelabel", Type: types.T(types.Bool)},
		{Name: "catdesc", Type: types.T(types.Text)}, {Name: "baredesc", Type: types.T(types.Text)}}, run: keywords},
}

// Lookup returns the signature of a function for arguments of some types, or nil. Those of schema siltstone need its name.
func Lookup(schema, name string, args []types.Type) *bind.TableFunction {
	f := lookup(schema, name)
	if f == nil || len(args) != len(f.args) {
		return nil
	}
	return &bind.TableFunction{Args: f.args, Columns: f.cols}
}

func lookup(schema, name string) *tableFunction {
	switch schema {
	case "siltstone":
		return ownFunctions[name]
	case "", "pg_catalog":
		return tableFunctions[name]
	}
	return nil
}

// partitionAncestors answers that a table is its own only ancestor: there are no partitions in the catalog.
func partitionAncestors(_ *Env, args []types.Datum) ([][]types.Datum, error) {
	if args[0].Null {
		return nil, nil
	}
	return [][]types.Datum{{args[0]}}, nil
}

func keywords(*Env, []types.Datum) ([][]types.Datum, error) {
	var rows [][]types.Datum
	for _, w := range pgcatalog.Keywords() {
		rows = append(rows, []types.Datum{types.TextOf(w), types.StringOf(types.T(types.InternalChar), "R"),
			types.BoolOf(false), types.TextOf("reserved"), types.TextOf("requires AS")})
	}
	return rows, nil
}

// Env is what a function may ask while its statement runs.
type Env struct {
	Fn       *fn.Context
	Settings *types.Settings // that elements of arrays are read with
	DB       *storage.DB
	Catalog  func() *catalog.Snapshot // as the transaction sees it
}

// Relation computes a set-returning function of FROM.
func (e *Env) Relation(f *plan.Function) (scan.Relation, error) {
	args := make([]types.Datum, len(f.Args))
	for i, a := range f.Args {
		d, err := compile.Constant(a, e.Fn)
		if err != nil {
			return nil, err
		}
		args[i] = d
	}
	if f.Members != nil {
		return sideBySide(e, f, args)
	}
	return runOne(e, f, args)
}

// runOne computes a function whose arguments are known.
func runOne(e *Env, f *plan.Function, args []types.Datum) (scan.Relation, error) {
	if f.Func == "generate_series" {
		return generateSeries(e, f, args)
	}
	rows, err := functionRows(e, f, args)
	if err != nil {
		return nil, err
	}
	return rowsRelation(f, rows), nil
}

// functionRows computes functions whose rows lie in memory anyway.
func functionRows(e *Env, f *plan.Function, args []types.Datum) ([][]types.Datum, error) {
	switch f.Func {
	case "unnest":
		return unnest(e, args[0])
	case "_pg_expandarray":
		return expandArray(e, args[0])
	case "generate_subscripts":
		return subscripts(args)
	case "string_to_table":
		return splitRows(e, "string_to_array", args)
	case "regexp_matches":
		return regexpMatches(e, args)
	case "regexp_split_to_table":
		return splitRows(e, "regexp_split_to_array", args)
	}
	if run := jsonFunctions[f.Func]; run != nil {
		return run(e, f, args)
	}
	if t := lookup(f.Schema, f.Func); t != nil {
		return t.run(e, args)
	}
	return nil, errs.Unsupported("the set-returning function %s", f.Func)
}

func regexpMatches(e *Env, args []types.Datum) ([][]types.Datum, error) {
	flags := ""
	for _, a := range args {
		if a.Null {
			return nil, nil
		}
	}
	if len(args) == 3 {
		flags = args[2].S
	}
	found, err := fn.RegexpMatches(e.Fn, args[0].S, args[1].S, flags)
	rows := make([][]types.Datum, len(found))
	for i, d := range found {
		rows[i] = []types.Datum{d}
	}
	return rows, err
}

// rowsRelation makes a relation of rows, numbered when the function has WITH ORDINALITY.
func rowsRelation(f *plan.Function, rows [][]types.Datum) scan.Relation {
	ts := f.Types()
	var batches []*batch.Batch
	for i, r := range rows {
		if i%batch.MaxRows == 0 {
			b := batch.New(ts)
			b.Reset()
			batches = append(batches, b)
		}
		b := batches[len(batches)-1]
		for k := range ts {
			if k < len(r) {
				b.Cols[k].AppendDatum(r[k])
			} else {
				b.Cols[k].AppendDatum(types.IntOf(ts[k], int64(i+1)))
			}
		}
		b.Len++
	}
	return pgcatalog.NewRows(ts, batches)
}

func unnest(e *Env, a types.Datum) ([][]types.Datum, error) {
	if a.Null {
		return nil, nil
	}
	elems, err := types.ParseArray([]byte(a.S))
	if err != nil {
		return nil, err
	}
	t := types.T(a.Type.Elem)
	rows := make([][]types.Datum, len(elems))
	for i, elem := range elems {
		d := types.NullOf(t)
		if !elem.Null {
			if d, err = types.ParseWith(t, elem.Text, e.Settings); err != nil {
				return nil, err
			}
		}
		rows[i] = []types.Datum{d}
	}
	return rows, nil
}

// expandArray makes rows of an element and its number.
func expandArray(e *Env, a types.Datum) ([][]types.Datum, error) {
	rows, err := unnest(e, a)
	for i := range rows {
		rows[i] = append(rows[i], types.IntOf(types.T(types.Int4), int64(i+1)))
	}
	return rows, err
}

func subscripts(args []types.Datum) ([][]types.Datum, error) {
	if args[0].Null || args[1].Null || args[1].I != 1 {
		return nil, nil
	}
	elems, err := types.ParseArray([]byte(args[0].S))
	if err != nil {
		return nil, err
	}
	rows := make([][]types.Datum, len(elems))
	for i := range elems {
		rows[i] = []types.Datum{types.IntOf(types.T(types.Int4), int64(i+1))}
	}
	return rows, nil
}

// splitRows makes rows of the array that a scalar function returns.
func splitRows(e *Env, function string, args []types.Datum) ([][]types.Datum, error) {
	exprs := make([]expr.Expr, len(args))
	for i, a := range args {
		exprs[i] = &expr.Const{Value: a}
	}
	call, err := expr.CallFunction(function, exprs...)
	if err != nil {
		return nil, err
	}
	a, err := compile.Constant(call, e.Fn)
	if err != nil {
		return nil, err
	}
	return unnest(e, a)
}

func cast(e *Env, d types.Datum, t types.Type) (types.Datum, error) {
	if d.Type == t {
		return d, nil
	}
	return compile.Constant(&expr.Cast{Arg: &expr.Const{Value: d}, T: t}, e.Fn)
}
