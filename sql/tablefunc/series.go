package tablefunc

import (
	"github.com/siltstone-db/siltstone/engine/source"
	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

// generateSeries makes a series of integers, numerics or times.
func generateSeries(e *Env, f *plan.Function, args []types.Datum) (scan.Relation, error) {
	for _, a := range args {
		if a.Null {
			return rowsRelation(f, nil), nil
		}
	}
	t := f.Types()[0]
	if t.Kind == types.Int4 || t.Kind == types.Int8 {
		step := int64(1)
		if len(args) == 3 {
			step = args[2].I
		}
		return source.NewIntegers(t, args[0].I, args[1].I, step, f.Ordinality)
	}
	step := types.IntOf(types.NumericOf(1, 0), 1) // times have no default
	if len(args) == 3 {
		step = args[2]
	}
	first, err := cast(e, args[0], t)
	if err != nil {
		return nil, err
	}
	return source.NewSteps(first, args[1], step, f.Ordinality, e.Fn)
}
