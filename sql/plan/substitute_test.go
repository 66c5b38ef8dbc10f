package plan_test

import (
	"testing"

	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

func limited() plan.Node {
	int8 := types.T(types.Int8)
	in := &plan.Values{Rows: [][]expr.Expr{{&expr.Param{Number: 2, T: int8}}}, Cols: []plan.Column{{ID: 1, Name: "a", Type: int8}}}
	key := plan.SortKey{Expr: &expr.Column{Index: 1, Name: "a", T: int8}}
	return &plan.Limit{Input: &plan.Sort{Input: in, Keys: []plan.SortKey{key}, Limit: -1}, Count: -1,
		CountExpr: &expr.Param{Number: 1, T: int8}}
}

func TestSubstituteSettlesLimits(t *testing.T) {
	int8 := types.T(types.Int8)
	for _, tc := range []struct {
		name   string
		params []types.Datum
		want   string
		code   errs.Code
	}{
		{"number", []types.Datum{types.IntOf(int8, 3), types.IntOf(int8, 7)},
			"Limit\n  Rows: 3\n  ->  Top-K\n        Rows: 3\n        Sort Key: a\n        ->  Result\n", ""},
		{"null is no limit", []types.Datum{types.NullOf(int8), types.IntOf(int8, 7)},
			"Limit\n  ->  Sort\n        Sort Key: a\n        ->  Result\n", ""},
		{"negative", []types.Datum{types.IntOf(int8, -1), types.IntOf(int8, 7)}, "", errs.InvalidRowCountInLimit},
		{"missing", []types.Datum{types.IntOf(int8, 1)}, "", errs.UndefinedParameter},
	} {
		t.Run(tc.name, func(t *testing.T) {
			n := limited()
			before := plan.String(n)
			got, err := plan.Substitute(n, tc.params)
			if tc.code != "" {
				if !errs.Is(err, tc.code) {
					t.Fatalf("got %v, want %s", err, tc.code)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if plan.String(got) != tc.want {
				t.Errorf("got\n%swant\n%s", plan.String(got), tc.want)
			}
			if plan.String(n) != before {
				t.Error("the plan was changed in place")
			}
		})
	}
}

func TestFreeColumnsOfFunction(t *testing.T) {
	int4 := types.T(types.Int4)
	outer := &expr.Column{Index: 9, Name: "x", T: int4}
	n := &plan.Scan{Virtual: &plan.Function{Func: "generate_series", Args: []expr.Expr{outer, outer}, Results: []types.Type{int4}},
		Cols: []plan.Column{{ID: 1, Name: "g", Type: int4}}, Ordinals: []int{0}}
	if free := plan.FreeColumns(n); len(free) != 1 || free[0].Index != 9 {
		t.Fatalf("free columns %v, want the function's argument once", free)
	}
	got, err := plan.SubstituteColumns(n, map[plan.ID]types.Datum{9: types.IntOf(int4, 5)})
	if err != nil {
		t.Fatal(err)
	}
	if s := plan.String(got); s != "Function Scan on generate_series\n  Output: g\n  Function Call: generate_series(5, 5)\n" {
		t.Errorf("got %q", s)
	}
}
