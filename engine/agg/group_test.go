package agg_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/siltstone-db/siltstone/engine/agg"
	"github.com/siltstone-db/siltstone/engine/enginetest"
	"github.com/siltstone-db/siltstone/engine/exec"
	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/engine/source"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/mem/memtest"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"

	"github.com/siltstone-db/siltstone/engine/op"
)

// aggregate returns the registered aggregate for an argument type, or nil when it would need a cast.
func aggregate(name string, kind fn.AggKind, t types.Type) *fn.Aggregate {
	var args []types.Type
	if kind != fn.CountStar {
		args = []types.Type{t}
	}
	a, want, err := fn.ResolveAggregate(name, args)
	if err != nil || a.Kind != kind || len(want) > 0 && want[0].Kind != t.Kind {
		return nil
	}
	return a
}

var kinds = []struct {
	name string
	kind fn.AggKind
}{
	{"count", fn.CountStar}, {"count", fn.Count}, {"sum", fn.Sum}, {"avg", fn.Avg}, {"min", fn.Min}, {"max", fn.Max},
	{"bool_and", fn.BoolAnd}, {"bool_or", fn.BoolOr}, {"var_pop", fn.VarPop}, {"var_samp", fn.VarSamp},
}

// fixture is a random aggregation with the oracle's view of it.
type fixture struct {
	cfg    agg.Config
	keys   []int
	calls  []enginetest.Aggregate
	rows   []enginetest.Row
	rel    *enginetest.Relation
	stats  bool
	counts bool // the only column is asked for with the numbers of its rows
}

func randomFixture(rng *rand.Rand, n int) *fixture {
	f := &fixture{stats: rng.IntN(2) == 0}
	var cols []enginetest.Column
	for range 2 + rng.IntN(5) {
		cols = append(cols, enginetest.Column{
			Type: enginetest.AllTypes[rng.IntN(len(enginetest.AllTypes))], Distinct: []int{1, 3, 50, 5000}[rng.IntN(4)],
			Nulls: []float64{0, 0, 0.1, 1}[rng.IntN(4)], Skew: rng.IntN(2) == 0,
		})
	}
	cols = append(cols, enginetest.Column{Type: types.T(types.Bool), Distinct: 2, Nulls: 0.1})
	ts := enginetest.Types(cols)
	f.rows = enginetest.Random(rng, cols, n)
	f.rel = enginetest.NewRelation(ts, f.rows, 1+rng.IntN(3), rng)
	f.cfg.In = ts
	f.cfg.Rows = int64(rng.IntN(2)) // unknown, or so few that entries are met in a table
	for _, c := range rng.Perm(len(cols))[:rng.IntN(4)] {
		k := agg.Key{Column: c, Origin: c}
		if f.stats {
			k.Stats = f.rel.Stats(c)
		}
		f.cfg.Keys = append(f.cfg.Keys, k)
		f.keys = append(f.keys, c)
	}
	for c := range cols {
		f.cfg.Columns = append(f.cfg.Columns, agg.Column{Origin: c})
		if f.stats {
			f.cfg.Columns[c].Stats = f.rel.Stats(c)
		}
	}
	for range rng.IntN(6) {
		f.addCall(rng, ts, len(cols)-1)
	}
	return f
}

func (f *fixture) addCall(rng *rand.Rand, ts []types.Type, boolean int) {
	k := kinds[rng.IntN(len(kinds))]
	c := rng.IntN(len(ts))
	if k.kind == fn.VarPop || k.kind == fn.VarSamp {
		if p := ts[c].Physical(); p != types.PhysFloat32 && p != types.PhysFloat64 {
			return
		}
	}
	a := aggregate(k.name, k.kind, ts[c])
	if a == nil || ts[c].Kind == types.Interval && k.kind != fn.Min && k.kind != fn.Max && k.kind != fn.Count {
		return
	}
	call := agg.Call{Fn: a, Filter: -1, Distinct: rng.IntN(4) == 0}
	if rng.IntN(4) == 0 {
		call.Filter = boolean
	}
	result := a.Result(nil2(ts, c, k.kind))
	if k.kind != fn.CountStar {
		call.Args = []int{c}
	}
	f.cfg.Calls = append(f.cfg.Calls, call)
	f.calls = append(f.calls, enginetest.Aggregate{Kind: k.kind, Column: c, Distinct: call.Distinct && k.kind != fn.CountStar, Filter: call.Filter, Result: result})
}

