package join_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/siltstone-db/siltstone/engine/enginetest"
	"github.com/siltstone-db/siltstone/engine/exec"
	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/engine/join"
	"github.com/siltstone-db/siltstone/engine/op"
	"github.com/siltstone-db/siltstone/engine/source"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

func request(n int) scan.Request {
	var r scan.Request
	for i := range n {
		r.Columns = append(r.Columns, i)
	}
	return r
}

// TestJoinAgainstOracle joins random rows with every kind, key type and shape. The residual condition is a boolean
// column of the build side.
func TestJoinAgainstOracle(t *testing.T) {
	rounds := 300
	if testing.Short() {
		rounds = 80
	}
	boolean := types.T(types.Bool)
	for seed := range rounds {
		rng := rand.New(rand.NewPCG(uint64(seed), 9))
		var cols []enginetest.Column
		nkeys := rng.IntN(3)
		for range nkeys {
			cols = append(cols, enginetest.Column{Type: enginetest.AllTypes[rng.IntN(len(enginetest.AllTypes))],
				Distinct: []int{2, 20, 300}[rng.IntN(3)], Nulls: []float64{0, 0, 0.1}[rng.IntN(3)]})
		}
		cols = append(cols, enginetest.Column{Type: boolean, Distinct: 2, Nulls: 0.2}, enginetest.Column{Type: types.T(types.Text), Distinct: 9})
		ts := enginetest.Types(cols)
		build := enginetest.Random(rng, cols, []int{0, 1, 30, 200}[rng.IntN(4)])
		probe := enginetest.Random(rng, cols, []int{0, 1, 100, 300}[rng.IntN(4)])
		cfg := join.Config{Kind: join.Kind(rng.IntN(9)), Build: ts, Probe: ts}
		for i := range nkeys {
			cfg.BuildKeys, cfg.ProbeKeys = append(cfg.BuildKeys, i), append(cfg.ProbeKeys, i)
		}
		cfg.NullAware = nkeys == 1 && (cfg.Kind == join.Anti || cfg.Kind == join.Mark) && rng.IntN(2) == 0
		var residual func(p, b enginetest.Row) bool
		if rng.IntN(2) == 0 {
			cfg.Residual = &expr.Column{Index: len(ts) + nkeys, Name: "ok", T: boolean}
			residual = func(_, b enginetest.Row) bool { return !b[nkeys].Null && b[nkeys].I != 0 }
		}
		want := enginetest.Join(&cfg, probe, build, residual)
		buildRel := enginetest.NewRelation(ts, build, 1+rng.IntN(2), rng)
		probeRel := enginetest.NewRelation(ts, probe, 1+rng.IntN(2), rng)
		for _, s := range enginetest.Shapes {
			what := fmt.Sprintf("seed %d, %v, kind %d, %d keys of %v, residual %v, null aware %v", seed, s, cfg.Kind, nkeys, ts, residual != nil, cfg.NullAware)
			got, err := run(t, s, cfg, buildRel, probeRel, nkeys)
			if cfg.Kind == join.Single && err != nil && errs.Is(err, errs.CardinalityViolation) && len(want) > len(probe) {
				continue
			}
			if err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			enginetest.Equal(t, what, got, want)
		}
	}
}

func run(t *testing.T, s enginetest.Shape, cfg join.Config, build, probe *enginetest.Relation, nkeys int) ([]enginetest.Row, error) {
	t.Helper()
	req := request(len(cfg.Probe))
	if cfg.Kind == join.Inner || cfg.Kind == join.Semi || cfg.Kind == join.Right {
		for i := range nkeys {
			l := join.LateKey{Late: &scan.Late{}, Column: i}
			cfg.Late = append(cfg.Late, l)
			req.Late = append(req.Late, l.Late)
		}
	}
	h := join.New(cfg)
	return enginetest.Run(t, s, h.Types(),
		&exec.Pipeline{Source: source.NewScan(build, request(len(cfg.Build))), Sink: h.Build()},
		&exec.Pipeline{Source: source.NewScan(probe, req), Operators: []op.Operator{h.Probe()}})
}

