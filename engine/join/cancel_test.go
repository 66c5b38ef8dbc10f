package join_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"go.uber.org/goleak"

	"github.com/siltstone-db/siltstone/engine/enginetest"
	"github.com/siltstone-db/siltstone/engine/exec"
	"github.com/siltstone-db/siltstone/engine/join"
	"github.com/siltstone-db/siltstone/engine/op"
	"github.com/siltstone-db/siltstone/engine/source"
	"github.com/siltstone-db/siltstone/engine/spill"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/mem/memtest"
	"github.com/siltstone-db/siltstone/storage/types"
)

// TestSpilledJoinCanceled ends joins that write to files: while build rows are divided, while probe rows are, and while
// partitions are joined. No file, no goroutine and no memory may stay.
func TestSpilledJoinCanceled(t *testing.T) {
	defer goleak.VerifyNone(t)
	cols := []enginetest.Column{{Type: types.T(types.Int8), Distinct: 20_000}, {Type: types.T(types.Text), Distinct: 5000}}
	ts := enginetest.Types(cols)
	rng := rand.New(rand.NewPCG(9, 9))
	build := enginetest.NewRelation(ts, enginetest.Random(rng, cols, 40_000), 3, rng)
	probe := enginetest.NewRelation(ts, enginetest.Random(rng, cols, 40_000), 3, rng)
	for _, kind := range []join.Kind{join.Inner, join.Full, join.Anti} {
		for _, phase := range []string{"build", "probe", "output", "nowhere"} {
			for _, k := range []int{0, 1, 4} {
				what := fmt.Sprintf("kind %d, %s, batch %d", kind, phase, k)
				ctx, cancel := context.WithCancel(context.Background())
				h := join.New(join.Config{Kind: kind, Build: ts, Probe: ts, BuildKeys: []int{0}, ProbeKeys: []int{0}})
				sources := map[string]op.Source{"build": source.NewScan(build, request(2)), "probe": source.NewScan(probe, request(2))}
				if s := sources[phase]; s != nil {
					sources[phase] = enginetest.Before(s, int64(k), cancel)
				}
				batches := 0
				res := exec.NewResult(h.Types(), func(*batch.Batch) error {
					if batches++; phase == "output" && batches > k {
						cancel()
					}
					return nil
				})
				space, clean := enginetest.Space(t, spill.Options{})
				acc := memtest.Pool(t, 0).Account("test", 1<<20)
				err := exec.Run(&op.Task{Ctx: ctx, Workers: 2, Account: acc, BatchRows: batch.MaxRows, Spill: space}, &exec.Plan{Pipelines: []*exec.Pipeline{
					{Source: sources["build"], Sink: h.Build()},
					{Source: sources["probe"], Operators: []op.Operator{h.Probe()}, Sink: res, DependsOn: []int{0}}}})
				cancel()
				written := h.Spilled().Bytes.Load()
				if (phase == "nowhere" || phase == "output") && written == 0 {
					t.Errorf("%s: nothing was written", what)
				}
				if phase == "nowhere" {
					if err != nil {
						t.Errorf("%s: %v", what, err)
					}
				} else if !errs.Is(err, errs.QueryCanceled) && !errors.Is(err, context.Canceled) {
					t.Errorf("%s: %v", what, err)
				}
				if acc.Used() != 0 {
					t.Errorf("%s: %d bytes were not given back", what, acc.Used())
				}
				clean() // looks for files, too
				if phase == "nowhere" {
					break
				}
			}
		}
	}
}
