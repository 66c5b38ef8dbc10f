package join_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/siltstone-db/siltstone/engine/enginetest"
	"github.com/siltstone-db/siltstone/engine/exec"
	"github.com/siltstone-db/siltstone/engine/join"
	"github.com/siltstone-db/siltstone/engine/op"
	"github.com/siltstone-db/siltstone/engine/relop"
	"github.com/siltstone-db/siltstone/engine/source"
	"github.com/siltstone-db/siltstone/engine/spill"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/mem/memtest"
	"github.com/siltstone-db/siltstone/storage/types"
)

// watch is an operator that calls f for each batch, with the number of the worker whose chain it comes through.
type watch struct {
	ts []types.Type
	f  func(worker int) error
}

func (w *watch) Types() []types.Type { return w.ts }
func (w *watch) Open(*op.Task) error { return nil }
func (w *watch) Close()              {}
func (w *watch) Consumer(_ *op.Task, worker int, next op.Consumer) (op.Consumer, error) {
	return &watching{w, worker, next}, nil
}

type watching struct {
	w      *watch
	worker int
	next   op.Consumer
}

func (w *watching) Consume(b *batch.Batch) error {
	if err := w.w.f(w.worker); err != nil {
		return err
	}
	return w.next.Consume(b)
}

func (w *watching) Finish() error { return w.next.Finish() }

// keyed are rows of a number with many values and a short text, enough for two workers.
func keyed(seed uint64, n int) (*enginetest.Relation, []types.Type, []enginetest.Row) {
	cols := []enginetest.Column{{Type: types.T(types.Int8), Distinct: 2000, Nulls: 0.1}, {Type: types.T(types.Text), Distinct: 500}}
	rng := rand.New(rand.NewPCG(seed, 9))
	rows := enginetest.Random(rng, cols, n)
	return enginetest.NewRelation(enginetest.Types(cols), rows, 4, rng), enginetest.Types(cols), rows
}

var forced = enginetest.Shape{BatchRows: 700, Workers: 2, Spill: true}

// TestPartitionsInParallel: two goroutines join partitions at once. Each waits, with the first rows it has, for the rows
// of the other.
func TestPartitionsInParallel(t *testing.T) {
	build, ts, buildRows := keyed(1, 600)
	probe, _, probeRows := keyed(2, 600)
	for _, kind := range []join.Kind{join.Inner, join.Full, join.Anti} {
		cfg := join.Config{Kind: kind, Build: ts, Probe: ts, BuildKeys: []int{0}, ProbeKeys: []int{0}}
		h := join.New(cfg)
		var arrived [2]sync.Once
		both := make(chan struct{})
		var workers atomic.Int32
		meet := func(w int) error {
			arrived[w].Do(func() {
				if workers.Add(1) == 2 {
					close(both)
				}
			})
			select {
			case <-both:
				return nil
			case <-time.After(time.Minute):
				return errors.New("only one goroutine hands out rows")
			}
		}
		got, err := enginetest.Run(t, forced, h.Types(), &exec.Pipeline{Source: source.NewScan(build, request(2)), Sink: h.Build()},
			&exec.Pipeline{Source: source.NewScan(probe, request(2)), Operators: []op.Operator{h.Probe(), &watch{h.Types(), meet}}})
		if err != nil {
			t.Fatalf("kind %d: %v", kind, err)
		}
		enginetest.Equal(t, fmt.Sprint("kind ", kind), got, enginetest.Join(&cfg, probeRows, buildRows, nil))
	}
}

