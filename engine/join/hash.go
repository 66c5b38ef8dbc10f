// Package join joins two inputs. The build side is kept in memory: its rows as batches, and a table of entries by key,
// off-heap. The probe side streams through an operator that looks its keys up.
//
// Keys of integers that fit 64 bits together are one word, looked up in an array when the build keys are dense, else
// in a linear-probing table; all other keys are normalised bytes, found by hash. Rows with the same key are chained.
// A NULL key has no partner.
//
// A build side that does not fit the account goes to temporary files, and the probe side after it (see spiller). They are
// joined by partitions, those by several workers, or block by block: joins without a key, NOT IN with further conditions,
// and partitions of one key.
// A Hash is built by one pipeline and probed by a later one. Build is combined by one goroutine; Probe's consumers only
// read, except for the marks of Right and Full, which are set atomically.
package join

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/siltstone-db/siltstone/engine/op"
	"github.com/siltstone-db/siltstone/engine/profile"
	"github.com/siltstone-db/siltstone/engine/relop"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Hash is a join: a Sink for the build rows and an Operator over the probe rows.
type Hash struct {
	cfg     Config
	acc     *mem.Account
	charged atomic.Int64
	sides   atomic.Int32 // sides not closed yet

	mu struct {
		sync.Mutex
		workers []*building   // of the build side
		ended   []op.Consumer // behind the workers of the probe side that have ended, when there are files to join
	}

	batches []*batch.Batch // build rows
	tab     entries
	matched []uint32     // by entry, for Right and Full: 1 when it found a partner
	probing atomic.Int32 // probe workers that have not finished
	spill   spiller
}

// New returns a join. Errors of the configuration come from Open.
func New(cfg Config) *Hash {
	h := &Hash{cfg: cfg}
	h.sides.Store(2)
	h.spill.stats = &profile.Spill{}
	return h
}

// Types returns the types of the output.
func (h *Hash) Types() []types.Type { return h.cfg.Types() }

// Build returns the side that takes the build rows.
func (h *Hash) Build() op.Sink { return (*buildSide)(h) }

// Probe returns the operator over the probe rows; its pipeline depends on the one of Build. The rows that Right and
// Full keep without a partner are handed on by the last worker that finishes.
func (h *Hash) Probe() op.Operator { return (*probeSide)(h) }

// closeSide releases everything once both sides are closed.
func (h *Hash) closeSide() {
	if h.sides.Add(-1) != 0 || h.acc == nil {
		return
	}
	h.dropTable()
	h.acc.Free(h.charged.Swap(0))
	h.batches, h.mu.workers, h.mu.ended = nil, nil, nil
	h.spill.close()
}

// buildSide is the Hash as a sink.
type buildSide Hash

// Open checks the configuration.
func (s *buildSide) Open(t *op.Task) error {
	h := (*Hash)(s)
	h.acc, h.spill.space = t.Account, t.Spill
	c := &h.cfg
	if len(c.BuildKeys) != len(c.ProbeKeys) {
		return errs.Internal("a join with %d build keys and %d probe keys", len(c.BuildKeys), len(c.ProbeKeys))
	}
	if c.NullAware && len(c.BuildKeys) != 1 {
		return errs.Unsupported("NOT IN over several columns")
	}
	for i, k := range c.BuildKeys {
		if a, b := c.Build[k].Physical(), c.Probe[c.ProbeKeys[i]].Physical(); a != b {
			return errs.Internal("join key %d has types %s and %s", i, c.Build[k], c.Probe[c.ProbeKeys[i]])
		}
	}
	return nil
}

// Consumer makes the state of one worker.
func (s *buildSide) Consumer(t *op.Task, _ int) (op.Consumer, error) {
	w := &building{ctx: t.Ctx, h: (*Hash)(s)}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.workers = append(s.mu.workers, w)
	return w, nil
}

// Combine makes the table, and tells the probe side's scan what it learned.
func (s *buildSide) Combine(t *op.Task) error { return (*Hash)(s).combine(t) }

// collect takes over the rows that the workers keep.
func (h *Hash) collect() {
	for _, w := range h.mu.workers {
		h.batches = append(h.batches, w.batches...)
		w.batches = nil
	}
}

// table makes the table of the build rows in memory.
func (h *Hash) table(t *op.Task) error {
	if len(h.batches) > maxBatches {
		return errs.New(errs.ProgramLimitExceeded, "the build side of a join has more than %d batches", maxBatches)
	}
	if err := h.tab.build(h, t); err != nil {
		return err
	}
	if h.cfg.keepsBuild() {
		m, err := mem.Slice[uint32](h.acc, h.tab.n+1)
		if err != nil {
			return err
		}
		h.matched = m
	}
	return nil
}

// Close gives up the build side.
func (s *buildSide) Close() { (*Hash)(s).closeSide() }

// building keeps copies of one worker's build rows.
type building struct {
	ctx     context.Context
	h       *Hash
	batches []*batch.Batch
	divide  *divider
}

func (w *building) Consume(b *batch.Batch) error { return w.consume(b) }

// keep keeps a copy of the rows in memory.
func (w *building) keep(b *batch.Batch) error {
	c, err := w.h.keep(b)
	if err != nil {
		return err
	}
	w.batches = append(w.batches, c)
	return nil
}

// keep returns a copy of a batch, which is charged to the join.
func (h *Hash) keep(b *batch.Batch) (*batch.Batch, error) {
	c := relop.Copy(b)
	n := c.Bytes()
	if err := h.acc.Reserve(n); err != nil {
		return nil, err
	}
	h.charged.Add(n)
	return c, nil
}

// dropRows gives up the build rows in memory.
func (h *Hash) dropRows() {
	h.collect()
	n := int64(0)
	for i, b := range h.batches {
		n += b.Bytes()
		h.batches[i] = nil
	}
	h.batches = h.batches[:0]
	h.charged.Add(-n)
	h.acc.Free(n)
}

func (w *building) Finish() error { return nil }
