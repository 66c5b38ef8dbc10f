package join_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/siltstone-db/siltstone/engine/enginetest"
	"github.com/siltstone-db/siltstone/engine/exec"
	"github.com/siltstone-db/siltstone/engine/join"
	"github.com/siltstone-db/siltstone/engine/op"
	"github.com/siltstone-db/siltstone/engine/source"
	"github.com/siltstone-db/siltstone/engine/spill"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/kernel"
	"github.com/siltstone-db/siltstone/storage/mem/memtest"
	"github.com/siltstone-db/siltstone/storage/types"
)

// inverse is the multiplier that takes back one of kernel.HashUint64.
func inverse(odd uint64) uint64 {
	x := odd // right in three bits, and in twice as many each time
	for range 5 {
		x *= 2 - odd*x
	}
	return x
}

// keyOf returns the key of a bigint whose partition hash is h.
func keyOf(t *testing.T, h uint64) int64 {
	t.Helper()
	x := h ^ h>>31 ^ h>>62
	x *= inverse(0x94d049bb133111eb)
	x ^= x>>27 ^ x>>54
	x *= inverse(0xbf58476d1ce4e5b9)
	x ^= x>>30 ^ x>>60
	if kernel.HashUint64(x) != h {
		t.Fatalf("%x has hash %x, want %x", x, kernel.HashUint64(x), h)
	}
	return int64(x ^ 0xa0761d6478bd642f)
}

// keysOfLevels returns n keys, a fifth of which leaves the others at each of so many levels.
func keysOfLevels(t *testing.T, n, levels int, rng *rand.Rand) []int64 {
	list := make([]int64, n)
	for i := range list {
		h, stay := rng.Uint64(), 0
		for stay < levels && rng.IntN(5) > 0 {
			stay++
		}
		if stay > 0 { // the same bits at these levels
			h = 0x5a5a5a5a5a5a5a5a>>(64-5*stay)<<(64-5*stay) | h<<(5*stay)>>(5*stay)
		}
		list[i] = keyOf(t, h)
	}
	return list
}

// TestJoinLevels divides both sides of joins once, twice and up to the last level, behind which they are joined block by
// block: every kind gives the rows that it gives in memory.
func TestJoinLevels(t *testing.T) {
	int8 := types.T(types.Int8)
	ts := []types.Type{int8, int8}
	run := func(what string, cfg join.Config, build, probe []enginetest.Row, limit int64) (rows []enginetest.Row, runs int64) {
		h := join.New(cfg)
		space, clean := enginetest.Space(t, spill.Options{})
		defer clean()
		acc := memtest.Pool(t, 0).Account("test", limit)
		res := exec.NewResult(h.Types(), func(b *batch.Batch) error { rows = append(rows, enginetest.Rows(b)...); return nil })
		rng := rand.New(rand.NewPCG(2, 2))
		err := exec.Run(&op.Task{Ctx: context.Background(), Workers: 2, Account: acc, BatchRows: batch.MaxRows, Spill: space}, &exec.Plan{Pipelines: []*exec.Pipeline{
			{Source: source.NewScan(enginetest.NewRelation(ts, build, 2, rng), request(2)), Sink: h.Build()},
			{Source: source.NewScan(enginetest.NewRelation(ts, probe, 2, rng), request(2)), Operators: []op.Operator{h.Probe()}, Sink: res, DependsOn: []int{0}}}})
		if err != nil || acc.Used() != 0 {
			t.Fatalf("%s: %v; %d bytes were not given back", what, err, acc.Used())
		}
		return rows, h.Spilled().Partitions.Load()
	}
	before := int64(0)
	for _, levels := range []int{0, 2, spill.LevelMax + 1} {
		rng := rand.New(rand.NewPCG(uint64(levels), 7))
		keys := keysOfLevels(t, 60_000, levels, rng)
		rows := func(list []int64) []enginetest.Row {
			out := make([]enginetest.Row, len(list))
			for i, k := range list {
				out[i] = enginetest.Row{types.IntOf(int8, k), types.IntOf(int8, int64(i))}
			}
			return out
		}
		build, probe := rows(keys[:50_000]), rows(keys[40_000:])
		for _, kind := range []join.Kind{join.Inner, join.Full, join.Anti} {
			cfg := join.Config{Kind: kind, Build: ts, Probe: ts, BuildKeys: []int{0}, ProbeKeys: []int{0}}
			what := fmt.Sprintf("kind %d, %d levels", kind, levels)
			want, none := run(what+" in memory", cfg, build, probe, 0)
			got, runs := run(what, cfg, build, probe, 512<<10)
			if none != 0 || kind == join.Inner && runs <= before {
				t.Errorf("%s: %d runs, in memory %d, with fewer levels %d", what, runs, none, before)
			}
			if kind == join.Inner {
				before = runs
			}
			enginetest.Equal(t, what, got, want)
		}
	}
}
