package relop

import (
	"github.com/siltstone-db/siltstone/engine/op"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Repeat hands on each row as often as its last two columns say, two counts of type int8 without NULLs, and drops
// these: the last step of INTERSECT and EXCEPT, whose counts are those of a row on the left and on the right.
type Repeat struct {
	in    []types.Type
	times func(left, right int64) int64
}

// NewRepeat returns an operator over rows of the given types, the counts among them. times must be safe for concurrent
// use; a result below one drops the row.
func NewRepeat(in []types.Type, times func(left, right int64) int64) *Repeat {
	return &Repeat{in: in, times: times}
}

// Types returns the types of the input without the counts.
func (r *Repeat) Types() []types.Type { return r.in[: len(r.in)-2 : len(r.in)-2] }

// Open does nothing.
func (r *Repeat) Open(*op.Task) error { return nil }

// Close does nothing.
func (r *Repeat) Close() {}

// Consumer makes the state of one worker.
func (r *Repeat) Consumer(t *op.Task, _ int, next op.Consumer) (op.Consumer, error) {
	c := &repeating{r: r, next: next, out: batch.New(r.Types()), most: t.BatchRows}
	if c.most <= 0 {
		c.most = batch.MaxRows
	}
	return c, nil
}

type repeating struct {
	r    *Repeat
	next op.Consumer
	out  *batch.Batch
	flat [2]batch.Vector
	idx  []uint16
	most int
}

func (c *repeating) Consume(b *batch.Batch) error {
	n := len(b.Cols)
	c.flat[0].Flatten(b.Cols[n-2])
	c.flat[1].Flatten(b.Cols[n-1])
	l, r := batch.Values[int64](&c.flat[0]), batch.Values[int64](&c.flat[1])
	for i := range b.Len {
		for k := c.r.times(l[i], r[i]); k > 0; k-- {
			if c.idx = append(c.idx, uint16(i)); len(c.idx) == c.most {
				if err := c.flush(b); err != nil {
					return err
				}
			}
		}
	}
	return c.flush(b)
}

func (c *repeating) flush(b *batch.Batch) error {
	if len(c.idx) == 0 {
		return nil
	}
	for i, v := range c.out.Cols {
		v.Gather(b.Cols[i], c.idx)
	}
	c.out.Len, c.out.Sel = len(c.idx), batch.Selection{}
	c.idx = c.idx[:0]
	return c.next.Consume(c.out)
}

func (c *repeating) Finish() error { return c.next.Finish() }
