package window_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/siltstone-db/siltstone/engine/enginetest"
	"github.com/siltstone-db/siltstone/engine/exec"
	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/engine/order"
	"github.com/siltstone-db/siltstone/engine/source"
	"github.com/siltstone-db/siltstone/engine/window"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

func resolve(t testing.TB, name string, args ...types.Type) *fn.Aggregate {
	t.Helper()
	f, _, err := fn.ResolveAggregate(name, args)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// rangeOffset returns an offset for a key of a type; false when RANGE takes none.
func rangeOffset(rng *rand.Rand, t types.Type) (types.Datum, bool) {
	switch t.Kind {
	case types.Int2, types.Int4, types.Int8:
		return types.IntOf(types.T(types.Int8), []int64{0, 7, 100, 31 * 31, 1 << 62}[rng.IntN(5)]), true
	case types.Float4, types.Float8:
		return types.FloatOf(types.T(types.Float8), []float64{0, 0.25, 10}[rng.IntN(3)]), true
	case types.Numeric:
		return enginetest.Value(types.T(types.Numeric), 2*rng.IntN(4)), true
	case types.Date, types.Timestamp, types.Interval:
		return types.IntervalOf([]int32{0, 1}[rng.IntN(2)], int32(rng.IntN(40)), int64(rng.IntN(3))*1e6), true
	}
	return types.Datum{}, false
}

// randomFrame returns a frame over the keys of a call.
func randomFrame(rng *rand.Rand, cfg *window.Config, c *window.Call) window.Frame {
	f := window.Frame{Mode: window.Mode(rng.IntN(3)), Exclude: window.Exclusion(rng.IntN(4))}
	if rng.IntN(3) > 0 {
		f.Exclude = window.ExcludeNone
	}
	var off func() types.Datum
	switch f.Mode {
	case window.Range:
		if c.Order == c.Part+1 {
			t := cfg.In[cfg.Keys[c.Order-1].Column]
			if _, ok := rangeOffset(rng, t); ok {
				off = func() types.Datum { d, _ := rangeOffset(rng, t); return d }
			}
		}
	default:
		off = func() types.Datum {
			return types.IntOf(types.T(types.Int8), []int64{0, 1, 2, 5, 40, 300, 1<<63 - 1}[rng.IntN(7)])
		}
	}
	for {
		f.Start, f.End = window.Bound{Kind: window.BoundKind(rng.IntN(4)), Column: -1}, window.Bound{Kind: window.BoundKind(1 + rng.IntN(4)), Column: -1}
		ok := true
		for _, b := range []*window.Bound{&f.Start, &f.End} {
			if b.Kind == window.Preceding || b.Kind == window.Following {
				if ok = ok && off != nil; off != nil {
					b.Value = off()
				}
			}
		}
		if ok {
			return f
		}
	}
}

// randomCalls makes calls over partitions by at least shared keys.
func randomCalls(t testing.TB, rng *rand.Rand, cfg *window.Config, arg func(func(types.Type) bool) int, n int) {
	int4, int8, float8 := types.T(types.Int4), types.T(types.Int8), types.T(types.Float8)
	for range n {
		c := window.Call{Filter: -1, Number: window.Number{Column: -1, Value: int64(1 + rng.IntN(5))}, Frame: window.DefaultFrame(), Result: int8}
		c.Part = cfg.Shared + rng.IntN(len(cfg.Keys)-cfg.Shared)
		c.Order = c.Part + rng.IntN(len(cfg.Keys)-c.Part+1)
		c.Function = fn.WindowKind(rng.IntN(int(fn.NthValue) + 1))
		if rng.IntN(3) == 0 {
			c.Function = fn.OverAggregate
		}
		switch c.Function {
		case fn.PercentRank, fn.CumeDist:
			c.Result = float8
		case fn.Ntile:
			c.Result = int4
		case fn.Lag, fn.Lead, fn.FirstValue, fn.LastValue, fn.NthValue:
			at := arg(func(types.Type) bool { return true })
			c.Args, c.Result = []int{at}, cfg.In[at]
			if c.Function <= fn.Lead && rng.IntN(2) == 0 {
				c.Args = append(c.Args, arg(func(t types.Type) bool { return t == c.Result }))
			}
			if c.Function <= fn.Lead && rng.IntN(3) == 0 {
				c.Number = window.Number{Column: 2}
			}
			c.Frame = randomFrame(rng, cfg, &c)
		case fn.OverAggregate:
			randomAggregate(t, rng, cfg, &c, arg)
			c.Frame = randomFrame(rng, cfg, &c)
		}
		cfg.Calls = append(cfg.Calls, c)
	}
}

func randomAggregate(t testing.TB, rng *rand.Rand, cfg *window.Config, c *window.Call, arg func(func(types.Type) bool) int) {
	number := types.Type.IsNumber
	any := func(t types.Type) bool { return t.Kind != types.UUID && t.Kind != types.Bool }
	for {
		name := []string{"count", "count", "sum", "avg", "min", "max", "max", "bool_or", "string_agg"}[rng.IntN(9)]
		want := any
		switch name {
		case "sum", "avg":
			want = number
		case "bool_or":
			want = func(t types.Type) bool { return t.Kind == types.Bool }
		case "string_agg":
			want = func(t types.Type) bool { return t.Kind == types.Text }
		}
		if name == "count" && rng.IntN(2) == 0 {
			c.Args = nil
		} else {
			at := arg(want)
			if at < 0 {
				continue
			}
			c.Args = []int{at}
		}
		var ts []types.Type
		for _, a := range c.Args {
			ts = append(ts, cfg.In[a])
		}
		if name == "string_agg" {
			c.Args, ts = append(c.Args, 3), append(ts, types.T(types.Text))
		}
		c.Fn = resolve(t, name, ts...)
		c.Result = c.Fn.Result(ts)
		if rng.IntN(4) == 0 {
			c.Filter = 1
		}
		return
	}
}

// TestWindowsAgainstOracle computes random window functions over random rows in every shape.
func TestWindowsAgainstOracle(t *testing.T) {
	rounds := 300
	if testing.Short() {
		rounds = 60
	}
	for seed := range rounds {
		rng := rand.New(rand.NewPCG(uint64(seed), 7))
		// Column 0 numbers the rows, 1 filters, 2 is a number of rows, 3 is a comma.
		cols := []enginetest.Column{{Type: types.T(types.Int8)}, {Type: types.T(types.Bool), Distinct: 2, Nulls: 0.2},
			{Type: types.T(types.Int4), Distinct: 5, Nulls: 0.1}, {Type: types.T(types.Text), Distinct: 1}}
		for range 2 + rng.IntN(5) {
			cols = append(cols, enginetest.Column{Type: enginetest.AllTypes[rng.IntN(len(enginetest.AllTypes))],
				Distinct: []int{1, 4, 60, 3000}[rng.IntN(4)], Nulls: []float64{0, 0.2}[rng.IntN(2)], Skew: rng.IntN(4) == 0})
		}
		ts := enginetest.Types(cols)
		rows := enginetest.Random(rng, cols, []int{0, 1, 30, 100, 300, 1000}[rng.IntN(6)])
		for i := range rows {
			rows[i][0], rows[i][3] = types.IntOf(ts[0], int64(i)), types.TextOf(",")
			if d := &rows[i][2]; !d.Null {
				d.I = int64(rng.IntN(7)) - 2
			}
		}
		rel := enginetest.NewRelation(ts, rows, 1+rng.IntN(3), rng)
		cfg := window.Config{In: ts, Keep: []int{0, 4 + rng.IntN(len(cols)-4)}}
		for _, c := range rng.Perm(len(cols) - 4)[:1+rng.IntN(min(3, len(cols)-4))] {
			desc := rng.IntN(2) == 0
			cfg.Keys = append(cfg.Keys, order.Key{Column: 4 + c, Desc: desc, NullsFirst: rng.IntN(2) == 0})
		}
		cfg.Shared = rng.IntN(len(cfg.Keys) + 1)
		cfg.Keys = append(cfg.Keys, order.Key{Column: 0})
		arg := func(ok func(types.Type) bool) int {
			for _, c := range rng.Perm(len(cols) - 4) {
				if ok(ts[4+c]) {
					return 4 + c
				}
			}
			return -1
		}
		size := 1 + rng.IntN(6)
		if len(rows) >= 1000 {
			size = 2
		}
		randomCalls(t, rng, &cfg, arg, size)
		want := newNaive(cfg, rows).answer()
		for _, s := range enginetest.Shapes {
			check(t, fmt.Sprintf("seed %d, %+v", seed, s), cfg, rel, s, want)
		}
		if t.Failed() {
			t.Fatalf("%+v", cfg)
		}
	}
}

// check runs a Window and compares its rows, in the order of the first column.
func check(t *testing.T, name string, cfg window.Config, rel scan.Relation, s enginetest.Shape, want []enginetest.Row) {
	t.Helper()
	w := window.New(cfg)
	all := make([]int, len(cfg.In))
	for i := range all {
		all[i] = i
	}
	src := source.NewScan(rel, scan.Request{Columns: all})
	got, err := enginetest.Run(t, s, w.Types(), &exec.Pipeline{Source: src, Sink: w}, &exec.Pipeline{Source: w})
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	byNumber := func(a, b enginetest.Row) int { return int(a[0].I - b[0].I) }
	slices.SortFunc(got, byNumber)
	want = slices.Clone(want)
	slices.SortFunc(want, byNumber)
	if len(got) != len(want) {
		t.Errorf("%s: %d rows, want %d", name, len(got), len(want))
		return
	}
	for i := range got {
		if got[i].String() != want[i].String() {
			t.Errorf("%s: row %d\n got %s\nwant %s", name, i, got[i], want[i])
			return
		}
	}
}
