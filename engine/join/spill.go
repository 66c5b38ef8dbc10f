package join

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/siltstone-db/siltstone/engine/op"
	"github.com/siltstone-db/siltstone/engine/profile"
	"github.com/siltstone-db/siltstone/engine/spill"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/kernel"
	"github.com/siltstone-db/siltstone/storage/mem"
)

// spiller is what a join has in temporary files: a Grace join. Once the build side is refused memory, its rows go to
// partitions by the hash of their key, those of the probe side to others by the same hash; partners meet in partitions
// of the same number, which are joined one after the other when the last probe row has come. A partition that is too
// large is divided again by other bits of the hash.
type spiller struct {
	space *spill.Space // nil: nothing may be spilled
	level int          // how often the rows of this join were divided before
	stats *profile.Spill

	world sync.RWMutex // held to read while a worker takes build rows, to write while they go to files
	build *spill.Partitions
	probe *spill.Partitions

	rows  atomic.Int64 // build rows in files
	nulls atomic.Bool  // some of them have a NULL key

	// Of the build rows that other partitions of a divided join have: what NOT IN must know.
	outerRows  int64
	outerNulls bool
}

// dividedBytes is how much a partition must hold to be divided again when it is refused memory: when less is refused,
// others have the memory, and dividing would go on to the last row.
const dividedBytes = 128 << 10

// entryBytes is about what the table takes per build row.
const entryBytes = 48

// readBytes is how many bytes of rows are read as one batch.
const readBytes = 1 << 20

// Spilled returns the counters of what was written to temporary files.
func (h *Hash) Spilled() *profile.Spill { return h.spill.stats }

// maySpill tells whether the join can be divided: rows with different keys must have nothing to do with each other.
func (h *Hash) maySpill() bool {
	c := &h.cfg
	return h.spill.space != nil && h.spill.level < spill.LevelMax && (h.spill.level == 0 || h.charged.Load() >= dividedBytes) && len(c.BuildKeys) > 0 && !(c.NullAware && c.Residual != nil)
}

// started tells whether build rows went to files.
func (s *spiller) started() bool { return s.build != nil }

func (s *spiller) close() {
	s.build.Close()
	s.probe.Close()
	s.build, s.probe = nil, nil
}

func (s *spiller) finish(p *spill.Partitions) error {
	if err := p.Finish(); err != nil {
		return err
	}
	for i := range spill.Ways {
		s.stats.Add(p.Run(i).Bytes())
	}
	return nil
}

// divider sends the rows of one side to their partitions, for one goroutine.
type divider struct {
	keys   *keys
	codec  *spill.Rows
	record []byte
	// nullsToo: rows with a NULL key, which have no partner, come out of the join.
	nullsToo bool
	some     bool // a row had a NULL key
}

func (h *Hash) divideBuild() *divider {
	return &divider{keys: newKeys(h.cfg.BuildKeys, h.cfg.Build), codec: spill.NewRows(h.cfg.Build), nullsToo: h.cfg.keepsBuild()}
}

func (h *Hash) divideProbe() *divider {
	keep := h.cfg.keepsProbe() || h.cfg.Kind == Anti || h.cfg.Kind == Mark
	return &divider{keys: newKeys(h.cfg.ProbeKeys, h.cfg.Probe), codec: spill.NewRows(h.cfg.Probe), nullsToo: keep}
}

// add writes the rows of a batch.
func (d *divider) add(b *batch.Batch, to *spill.Partitions) error {
	d.keys.load(b)
	for i := range b.Len {
		if d.keys.null.Get(i) {
			d.some = true
			if !d.nullsToo {
				continue
			}
		}
		d.record = d.codec.Append(d.record[:0], b, i)
		if err := to.Append(partitionHash(d.keys.word[i]), d.record); err != nil {
			return err
		}
	}
	return nil
}

// partitionHash is independent of the hash that finds the slot of a key: all keys of a partition share bits of it.
func partitionHash(word uint64) uint64 { return kernel.HashUint64(word ^ 0xa0761d6478bd642f) }

// consume takes build rows, in memory or, once they do not fit, in files.
func (w *building) consume(b *batch.Batch) error {
	h := w.h
	h.spill.world.RLock()
	started := h.spill.started()
	var err error
	if !started {
		err = w.keep(b)
	}
	h.spill.world.RUnlock()
	switch {
	case started:
		return w.spill(b)
	case err == nil && !h.acc.Tight(h.charged.Load()) && (!h.spill.space.Force() || h.spill.level > 0):
		return nil
	case err != nil && !errs.Is(err, errs.OutOfMemory), !h.maySpill():
		return err
	}
	refused := err != nil
	if err := h.spillBuild(); err != nil || !refused {
		return err
	}
	return w.spill(b)
}