// TestJoinInFilesStopped ends joins while they hand out rows from files: by a limit behind them, by an error there, and
// by a cancellation. Neither files nor memory nor goroutines are left, and the error is that which came first.
func TestJoinInFilesStopped(t *testing.T) {
	defer goleak.VerifyNone(t)
	build, ts, _ := keyed(3, 3000)
	probe, _, _ := keyed(4, 3000)
	broken := errors.New("broken")
	for kind := join.Inner; kind <= join.Mark; kind++ {
		for _, keys := range []int{0, 1} {
			if kind == join.Single || keys == 0 && (kind == join.Anti || kind == join.Semi || kind == join.Mark) { // no or few batches
				continue
			}
			for _, after := range []int64{0, 1, 5} {
				for _, how := range []string{"limit", "error", "cancel"} {
					what := fmt.Sprintf("kind %d, %d keys, %s after %d batches", kind, keys, how, after)
					cfg := join.Config{Kind: kind, Build: ts, Probe: ts}
					if keys > 0 {
						cfg.BuildKeys, cfg.ProbeKeys = []int{0}, []int{0}
					}
					h := join.New(cfg)
					ctx, cancel := context.WithCancel(context.Background())
					var batches atomic.Int64
					stop := &watch{h.Types(), func(int) error {
						if batches.Add(1) > after {
							switch how {
							case "error":
								return broken
							case "cancel":
								cancel()
							}
						}
						return nil
					}}
					ops := []op.Operator{h.Probe(), stop}
					rows := 100*after + 1
					if how == "limit" {
						ops = append(ops, relop.NewLimit(h.Types(), 0, rows))
					}
					got, err := enginetest.RunContext(ctx, t, forced, h.Types(), &exec.Pipeline{Source: source.NewScan(build, request(2)), Sink: h.Build()},
						&exec.Pipeline{Source: source.NewScan(probe, request(2)), Operators: ops})
					cancel()
					switch {
					case how == "limit":
						if err != nil || int64(len(got)) != rows {
							t.Errorf("%s: %d rows, %v", what, len(got), err)
						}
					case how == "error":
						if !errors.Is(err, broken) {
							t.Errorf("%s: %v", what, err)
						}
					case !errs.Is(err, errs.QueryCanceled) && !errors.Is(err, context.Canceled):
						t.Errorf("%s: %v", what, err)
					}
				}
			}
		}
	}
}

// TestJoinsInFilesChained puts joins in files behind each other, alone and as branches of a union, whose rows must come
// through the chain of their own worker.
func TestJoinsInFilesChained(t *testing.T) {
	a, ts, rowsA := keyed(5, 900)
	b, _, rowsB := keyed(6, 700)
	c, _, rowsC := keyed(7, 800)
	for _, kinds := range [][2]join.Kind{{join.Inner, join.Full}, {join.Full, join.Left}, {join.Left, join.Right}} {
		first := join.Config{Kind: kinds[0], Build: ts, Probe: ts, BuildKeys: []int{0}, ProbeKeys: []int{0}}
		second := join.Config{Kind: kinds[1], Build: ts, Probe: first.Types(), BuildKeys: []int{0}, ProbeKeys: []int{0}}
		want := enginetest.Join(&second, enginetest.Join(&first, rowsA, rowsB, nil), rowsC, nil)
		for _, union := range []bool{false, true} {
			var plan []*exec.Pipeline
			var branches []relop.Branch
			for range 2 {
				x, y := join.New(first), join.New(second)
				plan = append(plan, &exec.Pipeline{Source: source.NewScan(b, request(2)), Sink: x.Build(), DependsOn: []int{}},
					&exec.Pipeline{Source: source.NewScan(c, request(2)), Sink: y.Build(), DependsOn: []int{}})
				branches = append(branches, relop.Branch{Source: source.NewScan(a, request(2)), Operators: []op.Operator{x.Probe(), y.Probe()}})
				if !union {
					break
				}
			}
			all := want
			last := &exec.Pipeline{Source: branches[0].Source, Operators: branches[0].Operators, DependsOn: []int{0, 1}}
			if union {
				all = append(all[:len(all):len(all)], want...)
				last = &exec.Pipeline{Source: relop.NewUnion(branches), DependsOn: []int{0, 1, 2, 3}}
			}
			got, err := enginetest.Run(t, forced, second.Types(), append(plan, last)...)
			if err != nil {
				t.Fatalf("%v, union %v: %v", kinds, union, err)
			}
			enginetest.Equal(t, fmt.Sprintf("%v, union %v", kinds, union), got, all)
		}
	}
}

