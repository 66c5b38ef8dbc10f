package agg_test

import (
	"context"
	"syscall"
	"testing"
	"time"

	"github.com/siltstone-db/siltstone/engine/agg"
	"github.com/siltstone-db/siltstone/engine/enginetest"
	"github.com/siltstone-db/siltstone/engine/exec"
	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/engine/op"
	"github.com/siltstone-db/siltstone/engine/source"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/mem/memtest"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

const benchRows = 10_000_000

// benchGroup runs an aggregation over all columns of a relation.
func benchGroup(b *testing.B, rel *enginetest.Relation, keys []int, calls []agg.Call, top *agg.Top) {
	req := scan.Request{}
	for i := range rel.Types() {
		req.Columns = append(req.Columns, i)
	}
	acc := memtest.Pool(b, 0).Account("bench", 0)
	groups := 0
	b.ReportAllocs()
	cpu := cpuTime()
	for b.Loop() {
		src := source.NewScan(rel, req)
		cfg := agg.Config{In: src.Types(), Calls: calls, Top: top, Scan: src}
		for _, k := range keys {
			cfg.Keys = append(cfg.Keys, agg.Key{Column: k, Origin: k, Stats: rel.Stats(k)})
		}
		g := agg.New(cfg)
		groups = 0
		res := exec.NewResult(g.Types(), func(b *batch.Batch) error { groups += b.Len; return nil })
		t := &op.Task{Ctx: context.Background(), Workers: 2, Account: acc, BatchRows: batch.MaxRows}
		if err := exec.Run(t, &exec.Plan{Pipelines: []*exec.Pipeline{{Source: src, Sink: g}, {Source: g, Sink: res, DependsOn: []int{0}}}}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(b.N), "ms/query")
	b.ReportMetric(float64((cpuTime()-cpu).Milliseconds())/float64(b.N), "cpu-ms/query")
	b.ReportMetric(float64(groups), "groups")
}

// cpuTime is what the process has used: on a busy machine it tells more than the clock.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func countStar() agg.Call {
	return agg.Call{Fn: aggregate("count", fn.CountStar, types.Type{}), Filter: -1}
}

var top10 = &agg.Top{Call: 0, Desc: true, K: 10}

func BenchmarkGroup(b *testing.B) {
	if testing.Short() {
		b.Skip("10 million rows")
	}
	int8, int4 := types.T(types.Int8), types.T(types.Int4)
	user := enginetest.Ints(int8, benchRows, 3_000_000)
	b.Run("UserID", func(b *testing.B) { benchGroup(b, user, []int{0}, []agg.Call{countStar()}, top10) })
	distinct := agg.Call{Fn: aggregate("count", fn.Count, int8), Args: []int{0}, Distinct: true, Filter: -1}
	b.Run("DistinctUserID", func(b *testing.B) { benchGroup(b, user, nil, []agg.Call{distinct}, nil) })
	region := enginetest.Ints(int4, benchRows, 9000)
	sum := func(c int) agg.Call { return agg.Call{Fn: aggregate("sum", fn.Sum, int4), Args: []int{c}, Filter: -1} }
	b.Run("RegionID", func(b *testing.B) {
		benchGroup(b, enginetest.Beside(region, region, region), []int{0}, []agg.Call{countStar(), sum(1), sum(2)}, nil)
	})
	distinct.Args = []int{1}
	b.Run("RegionDistinct", func(b *testing.B) {
		benchGroup(b, enginetest.Beside(region, user), []int{0}, []agg.Call{distinct}, nil)
	})
	b.Run("UserPhrase", func(b *testing.B) {
		phrase := enginetest.Strings(benchRows, 540_000)
		benchGroup(b, enginetest.Beside(user, phrase), []int{0, 1}, []agg.Call{countStar()}, top10)
	})
}

func BenchmarkGroupURL(b *testing.B) {
	if testing.Short() {
		b.Skip("10 million rows")
	}
	url := enginetest.Strings(benchRows, 4_600_000)
	benchGroup(b, url, []int{0}, []agg.Call{countStar()}, top10)
}
