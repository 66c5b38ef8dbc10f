package relop_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/siltstone-db/siltstone/engine/enginetest"
	"github.com/siltstone-db/siltstone/engine/exec"
	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/engine/op"
	"github.com/siltstone-db/siltstone/engine/relop"
	"github.com/siltstone-db/siltstone/engine/source"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/mem/memtest"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

type (
	table = enginetest.Table
	row   = enginetest.Row
	shape = enginetest.Shape
)

func scanOf(x *table) op.Source {
	return source.NewScan(x.Relation, scan.Request{Columns: x.Columns()})
}

func run(t *testing.T, s shape, src op.Source, ops ...op.Operator) ([]row, error) {
	t.Helper()
	ts := src.Types()
	if len(ops) > 0 {
		ts = ops[len(ops)-1].Types()
	}
	return enginetest.Run(t, s, ts, &exec.Pipeline{Source: src, Operators: ops})
}

func column(x *table, i int) *expr.Column { return &expr.Column{Index: i, Name: "c", T: x.Types[i]} }

func call(t *testing.T, o string, l, r expr.Expr) expr.Expr {
	t.Helper()
	e, err := expr.CallOperator(o, l, r)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func integer(v int64) expr.Expr { return &expr.Const{Value: types.IntOf(int8, v)} }

// condition is an expression with what it means row by row.
type condition struct {
	e     expr.Expr
	holds func(r row) bool
}

// conditions has one for each column, that keep some, all and no rows.
func conditions(t *testing.T, x *table) []condition {
	some := func(r row) bool { return !r[1].Null && r[1].I != 0 }
	out := []condition{
		{column(x, 1), some},
		{&expr.Const{Value: types.BoolOf(true)}, func(row) bool { return true }},
		{&expr.Const{Value: types.NullOf(types.T(types.Bool))}, func(row) bool { return false }},
		{&expr.Logic{Args: []expr.Expr{column(x, 1), call(t, "<", column(x, 0), integer(50))}},
			func(r row) bool { return some(r) && r[0].I < 50 }},
	}
	for c := enginetest.FirstColumn; c < len(x.Types); c++ {
		than := enginetest.Value(x.Types[c], 2)
		out = append(out,
			condition{&expr.IsNull{Arg: column(x, c)}, func(r row) bool { return r[c].Null }},
			condition{call(t, ">", column(x, c), &expr.Const{Value: than}),
				func(r row) bool { return !r[c].Null && types.Compare(r[c], than) > 0 }})
	}
	return out
}

func TestFilterAgainstOracle(t *testing.T) {
	enginetest.Cross(t, func(t *testing.T, x *table, s shape) {
		for _, c := range conditions(t, x) {
			got, err := run(t, s, scanOf(x), relop.NewFilter(x.Types, c.e, &fn.Context{}))
			if err != nil {
				t.Fatalf("%s: %v", c.e, err)
			}
			enginetest.Equal(t, c.e.String(), got, keep(x.Rows, c.holds))
		}
	})
}

func keep(rows []row, holds func(row) bool) (out []row) {
	for _, r := range rows {
		if holds(r) {
			out = append(out, r)
		}
	}
	return out
}

// TestProjectAgainstOracle hands columns on, in another order and twice, beside computed ones, behind a filter, so that
// what it reads was selected.
func TestProjectAgainstOracle(t *testing.T) {
	enginetest.Cross(t, func(t *testing.T, x *table, s shape) {
		var exprs []expr.Expr
		for c := len(x.Types) - 1; c >= 0; c-- {
			exprs = append(exprs, column(x, c))
		}
		exprs = append(exprs, column(x, 2), call(t, "*", column(x, 0), integer(3)), &expr.IsNull{Arg: column(x, 9)},
			&expr.Const{Value: types.TextOf("same")},
			&expr.Case{T: int8, Whens: []expr.When{{Cond: column(x, 1), Result: column(x, 0)}}})
		var want []row
		for _, r := range x.Rows {
			if r[0].I%3 == 1 {
				continue
			}
			out := row{}
			for c := len(r) - 1; c >= 0; c-- {
				out = append(out, r[c])
			}
			chosen := r[0]
			if r[1].Null || r[1].I == 0 {
				chosen = types.NullOf(int8)
			}
			want = append(want, append(out, r[2], types.IntOf(int8, r[0].I*3), types.BoolOf(r[9].Null), types.TextOf("same"), chosen))
		}
		odd := call(t, "<>", call(t, "%", column(x, 0), integer(3)), integer(1))
		got, err := run(t, s, scanOf(x), relop.NewFilter(x.Types, odd, &fn.Context{}), relop.NewProject(x.Types, exprs, &fn.Context{}))
		if err != nil {
			t.Fatal(err)
		}
		enginetest.Equal(t, "project", got, want)
	})
}

// TestLimitAgainstOracle checks how many rows remain, that they are rows of the input, and, with one worker, which.
func TestLimitAgainstOracle(t *testing.T) {
	enginetest.Cross(t, func(t *testing.T, x *table, s shape) {
		n := int64(len(x.Rows))
		for _, c := range [][2]int64{{0, 0}, {0, 1}, {1, 1}, {0, -1}, {n / 2, -1}, {n / 3, n / 3}, {n, 5}, {n - 1, 1 << 40}, {1 << 40, 1}} {
			offset := max(0, c[0])
			from, to := min(n, offset), n
			if c[1] >= 0 && c[1] < n-from {
				to = from + c[1]
			}
			got, err := run(t, s, scanOf(x), relop.NewLimit(x.Types, offset, c[1]))
			if err != nil {
				t.Fatal(err)
			}
			if int64(len(got)) != to-from {
				t.Fatalf("offset %d, limit %d of %d rows: %d rows", c[0], c[1], n, len(got))
			}
			if s.Workers == 1 {
				enginetest.Equal(t, "the rows of a limit", got, x.Rows[from:to])
				continue
			}
			seen := map[int64]bool{}
			for _, r := range got {
				if seen[r[0].I] {
					t.Fatalf("row %d comes twice", r[0].I)
				}
				seen[r[0].I] = true
				enginetest.Equal(t, "a row of a limit", []row{r}, x.Rows[r[0].I:r[0].I+1])
			}
		}
	})
}

// TestUnionAgainstOracle joins branches with and without operators, one of which ends early.
func TestUnionAgainstOracle(t *testing.T) {
	enginetest.Cross(t, func(t *testing.T, x *table, s shape) {
		odd := &expr.Not{Arg: call(t, "=", call(t, "%", column(x, 0), integer(2)), integer(0))}
		u := relop.NewUnion([]relop.Branch{
			{Source: scanOf(x), Operators: []op.Operator{relop.NewFilter(x.Types, odd, &fn.Context{})}},
			{Source: source.NewValues(x.Types, x.Relation.Batches())},
			{Source: scanOf(x), Operators: []op.Operator{relop.NewLimit(x.Types, 0, 0)}},
		})
		got, err := run(t, s, u)
		if err != nil {
			t.Fatal(err)
		}
		want := append(keep(x.Rows, func(r row) bool { return r[0].I%2 != 0 }), x.Rows...)
		enginetest.Equal(t, "union", got, want)
	})
}

// TestBufferAgainstOracle reads a buffer twice in one pipeline, once behind a filter.
func TestBufferAgainstOracle(t *testing.T) {
	enginetest.Cross(t, func(t *testing.T, x *table, s shape) {
		b := relop.NewBuffer(x.Types)
		u := relop.NewUnion([]relop.Branch{{Source: b.Reader()},
			{Source: b.Reader(), Operators: []op.Operator{relop.NewFilter(x.Types, column(x, 1), &fn.Context{})}}})
		got, err := enginetest.Run(t, s, x.Types, &exec.Pipeline{Source: scanOf(x), Sink: b.Sink()}, &exec.Pipeline{Source: u})
		if err != nil {
			t.Fatal(err)
		}
		want := append(slices.Clone(x.Rows), keep(x.Rows, func(r row) bool { return !r[1].Null && r[1].I != 0 })...)
		enginetest.Equal(t, "buffer", got, want)
	})
}

// pieces are plans over a source with every operator of the package, and all of them together.
func pieces(t *testing.T, x *table) map[string]func(src op.Source) []*exec.Pipeline {
	divide := call(t, "/", integer(1), call(t, "-", column(x, 0), integer(70)))
	ops := map[string][]op.Operator{
		"filter":  {relop.NewFilter(x.Types, call(t, "<>", divide, integer(5)), &fn.Context{})},
		"project": {relop.NewProject(x.Types, []expr.Expr{divide, column(x, 9)}, &fn.Context{})},
		"limit":   {relop.NewProject(x.Types, []expr.Expr{divide}, &fn.Context{}), relop.NewLimit([]types.Type{int8}, 10, 1<<30)},
	}
	out := map[string]func(op.Source) []*exec.Pipeline{}
	for name, o := range ops {
		out[name] = func(src op.Source) []*exec.Pipeline { return []*exec.Pipeline{{Source: src, Operators: o}} }
		out["union of "+name] = func(src op.Source) []*exec.Pipeline {
			return []*exec.Pipeline{{Source: relop.NewUnion([]relop.Branch{{Source: src, Operators: o}, {Source: scanOf(x), Operators: o}})}}
		}
		out["buffer of "+name] = func(src op.Source) []*exec.Pipeline {
			b := relop.NewBuffer(o[len(o)-1].Types())
			return []*exec.Pipeline{{Source: src, Operators: o, Sink: b.Sink()}, {Source: b.Reader()}}
		}
	}
	return out
}

func outputTypes(p *exec.Pipeline) []types.Type {
	if n := len(p.Operators); n > 0 {
		return p.Operators[n-1].Types()
	}
	return p.Source.Types()
}

// TestErrorsInTheMiddle raises a division by zero at row 70 and checks that it comes out, and that nothing is kept.
func TestErrorsInTheMiddle(t *testing.T) {
	enginetest.Cross(t, func(t *testing.T, x *table, s shape) {
		if len(x.Rows) < 200 {
			return
		}
		for name, plan := range pieces(t, x) {
			p := plan(scanOf(x))
			if _, err := enginetest.Run(t, s, outputTypes(p[len(p)-1]), p...); !errs.Is(err, errs.DivisionByZero) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

// TestCancelInTheMiddle cancels before some batch of each plan.
func TestCancelInTheMiddle(t *testing.T) {
	enginetest.Cross(t, func(t *testing.T, x *table, s shape) {
		for name, plan := range pieces(t, x) {
			for _, k := range []int64{0, 1} {
				ctx, cancel := context.WithCancel(context.Background())
				p := plan(enginetest.Before(scanOf(x), k, cancel))
				_, err := enginetest.RunContext(ctx, t, s, outputTypes(p[len(p)-1]), p...)
				reached := ctx.Err() != nil
				cancel()
				if reached && !errs.Is(err, errs.QueryCanceled) && !errors.Is(err, context.Canceled) && !errs.Is(err, errs.DivisionByZero) &&
					!(err == nil && len(x.Rows) < 70) {
					t.Errorf("%s, batch %d: %v", name, k, err)
				}
			}
		}
	})
}

// TestBufferBeyondMemory fails with 53200 and gives everything back.
func TestBufferBeyondMemory(t *testing.T) {
	x := enginetest.NewTable(rand.New(rand.NewPCG(1, 1)), 4000, 2, 0.3)
	b := relop.NewBuffer(x.Types)
	reader := b.Reader()
	acc := memtest.Pool(t, 0).Account("test", 20_000)
	err := exec.Run(&op.Task{Ctx: context.Background(), Workers: 1, Account: acc, BatchRows: 2048}, &exec.Plan{Pipelines: []*exec.Pipeline{
		{Source: scanOf(x), Sink: b.Sink()},
		{Source: reader, DependsOn: []int{0}, Sink: exec.NewResult(x.Types, func(*batch.Batch) error { return nil })}}})
	if !errs.Is(err, errs.OutOfMemory) || acc.Used() != 0 {
		t.Errorf("%v, %d bytes kept", err, acc.Used())
	}
}
