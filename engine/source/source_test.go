package source_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"go.uber.org/goleak"

	"github.com/siltstone-db/siltstone/engine/enginetest"
	"github.com/siltstone-db/siltstone/engine/exec"
	"github.com/siltstone-db/siltstone/engine/op"
	"github.com/siltstone-db/siltstone/engine/source"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/mem/memtest"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// sources are what the package has, over the rows of a table.
func sources(x *enginetest.Table) map[string]op.Source {
	return map[string]op.Source{
		"scan":   source.NewScan(x.Relation, scan.Request{Columns: x.Columns()}),
		"values": source.NewValues(x.Types, x.Relation.Batches()),
		// Batches on their way in are longer than those of a pipeline.
		"long values": source.NewValues(x.Types, long(x)),
	}
}

func long(x *enginetest.Table) []*batch.Batch {
	b := batch.New(x.Types)
	b.Reset()
	for _, r := range x.Rows {
		for c, d := range r {
			b.Cols[c].AppendDatum(d)
		}
	}
	if b.Len = len(x.Rows); b.Len == 0 {
		return nil
	}
	return []*batch.Batch{b}
}

func TestAgainstOracle(t *testing.T) {
	enginetest.Cross(t, func(t *testing.T, x *enginetest.Table, s enginetest.Shape) {
		for name, src := range sources(x) {
			for range 2 { // a source can be opened again
				got, err := enginetest.Run(t, s, x.Types, &exec.Pipeline{Source: src})
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				enginetest.Equal(t, name, got, x.Rows)
			}
		}
	})
}

// TestScanColumnsAndTerms asks for some columns in another order and for rows by terms, among them one that narrows
// while the scan runs.
func TestScanColumnsAndTerms(t *testing.T) {
	enginetest.Cross(t, func(t *testing.T, x *enginetest.Table, s enginetest.Shape) {
		cols := []int{len(x.Types) - 1, 0, 9, 0}
		late := &scan.Late{}
		late.Set(&scan.Term{Column: 0, Op: scan.Lt, Values: []types.Datum{types.IntOf(x.Types[0], 2000)}})
		src := source.NewScan(x.Relation, scan.Request{Columns: cols, Late: []*scan.Late{late},
			Terms: []scan.Term{{Column: 1, Op: scan.Eq, Values: []types.Datum{types.BoolOf(true)}}}})
		var want []enginetest.Row
		ts := src.Types()
		for _, r := range x.Rows {
			if !r[1].Null && r[1].I != 0 && r[0].I < 2000 {
				want = append(want, enginetest.Row{r[cols[0]], r[0], r[9], r[0]})
			}
		}
		if !slices.Equal(ts, []types.Type{x.Types[cols[0]], x.Types[0], x.Types[9], x.Types[0]}) {
			t.Fatalf("types %v", ts)
		}
		got, err := enginetest.Run(t, s, ts, &exec.Pipeline{Source: src})
		if err != nil {
			t.Fatal(err)
		}
		enginetest.Equal(t, "scan", got, want)
	})
}

// TestBatchSizes checks that no batch is empty or longer than the task wants.
func TestBatchSizes(t *testing.T) {
	x := enginetest.NewTable(rand.New(rand.NewPCG(3, 3)), 4100, 3, 0.3)
	for name, src := range sources(x) {
		for _, rows := range []int{1, 3, 2048} {
			task := &op.Task{Ctx: context.Background(), Workers: 1, Account: memtest.Pool(t, 0).Account("test", 0), BatchRows: rows}
			if err := src.Open(task); err != nil {
				t.Fatal(err)
			}
			p, err := src.Producer(task, 0)
			if err != nil {
				t.Fatal(err)
			}
			total := 0
			for {
				b, err := p.Next(task.Ctx)
				if err != nil {
					t.Fatal(err)
				}
				if b == nil {
					break
				}
				if total += b.Len; b.Len == 0 || b.Len > rows {
					t.Fatalf("%s: a batch of %d rows, wanted up to %d", name, b.Len, rows)
				}
			}
			p.Close()
			src.Close()
			if total != len(x.Rows) {
				t.Errorf("%s in batches of %d: %d rows", name, rows, total)
			}
		}
	}
}

func TestCancelInTheMiddle(t *testing.T) {
	enginetest.Cross(t, func(t *testing.T, x *enginetest.Table, s enginetest.Shape) {
		for name, src := range sources(x) {
			ctx, cancel := context.WithCancel(context.Background())
			_, err := enginetest.RunContext(ctx, t, s, x.Types, &exec.Pipeline{Source: enginetest.Before(src, 1, cancel)})
			reached := ctx.Err() != nil
			cancel()
			if reached && len(x.Rows) > 2*2048 && !errs.Is(err, errs.QueryCanceled) && !errors.Is(err, context.Canceled) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}
