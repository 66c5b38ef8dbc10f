package exec_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/siltstone-db/siltstone/engine/agg"
	"github.com/siltstone-db/siltstone/engine/enginetest"
	"github.com/siltstone-db/siltstone/engine/exec"
	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/engine/op"
	"github.com/siltstone-db/siltstone/engine/profile"
	"github.com/siltstone-db/siltstone/engine/relop"
	"github.com/siltstone-db/siltstone/engine/source"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/mem/memtest"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

var int8 = types.T(types.Int8)

func relation(n int) *enginetest.Relation {
	cols := []enginetest.Column{{Type: int8, Distinct: 1000}, {Type: types.T(types.Bool), Distinct: 2, Nulls: 0.1}}
	rng := rand.New(rand.NewPCG(1, 1))
	return enginetest.NewRelation(enginetest.Types(cols), enginetest.Random(rng, cols, n), 2, rng)
}

func scanOf(r *enginetest.Relation) *source.Scan {
	return source.NewScan(r, scan.Request{Columns: []int{0, 1}})
}

func TestFilterProjectLimit(t *testing.T) {
	r := relation(5000)
	for _, s := range enginetest.Shapes {
		all, err := enginetest.Run(t, s, r.Types(), &exec.Pipeline{Source: scanOf(r)})
		if err != nil || len(all) != 5000 {
			t.Fatalf("%v: %d rows, %v", s, len(all), err)
		}
		cond := &expr.Column{Index: 1, T: types.T(types.Bool)}
		ops := []op.Operator{relop.NewFilter(r.Types(), cond, nil), relop.NewProject(r.Types(), []expr.Expr{&expr.Column{Index: 0, T: int8}}, nil)}
		got, err := enginetest.Run(t, s, []types.Type{int8}, &exec.Pipeline{Source: scanOf(r), Operators: ops})
		if err != nil {
			t.Fatal(err)
		}
		var want []enginetest.Row
		for _, row := range all {
			if !row[1].Null && row[1].I != 0 {
				want = append(want, row[:1])
			}
		}
		enginetest.Equal(t, fmt.Sprint(s), got, want)
		for _, c := range []struct{ offset, count, want int64 }{{0, 10, 10}, {4995, 10, 5}, {9000, 1, 0}, {0, 0, 0}, {7, -1, 4993}, {100, 3000, 3000}} {
			got, err := enginetest.Run(t, s, r.Types(), &exec.Pipeline{Source: scanOf(r), Operators: []op.Operator{relop.NewLimit(r.Types(), c.offset, c.count)}})
			if err != nil || int64(len(got)) != c.want {
				t.Errorf("%v limit %d offset %d: %d rows, %v", s, c.count, c.offset, len(got), err)
			}
		}
	}
}

func TestUnionAndBuffer(t *testing.T) {
	r := relation(300)
	for _, s := range enginetest.Shapes {
		buf := relop.NewBuffer(r.Types())
		u := relop.NewUnion([]relop.Branch{
			{Source: buf.Reader(), Operators: []op.Operator{relop.NewLimit(r.Types(), 0, 50)}},
			{Source: buf.Reader()}, {Source: scanOf(r), Operators: []op.Operator{relop.NewLimit(r.Types(), 290, -1)}},
		})
		got, err := enginetest.Run(t, s, r.Types(), &exec.Pipeline{Source: scanOf(r), Sink: buf.Sink()}, &exec.Pipeline{Source: u})
		if err != nil || len(got) != 360 {
			t.Errorf("%v: %d rows, %v", s, len(got), err)
		}
	}
}

// broken is an operator that fails in a way of its own.
type broken struct {
	op.Operator
	f func() error
}

func (b *broken) Types() []types.Type { return nil }
func (b *broken) Open(*op.Task) error { return nil }
func (b *broken) Close()              {}
func (b *broken) Consumer(_ *op.Task, _ int, next op.Consumer) (op.Consumer, error) {
	return brokenConsumer{b.f, next}, nil
}

type brokenConsumer struct {
	f    func() error
	next op.Consumer
}