func nil2(ts []types.Type, c int, k fn.AggKind) []types.Type {
	if k == fn.CountStar {
		return nil
	}
	return []types.Type{ts[c]}
}

// pipelines makes a fresh plan.
func (f *fixture) pipelines() (*agg.Group, []*exec.Pipeline) {
	req := scan.Request{}
	for i := range f.cfg.In {
		req.Columns = append(req.Columns, i)
	}
	cfg := f.cfg
	if f.counts {
		req.Columns, req.Counted, cfg.Weight = []int{0}, true, &agg.Weight{Column: 1, Once: true}
	}
	src := source.NewScan(f.rel, req)
	cfg.In = src.Types()
	if f.stats {
		cfg.Scan = src
	}
	g := agg.New(cfg)
	return g, []*exec.Pipeline{{Source: src, Sink: g}, {Source: g}}
}

func (f *fixture) String() string {
	s := fmt.Sprintf("keys %v of %v, stats %v:", f.keys, f.cfg.In, f.stats)
	for _, c := range f.cfg.Calls {
		s += fmt.Sprintf(" %s(%v distinct=%v filter=%d)", c.Fn.Name, c.Args, c.Distinct, c.Filter)
	}
	return s
}

func TestGroupAgainstOracle(t *testing.T) {
	rounds := 300
	if testing.Short() {
		rounds = 60
	}
	for seed := range rounds {
		rng := rand.New(rand.NewPCG(uint64(seed), 7))
		f := randomFixture(rng, []int{0, 1, 100, 3000}[rng.IntN(4)])
		want := enginetest.GroupBy(f.rows, f.keys, f.calls)
		for _, s := range enginetest.Shapes {
			g, p := f.pipelines()
			got, err := enginetest.Run(t, s, g.Types(), p...)
			if err != nil {
				t.Fatalf("seed %d, %v, %v: %v", seed, s, f, err)
			}
			enginetest.Equal(t, fmt.Sprintf("seed %d, %v, %v", seed, s, f), got, want)
		}
	}
}

// TestGroupPartitioned has enough groups to leave the tables and go through partitions.
func TestGroupPartitioned(t *testing.T) {
	cols := []enginetest.Column{
		{Type: types.T(types.Int8), Distinct: 60000, Nulls: 0.01}, {Type: types.T(types.Text), Distinct: 2000, Skew: true},
		{Type: types.T(types.Int4), Distinct: 1000, Nulls: 0.05}, {Type: types.NumericOf(30, 4), Distinct: 100, Nulls: 0.1},
		{Type: types.T(types.Bool), Distinct: 2},
	}
	rng := rand.New(rand.NewPCG(1, 2))
	ts := enginetest.Types(cols)
	rows := enginetest.Random(rng, cols, 60000)
	rel := enginetest.NewRelation(ts, rows, 3, rng)
	call := func(name string, kind fn.AggKind, distinct bool, filter int, args ...int) agg.Call {
		a := ts[0]
		if len(args) > 0 {
			a = ts[args[0]]
		}
		return agg.Call{Fn: aggregate(name, kind, a), Args: args, Distinct: distinct, Filter: filter}
	}
	all := []agg.Call{
		call("count", fn.CountStar, false, -1), call("sum", fn.Sum, false, -1, 2), call("avg", fn.Avg, false, 4, 3),
		call("max", fn.Max, false, -1, 1), call("count", fn.Count, true, -1, 2), call("min", fn.Min, false, -1, 3),
		call("sum", fn.Sum, true, 4, 0),
	}
	shapes := map[string][]int{"int": {0}, "pair": {0, 1}, "triple": {2, 1, 0}, "none": nil}
	if testing.Short() {
		shapes = map[string][]int{"pair": {0, 1}}
	}
	for name, keys := range shapes {
		f := &fixture{rows: rows, rel: rel, keys: keys, stats: true, cfg: agg.Config{In: ts}}
		for _, k := range keys {
			f.cfg.Keys = append(f.cfg.Keys, agg.Key{Column: k, Origin: k})
		}
		for _, n := range []int{1, 4, len(all)} {
			f.cfg.Calls, f.calls = all[:n], nil
			for _, c := range f.cfg.Calls {
				a := enginetest.Aggregate{Kind: c.Fn.Kind, Distinct: c.Distinct, Filter: c.Filter, Result: c.Fn.Result(nil2(ts, append(c.Args, 0)[0], c.Fn.Kind))}
				a.Column = append(c.Args, 0)[0]
				f.calls = append(f.calls, a)
			}
			want := enginetest.GroupBy(rows, keys, f.calls)
			for _, s := range enginetest.Shapes[2:] {
				g, p := f.pipelines()
				got, err := enginetest.Run(t, s, g.Types(), p...)
				if err != nil {
					t.Fatal(err)
				}
				enginetest.Equal(t, fmt.Sprint(name, n, s), got, want)
			}
		}
	}
}

