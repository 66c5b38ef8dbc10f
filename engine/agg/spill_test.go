package agg_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/siltstone-db/siltstone/engine/agg"
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

// limited runs a fixture under an account of limit bytes.
func limited(ctx context.Context, t testing.TB, f *fixture, workers int, limit int64, space *spill.Space) (*agg.Group, []enginetest.Row, error) {
	t.Helper()
	g, p := f.pipelines()
	var rows []enginetest.Row
	p[1].DependsOn = []int{0}
	p[1].Sink = exec.NewResult(g.Types(), func(b *batch.Batch) error { rows = append(rows, enginetest.Rows(b)...); return nil })
	acc := memtest.Pool(t, 0).Account("test", limit)
	err := exec.Run(&op.Task{Ctx: ctx, Workers: workers, Account: acc, BatchRows: batch.MaxRows, Spill: space}, &exec.Plan{Pipelines: p})
	if acc.Used() != 0 {
		t.Errorf("%d bytes were not given back", acc.Used())
	}
	return g, rows, err
}

// manyGroups groups rows in ways that use every kind of table before it runs out of memory.
func manyGroups(rows []enginetest.Row, cols []enginetest.Column, rng *rand.Rand) map[string]*fixture {
	ts := enginetest.Types(cols)
	rel := enginetest.NewRelation(ts, rows, 3, rng)
	all := []struct {
		name     string
		kind     fn.AggKind
		column   int
		distinct bool
		filter   int
	}{
		{"count", fn.CountStar, 0, false, -1}, {"sum", fn.Sum, 2, false, 4}, {"max", fn.Max, 1, false, -1}, {"min", fn.Min, 3, false, -1},
		{"avg", fn.Avg, 3, false, -1}, {"count", fn.Count, 0, true, -1}, {"count", fn.Count, 1, true, 4}, {"sum", fn.Sum, 2, true, -1},
	}
	out := map[string]*fixture{}
	for name, c := range map[string]struct {
		keys  []int
		calls []int
	}{
		"int": {[]int{0}, []int{0, 1}}, "strings": {[]int{1}, []int{0}}, "pair": {[]int{0, 1}, []int{0, 2, 3, 4}}, "none": {nil, []int{0, 5, 6, 7}},
		"few, distinct": {[]int{4}, []int{5, 6, 7, 1}}, "many, distinct": {[]int{2}, []int{5, 0, 7}},
	} {
		f := &fixture{rows: rows, rel: rel, keys: c.keys, stats: true, cfg: agg.Config{In: ts}}
		for _, k := range c.keys {
			f.cfg.Keys = append(f.cfg.Keys, agg.Key{Column: k, Origin: k, Stats: rel.Stats(k)})
		}
		for _, i := range c.calls {
			x := all[i]
			call := agg.Call{Fn: aggregate(x.name, x.kind, ts[x.column]), Distinct: x.distinct, Filter: x.filter}
			if x.kind != fn.CountStar {
				call.Args = []int{x.column}
			}
			f.cfg.Calls = append(f.cfg.Calls, call)
			f.calls = append(f.calls, enginetest.Aggregate{Kind: x.kind, Column: x.column, Distinct: x.distinct, Filter: x.filter,
				Result: call.Fn.Result(nil2(ts, x.column, x.kind))})
		}
		out[name] = f
	}
	return out
}

