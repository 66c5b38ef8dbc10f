package relop

import (
	"github.com/siltstone-db/siltstone/engine/op"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Expand hands on every batch once for each of several grouping sets. Behind its columns stand the keys, as constants that
// are NULL where the set has them not, and the number of the set, an int4: nothing is copied.
type Expand struct {
	in   []types.Type
	keys []int
	sets [][]int
}

// NewExpand returns an operator over rows of the given types. keys are ordinals of columns, sets lists of indexes in keys.
func NewExpand(in []types.Type, keys []int, sets [][]int) *Expand {
	return &Expand{in: in, keys: keys, sets: sets}
}

// Types returns the types of the input, of the keys, and of the number.
func (e *Expand) Types() []types.Type {
	ts := append([]types.Type(nil), e.in...)
	for _, k := range e.keys {
		ts = append(ts, e.in[k])
	}
	return append(ts, types.T(types.Int4))
}

// Open does nothing.
func (e *Expand) Open(*op.Task) error { return nil }

// Close does nothing.
func (e *Expand) Close() {}

// Consumer makes the state of one worker.
func (e *Expand) Consumer(t *op.Task, _ int, next op.Consumer) (op.Consumer, error) {
	return &expanding{e: e, task: t, next: next, out: batch.New(e.Types())}, nil
}

type expanding struct {
	e    *Expand
	task *op.Task
	next op.Consumer
	out  *batch.Batch
}

func (c *expanding) Consume(b *batch.Batch) error {
	at := len(c.e.in)
	for i, v := range b.Cols {
		c.out.Cols[i].Lend(v)
	}
	for number, set := range c.e.sets {
		if err := c.task.Ctx.Err(); err != nil { // a batch may be handed on thousands of times
			return err
		}
		for i, k := range c.e.keys {
			c.out.Cols[at+i].ResetConstant(types.NullOf(c.e.in[k]), b.Len)
		}
		for _, i := range set {
			c.out.Cols[at+i].Lend(b.Cols[c.e.keys[i]])
		}
		c.out.Cols[at+len(c.e.keys)].ResetConstant(types.IntOf(types.T(types.Int4), int64(number)), b.Len)
		c.out.Len, c.out.Sel = b.Len, batch.Selection{}
		if err := c.next.Consume(c.out); err != nil {
			return err
		}
	}
	return nil
}

func (c *expanding) Finish() error { return c.next.Finish() }
