package relop

import (
	"github.com/siltstone-db/siltstone/engine/op"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Ties skips rows, passes on a number of rows, and then those that are equal to the last of them in some columns; NULLs are
// equal to each other. It stands behind an Ordered source, which has one worker.
type Ties struct {
	in            []types.Type
	keys          []int
	offset, count int64
}

// NewTies compares the columns keys; offset and count are not negative.
func NewTies(in []types.Type, keys []int, offset, count int64) *Ties {
	return &Ties{in: in, keys: keys, offset: offset, count: count}
}

// Types returns the types of the input.
func (t *Ties) Types() []types.Type { return t.in }

// Open does nothing.
func (t *Ties) Open(*op.Task) error { return nil }

// Close does nothing.
func (t *Ties) Close() {}

// Consumer makes the state of one worker.
func (t *Ties) Consumer(_ *op.Task, _ int, next op.Consumer) (op.Consumer, error) {
	f := firsts{f: &First{in: t.in, keys: t.keys}, last: make([]keptValue, len(t.keys))}
	return &tying{t: t, next: next, skip: t.offset, take: t.count, firsts: f, out: batch.New(t.in)}, nil
}

type tying struct {
	t          *Ties
	next       op.Consumer
	skip, take int64
	firsts     firsts // knows whether a row repeats the one before
	out        *batch.Batch
	idx        []uint16
}

func (c *tying) Consume(b *batch.Batch) error {
	c.idx = c.idx[:0]
	done := c.t.count == 0
	for i := 0; i < b.Len && !done; i++ {
		switch {
		case c.skip > 0:
			c.skip--
		case c.take > 0:
			c.take--
			c.idx = append(c.idx, uint16(i))
		case c.firsts.repeats(b, i):
			c.idx = append(c.idx, uint16(i))
		default:
			done = true
		}
	}
	if b.Len > 0 {
		c.firsts.keep(b, b.Len-1)
	}
	if len(c.idx) > 0 {
		for i, v := range b.Cols {
			c.out.Cols[i].Gather(v, c.idx)
		}
		c.out.Len = len(c.idx)
		if err := c.next.Consume(c.out); err != nil {
			return err
		}
	}
	if done {
		return op.ErrDone
	}
	return nil
}

func (c *tying) Finish() error { return c.next.Finish() }
