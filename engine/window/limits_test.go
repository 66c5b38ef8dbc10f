package window_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/siltstone-db/siltstone/engine/enginetest"
	"github.com/siltstone-db/siltstone/engine/exec"
	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/engine/op"
	"github.com/siltstone-db/siltstone/engine/order"
	"github.com/siltstone-db/siltstone/engine/source"
	"github.com/siltstone-db/siltstone/engine/spill"
	"github.com/siltstone-db/siltstone/engine/window"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

// largeTable has a number, a partition of few values, an integer, a string and a float.
func largeTable(n int) (*enginetest.Relation, []types.Type) {
	cols := []enginetest.Column{{Type: types.T(types.Int8)}, {Type: types.T(types.Int4), Distinct: 40, Skew: true},
		{Type: types.T(types.Int8), Distinct: 1000, Nulls: 0.1}, {Type: types.T(types.Text), Distinct: 3000, Nulls: 0.1},
		{Type: types.T(types.Float8), Distinct: 100}}
	rng := rand.New(rand.NewPCG(3, 3))
	rows := enginetest.Random(rng, cols, n)
	for i := range rows {
		rows[i][0] = types.IntOf(cols[0].Type, int64(i))
	}
	return enginetest.NewRelation(enginetest.Types(cols), rows, 3, rng), enginetest.Types(cols)
}

// largeCalls are calls that look at rows near and far.
func largeCalls(t testing.TB, shared int, ts []types.Type) window.Config {
	int8, text := types.T(types.Int8), types.T(types.Text)
	rows := func(from, to int64) window.Frame {
		return window.Frame{Mode: window.Rows, Start: window.Bound{Kind: window.Preceding, Column: -1, Value: types.IntOf(int8, from)},
			End: window.Bound{Kind: window.Following, Column: -1, Value: types.IntOf(int8, to)}}
	}
	all := window.Frame{Start: window.Bound{Column: -1}, End: window.Bound{Kind: window.UnboundedFollowing, Column: -1}}
	suffix := window.Frame{Start: window.Bound{Kind: window.CurrentRow, Column: -1}, End: window.Bound{Kind: window.UnboundedFollowing, Column: -1}}
	cfg := window.Config{In: ts, Keep: []int{0, 3}, Shared: shared}
	if shared > 0 {
		cfg.Keys = append(cfg.Keys, order.Key{Column: 1})
	}
	cfg.Keys = append(cfg.Keys, order.Key{Column: 3, Desc: true, NullsFirst: true}, order.Key{Column: 0})
	call := func(c window.Call) {
		c.Part, c.Order = shared, len(cfg.Keys)
		if c.Function != fn.OverAggregate || c.Filter == 0 {
			c.Filter = -1
		}
		if c.Number == (window.Number{}) {
			c.Number = window.Number{Column: -1, Value: 1}
		}
		cfg.Calls = append(cfg.Calls, c)
	}
	call(window.Call{Function: fn.RowNumber, Result: int8})
	call(window.Call{Function: fn.Lag, Args: []int{3}, Number: window.Number{Column: -1, Value: 7000}, Result: text})
	call(window.Call{Function: fn.LastValue, Args: []int{3}, Frame: all, Result: text})
	call(window.Call{Fn: resolve(t, "sum", int8), Args: []int{2}, Frame: window.DefaultFrame(), Result: types.NumericOf(38, 0)})
	call(window.Call{Fn: resolve(t, "min", int8), Args: []int{2}, Frame: rows(3000, 9000), Result: int8})
	call(window.Call{Fn: resolve(t, "max", text), Args: []int{3}, Frame: suffix, Result: text})
	call(window.Call{Fn: resolve(t, "count", int8), Args: []int{2}, Frame: all, Result: int8})
	return cfg
}

// run computes windows under an account of limit bytes, 0 for none.
func run(ctx context.Context, cfg window.Config, rel scan.Relation, limit int64, space *spill.Space) ([]enginetest.Row, *window.Window, error) {
	acc := mem.NewPool(0).Account("test", limit)
	all := make([]int, len(cfg.In))
	for i := range all {
		all[i] = i
	}
	w := window.New(cfg)
	var got []enginetest.Row
	out := exec.NewResult(w.Types(), func(b *batch.Batch) error { got = append(got, enginetest.Rows(b)...); return nil })
	task := &op.Task{Ctx: ctx, Workers: 2, Account: acc, BatchRows: batch.MaxRows, Spill: space}
	err := exec.Run(task, &exec.Plan{Pipelines: []*exec.Pipeline{{Source: source.NewScan(rel, scan.Request{Columns: all}), Sink: w},
		{Source: w, Sink: out, DependsOn: []int{0}}}})
	if n := acc.Used(); n != 0 {
		err = errs.Internal("%d bytes were not given back, after %v", n, err)
	}
	slices.SortFunc(got, func(a, b enginetest.Row) int { return int(a[0].I - b[0].I) })
	return got, w, err
}