// TestGroupBeyondMemory gives aggregations a fraction of what they need.
func TestGroupBeyondMemory(t *testing.T) {
	cols := []enginetest.Column{
		{Type: types.T(types.Int8), Distinct: 50_000, Nulls: 0.01}, {Type: types.T(types.Text), Distinct: 40_000, Nulls: 0.01},
		{Type: types.T(types.Int4), Distinct: 3000, Nulls: 0.05}, {Type: types.NumericOf(30, 4), Distinct: 100, Nulls: 0.1},
		{Type: types.T(types.Bool), Distinct: 2, Nulls: 0.1},
	}
	rng := rand.New(rand.NewPCG(8, 8))
	rows := enginetest.Random(rng, cols, 60_000)
	for name, f := range manyGroups(rows, cols, rng) {
		want := enginetest.GroupBy(f.rows, f.keys, f.calls)
		spilled := false
		limits := map[string][]int64{"int": {3 << 20, 2 << 20}, "many, distinct": {4 << 20, 3 << 20}, "strings": {8 << 20, 6 << 20},
			"pair": {12 << 20, 10 << 20}, "none": {7 << 20}, "few, distinct": {7 << 20}}[name]
		for _, limit := range limits {
			space, clean := enginetest.Space(t, spill.Options{})
			g, got, err := limited(context.Background(), t, f, 2, limit, space)
			clean()
			if err != nil {
				t.Errorf("%s in %d: %v", name, limit, err)
				continue
			}
			spilled = spilled || g.Spilled().Bytes.Load() > 0
			enginetest.Equal(t, fmt.Sprint(name, " in ", limit), got, want)
		}
		if _, _, err := limited(context.Background(), t, f, 2, 1<<20, nil); !errs.Is(err, errs.OutOfMemory) {
			t.Errorf("%s in 1 MiB without files: %v", name, err)
		}
		if !spilled {
			t.Errorf("%s did not spill", name)
		}
	}
}

// squeezed leaves an aggregation only some bytes of its account while it combines its groups.
type squeezed struct {
	*agg.Group
	left int64
}

func (s *squeezed) Combine(t *op.Task) error {
	n := t.Account.Limit() - t.Account.Used() - s.left
	if err := t.Account.Reserve(n); err != nil {
		return err
	}
	defer t.Account.Free(n)
	return s.Group.Combine(t)
}

// TestGroupRefusedInCombine refuses memory at one moment of combining after the other: the workers' groups must still be
// what they were, so that files get each row once.
func TestGroupRefusedInCombine(t *testing.T) {
	cols := []enginetest.Column{
		{Type: types.T(types.Int8), Distinct: 14_000}, {Type: types.T(types.Numeric), Distinct: 500, Nulls: 0.1}, {Type: types.T(types.Text), Distinct: 90},
	}
	rng := rand.New(rand.NewPCG(8, 8))
	ts, rows := enginetest.Types(cols), enginetest.Random(rng, cols, 20_000)
	rel := enginetest.NewRelation(ts, rows, 3, rng)
	for _, keys := range [][]int{{0}, {2}, {2, 0}, nil} {
		f := &fixture{rows: rows, rel: rel, keys: keys, stats: true, cfg: agg.Config{In: ts, Expected: 1 << 20}}
		for _, k := range keys {
			f.cfg.Keys = append(f.cfg.Keys, agg.Key{Column: k, Origin: k, Stats: rel.Stats(k)})
		}
		for _, c := range []struct {
			name     string
			kind     fn.AggKind
			column   int
			distinct bool
		}{{"sum", fn.Sum, 1, false}, {"sum", fn.Sum, 0, true}, {"min", fn.Min, 2, false}, {"avg", fn.Avg, 1, false}} {
			call := agg.Call{Fn: aggregate(c.name, c.kind, ts[c.column]), Args: []int{c.column}, Distinct: c.distinct, Filter: -1}
			f.cfg.Calls = append(f.cfg.Calls, call)
			f.calls = append(f.calls, enginetest.Aggregate{Kind: c.kind, Column: c.column, Distinct: c.distinct, Filter: -1, Result: call.Fn.Result(ts[c.column : c.column+1])})
		}
		want := enginetest.GroupBy(f.rows, f.keys, f.calls)
		spilled := 0
		for left := int64(0); left < 2<<20; left = left*2 + 64<<10 {
			space, clean := enginetest.Space(t, spill.Options{})
			g, p := f.pipelines()
			q := &squeezed{g, left}
			var got []enginetest.Row
			p[0].Sink, p[1].Source, p[1].DependsOn = q, q, []int{0}
			p[1].Sink = exec.NewResult(g.Types(), func(b *batch.Batch) error { got = append(got, enginetest.Rows(b)...); return nil })
			acc := memtest.Pool(t, 0).Account("test", 1<<30)
			if err := exec.Run(&op.Task{Ctx: context.Background(), Workers: 2, Account: acc, BatchRows: batch.MaxRows, Spill: space}, &exec.Plan{Pipelines: p}); err != nil || acc.Used() != 0 {
				t.Fatalf("by %v, %d bytes left: %v; %d bytes were not given back", keys, left, err, acc.Used())
			}
			clean()
			enginetest.Equal(t, fmt.Sprintf("by %v, %d bytes left", keys, left), got, want)
			if g.Spilled().Bytes.Load() > 0 {
				spilled++
			}
		}
		if spilled == 0 && slices.Contains(keys, 0) {
			t.Errorf("by %v: nothing was refused", keys)
		}
	}
}