func TestGroupLimits(t *testing.T) {
	cols := []enginetest.Column{{Type: types.T(types.Int8), Distinct: 1 << 30}}
	rng := rand.New(rand.NewPCG(1, 2))
	rel := enginetest.NewRelation(enginetest.Types(cols), enginetest.Random(rng, cols, 200000), 2, nil)
	run := func(ctx context.Context, limit int64) error {
		src := source.NewScan(rel, scan.Request{Columns: []int{0}})
		g := agg.New(agg.Config{In: src.Types(), Keys: []agg.Key{{Column: 0, Origin: -1}}})
		acc := memtest.Pool(t, limit).Account("query", 0)
		err := exec.Run(&op.Task{Ctx: ctx, Workers: 2, Account: acc, BatchRows: 2048},
			&exec.Plan{Pipelines: []*exec.Pipeline{{Source: src, Sink: g}}})
		if acc.Used() != 0 {
			t.Errorf("%d bytes were not given back", acc.Used())
		}
		return err
	}
	if err := run(context.Background(), 1<<20); !errs.Is(err, errs.OutOfMemory) {
		t.Errorf("1 MiB: %v, want %s", err, errs.OutOfMemory)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := run(ctx, 0); !errs.Is(err, errs.QueryCanceled) {
		t.Errorf("cancelled: %v, want %s", err, errs.QueryCanceled)
	}
}

// TestGroupDictionary groups by one string column that comes from dictionaries, some of them ordered by hash.
func TestGroupDictionary(t *testing.T) {
	for seed := range 30 {
		rng := rand.New(rand.NewPCG(uint64(seed), 3))
		cols := []enginetest.Column{
			{Type: types.T(types.Text), Distinct: 2 + rng.IntN(3000), Nulls: []float64{0, 0.1}[seed%2], Skew: seed%3 == 0},
			{Type: types.T(types.Int4), Distinct: 100, Nulls: 0.1}, {Type: types.T(types.Text), Distinct: 50}, {Type: types.T(types.Bool), Distinct: 2},
		}
		f := &fixture{rows: enginetest.Random(rng, cols, 5000), keys: []int{0}, stats: true, cfg: agg.Config{In: enginetest.Types(cols)}}
		f.rel = enginetest.NewRelation(f.cfg.In, f.rows, 3, rng)
		for len(f.rel.Dictionaries(0)) < 3-seed%2 { // forms are random: until enough parts have a dictionary
			f.rel = enginetest.NewRelation(f.cfg.In, f.rows, 3, rng)
		}
		f.cfg.Keys = []agg.Key{{Column: 0, Origin: 0}}
		for range seed % 4 {
			f.addCall(rng, f.cfg.In, 3)
		}
		for i := range f.cfg.Calls {
			f.cfg.Calls[i].Distinct, f.calls[i].Distinct = false, false
		}
		want := enginetest.GroupBy(f.rows, f.keys, f.calls)
		for _, s := range enginetest.Shapes {
			g, p := f.pipelines()
			got, err := enginetest.Run(t, s, g.Types(), p...)
			if err != nil {
				t.Fatal(err)
			}
			enginetest.Equal(t, fmt.Sprint(seed, s, f), got, want)
		}
	}
}

// TestGroupTop checks that the groups kept are the first of the order.
func TestGroupTop(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	cols := []enginetest.Column{{Type: types.T(types.Int8), Distinct: 40000}, {Type: types.T(types.Int4), Distinct: 10}}
	rows := enginetest.Random(rng, cols, 60000)
	rel := enginetest.NewRelation(enginetest.Types(cols), rows, 2, rng)
	for _, desc := range []bool{true, false} {
		f := &fixture{rel: rel, cfg: agg.Config{In: enginetest.Types(cols), Keys: []agg.Key{{Column: 0, Origin: 0}},
			Calls: []agg.Call{{Fn: aggregate("sum", fn.Sum, cols[1].Type), Args: []int{1}, Filter: -1}}, Top: &agg.Top{Call: 0, Desc: desc, K: 7}}}
		g, p := f.pipelines()
		got, err := enginetest.Run(t, enginetest.Shapes[3], g.Types(), p...)
		if err != nil {
			t.Fatal(err)
		}
		all := enginetest.GroupBy(rows, []int{0}, []enginetest.Aggregate{{Kind: fn.Sum, Column: 1, Filter: -1, Result: types.T(types.Int8)}})
		best := func(rows []enginetest.Row) []int64 {
			var v []int64
			for _, r := range rows {
				v = append(v, r[1].I)
			}
			slices.Sort(v)
			if desc {
				slices.Reverse(v)
			}
			return v[:7]
		}
		if g, w := best(got), best(all); !slices.Equal(g, w) || len(got) > 100 {
			t.Errorf("desc %v: got %v of %d groups, want %v", desc, g, len(got), w)
		}
	}
}

// TestLists checks string_agg and array_agg with an order of their own.
func TestLists(t *testing.T) {
	text, int4 := types.T(types.Text), types.T(types.Int4)
	ts := []types.Type{int4, text, text}
	row := func(k int64, s string, d string) enginetest.Row {
		return enginetest.Row{types.IntOf(int4, k), types.TextOf(s), types.TextOf(d)}
	}
	rows := []enginetest.Row{row(1, "b", ","), row(2, "x y", ";"), row(1, "a", ","), {types.IntOf(int4, 1), types.NullOf(text), types.TextOf(",")}}
	rel := enginetest.NewRelation(ts, rows, 1, nil)
	src := source.NewScan(rel, scan.Request{Columns: []int{0, 1, 2}})
	strAgg, _, _ := fn.ResolveAggregate("string_agg", []types.Type{text, text})
	arrAgg, _, _ := fn.ResolveAggregate("array_agg", []types.Type{text})
	g := agg.New(agg.Config{In: ts, Keys: []agg.Key{{Column: 0, Origin: -1}}, Calls: []agg.Call{
		{Fn: strAgg, Args: []int{1, 2}, Filter: -1, OrderBy: []agg.Order{{Column: 1}}},
		{Fn: arrAgg, Args: []int{1}, Filter: -1, OrderBy: []agg.Order{{Column: 1, Desc: true, NullsFirst: true}}},
	}})
	got, err := enginetest.Run(t, enginetest.Shapes[2], g.Types(), &exec.Pipeline{Source: src, Sink: g}, &exec.Pipeline{Source: g})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{`1|a,b|{NULL,b,a}`, `2|x y|{"x y"}`}
	if s := enginetest.Sorted(got); !slices.Equal(s, want) {
		t.Errorf("got %q, want %q", s, want)
	}
}