// TestBeyondMemory computes windows with much less memory than their rows take, and without files.
func TestBeyondMemory(t *testing.T) {
	rel, ts := largeTable(60_000)
	for shared := range 2 {
		cfg := largeCalls(t, shared, ts)
		want, _, err := run(context.Background(), cfg, rel, 0, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := run(context.Background(), cfg, rel, 1<<20, nil); !errs.Is(err, errs.OutOfMemory) {
			t.Errorf("without files: %v", err)
		}
		for _, limit := range []int64{8 << 20, 3 << 20} {
			space, clean := enginetest.Space(t, spill.Options{})
			got, w, err := run(context.Background(), cfg, rel, limit, space)
			clean()
			if err != nil {
				t.Errorf("shared %d, limit %d: %v", shared, limit, err)
				continue
			}
			if limit < 8<<20 && w.Spilled().Bytes.Load() == 0 {
				t.Errorf("shared %d, limit %d: nothing was spilled", shared, limit)
			}
			for i := range want {
				if got[i].String() != want[i].String() {
					t.Fatalf("shared %d, limit %d, row %d\n got %s\nwant %s", shared, limit, i, got[i], want[i])
				}
			}
		}
	}
}

// TestCanceled cancels before some batch that comes in, or behind one that goes out: the error is 57014, and nothing is left.
func TestCanceled(t *testing.T) {
	rel, ts := largeTable(20_000)
	for shared := range 2 {
		cfg := largeCalls(t, shared, ts)
		for looks := 0; looks < 120; looks += 3 {
			space, clean := enginetest.Space(t, spill.Options{})
			ctx, cancel := context.WithCancel(context.Background())
			src := enginetest.Before(source.NewScan(rel, scan.Request{Columns: []int{0, 1, 2, 3, 4}}), int64(looks), cancel)
			acc := mem.NewPool(0).Account("test", 2<<20)
			w := window.New(cfg)
			n := 0
			out := exec.NewResult(w.Types(), func(*batch.Batch) error {
				if n++; n == looks-8 {
					cancel()
				}
				return nil
			})
			err := exec.Run(&op.Task{Ctx: ctx, Workers: 1, Account: acc, BatchRows: batch.MaxRows, Spill: space},
				&exec.Plan{Pipelines: []*exec.Pipeline{{Source: src, Sink: w}, {Source: w, Sink: out, DependsOn: []int{0}}}})
			cancel()
			clean()
			if err != nil && !errs.Is(errs.From(err), errs.QueryCanceled) {
				t.Errorf("shared %d, after %d: %v", shared, looks, err)
			}
			if used := acc.Used(); used != 0 {
				t.Errorf("shared %d, after %d: %d bytes were not given back", shared, looks, used)
			}
		}
	}
}

// TestTop wants the first rows of each partition: all of them come, and few others.
func TestTop(t *testing.T) {
	rel, ts := largeTable(60_000)
	int8 := types.T(types.Int8)
	for shared := range 2 {
		for _, ranks := range []bool{false, true} {
			cfg := window.Config{In: ts, Keep: []int{0}, Shared: shared}
			if shared > 0 {
				cfg.Keys = append(cfg.Keys, order.Key{Column: 1})
			}
			cfg.Keys = append(cfg.Keys, order.Key{Column: 2, NullsFirst: true})
			call := window.Call{Function: fn.RowNumber, Part: shared, Filter: -1, Number: window.Number{Column: -1}, Result: int8}
			if ranks {
				call.Function = fn.Rank
			} else {
				cfg.Keys = append(cfg.Keys, order.Key{Column: 0})
			}
			call.Order = len(cfg.Keys)
			cfg.Calls = []window.Call{call}
			first := func(rows []enginetest.Row) (out []enginetest.Row) {
				for _, r := range rows {
					if r[1].I <= 5 {
						out = append(out, r)
					}
				}
				return out
			}
			want, _, err := run(context.Background(), cfg, rel, 0, nil)
			if err != nil {
				t.Fatal(err)
			}
			cfg.Top = &window.Top{Part: call.Part, Order: call.Order, Ranks: ranks, K: 5}
			for _, limit := range []int64{0, 1 << 19} {
				space, clean := enginetest.Space(t, spill.Options{})
				got, _, err := run(context.Background(), cfg, rel, limit, space)
				clean()
				if err != nil {
					t.Fatal(err)
				}
				if limit == 0 && len(got) > 40_000 {
					t.Errorf("%d rows came", len(got))
				}
				if a, b := fmt.Sprint(first(got)), fmt.Sprint(first(want)); a != b {
					t.Errorf("shared %d, ranks %v, limit %d: %.300s\nwant %.300s", shared, ranks, limit, a, b)
				}
			}
		}
	}
}