// TestGroupSpillCanceled cancels at several moments: no file and no memory may stay.
func TestGroupSpillCanceled(t *testing.T) {
	cols := []enginetest.Column{{Type: types.T(types.Int8), Distinct: 1 << 30}, {Type: types.T(types.Text), Distinct: 40_000},
		{Type: types.T(types.Int4), Distinct: 3000}, {Type: types.NumericOf(30, 4), Distinct: 100}, {Type: types.T(types.Bool), Distinct: 2}}
	rng := rand.New(rand.NewPCG(8, 8))
	f := manyGroups(enginetest.Random(rng, cols, 40_000), cols, rng)["pair"]
	for _, after := range []time.Duration{0, time.Millisecond, 5 * time.Millisecond, 20 * time.Millisecond, 60 * time.Millisecond} {
		space, clean := enginetest.Space(t, spill.Options{})
		ctx, cancel := context.WithTimeout(context.Background(), after)
		_, _, err := limited(ctx, t, f, 2, 11<<20, space)
		cancel()
		clean()
		if err != nil && !errs.Is(err, errs.QueryCanceled) {
			t.Errorf("after %v: %v", after, err)
		}
	}
}

// TestGroupTooLarge has one list that is larger than the memory: no division helps.
func TestGroupTooLarge(t *testing.T) {
	text := types.T(types.Text)
	cols := []enginetest.Column{{Type: text, Distinct: 1 << 30}}
	rng := rand.New(rand.NewPCG(8, 8))
	f := &fixture{rel: enginetest.NewRelation([]types.Type{text}, enginetest.Random(rng, cols, 60_000), 2, rng), cfg: agg.Config{In: []types.Type{text}}}
	call := callsOf("string_agg", 0, text)
	f.cfg.Calls = call
	space, clean := enginetest.Space(t, spill.Options{})
	defer clean()
	_, _, err := limited(context.Background(), t, f, 2, 4<<20, space)
	if !errs.Is(err, errs.OutOfMemory) || errs.From(err).Hint == "" {
		t.Errorf("%v", err)
	}
}

// TestListIsCharged makes a list whose text is most of what it takes.
func TestListIsCharged(t *testing.T) {
	text := types.T(types.Text)
	rows := make([]enginetest.Row, 4000)
	for i := range rows {
		rows[i] = enginetest.Row{types.StringOf(text, strings.Repeat("x", 1000))}
	}
	for name, few := range map[string]int64{"string_agg": 6 << 20, "array_agg": 4 << 20} { // room for all but the text
		f := &fixture{rel: enginetest.NewRelation([]types.Type{text}, rows, 2, rand.New(rand.NewPCG(8, 8))), cfg: agg.Config{In: []types.Type{text}, Calls: callsOf(name, 0, text)}}
		if _, got, err := limited(context.Background(), t, f, 2, 32<<20, nil); err != nil || len(got) != 1 || len(got[0][0].S) < 4_000_000 {
			t.Errorf("%s in 32 MiB: %v", name, err)
		}
		if _, _, err := limited(context.Background(), t, f, 2, few, nil); !errs.Is(err, errs.OutOfMemory) {
			t.Errorf("%s in %d bytes: %v", name, few, err)
		}
	}
}
