package agg_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/siltstone-db/siltstone/engine/agg"
	"github.com/siltstone-db/siltstone/engine/aggstate"
	"github.com/siltstone-db/siltstone/engine/enginetest"
	"github.com/siltstone-db/siltstone/engine/exec"
	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/engine/op"
	"github.com/siltstone-db/siltstone/engine/spill"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/mem/memtest"
	"github.com/siltstone-db/siltstone/storage/types"
)

// weigh gives the rows of a fixture a column of weights, drops the calls that take none, and returns the rows as often
// as they count.
func (f *fixture) weigh(rng *rand.Rand, most int) (repeated []enginetest.Row) {
	int8, at := types.T(types.Int8), len(f.cfg.In)
	rows := make([]enginetest.Row, len(f.rows))
	for i, r := range f.rows {
		n := 1 + rng.IntN(most)
		rows[i] = append(append(enginetest.Row(nil), r...), types.IntOf(int8, int64(n)))
		for range n {
			repeated = append(repeated, r)
		}
	}
	f.rel = enginetest.NewRelation(append(append([]types.Type(nil), f.cfg.In...), int8), rows, 1+rng.IntN(3), rng)
	f.cfg.In, f.cfg.Weight = f.rel.Types(), &agg.Weight{Column: at}
	f.cfg.Columns = nil
	calls, oracle := f.cfg.Calls, f.calls
	f.cfg.Calls, f.calls = nil, nil
	for i, c := range calls {
		var arg types.Type
		if len(c.Args) > 0 {
			arg = f.cfg.In[c.Args[0]]
		}
		if aggstate.Weighs(c.Fn, arg, c.Distinct) {
			f.cfg.Calls, f.calls = append(f.cfg.Calls, c), append(f.calls, oracle[i])
		}
	}
	for i := range f.cfg.Keys {
		if k := &f.cfg.Keys[i]; f.stats {
			k.Stats = f.rel.Stats(k.Column)
		}
	}
	return repeated
}

// TestWeightsAgainstOracle holds rows with weights against the same rows given as often.
func TestWeightsAgainstOracle(t *testing.T) {
	rounds := 150
	if testing.Short() {
		rounds = 40
	}
	calls := 0
	for seed := range rounds {
		rng := rand.New(rand.NewPCG(uint64(seed), 13))
		f := randomFixture(rng, []int{0, 1, 100, 2000}[rng.IntN(4)])
		want := enginetest.GroupBy(f.weigh(rng, 1+seed%5), f.keys, f.calls)
		calls += len(f.calls)
		for _, s := range enginetest.Shapes {
			g, p := f.pipelines()
			got, err := enginetest.Run(t, s, g.Types(), p...)
			if err != nil {
				t.Fatalf("seed %d, %v, %v: %v", seed, s, f, err)
			}
			enginetest.Equal(t, fmt.Sprintf("seed %d, %v, %v", seed, s, f), got, want)
		}
	}
	if calls < rounds/2 {
		t.Errorf("only %d calls", calls)
	}
}

// TestWeightsPartitioned has so many groups that rows with weights go through partitions, some of them flagged, while
// others meet groups that the table has.
func TestWeightsPartitioned(t *testing.T) {
	cols := []enginetest.Column{
		{Type: types.T(types.Int8), Distinct: 30000, Skew: true}, {Type: types.T(types.Text), Distinct: 2000, Nulls: 0.1},
		{Type: types.T(types.Int4), Distinct: 1000, Nulls: 0.05}, {Type: types.T(types.Bool), Distinct: 2},
	}
	rng := rand.New(rand.NewPCG(3, 4))
	ts := enginetest.Types(cols)
	rows := enginetest.Random(rng, cols, 50000)
	for _, keys := range [][]int{{0}, {0, 1}} {
		for n := range 3 {
			f := &fixture{rows: rows, keys: keys, cfg: agg.Config{In: ts, Expected: 1 << 20}}
			for _, k := range keys {
				f.cfg.Keys = append(f.cfg.Keys, agg.Key{Column: k, Origin: k})
			}
			f.add(fn.CountStar, "count", 0, -1)
			if n > 0 {
				f.add(fn.Sum, "sum", 2, -1)
			}
			if n > 1 {
				f.add(fn.Avg, "avg", 2, 3)
				f.add(fn.Count, "count", 1, -1)
			}
			want := enginetest.GroupBy(f.weigh(rng, 3), keys, f.calls)
			for _, s := range enginetest.Shapes[2:] {
				g, p := f.pipelines()
				got, err := enginetest.Run(t, s, g.Types(), p...)
				if err != nil {
					t.Fatal(err)
				}
				enginetest.Equal(t, fmt.Sprint(keys, n, s), got, want)
			}
		}
	}
}

