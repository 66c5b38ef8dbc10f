package compile

import (
	"github.com/siltstone-db/siltstone/engine/op"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/types"
)

// repeat is an operator that hands on each row as often as its last two columns, two counts, say, without them.
type repeat struct {
	in    []types.Type
	times func(l, r int64) int64
}

func newRepeat(in []types.Type, times func(l, r int64) int64) *repeat {
	return &repeat{in: in, times: times}
}

func (r *repeat) Types() []types.Type   { return r.in[:len(r.in)-2] }
func (r *repeat) Open(t *op.Task) error { return nil }
func (r *repeat) Close()                {}

func (r *repeat) Consumer(t *op.Task, worker int, next op.Consumer) (op.Consumer, error) {
	c := &repeater{r: r, next: next, out: batch.New(r.Types()), most: t.BatchRows}
	if c.most <= 0 {
		c.most = batch.MaxRows
	}
	return c, nil
}

type repeater struct {
	r    *repeat
	next op.Consumer
	out  *batch.Batch
	flat [2]batch.Vector
	idx  []uint16
	most int
}

func (c *repeater) Consume(b *batch.Batch) error {
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

func (c *repeater) flush(b *batch.Batch) error {
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

func (c *repeater) Finish() error { return c.next.Finish() }