// TestEmptySides joins in files what has no rows on one side, after all of the others.
func TestEmptySides(t *testing.T) {
	rel, ts, rows := keyed(8, 500)
	none := enginetest.NewRelation(ts, nil, 1, nil)
	nulls := make([]enginetest.Row, 300)
	for i := range nulls {
		nulls[i] = enginetest.Row{types.NullOf(ts[0]), rows[i][1]}
	}
	null := enginetest.NewRelation(ts, nulls, 1, nil)
	for kind := join.Inner; kind <= join.Mark; kind++ {
		for _, aware := range []bool{false, true} {
			if aware && kind != join.Anti && kind != join.Mark {
				continue
			}
			for i, x := range []struct {
				build, probe         *enginetest.Relation
				buildRows, probeRows []enginetest.Row
			}{{none, rel, nil, rows}, {rel, none, rows, nil}, {null, rel, nulls, rows}, {rel, null, rows, nulls}, {null, null, nulls, nulls}} {
				cfg := join.Config{Kind: kind, Build: ts, Probe: ts, BuildKeys: []int{0}, ProbeKeys: []int{0}, NullAware: aware}
				h := join.New(cfg)
				got, err := enginetest.Run(t, forced, h.Types(), &exec.Pipeline{Source: source.NewScan(x.build, request(2)), Sink: h.Build()},
					&exec.Pipeline{Source: source.NewScan(x.probe, request(2)), Operators: []op.Operator{h.Probe()}})
				what := fmt.Sprintf("kind %d, aware %v, sides %d", kind, aware, i)
				if err != nil {
					t.Fatalf("%s: %v", what, err)
				}
				enginetest.Equal(t, what, got, enginetest.Join(&cfg, x.probeRows, x.buildRows, nil))
			}
		}
	}
}

// TestManyGoroutinesLittleMemory: beside others, a goroutine joins partitions only when it gets enough memory; joins of
// 8 MB of build rows and a table as large under 4 to 32 MiB.
func TestManyGoroutinesLittleMemory(t *testing.T) {
	cols := []enginetest.Column{{Type: types.T(types.Int8), Distinct: 100_000}, {Type: types.T(types.UUID), Distinct: 100_000}, {Type: types.T(types.UUID), Distinct: 9}}
	ts := enginetest.Types(cols)
	rng := rand.New(rand.NewPCG(10, 9))
	n := 200_000
	if testing.Short() {
		n = 60_000
	}
	build := enginetest.Random(rng, cols, n)
	rel := enginetest.NewRelation(ts, build, 4, nil)
	for _, limit := range []int64{4 << 20, 16 << 20, 32 << 20} {
		h := join.New(join.Config{Kind: join.Semi, Build: ts, Probe: ts, BuildKeys: []int{0, 1}, ProbeKeys: []int{0, 1}})
		space, clean := enginetest.Space(t, spill.Options{})
		acc := memtest.Pool(t, 0).Account("test", limit)
		var rows int64
		res := exec.NewResult(h.Types(), func(b *batch.Batch) error {
			rows += int64(b.Len)
			return nil
		})
		err := exec.Run(&op.Task{Ctx: context.Background(), Workers: 4, Account: acc, BatchRows: batch.MaxRows, Spill: space}, &exec.Plan{Pipelines: []*exec.Pipeline{
			{Source: source.NewScan(rel, request(3)), Sink: h.Build()},
			{Source: source.NewScan(rel, request(3)), Operators: []op.Operator{h.Probe()}, Sink: res, DependsOn: []int{0}}}})
		if err != nil || rows != int64(n) || acc.Used() != 0 || acc.Peak() > limit {
			t.Errorf("limit %d: %d rows of %d, %d bytes used, %d left: %v", limit, rows, n, acc.Peak(), acc.Used(), err)
		}
		clean()
	}
}
