package join_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/siltstone-db/siltstone/engine/enginetest"
	"github.com/siltstone-db/siltstone/engine/exec"
	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/engine/join"
	"github.com/siltstone-db/siltstone/engine/op"
	"github.com/siltstone-db/siltstone/engine/source"
	"github.com/siltstone-db/siltstone/engine/spill"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/mem/memtest"
	"github.com/siltstone-db/siltstone/storage/types"
)

// wide returns n rows of a key, a number to compare and a text of up to 6 kB. A share of the keys is the same one.
func wide(rng *rand.Rand, key types.Type, n, distinct int, skew float64) ([]types.Type, []enginetest.Row) {
	ts := []types.Type{key, types.T(types.Int4), types.T(types.Text)}
	rows := make([]enginetest.Row, n)
	for i := range rows {
		k := rng.IntN(distinct)
		if rng.Float64() < skew {
			k = 0
		}
		d := enginetest.Value(key, k)
		if rng.IntN(10) == 0 {
			d = types.NullOf(key)
		}
		number := types.IntOf(ts[1], int64(rng.IntN(40)))
		if rng.IntN(10) == 0 {
			number = types.NullOf(ts[1])
		}
		rows[i] = enginetest.Row{d, number, types.StringOf(ts[2], fmt.Sprintf("%d %s", i, strings.Repeat("x", rng.IntN(6000))))}
	}
	return ts, rows
}

// equalNumbers is the condition that the numbers of both sides are equal.
func equalNumbers(t *testing.T) (expr.Expr, func(p, b enginetest.Row) bool) {
	t.Helper()
	int4 := types.T(types.Int4)
	e, err := expr.CallOperator("=", &expr.Column{Index: 1, T: int4}, &expr.Column{Index: 4, T: int4})
	if err != nil {
		t.Fatal(err)
	}
	return e, func(p, b enginetest.Row) bool { return !p[1].Null && !b[1].Null && p[1].I == b[1].I }
}

// under runs a join with an account of limit bytes, and what stands behind it.
func under(t *testing.T, limit int64, h *join.Hash, build, probe *enginetest.Relation, more ...op.Operator) ([]enginetest.Row, error) {
	t.Helper()
	space, clean := enginetest.Space(t, spill.Options{})
	defer clean()
	acc := memtest.Pool(t, 0).Account("test", limit)
	var rows []enginetest.Row
	ops := append([]op.Operator{h.Probe()}, more...)
	res := exec.NewResult(ops[len(ops)-1].Types(), func(b *batch.Batch) error {
		rows = append(rows, enginetest.Rows(b)...)
		return nil
	})
	err := exec.Run(&op.Task{Ctx: context.Background(), Workers: 2, Account: acc, BatchRows: batch.MaxRows, Spill: space}, &exec.Plan{Pipelines: []*exec.Pipeline{
		{Source: source.NewScan(build, request(3)), Sink: h.Build()},
		{Source: source.NewScan(probe, request(3)), Operators: ops, Sink: res, DependsOn: []int{0}}}})
	if n := acc.Used(); n != 0 {
		t.Errorf("%d bytes were not given back", n)
	}
	return rows, err
}

// TestJoinUnderPressure joins build rows of three times the memory that there is: with keys of which nearly all, half or
// few rows are equal, and without keys.
func TestJoinUnderPressure(t *testing.T) {
	const memory = 1 << 20
	nbuild, nprobe := 800, 60
	if testing.Short() {
		nbuild, nprobe = 800, 30
	}
	residual, holds := equalNumbers(t)
	for kind := join.Inner; kind <= join.Mark; kind++ {
		for _, c := range []struct {
			keys     int
			skew     float64
			residual bool
			aware    bool
		}{{0, 0, true, false}, {1, 0, false, false}, {1, 0.5, true, false}, {1, 0.97, true, false}, {1, 0.97, false, false}, {1, 0.5, true, true}, {1, 0.97, false, true}} {
			if c.aware && kind != join.Anti && kind != join.Mark || kind == join.Single && c.skew > 0 && !c.residual {
				continue
			}
			rng := rand.New(rand.NewPCG(uint64(kind), uint64(100*c.skew)))
			key := []types.Type{types.T(types.Int8), types.T(types.Text)}[int(kind)%2]
			ts, build := wide(rng, key, nbuild, 1000, c.skew)
			_, probe := wide(rng, key, nprobe, 1000, c.skew/3)
			if kind == join.Single { // few partners: more than one is an error
				for i := range build {
					if i%nprobe != 0 || i > 10*nprobe {
						build[i][1] = types.IntOf(ts[1], int64(1000+i))
					}
				}
			}
			cfg := join.Config{Kind: kind, Build: ts, Probe: ts, NullAware: c.aware}
			if c.keys > 0 {
				cfg.BuildKeys, cfg.ProbeKeys = []int{0}, []int{0}
			}
			oracle := holds
			if cfg.Residual = residual; !c.residual {
				cfg.Residual, oracle = nil, nil
			}
			what := fmt.Sprintf("kind %d, %+v", kind, c)
			want := enginetest.Join(&cfg, probe, build, oracle)
			h := join.New(cfg)
			got, err := under(t, memory, h, enginetest.NewRelation(ts, build, 2, nil), enginetest.NewRelation(ts, probe, 2, nil))
			if kind == join.Single && len(want) > nprobe {
				if err == nil {
					t.Errorf("%s: two partners are no error", what)
				}
				continue
			}
			if err != nil {
				t.Errorf("%s: %v, %s", what, err, errs.From(err).Detail)
				continue
			}
			if h.Spilled().Bytes.Load() == 0 {
				t.Errorf("%s: nothing was spilled", what)
			}
			enginetest.Equal(t, what, got, want)
		}
	}
}
