package session

import (
	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/sql/bind"
	"github.com/siltstone-db/siltstone/sql/compile"
	"github.com/siltstone-db/siltstone/sql/pgcatalog"
	"github.com/siltstone-db/siltstone/sql/plan"
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
	run  func(v *virtual, args []types.Datum) ([][]types.Datum, error)
}

// tableFunctions are those that catalog queries of clients use.
var tableFunctions = map[string]*tableFunction{
	"pg_partition_ancestors": {args: []types.Type{types.T(types.Regclass)},
		cols: []catalog.Column{{Name: "relid", Type: types.T(types.Regclass)}}, run: partitionAncestors},
	"pg_get_keywords": {cols: []catalog.Column{{Name: "word", Type: types.T(types.Text)},
		{Name: "catcode", Type: types.T(types.InternalChar)}, {Name: "barelabel", Type: types.T(types.Bool)},
		{Name: "catdesc", Type: types.T(types.Text)}, {Name: "baredesc", Type: types.T(types.Text)}}, run: keywords},
}

func (f *tableFunction) signature(args []types.Type) *bind.TableFunction {
	if f == nil || len(args) != len(f.args) {
		return nil
	}
	return &bind.TableFunction{Args: f.args, Columns: f.cols}
}

// partitionAncestors answers that a table is its own only ancestor: there are no partitions in the catalog.
func partitionAncestors(_ *virtual, args []types.Datum) ([][]types.Datum, error) {
	if args[0].Null {
		return nil, nil
	}
	return [][]types.Datum{{args[0]}}, nil
}

func keywords(*virtual, []types.Datum) ([][]types.Datum, error) {
	var rows [][]types.Datum
	for _, w := range pgcatalog.Keywords() {
		rows = append(rows, []types.Datum{types.TextOf(w), types.StringOf(types.T(types.InternalChar), "R"),
			types.BoolOf(false), types.TextOf("reserved"), types.TextOf("requires AS")})
	}
	return rows, nil
}

// runFunction computes a set-returning function of FROM.
func runFunction(v *virtual, f *plan.Function) (scan.Relation, error) {
	args := make([]types.Datum, len(f.Args))
	for i, e := range f.Args {
		d, err := compile.Constant(e, v.fn)
		if err != nil {
			return nil, err
		}
		args[i] = d
	}
	if f.Members != nil {
		return sideBySide(v, f, args)
	}
	return runOne(v, f, args)
}

// runOne computes a function whose arguments are known.
func runOne(v *virtual, f *plan.Function, args []types.Datum) (scan.Relation, error) {
	if f.Func == "generate_series" {
		return generateSeries(v, f, args)
	}
	rows, err := functionRows(v, f, args)
	if err != nil {
		return nil, err
	}
	return rowsRelation(f, rows), nil
}

// functionRows computes functions whose rows lie in memory anyway.
func functionRows(v *virtual, f *plan.Function, args []types.Datum) ([][]types.Datum, error) {
	switch f.Func {
	case "unnest":
		return unnest(v, args[0])
	case "_pg_expandarray":
		return expandArray(v, args[0])
	case "generate_subscripts":
		return subscripts(args)
	case "string_to_table":
		return splitRows(v, "string_to_array", args)
	case "regexp_split_to_table":
		return splitRows(v, "regexp_split_to_array", args)
	}
	if t := tableFunctions[f.Func]; t != nil {
		return t.run(v, args)
	}
	return nil, errs.Unsupported("the set-returning function %s", f.Func)
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

func unnest(v *virtual, a types.Datum) ([][]types.Datum, error) {
	if a.Null {
		return nil, nil
	}
	elems, err := types.ParseArray([]byte(a.S))
	if err != nil {
		return nil, err
	}
	t := types.T(a.Type.Elem)
	rows := make([][]types.Datum, len(elems))
	for i, e := range elems {
		d := types.NullOf(t)
		if !e.Null {
			if d, err = types.ParseWith(t, e.Text, v.s.TypeSettings()); err != nil {
				return nil, err
			}
		}
		rows[i] = []types.Datum{d}
	}
	return rows, nil
}

// expandArray makes rows of an element and its number.
func expandArray(v *virtual, a types.Datum) ([][]types.Datum, error) {
	rows, err := unnest(v, a)
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
func splitRows(v *virtual, function string, args []types.Datum) ([][]types.Datum, error) {
	exprs := make([]expr.Expr, len(args))
	for i, a := range args {
		exprs[i] = &expr.Const{Value: a}
	}
	call, err := expr.CallFunction(function, exprs...)
	if err != nil {
		return nil, err
	}
	a, err := compile.Constant(call, v.fn)
	if err != nil {
		return nil, err
	}
	return unnest(v, a)
}

func cast(v *virtual, d types.Datum, t types.Type) (types.Datum, error) {
	if d.Type == t {
		return d, nil
	}
	return compile.Constant(&expr.Cast{Arg: &expr.Const{Value: d}, T: t}, v.fn)
}
