package relop

import (
	"errors"
	"sync"

	"github.com/siltstone-db/siltstone/engine/op"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Totals completes the groups of several grouping sets: it appends int4 columns that depend on the number of the set
// alone, and makes rows of its own where no row comes at all.
type Totals struct {
	in     []types.Type
	number int
	labels [][]int32
	rows   [][]types.Datum
	mu     struct {
		sync.Mutex
		workers, finished int
		some              bool
	}
}

// NewTotals returns an operator over rows of the given types. number is the ordinal of the set's number, an int4; labels
// hold a value by number for each column to append. rows, with a value for each column of the input, are those of an empty
// input.
func NewTotals(in []types.Type, number int, labels [][]int32, rows [][]types.Datum) *Totals {
	return &Totals{in: in, number: number, labels: labels, rows: rows}
}

// Types returns the types of the input and of the labels.
func (o *Totals) Types() []types.Type {
	ts := append([]types.Type(nil), o.in...)
	for range o.labels {
		ts = append(ts, types.T(types.Int4))
	}
	return ts
}

// Open does nothing.
func (o *Totals) Open(*op.Task) error { return nil }

// Close does nothing.
func (o *Totals) Close() {}

// Consumer makes the state of one worker.
func (o *Totals) Consumer(_ *op.Task, _ int, next op.Consumer) (op.Consumer, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.mu.workers++
	return &totalling{o: o, next: next, out: batch.New(o.Types())}, nil
}

type totalling struct {
	o    *Totals
	next op.Consumer
	out  *batch.Batch
	flat batch.Vector
	some bool
}

func (c *totalling) Consume(b *batch.Batch) error {
	c.some = true
	if len(c.o.labels) == 0 {
		return c.next.Consume(b)
	}
	for i, v := range b.Cols {
		c.out.Cols[i].Lend(v)
	}
	c.flat.Flatten(b.Cols[c.o.number])
	numbers := batch.Values[int32](&c.flat)
	for i, label := range c.o.labels {
		v := c.out.Cols[len(c.o.in)+i]
		v.Reset(types.T(types.Int4), b.Len)
		to := batch.Values[int32](v)
		for r, n := range numbers[:b.Len] {
			to[r] = label[n]
		}
	}
	c.out.Len, c.out.Sel = b.Len, batch.Selection{}
	return c.next.Consume(c.out)
}

func (c *totalling) Finish() error {
	if c.o.last(c.some) {
		if err := c.own(); err != nil {
			return err
		}
	}
	return c.next.Finish()
}

// last tells the last worker that finishes whether no row has come to any of them.
func (o *Totals) last(some bool) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.mu.finished++
	o.mu.some = o.mu.some || some
	return o.mu.finished == o.mu.workers && !o.mu.some && len(o.rows) > 0
}

// own hands on the rows of an empty input, one by one: there are few.
func (c *totalling) own() error {
	for _, row := range c.o.rows {
		for i, d := range row {
			c.out.Cols[i].ResetConstant(d, 1)
		}
		for i, label := range c.o.labels {
			c.out.Cols[len(c.o.in)+i].ResetConstant(types.IntOf(types.T(types.Int4), int64(label[row[c.o.number].I])), 1)
		}
		c.out.Len, c.out.Sel = 1, batch.Selection{}
		if err := c.next.Consume(c.out); err != nil {
			if errors.Is(err, op.ErrDone) {
				return nil
			}
			return err
		}
	}
	return nil
}
