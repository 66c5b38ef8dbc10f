package session

import (
	"math"

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

// generateSeries makes a series of integers, numerics or times.
func generateSeries(v *virtual, f *plan.Function, args []types.Datum) (scan.Relation, error) {
	for _, a := range args {
		if a.Null {
			return rowsRelation(f, nil), nil
		}
	}
	switch t := f.Types()[0]; t.Kind {
	case types.Int4, types.Int8:
		return integerSeries(f, t, args)
	case types.Numeric:
		return stepSeries(v, f, args, types.IntOf(types.NumericOf(1, 0), 1))
	default:
		return stepSeries(v, f, args, types.Datum{})
	}
}

func errZeroStep() error {
	return errs.New(errs.InvalidParameterValue, "step size cannot equal zero")
}

func integerSeries(f *plan.Function, t types.Type, args []types.Datum) (scan.Relation, error) {
	start, stop, step := args[0].I, args[1].I, int64(1)
	if len(args) == 3 {
		step = args[2].I
	}
	if step == 0 {
		return nil, errZeroStep()
	}
	var n uint64
	switch {
	case step > 0 && start <= stop:
		n = (uint64(stop)-uint64(start))/uint64(step) + 1
	case step < 0 && start >= stop:
		n = (uint64(start)-uint64(stop))/(-uint64(step)) + 1
	}
	if n > math.MaxInt64 {
		return nil, errs.New(errs.ProgramLimitExceeded, "generate_series has too many values")
	}
	return compile.NewSeries(t, int64(n), f.Ordinality, func(from int64, out *batch.Vector) error {
		x := start + from*step
		if t.Kind == types.Int4 {
			for i, vals := 0, batch.Values[int32](out); i < out.Len; i++ {
				vals[i] = int32(x)
				x += step
			}
			return nil
		}
		for i, vals := 0, batch.Values[int64](out); i < out.Len; i++ {
			vals[i] = x
			x += step
		}
		return nil
	}), nil
}

// seriesRows bounds a series of numerics or times, which lies in memory: 64 MB of values.
const seriesRows = 8 << 20

// stepSeries adds the step with the operator that SQL would use, so that months have the lengths they have.
func stepSeries(v *virtual, f *plan.Function, args []types.Datum, step types.Datum) (scan.Relation, error) {
	t := f.Types()[0]
	if len(args) == 3 {
		step = args[2]
	}
	zero, err := types.Parse(step.Type, map[bool]string{true: "0", false: "0 seconds"}[t.Kind == types.Numeric])
	if err != nil {
		return nil, err
	}
	sign := types.Compare(step, zero)
	if sign == 0 {
		return nil, errZeroStep()
	}
	var rows [][]types.Datum
	cur := args[0]
	for n := 0; ; n++ {
		if c := types.Compare(cur, args[1]); sign > 0 && c > 0 || sign < 0 && c < 0 {
			return rowsRelation(f, rows), nil
		}
		if n == seriesRows {
			return nil, errs.New(errs.ProgramLimitExceeded, "generate_series has more than %d values", seriesRows)
		}
		if n%batch.MaxRows == 0 && v.fn.Ctx != nil && v.fn.Ctx.Err() != nil {
			return nil, v.fn.Ctx.Err()
		}
		d, err := cast(v, cur, t)
		if err != nil {
			return nil, err
		}
		rows = append(rows, []types.Datum{d})
		sum, err := expr.CallOperator("+", &expr.Const{Value: cur}, &expr.Const{Value: step})
		if err != nil {
			return nil, err
		}
		if cur, err = compile.Constant(sum, v.fn); err != nil {
			return nil, err
		}
	}
}

func cast(v *virtual, d types.Datum, t types.Type) (types.Datum, error) {
	if d.Type == t {
		return d, nil
	}
	return compile.Constant(&expr.Cast{Arg: &expr.Const{Value: d}, T: t}, v.fn)
}
