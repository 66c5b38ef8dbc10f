package agg_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/siltstone-db/siltstone/engine/agg"
	"github.com/siltstone-db/siltstone/engine/enginetest"
	"github.com/siltstone-db/siltstone/engine/exec"
	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/engine/op"
	"github.com/siltstone-db/siltstone/engine/source"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/mem/memtest"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

// TestLongLists makes one list of many chunks of nodes: its values stay in order, and what it takes while it is built
// and while it is handed out is charged.
func TestLongLists(t *testing.T) {
	const n = 50_000
	int4 := types.T(types.Int4)
	rows := make([]enginetest.Row, n)
	var want strings.Builder
	for i := range rows {
		rows[i] = enginetest.Row{types.IntOf(int4, int64(i))}
		fmt.Fprintf(&want, ",%d", i)
	}
	arrAgg, _, err := fn.ResolveAggregate("array_agg", []types.Type{int4})
	if err != nil {
		t.Fatal(err)
	}
	// 24 bytes per value for its node, and as many to hand it out: limits between the two are refused at the end.
	for _, c := range []struct {
		limit int64
		code  errs.Code
	}{{0, ""}, {n * 12, errs.OutOfMemory}, {n * 36, errs.OutOfMemory}} {
		acc := memtest.Pool(t, 0).Account("query", c.limit)
		src := source.NewScan(enginetest.NewRelation([]types.Type{int4}, rows, 1, nil), scan.Request{Columns: []int{0}})
		g := agg.New(agg.Config{In: src.Types(), Calls: []agg.Call{{Fn: arrAgg, Args: []int{0}, Filter: -1, OrderBy: []agg.Order{{Column: 0}}}}})
		text := ""
		res := exec.NewResult(g.Types(), func(b *batch.Batch) error { text = string(b.Cols[0].BytesAt(0)); return nil })
		task := &op.Task{Ctx: context.Background(), Workers: 1, Account: acc, BatchRows: batch.MaxRows}
		err := exec.Run(task, &exec.Plan{Pipelines: []*exec.Pipeline{{Source: src, Sink: g}, {Source: g, Sink: res, DependsOn: []int{0}}}})
		if c.code != "" {
			if err == nil || errs.From(err).Code != c.code {
				t.Errorf("limit %d: %v", c.limit, err)
			}
		} else if err != nil || text != "{"+want.String()[1:]+"}" {
			t.Errorf("%v, a list of %d bytes", err, len(text))
		} else if acc.Peak() < n*56 {
			t.Errorf("%d bytes were charged at most", acc.Peak())
		}
		if acc.Used() != 0 {
			t.Errorf("limit %d: %d bytes stayed charged", c.limit, acc.Used())
		}
	}
}