func (b brokenConsumer) Consume(*batch.Batch) error { return b.f() }
func (b brokenConsumer) Finish() error              { return b.next.Finish() }

func TestFailures(t *testing.T) {
	r := relation(5000)
	boom := errors.New("boom")
	ctx, cancel := context.WithCancel(context.Background())
	for name, c := range map[string]struct {
		f    func() error
		want func(error) bool
	}{
		"error":  {func() error { return boom }, func(err error) bool { return errors.Is(err, boom) }},
		"panic":  {func() error { panic("boom") }, func(err error) bool { return errs.Is(err, errs.InternalError) }},
		"done":   {func() error { return op.ErrDone }, func(err error) bool { return err == nil }},
		"cancel": {func() error { cancel(); return nil }, func(err error) bool { return errs.Is(err, errs.QueryCanceled) }},
	} {
		for _, s := range enginetest.Shapes[:2] {
			_, err := enginetest.RunContext(ctx, t, s, r.Types(), &exec.Pipeline{Source: scanOf(r), Operators: []op.Operator{&broken{f: c.f}}})
			if !c.want(err) && ctx.Err() == nil || name == "cancel" && !c.want(err) {
				t.Errorf("%s %v: %v", name, s, err)
			}
		}
	}
}

func TestProfile(t *testing.T) {
	r := relation(100)
	p := profile.New(1)
	_, err := enginetest.Run(t, enginetest.Shapes[2], r.Types(), &exec.Pipeline{
		Source: scanOf(r), Operators: []op.Operator{relop.NewLimit(r.Types(), 0, 30)}, Profile: p,
	})
	if err != nil || p.Source.RowsOut.Load() != 50 || p.Operators[0].RowsIn.Load() != 50 || p.Operators[0].RowsOut.Load() != 30 || p.Sink.RowsIn.Load() != 30 {
		t.Errorf("%+v, %v", p, err)
	}
}

// steady runs scan, filter and aggregation over a relation once.
func steady(tb testing.TB, r *enginetest.Relation, acc *mem.Account) {
	src := scanOf(r)
	count, _, _ := fn.ResolveAggregate("count", nil)
	sum, _, _ := fn.ResolveAggregate("sum", []types.Type{int8})
	g := agg.New(agg.Config{In: r.Types(), Keys: []agg.Key{{Column: 0, Stats: r.Stats(0), Origin: 0}},
		Calls: []agg.Call{{Fn: count, Filter: -1}, {Fn: sum, Args: []int{0}, Filter: -1}}})
	p := &exec.Pipeline{Source: src, Sink: g, Operators: []op.Operator{relop.NewFilter(r.Types(), &expr.Column{Index: 1, T: types.T(types.Bool)}, nil)}}
	t := &op.Task{Ctx: context.Background(), Workers: 1, Account: acc, BatchRows: batch.MaxRows}
	if err := exec.Run(t, &exec.Plan{Pipelines: []*exec.Pipeline{p}}); err != nil {
		tb.Fatal(err)
	}
}

// TestNoAllocationPerBatch compares a short with a long scan: what is allocated must not depend on the number of
// batches.
func TestNoAllocationPerBatch(t *testing.T) {
	acc := memtest.Pool(t, 0).Account("test", 0)
	short, long := relation(20*batch.MaxRows), relation(100*batch.MaxRows)
	measure := func(r *enginetest.Relation) float64 {
		return testing.AllocsPerRun(5, func() { steady(t, r, acc) })
	}
	measure(long)
	a, b := measure(short), measure(long)
	if perBatch := (b - a) / 80; perBatch > 0.05 {
		t.Errorf("%.2f allocations per batch (%v for 20 batches, %v for 100)", perBatch, a, b)
	}
}

func BenchmarkScanFilterAggregate(b *testing.B) {
	acc := memtest.Pool(b, 0).Account("bench", 0)
	r := relation(200 * batch.MaxRows)
	b.ReportAllocs()
	for b.Loop() {
		steady(b, r, acc)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(200*batch.MaxRows), "ns/row")
}
