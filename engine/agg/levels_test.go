package agg_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/siltstone-db/siltstone/engine/agg"
	"github.com/siltstone-db/siltstone/engine/enginetest"
	"github.com/siltstone-db/siltstone/engine/exec"
	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/engine/hashtable"
	"github.com/siltstone-db/siltstone/engine/op"
	"github.com/siltstone-db/siltstone/engine/spill"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/mem/memtest"
	"github.com/siltstone-db/siltstone/storage/types"
)

// leveled is an aggregation whose records count as divided some times before.
type leveled struct {
	*agg.Group
	level int
}

func (l *leveled) Open(t *op.Task) error {
	err := l.Group.Open(t)
	l.StartAt(l.level)
	return err
}

// together returns n values whose hashes as keys have the same bits at so many levels from one on, so that dividing by
// these keeps them together.
func together(n, from, levels int) []int64 {
	const seed = 0x9e3779b97f4a7c15 // of hashKey
	shift, mask := 64-5*(from+levels), uint64(1)<<(5*levels)-1
	list := make([]int64, 0, n)
	for v := uint64(1); len(list) < n; v++ {
		if hashtable.Mix(seed, hashtable.Mix(v, 0))>>shift&mask == 9&mask {
			list = append(list, int64(v))
		}
	}
	return list
}

// TestGroupLevels divides groups, some with distinct values, two and three times, from the first level and up to the last;
// behind the last one what is still too large is refused.
func TestGroupLevels(t *testing.T) {
	int8, n := types.T(types.Int8), 16_000
	for _, c := range []struct {
		level, stay int // how many levels keep the keys together
		good        bool
	}{
		{0, 0, true}, {0, 1, true}, {0, 2, true}, {spill.LevelMax - 2, 0, true}, {spill.LevelMax - 2, 1, true}, {spill.LevelMax - 1, 0, true},
		{spill.LevelMax - 2, 2, false}, {spill.LevelMax - 1, 1, false},
	} {
		keys := together(n, c.level, c.stay)
		var rows []enginetest.Row
		for i, v := range keys {
			for j := range 1 + i%2 {
				rows = append(rows, enginetest.Row{types.IntOf(int8, v), types.IntOf(int8, int64(i*j%7))})
			}
		}
		rng := rand.New(rand.NewPCG(4, 4))
		rng.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
		ts := []types.Type{int8, int8}
		f := &fixture{rows: rows, rel: enginetest.NewRelation(ts, rows, 2, rng), keys: []int{0}, cfg: agg.Config{In: ts, Keys: []agg.Key{{Column: 0, Origin: 0}}}}
		sum, count := aggregate("sum", fn.Sum, int8), aggregate("count", fn.CountStar, int8)
		f.cfg.Calls = []agg.Call{{Fn: sum, Args: []int{1}, Filter: -1}, {Fn: count, Filter: -1}}
		f.calls = []enginetest.Aggregate{{Kind: fn.Sum, Column: 1, Filter: -1, Result: sum.Result(ts[:1])}, {Kind: fn.CountStar, Filter: -1, Result: count.Result(nil)}}
		what := fmt.Sprintf("from level %d, together for %d", c.level, c.stay)
		space, clean := enginetest.Space(t, spill.Options{})
		g, p := f.pipelines()
		l := &leveled{g, c.level}
		var got []enginetest.Row
		p[0].Sink, p[1].Source, p[1].DependsOn = l, l, []int{0}
		p[1].Sink = exec.NewResult(g.Types(), func(b *batch.Batch) error { got = append(got, enginetest.Rows(b)...); return nil })
		acc := memtest.Pool(t, 0).Account("test", 640<<10)
		err := exec.Run(&op.Task{Ctx: context.Background(), Workers: 2, Account: acc, BatchRows: batch.MaxRows, Spill: space}, &exec.Plan{Pipelines: p})
		clean()
		if acc.Used() != 0 {
			t.Errorf("%s: %d bytes were not given back", what, acc.Used())
		}
		if !c.good {
			if !errs.Is(err, errs.OutOfMemory) {
				t.Errorf("%s: %d groups, %v", what, len(got), err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		enginetest.Equal(t, what, got, enginetest.GroupBy(f.rows, f.keys, f.calls))
		// A level that keeps all together writes one run, the one that divides them 32.
		if n := g.Spilled().Partitions.Load(); n < int64(c.stay+spill.Ways) {
			t.Errorf("%s: %d runs", what, n)
		}
	}
}
