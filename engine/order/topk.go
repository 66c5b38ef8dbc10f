package order

import (
	"context"
	"math"
	"sync/atomic"

	"github.com/siltstone-db/siltstone/engine/op"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

// TopK keeps the first Limit rows of an order. Each worker drops rows whose first key lies behind the running
// bound, the worst of the best rows that any worker has found so far; what remains is collected, and cut to the best
// rows whenever there are twice too many, so that few rows are ever copied.
type TopK struct {
	sorted
	k     int
	bound atomic.Uint64 // rank of the first key; rows beyond it cannot get in
}

// NewTopK returns a top-k.
func NewTopK(cfg Config) *TopK {
	cfg.Limit = max(0, cfg.Limit)
	return &TopK{sorted: sorted{cfg: cfg}, k: int(min(cfg.Limit, math.MaxInt32))}
}

// Open starts without a bound.
func (s *TopK) Open(t *op.Task) error {
	s.bound.Store(math.MaxUint64)
	return s.sorted.Open(t)
}

// Consumer makes the state of one worker.
func (s *TopK) Consumer(t *op.Task, _ int) (op.Consumer, error) {
	return &topping{ctx: t.Ctx, s: s, r: s.rows(t), picked: batch.New(s.cfg.In), ranks: make([]uint64, batch.MaxRows)}, nil
}

// topping has the best rows of one worker, and some more.
type topping struct {
	ctx    context.Context
	s      *TopK
	r      *rows
	ranks  []uint64
	idx    []uint16
	picked *batch.Batch
}

// Consume keeps the rows that may be among the first.
func (c *topping) Consume(b *batch.Batch) error {
	if c.s.k == 0 {
		return op.ErrDone
	}
	if len(c.s.cfg.Keys) == 0 {
		return c.keep(b)
	}
	k := c.s.cfg.Keys[0]
	ranks(k, b.Cols[k.Column], b.Len, c.ranks)
	bound := c.s.bound.Load()
	if len(c.s.cfg.Keys) == 1 && exact(b.Cols[k.Column].Type.Physical()) && bound > 0 && bound < math.MaxUint64 {
		bound-- // k rows are at least as good. The ends of the range may also stand for NULL, so they prove nothing.
	}
	c.idx = c.idx[:0]
	for i, r := range c.ranks[:b.Len] {
		if r <= bound {
			c.idx = append(c.idx, uint16(i))
		}
	}
	switch len(c.idx) {
	case 0:
		return nil
	case b.Len:
		return c.keep(b)
	}
	for i, v := range b.Cols {
		c.picked.Cols[i].Gather(v, c.idx)
	}
	c.picked.Len = len(c.idx)
	return c.keep(c.picked)
}

// exact tells whether equal ranks mean equal values.
func exact(p types.Physical) bool {
	switch p {
	case types.PhysBytes, types.PhysInt128, types.PhysInterval, types.PhysUUID:
		return false
	}
	return true
}

// cutRows is how many rows beyond twice k are collected before they are cut. Every cut tightens the bound, and a scan that
// knows the bound reads the other columns of the rows within it: with a hundred columns in a hundred blocks each, a few
// rows too many cost more than a cut.
const cutRows = 64

func (c *topping) keep(b *batch.Batch) error {
	err := c.r.add(c.ctx, c.s.cfg.Keys, b)
	if refused := errs.Is(err, errs.OutOfMemory); err != nil && !refused {
		return err
	} else if refused || c.s.files != nil && c.s.crowded(c.r) {
		return c.relieve(err)
	}
	if len(c.r.entries) >= 2*c.s.k+cutRows || len(c.r.entries) >= c.s.k && c.s.bound.Load() == math.MaxUint64 {
		return c.orFile(c.cut())
	}
	return nil
}

// relieve makes room, after a refusal or without one: where it is not enough to keep the best k rows, these become a
// run in a file. The bound stays true, since the rows that it stands for are in some run.
func (c *topping) relieve(refused error) error {
	if len(c.r.entries) > c.s.k {
		refused = c.cut()
	}
	if refused == nil && c.s.files != nil && c.s.crowded(c.r) {
		return c.s.files.write(c.r)
	}
	return c.orFile(refused)
}

// orFile writes the rows when memory for them was refused, and returns other errors.
func (c *topping) orFile(err error) error {
	if errs.Is(err, errs.OutOfMemory) && c.s.files != nil {
		return c.s.files.write(c.r)
	}
	return err
}

// cut keeps the best k rows, and tightens the bound.
func (c *topping) cut() error {
	if err := c.r.sort(c.ctx); err != nil {
		return err
	}
	if len(c.r.entries) > c.s.k {
		if err := c.r.truncate(c.s.cfg.In, c.s.k); err != nil {
			return err
		}
	}
	if len(c.s.cfg.Keys) > 0 && c.s.k > 0 && len(c.r.entries) == c.s.k {
		c.publish()
	}
	return nil
}

// publish makes the worst row kept the bound, if it is better than that of others.
func (c *topping) publish() {
	k := c.s.cfg.Keys[0]
	last := c.r.entries[len(c.r.entries)-1]
	v := c.r.batches[last.row>>16].Cols[k.Column]
	var one batch.Vector
	one.Gather(v, []uint16{uint16(last.row)})
	var r [1]uint64
	ranks(k, &one, 1, r[:])
	for {
		old := c.s.bound.Load()
		if r[0] >= old {
			return
		}
		if c.s.bound.CompareAndSwap(old, r[0]) {
			break
		}
	}
	if c.s.cfg.Late == nil || one.IsNull(0) || k.NullsFirst && !c.s.cfg.LateNotNull {
		return
	}
	term := &scan.Term{Column: c.s.cfg.LateColumn, Op: scan.Le, Values: []types.Datum{one.Datum(0)}, Text: "top-k bound"}
	if k.Desc {
		term.Op = scan.Ge
	}
	c.s.cfg.Late.Set(term)
}

// Finish sorts what is left.
func (c *topping) Finish() error { return c.orFile(c.cut()) }

// truncate keeps the first k entries and copies their rows together.
func (r *rows) truncate(ts []types.Type, k int) error {
	kept := rows{acc: r.acc, scratch: r.scratch, charged: r.charged}
	refs := make([]ref, 0, min(k, batch.MaxRows))
	for at := 0; at < k; at += batch.MaxRows {
		part := r.entries[at:min(k, at+batch.MaxRows)]
		refs = refs[:0]
		for i := range part {
			e := part[i]
			refs = append(refs, r.ref(&e))
			if n := e.key & (1<<keyLenBits - 1); n > 0 {
				rest := r.rest(&e)
				e.key = uint64(len(kept.keys))<<keyLenBits | n
				kept.keys = append(kept.keys, rest...)
			}
			e.row = uint64(len(kept.batches))<<16 | uint64(i)
			kept.entries = append(kept.entries, e)
		}
		b := batch.New(ts)
		gather(b, refs)
		kept.batches = append(kept.batches, b)
	}
	*r = kept
	return r.charge(r.bytes())
}

var (
	_ op.Sink   = (*TopK)(nil)
	_ op.Source = (*TopK)(nil)
)