// TestRowsBehindAnEmptyJoin chains a right join, an inner one without build rows and a full one: the second needs no
// rows, and the third has still its own to give.
func TestRowsBehindAnEmptyJoin(t *testing.T) {
	col := enginetest.Column{Type: types.T(types.Int4), Distinct: 5}
	rng := rand.New(rand.NewPCG(1, 1))
	rows := func(n int) *enginetest.Relation {
		return enginetest.NewRelation([]types.Type{col.Type}, enginetest.Random(rng, []enginetest.Column{col}, n), 1, rng)
	}
	for _, s := range enginetest.Shapes {
		var chain []op.Operator
		var plan []*exec.Pipeline
		width := []types.Type{col.Type}
		for i, kind := range []join.Kind{join.Right, join.Inner, join.Full} {
			h := join.New(join.Config{Kind: kind, Probe: width, Build: []types.Type{col.Type}, ProbeKeys: []int{0}, BuildKeys: []int{0}})
			plan = append(plan, &exec.Pipeline{Source: source.NewScan(rows([]int{40, 0, 30}[i]), request(1)), Sink: h.Build(), DependsOn: []int{}})
			chain, width = append(chain, h.Probe()), h.Types()
		}
		plan = append(plan, &exec.Pipeline{Source: source.NewScan(rows(20), request(1)), Operators: chain, DependsOn: []int{0, 1, 2}})
		got, err := enginetest.Run(t, s, width, plan...)
		if err != nil || len(got) != 30 {
			t.Errorf("%v: %d rows of 30, %v", s, len(got), err)
		}
	}
}

// TestLateKeys: the scan of the probe side learns which keys the build rows have: a list, a bitmap or a range.
func TestLateKeys(t *testing.T) {
	for _, c := range []struct {
		what       string
		n          int
		step       int64 // between keys
		set, whole bool  // integers come as a set; it is a range
	}{{"few", 40, 3, true, false}, {"few far apart", 40, 1 << 40, false, false}, {"dense", 9000, 2, true, false},
		{"all", 9000, 1, true, true}, {"sparse", 9000, 10_000, true, true}} {
		int8 := []types.Type{types.T(types.Int8)}
		var build, probe []enginetest.Row
		for i := range c.n {
			build = append(build, enginetest.Row{types.IntOf(int8[0], int64(i)*c.step-50)})
		}
		for x := int64(-100); x < 20_000; x++ {
			probe = append(probe, enginetest.Row{types.IntOf(int8[0], x)})
		}
		build = append(build, enginetest.Row{types.NullOf(int8[0])})
		want := 0
		for i := range int64(c.n) {
			if i*c.step-50 < 20_000 {
				want++
			}
		}
		for _, s := range enginetest.Shapes[1:4] {
			late := &scan.Late{}
			h := join.New(join.Config{Kind: join.Semi, Build: int8, Probe: int8, BuildKeys: []int{0}, ProbeKeys: []int{0}, Late: []join.LateKey{{Late: late}}})
			req := request(1)
			req.Late = []*scan.Late{late}
			got, err := enginetest.Run(t, s, int8, &exec.Pipeline{Source: source.NewScan(enginetest.NewRelation(int8, build, 1, nil), request(1)), Sink: h.Build()},
				&exec.Pipeline{Source: source.NewScan(enginetest.NewRelation(int8, probe, 1, nil), req), Operators: []op.Operator{h.Probe()}})
			if err != nil || len(got) != want {
				t.Fatalf("%s, %v: %d rows, want %d, %v", c.what, s, len(got), want, err)
			}
			term := late.Get()
			if term == nil || term.Op != scan.In || (term.Set != nil) != c.set || term.Values[0].I != -50 || term.Values[len(term.Values)-1].I != int64(c.n-1)*c.step-50 {
				t.Fatalf("%s: %+v", c.what, term)
			}
			if c.set && (term.Set.IsRange() != c.whole || !c.whole && (!term.Set.Contains(c.step-50) || term.Set.Contains(c.step-51))) {
				t.Errorf("%s: the set is a range: %v", c.what, term.Set.IsRange())
			}
		}
	}
}