// spill writes build rows to their partitions.
func (w *building) spill(b *batch.Batch) error {
	if w.divide == nil {
		w.divide = w.h.divideBuild()
	}
	w.h.spill.rows.Add(int64(b.Len))
	err := w.divide.add(b, w.h.spill.build)
	if w.divide.some {
		w.h.spill.nulls.Store(true)
	}
	return err
}

// spillBuild moves the build rows that are in memory to files, unless another worker has done it.
func (h *Hash) spillBuild() error {
	h.spill.world.Lock()
	defer h.spill.world.Unlock()
	if h.spill.started() {
		return nil
	}
	h.spill.build = h.spill.space.NewPartitions(h.spill.level)
	one := building{h: h}
	for _, w := range h.workers {
		h.batches = append(h.batches, w.batches...)
		w.batches = nil
	}
	for i, b := range h.batches {
		if err := one.spill(b); err != nil {
			return err
		}
		h.batches[i] = nil
	}
	h.batches = nil
	h.acc.Free(h.charged.Swap(0))
	return nil
}

// combine makes the table, or ends the writing of build rows.
func (h *Hash) combine(t *op.Task) error {
	if !h.spill.started() {
		err := h.table(t)
		if err == nil && !(h.maySpill() && h.acc.Tight(h.charged.Load()+int64(h.tab.rows)*entryBytes)) {
			h.publish(t.Ctx)
			return nil
		}
		if err != nil && !errs.Is(err, errs.OutOfMemory) || !h.maySpill() {
			return err
		}
		h.tab.release(h.acc)
		mem.ReleaseSlice(h.acc, h.matched)
		h.matched = nil
		if err := h.spillBuild(); err != nil {
			return err
		}
	}
	h.spill.probe = h.spill.space.NewPartitions(h.spill.level)
	return h.spill.finish(h.spill.build)
}

// spill writes probe rows to their partitions.
func (p *probing) spill(b *batch.Batch) error {
	if p.divide == nil {
		p.divide = p.h.divideProbe()
	}
	return p.divide.add(b, p.h.spill.probe)
}

// joinPartitions joins what is in files, for the last worker.
func (p *probing) joinPartitions() error {
	h := p.h
	if err := h.spill.finish(h.spill.probe); err != nil {
		return err
	}
	for i := range spill.Ways {
		build, probe := h.spill.build.Run(i), h.spill.probe.Run(i)
		if build.Records() > 0 && (probe.Records() > 0 || h.cfg.keepsBuild()) || probe.Records() > 0 && h.keepsUnmatched() {
			if err := p.joinPartition(build, probe); err != nil {
				return err
			}
		}
		build.Close()
		probe.Close()
	}
	return nil
}

// keepsUnmatched tells whether probe rows come out where there are no build rows.
func (h *Hash) keepsUnmatched() bool {
	return h.cfg.keepsProbe() || h.cfg.Kind == Anti || h.cfg.Kind == Mark
}

// joinPartition joins one partition and hands its rows on.
func (p *probing) joinPartition(build, probe *spill.Run) error {
	h := p.h
	in := New(h.cfg)
	in.cfg.Late = nil
	task := *p.task
	task.Workers = 1
	defer in.Build().Close()
	defer in.Probe().Close()
	if err := in.Build().Open(&task); err != nil {
		return err
	}
	in.spill.level, in.spill.stats = h.spill.level+1, h.spill.stats
	in.spill.outerRows = h.spill.outerRows + h.spill.rows.Load()
	in.spill.outerNulls = h.spill.outerNulls || h.spill.nulls.Load()
	sink, err := in.Build().Consumer(&task, 0)
	if err != nil {
		return err
	}
	if err := feed(task.Ctx, build, batch.New(h.cfg.Build), sink); err != nil {
		return tooLarge(in, err)
	}
	if err := in.Build().Combine(&task); err != nil {
		return tooLarge(in, err)
	}
	c, err := in.Probe().Consumer(&task, 0, passOn{p.next})
	if err != nil {
		return err
	}
	if err := feed(task.Ctx, probe, batch.New(h.cfg.Probe), c); err != nil {
		return err
	}
	return c.Finish()
}

// tooLarge adds what to do when rows were divided as often as they can be.
func tooLarge(h *Hash, err error) error {
	if !errs.Is(err, errs.OutOfMemory) || h.maySpill() {
		return err
	}
	e := *errs.From(err)
	return e.WithHint("The build rows with one key of the join need more memory than the query may have: raise work_mem.")
}

// feed hands the rows of a run to a consumer. op.ErrDone of the consumer is returned as it is, except that a join of
// one partition may need no more rows while others do.
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

// passOn hands rows on, and keeps the end for itself: more partitions follow.
type passOn struct{ op.Consumer }

func (passOn) Finish() error { return nil }
