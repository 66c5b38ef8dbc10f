package relop_test

import (
	"testing"

	"github.com/siltstone-db/siltstone/engine/enginetest"
	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/engine/op"
	"github.com/siltstone-db/siltstone/engine/relop"
	"github.com/siltstone-db/siltstone/engine/source"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/types"
)

// TestRepeatAgainstOracle repeats rows as often as the difference of two numbers made of column 0 says: some not at
// all, some often enough to fill batches by themselves.
func TestRepeatAgainstOracle(t *testing.T) {
	times := func(l, r int64) int64 { return l - r }
	enginetest.Cross(t, func(t *testing.T, x *table, s shape) {
		exprs := make([]expr.Expr, 0, len(x.Types)+2)
		for c := range x.Types {
			exprs = append(exprs, column(x, c))
		}
		exprs = append(exprs, call(t, "%", column(x, 0), integer(5)), call(t, "%", column(x, 0), integer(3)))
		project := relop.NewProject(x.Types, exprs, &fn.Context{})
		var want []row
		for _, r := range x.Rows {
			for range max(0, times(r[0].I%5, r[0].I%3)) {
				want = append(want, r)
			}
		}
		got, err := run(t, s, scanOf(x), project, relop.NewRepeat(project.Types(), times))
		if err != nil {
			t.Fatal(err)
		}
		enginetest.Equal(t, "repeat", got, want)
	})
}

// TestRepeatOneRow makes thousands of rows of one.
func TestRepeatOneRow(t *testing.T) {
	ts, rows := ones(1)
	for _, s := range enginetest.Shapes {
		got, err := run(t, s, rows, relop.NewRepeat(ts, func(int64, int64) int64 { return 5000 }))
		if err != nil || len(got) != 5000 || got[4999][0].I != 1 {
			t.Fatalf("%d rows, %v", len(got), err)
		}
	}
}

// ones returns n rows of three columns that are all 1.
func ones(n int) ([]types.Type, op.Source) {
	ts := []types.Type{int8, int8, int8}
	b := batch.New(ts)
	b.Reset()
	for range n {
		for _, c := range b.Cols {
			c.AppendDatum(types.IntOf(int8, 1))
		}
	}
	b.Len = n
	return ts, source.NewValues(ts, []*batch.Batch{b})
}
