package order_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/siltstone-db/siltstone/engine/enginetest"
	"github.com/siltstone-db/siltstone/engine/exec"
	"github.com/siltstone-db/siltstone/engine/op"
	"github.com/siltstone-db/siltstone/engine/order"
	"github.com/siltstone-db/siltstone/engine/profile"
	"github.com/siltstone-db/siltstone/engine/source"
	"github.com/siltstone-db/siltstone/engine/spill"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

// spilling is a sort or a top-k.
type spilling interface {
	both
	Spilled() *profile.Spill
}

// byTwo is the order of a relation by two columns, as far as limit goes.
func byTwo(rel *enginetest.Relation, limit int64) order.Config {
	return order.Config{In: rel.Types(), Keys: []order.Key{{Column: 1, Desc: true}, {Column: 0}}, Limit: limit}
}

// sortLimited sorts a relation by two columns under an account of limit bytes. each is called with every batch.
func sortLimited(ctx context.Context, rel *enginetest.Relation, limit int64, space *spill.Space, each func(*batch.Batch)) (spilling, error) {
	return runLimited(ctx, order.NewSort(byTwo(rel, -1)), rel, limit, space, each)
}

func runLimited(ctx context.Context, s spilling, rel *enginetest.Relation, limit int64, space *spill.Space, each func(*batch.Batch)) (spilling, error) {
	acc := mem.NewPool(0).Account("test", limit)
	src := source.NewScan(rel, scan.Request{Columns: []int{0, 1}})
	out := exec.NewResult(rel.Types(), func(b *batch.Batch) error { each(b); return nil })
	t := &op.Task{Ctx: ctx, Workers: 2, Account: acc, BatchRows: batch.MaxRows, Spill: space}
	err := exec.Run(t, &exec.Plan{Pipelines: []*exec.Pipeline{{Source: src, Sink: s}, {Source: s, Sink: out, DependsOn: []int{0}}}})
	if n := acc.Used(); n != 0 && err == nil {
		err = errs.Internal("%d bytes were not given back", n)
	}
	return s, err
}

func wide(n int) *enginetest.Relation {
	cols := []enginetest.Column{{Type: types.T(types.Int8), Distinct: 1 << 30}, {Type: types.T(types.Text), Distinct: 100, Nulls: 0.1}}
	rng := rand.New(rand.NewPCG(9, 9))
	return enginetest.NewRelation(enginetest.Types(cols), enginetest.Random(rng, cols, n), 3, rng)
}

func TestSortBeyondMemory(t *testing.T) {
	rel := wide(100_000)
	if _, err := sortLimited(context.Background(), rel, 1<<20, nil, func(*batch.Batch) {}); !errs.Is(err, errs.OutOfMemory) {
		t.Errorf("without files: %v", err)
	}
	var want []enginetest.Row
	if _, err := sortLimited(context.Background(), rel, 0, nil, func(b *batch.Batch) { want = append(want, enginetest.Rows(b)...) }); err != nil {
		t.Fatal(err)
	}
	for _, limit := range []int64{1 << 20, 1 << 10} { // the second refuses every batch: runs are merged several times
		space, clean := enginetest.Space(t, spill.Options{})
		var got []enginetest.Row
		s, err := sortLimited(context.Background(), rel, limit, space, func(b *batch.Batch) { got = append(got, enginetest.Rows(b)...) })
		clean()
		if err != nil {
			t.Fatal(err)
		}
		if s.Spilled().Bytes.Load() < 100_000 || limit < 1<<20 && s.Spilled().Partitions.Load() < 50 {
			t.Errorf("limit %d: spilled %d bytes in %d runs", limit, s.Spilled().Bytes.Load(), s.Spilled().Partitions.Load())
		}
		if !slices.EqualFunc(got, want, func(a, b enginetest.Row) bool { return a[0] == b[0] && a[1] == b[1] }) {
			t.Errorf("limit %d: %d rows differ from those sorted in memory, %d", limit, len(got), len(want))
		}
	}
}

// TestTopKBeyondMemory keeps many rows, few rows, and more than there are, with less memory than they need: the first rows
// of the whole order come out.
func TestTopKBeyondMemory(t *testing.T) {
	rel := wide(60_000)
	var all []enginetest.Row
	if _, err := sortLimited(context.Background(), rel, 0, nil, func(b *batch.Batch) { all = append(all, enginetest.Rows(b)...) }); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		k, limit int64
		spills   bool
	}{{30_000, 1 << 20, true}, {30_000, 1 << 10, true}, {100, 1 << 10, true}, {100, 1 << 20, false}, {100_000, 1 << 20, true}, {30_000, 1 << 30, false}} {
		space, clean := enginetest.Space(t, spill.Options{})
		var got []enginetest.Row
		s, err := runLimited(context.Background(), order.NewTopK(byTwo(rel, c.k)), rel, c.limit, space, func(b *batch.Batch) { got = append(got, enginetest.Rows(b)...) })
		clean()
		if err != nil {
			t.Fatalf("%+v: %v", c, err)
		}
		if n := s.Spilled().Bytes.Load(); n > 0 != c.spills {
			t.Errorf("%+v: spilled %d bytes", c, n)
		}
		want := all[:min(int(c.k), len(all))]
		if !slices.EqualFunc(got, want, func(a, b enginetest.Row) bool { return a[0] == b[0] && a[1] == b[1] }) {
			t.Errorf("%+v: %d rows, want %d", c, len(got), len(want))
		}
		if c.limit > 1<<20 {
			continue
		}
		if _, err := runLimited(context.Background(), order.NewTopK(byTwo(rel, c.k)), rel, 1<<10, nil, func(*batch.Batch) {}); !errs.Is(err, errs.OutOfMemory) {
			t.Errorf("%+v without files: %v", c, err)
		}
	}
}

func TestSortCanceled(t *testing.T) {
	rel := wide(50_000)
	for _, after := range []time.Duration{0, time.Millisecond, 5 * time.Millisecond, 20 * time.Millisecond} {
		space, clean := enginetest.Space(t, spill.Options{})
		ctx, cancel := context.WithTimeout(context.Background(), after)
		_, err := sortLimited(ctx, rel, 1<<18, space, func(*batch.Batch) {})
		cancel()
		clean()
		if err != nil && !errs.Is(err, errs.QueryCanceled) {
			t.Errorf("after %v: %v", after, err)
		}
	}
}
