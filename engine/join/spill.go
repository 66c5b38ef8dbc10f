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
	"github.com/siltstone-db/siltstone/storage/mem"
)

// spiller is what a join has in temporary files. Once the build side is refused memory, its rows go to files, those of
// the probe side to others, and when the last probe row has come both are read again: by partitions (see
// joinPartitions) where rows with different keys have nothing to do with each other, else block by block (see blocks).
type spiller struct {
	space  *spill.Space // nil: nothing may be spilled
	level  int          // how often the rows of this join were divided before
	skewed bool         // most of them stayed together when they were divided last
	stats  *profile.Spill

	world  sync.RWMutex // held to read while a worker takes build rows, to write while they go to files
	begun  bool         // build rows are in files
	build  *spill.Partitions
	probe  *spill.Partitions
	blocks struct { // in place of partitions: a run per worker
		sync.Mutex
		build, probe []*spill.Run
	}

	rows  atomic.Int64 // build rows that came to files
	nulls atomic.Bool  // some of them have a NULL key

	// Of the build rows that other parts of a divided join have: what NOT IN must know.
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

// divisible tells whether rows with different keys have nothing to do with each other.
func (c *Config) divisible() bool { return len(c.BuildKeys) > 0 && !c.comparesUnknown() }

// comparesUnknown tells whether pairs whose keys are not known to differ decide too: those of NOT IN that have a further
// condition.
func (c *Config) comparesUnknown() bool { return c.NullAware && c.Residual != nil }

// maySpill tells whether refused build rows may go to files. Those of a partition have been in one already: they must
// become fewer by it.
func (h *Hash) maySpill() bool {
	s := &h.spill
	if s.level == 0 {
		return s.space != nil
	}
	return s.level < spill.LevelMax && !s.skewed && h.charged.Load() >= dividedBytes
}

// started tells whether build rows went to files.
func (s *spiller) started() bool { return s.begun }

func (s *spiller) close() {
	s.build.Close()
	s.probe.Close()
	for _, r := range append(s.blocks.build, s.blocks.probe...) {
		r.Close()
	}
	s.build, s.probe, s.blocks.build, s.blocks.probe = nil, nil, nil, nil
}

// finish ends the writing of one side.
func (s *spiller) finish(p *spill.Partitions, runs []*spill.Run) error {
	if p != nil {
		for i := range spill.Ways {
			runs = append(runs, p.Run(i))
		}
	}
	for _, r := range runs {
		if err := r.Finish(); err != nil {
			return err
		}
		s.stats.Add(r.Bytes())
	}
	return nil
}

// divider sends the rows of one side to files, for one goroutine.
type divider struct {
	keys   *keys
	codec  *spill.Rows
	record []byte
	parts  *spill.Partitions
	run    *spill.Run // when there are no partitions
	// nullsToo: rows with a NULL key, which have no partner, come out of the join.
	nullsToo bool
	some     bool // a row had a NULL key
}

// divideBuild makes the divider of a worker's build rows.
func (h *Hash) divideBuild() *divider {
	d := &divider{keys: newKeys(h.cfg.BuildKeys, h.cfg.Build), codec: spill.NewRows(h.cfg.Build)}
	d.parts, d.nullsToo = h.spill.build, h.cfg.keepsBuild()
	h.spill.toRun(d, &h.spill.blocks.build)
	return d
}

// divideProbe makes the divider of a worker's probe rows.
func (h *Hash) divideProbe() *divider {
	d := &divider{keys: newKeys(h.cfg.ProbeKeys, h.cfg.Probe), codec: spill.NewRows(h.cfg.Probe)}
	d.parts, d.nullsToo = h.spill.probe, h.keepsUnmatched()
	h.spill.toRun(d, &h.spill.blocks.probe)
	return d
}

// toRun gives a divider without partitions a run of its own.
func (s *spiller) toRun(d *divider, runs *[]*spill.Run) {
	if d.parts != nil {
		return
	}
	d.run = s.space.NewRun()
	s.blocks.Lock()
	defer s.blocks.Unlock()
	*runs = append(*runs, d.run)
}

// add writes the rows of a batch.
func (d *divider) add(b *batch.Batch) error {
	if d.run != nil {
		for i := range b.Len {
			d.record = d.codec.Append(d.record[:0], b, i)
			if err := d.run.Append(d.record); err != nil {
				return err
			}
		}
		return nil
	}
	d.keys.load(b)
	for i := range b.Len {
		if d.keys.null.Get(i) {
			d.some = true
			if !d.nullsToo {
				continue
			}
		}
		d.record = d.codec.Append(d.record[:0], b, i)
		if err := d.parts.Append(partitionHash(d.keys.word[i]), d.record); err != nil {
			return err
		}
	}
	return nil
}

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
	if err := h.spillBuild(w.ctx); err != nil || !refused {
		return err
	}
	return w.spill(b)
}

// spill writes build rows to files.
func (w *building) spill(b *batch.Batch) error {
	if w.divide == nil {
		w.divide = w.h.divideBuild()
	}
	w.h.spill.rows.Add(int64(b.Len))
	err := w.divide.add(b)
	if w.divide.some {
		w.h.spill.nulls.Store(true)
	}
	return err
}

// spillBuild moves the build rows that are in memory to files, unless another worker has done it.
func (h *Hash) spillBuild(ctx context.Context) error {
	h.spill.world.Lock()
	defer h.spill.world.Unlock()
	if h.spill.started() {
		return nil
	}
	if h.cfg.divisible() {
		h.spill.build = h.spill.space.NewPartitions(h.spill.level)
	}
	h.spill.begun = true
	one := building{h: h}
	h.collect()
	for i, b := range h.batches {
		if err := ctx.Err(); err != nil {
			return errs.From(err)
		}
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
		h.collect()
		err := h.table(t)
		if err == nil && !(h.maySpill() && h.acc.Tight(h.charged.Load()+int64(h.tab.rows)*entryBytes)) {
			h.publish(t.Ctx)
			return nil
		}
		if err != nil && !errs.Is(err, errs.OutOfMemory) || !h.maySpill() {
			return err
		}
		h.dropTable()
		if err := h.spillBuild(t.Ctx); err != nil {
			return err
		}
	}
	if h.cfg.divisible() {
		h.spill.probe = h.spill.space.NewPartitions(h.spill.level)
	}
	return h.spill.finish(h.spill.build, h.spill.blocks.build)
}

// dropTable gives up the table, and keeps the build rows.
func (h *Hash) dropTable() {
	h.tab.release(h.acc)
	mem.ReleaseSlice(h.acc, h.matched)
	h.matched = nil
}

// spill writes probe rows to files.
func (p *probing) spill(b *batch.Batch) error {
	if p.divide == nil {
		p.divide = p.h.divideProbe()
	}
	return p.divide.add(b)
}

// keepsUnmatched tells whether probe rows come out where there are no build rows.
func (h *Hash) keepsUnmatched() bool {
	return h.cfg.keepsProbe() || h.cfg.Kind == Anti || h.cfg.Kind == Mark
}