// add adds a call and its oracle.
func (f *fixture) add(kind fn.AggKind, name string, column, filter int) {
	call := agg.Call{Fn: aggregate(name, kind, f.cfg.In[column]), Filter: filter}
	if kind != fn.CountStar {
		call.Args = []int{column}
	}
	f.cfg.Calls = append(f.cfg.Calls, call)
	f.calls = append(f.calls, enginetest.Aggregate{Kind: kind, Column: column, Filter: filter, Result: call.Fn.Result(nil2(f.cfg.In, column, kind))})
}

// TestWeightsRefused asks for an aggregate that needs every row.
func TestWeightsRefused(t *testing.T) {
	float8, int8 := types.T(types.Float8), types.T(types.Int8)
	g := agg.New(agg.Config{In: []types.Type{float8, int8}, Calls: []agg.Call{{Fn: aggregate("sum", fn.Sum, float8), Args: []int{0}, Filter: -1}}, Weight: &agg.Weight{Column: 1}})
	defer g.Close()
	if err := g.Open(&op.Task{Ctx: t.Context(), Workers: 1, Account: memtest.Pool(t, 0).Account("test", 0)}); !errs.Is(err, errs.InternalError) {
		t.Errorf("a sum of floats with weights: %v", err)
	}
}

// TestEntriesRefusedInCombine refuses memory while a grouping of entries is combined, whose numbers were not copied yet:
// files must get each of them once.
func TestEntriesRefusedInCombine(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	cols := []enginetest.Column{{Type: types.T(types.Text), Distinct: 9000, Nulls: 0.01}}
	rows := enginetest.Random(rng, cols, 20_000)
	want := enginetest.GroupBy(rows, []int{0}, []enginetest.Aggregate{{Kind: fn.CountStar, Filter: -1, Result: types.T(types.Int8)}})
	spilled := 0
	for i := range 6 {
		f := &fixture{rel: enginetest.NewRelation(enginetest.Types(cols), rows, 2+i%2, rng), stats: true, counts: true,
			cfg: agg.Config{In: enginetest.Types(cols), Keys: []agg.Key{{Column: 0, Origin: 0}}, Calls: []agg.Call{countStar()}}}
		for left := int64(0); left < 1<<20; left = left*2 + 64<<10 {
			space, clean := enginetest.Space(t, spill.Options{})
			g, p := f.pipelines()
			q := &squeezed{g, left}
			var got []enginetest.Row
			p[0].Sink, p[1].Source, p[1].DependsOn = q, q, []int{0}
			p[1].Sink = exec.NewResult(g.Types(), func(b *batch.Batch) error { got = append(got, enginetest.Rows(b)...); return nil })
			acc := memtest.Pool(t, 0).Account("test", 1<<30)
			if err := exec.Run(&op.Task{Ctx: t.Context(), Workers: 2, Account: acc, BatchRows: batch.MaxRows, Spill: space}, &exec.Plan{Pipelines: p}); err != nil || acc.Used() != 0 {
				t.Fatalf("%d bytes left: %v; %d bytes were not given back", left, err, acc.Used())
			}
			clean()
			enginetest.Equal(t, fmt.Sprintf("%d bytes left", left), got, want)
			if g.Spilled().Bytes.Load() > 0 {
				spilled++
			}
		}
	}
	if spilled == 0 {
		t.Error("nothing was refused")
	}
}
