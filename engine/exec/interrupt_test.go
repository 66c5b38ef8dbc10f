package exec_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"go.uber.org/goleak"

	"github.com/siltstone-db/siltstone/engine/agg"
	"github.com/siltstone-db/siltstone/engine/enginetest"
	"github.com/siltstone-db/siltstone/engine/exec"
	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/engine/join"
	"github.com/siltstone-db/siltstone/engine/op"
	"github.com/siltstone-db/siltstone/engine/order"
	"github.com/siltstone-db/siltstone/engine/relop"
	"github.com/siltstone-db/siltstone/engine/source"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

// breakers are plans over a table with each piece that keeps rows. interrupt wraps the source that is read first, or
// that of the probe side.
func breakers(t *testing.T, x *enginetest.Table) map[string]func(interrupt func(op.Source) op.Source) ([]types.Type, []*exec.Pipeline) {
	scanAll := func() op.Source { return source.NewScan(x.Relation, scan.Request{Columns: x.Columns()}) }
	out := map[string]func(func(op.Source) op.Source) ([]types.Type, []*exec.Pipeline){}
	for c := enginetest.FirstColumn; c < len(x.Types); c++ {
		out[fmt.Sprintf("group by %s", x.Types[c])] = func(interrupt func(op.Source) op.Source) ([]types.Type, []*exec.Pipeline) {
			count, _, err := fn.ResolveAggregate("count", []types.Type{x.Types[0]})
			if err != nil {
				t.Fatal(err)
			}
			g := agg.New(agg.Config{In: x.Types, Keys: []agg.Key{{Column: c, Origin: -1}},
				Calls: []agg.Call{{Fn: count, Args: []int{0}, Distinct: true, Filter: -1}}})
			return g.Types(), []*exec.Pipeline{{Source: interrupt(scanAll()), Sink: g}, {Source: g}}
		}
	}
	cfg := order.Config{In: x.Types, Keys: []order.Key{{Column: 9}, {Column: 8, Desc: true}}, Limit: -1}
	out["sort"] = func(interrupt func(op.Source) op.Source) ([]types.Type, []*exec.Pipeline) {
		s := order.NewSort(cfg)
		return x.Types, []*exec.Pipeline{{Source: interrupt(scanAll()), Sink: s}, {Source: s}}
	}
	out["top k"] = func(interrupt func(op.Source) op.Source) ([]types.Type, []*exec.Pipeline) {
		few := cfg
		few.Limit = 20
		s := order.NewTopK(few)
		return x.Types, []*exec.Pipeline{{Source: interrupt(scanAll()), Sink: s}, {Source: s}}
	}
	for _, side := range []string{"build", "probe"} {
		for _, kind := range []join.Kind{join.Inner, join.Full, join.Anti} {
			out[fmt.Sprintf("%s of join %d", side, kind)] = func(interrupt func(op.Source) op.Source) ([]types.Type, []*exec.Pipeline) {
				h := join.New(join.Config{Kind: kind, Build: x.Types, Probe: x.Types, BuildKeys: []int{0}, ProbeKeys: []int{0}})
				build, probe := scanAll(), scanAll()
				if side == "build" {
					build = interrupt(build)
				} else {
					probe = interrupt(probe)
				}
				return h.Types(), []*exec.Pipeline{{Source: build, Sink: h.Build()}, {Source: probe, Operators: []op.Operator{h.Probe()}}}
			}
		}
	}
	return out
}

// TestInterruptedBreakers cancels each plan before its first, second and last batch, and raises an error in the middle:
// it comes out, and no memory, temporary file or goroutine stays.
func TestInterruptedBreakers(t *testing.T) {
	defer goleak.VerifyNone(t)
	x := enginetest.NewTable(rand.New(rand.NewPCG(5, 5)), 4100, 2, 0.2)
	for _, s := range enginetest.Shapes {
		if s.BatchRows == 1 {
			continue
		}
		for name, plan := range breakers(t, x) {
			for _, k := range []int64{0, 1, 3} {
				ctx, cancel := context.WithCancel(context.Background())
				ts, p := plan(func(src op.Source) op.Source { return enginetest.Before(src, k, cancel) })
				_, err := enginetest.RunContext(ctx, t, s, ts, p...)
				reached := ctx.Err() != nil
				cancel()
				if reached && !errs.Is(err, errs.QueryCanceled) && !errors.Is(err, context.Canceled) {
					t.Errorf("%s, %+v, batch %d: %v", name, s, k, err)
				}
			}
			ts, p := plan(func(src op.Source) op.Source { return failing(t, x, src) })
			if _, err := enginetest.Run(t, s, ts, p...); !errs.Is(err, errs.DivisionByZero) {
				t.Errorf("%s, %+v: %v", name, s, err)
			}
		}
	}
}

// failing divides by zero at row 3000.
func failing(t *testing.T, x *enginetest.Table, src op.Source) op.Source {
	t.Helper()
	number := func(v int64) expr.Expr { return &expr.Const{Value: types.IntOf(int8, v)} }
	from := func(o string, l, r expr.Expr) expr.Expr {
		e, err := expr.CallOperator(o, l, r)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	cond := from("<", from("/", number(1), from("-", &expr.Column{Index: 0, T: int8}, number(3000))), number(7))
	return relop.NewUnion([]relop.Branch{{Source: src, Operators: []op.Operator{relop.NewFilter(x.Types, cond, &fn.Context{})}}})
}
