package join

import (
	"context"
	"errors"
	"slices"

	"github.com/siltstone-db/siltstone/engine/op"
	"github.com/siltstone-db/siltstone/engine/spill"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/kernel"
)

// partitionHash is independent of the hash that finds the slot of a key: all keys of a partition share bits of it.
func partitionHash(word uint64) uint64 { return kernel.HashUint64(word ^ 0xa0761d6478bd642f) }

// joinFiles joins what is in files, and hands rows to the consumers in next, each from its own goroutine.
func (h *Hash) joinFiles(t *op.Task, next []op.Consumer) error {
	if err := h.spill.finish(h.spill.probe, h.spill.blocks.probe); err != nil {
		return err
	}
	if h.cfg.divisible() {
		return h.joinPartitions(t, next)
	}
	return h.joinBlocks(t, next, h.spill.blocks.build, h.spill.blocks.probe)
}

// joinPartitions is a Grace join: both sides were divided by the same hash of their keys, so partners are in partitions
// of the same number. The goroutines take partitions, the largest first. A partition that is too large is divided again
// by other bits of the hash, unless nearly all its rows stayed together when it came to be: then they have one key, and
// it is joined block by block, as is one that was divided often enough.
func (h *Hash) joinPartitions(t *op.Task, next []op.Consumer) error {
	var parts []int
	for i := range spill.Ways {
		build, probe := h.spill.build.Run(i).Records(), h.spill.probe.Run(i).Records()
		if build > 0 && (probe > 0 || h.cfg.keepsBuild()) || probe > 0 && h.keepsUnmatched() {
			parts = append(parts, i)
		}
	}
	size := func(i int) int64 { return h.spill.build.Run(i).Bytes() + h.spill.probe.Run(i).Bytes() }
	slices.SortStableFunc(parts, func(a, b int) int { return int(min(1, max(-1, size(b)-size(a)))) })
	c := newCrew(t, next)
	defer c.fail(nil)
	share := c.share(h)
	return c.each(len(parts), func(w, k int) error {
		task := c.task
		task.Workers, task.Account = 1, h.acc.Share(share)
		defer task.Account.Close()
		build, probe := h.spill.build.Run(parts[k]), h.spill.probe.Run(parts[k])
		defer probe.Close()
		defer build.Close()
		return h.joinPartition(&task, next[w], build, probe)
	})
}

// joinPartition joins one partition and hands its rows on.
func (h *Hash) joinPartition(t *op.Task, next op.Consumer, build, probe *spill.Run) error {
	in := New(h.cfg)
	in.cfg.Late = nil
	defer in.Build().Close()
	defer in.Probe().Close()
	if err := in.Build().Open(t); err != nil {
		return err
	}
	in.spill.level, in.spill.stats = h.spill.level+1, h.spill.stats
	in.spill.skewed = build.Records() > h.spill.build.Records()/8*7
	in.spill.outerRows = h.spill.outerRows + h.spill.rows.Load()
	in.spill.outerNulls = h.spill.outerNulls || h.spill.nulls.Load()
	err := in.fill(t, build)
	if errs.Is(err, errs.OutOfMemory) && !in.spill.started() {
		in.dropTable()
		in.dropRows()
		return in.joinBlocks(t, []op.Consumer{next}, []*spill.Run{build}, []*spill.Run{probe})
	}
	if err != nil {
		return err
	}
	c, err := in.Probe().Consumer(t, 0, &passOn{Consumer: next})
	if err != nil {
		return err
	}
	if err := feed(t.Ctx, probe, batch.New(h.cfg.Probe), c); err != nil {
		return err
	}
	return c.Finish()
}

// fill makes the build side of the rows of a run.
func (h *Hash) fill(t *op.Task, run *spill.Run) error {
	sink, err := h.Build().Consumer(t, 0)
	if err != nil {
		return err
	}
	if err := feed(t.Ctx, run, batch.New(h.cfg.Build), sink); err != nil {
		return err
	}
	return h.Build().Combine(t)
}

// feed hands the rows of a run to a consumer. What the consumer returns is returned as it is.
func feed(ctx context.Context, run *spill.Run, b *batch.Batch, to op.Consumer) error {
	r := run.Reader()
	defer r.Close()
	codec := spill.NewRows(b.Types())
	for {
		if err := ctx.Err(); err != nil {
			return errs.From(err)
		}
		if err := codec.Fill(r, b, batch.MaxRows, readBytes); err != nil {
			return err
		}
		if b.Len == 0 {
			return nil
		}
		if err := to.Consume(b); err != nil {
			return err
		}
	}
}

// passOn hands rows on, and keeps the end for itself: more parts of the join follow, unless no more rows are needed.
type passOn struct {
	op.Consumer
	done bool
}

func (p *passOn) Consume(b *batch.Batch) error {
	err := p.Consumer.Consume(b)
	p.done = p.done || errors.Is(err, op.ErrDone)
	return err
}

func (p *passOn) Finish() error {
	if p.done {
		return op.ErrDone
	}
	return nil
}
