package relop

import (
	"sync"

	"github.com/siltstone-db/siltstone/engine/op"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Limit cuts rows. Workers share what is left to skip and to take.
type Limit struct {
	in            []types.Type
	offset, count int64
	mu            struct {
		sync.Mutex
		skip, take int64 // take -1: all
	}
}

// NewLimit skips offset rows and passes on at most count (-1: all). Which rows, is only defined behind an Ordered
// source.
func NewLimit(in []types.Type, offset, count int64) *Limit {
	return &Limit{in: in, offset: offset, count: count}
}

// Types returns the types of the input.
func (l *Limit) Types() []types.Type { return l.in }

// Open starts from the first row.
func (l *Limit) Open(*op.Task) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mu.skip, l.mu.take = max(0, l.offset), l.count
	return nil
}

// Close does nothing.
func (l *Limit) Close() {}

// Consumer makes the state of one worker.
func (l *Limit) Consumer(_ *op.Task, _ int, next op.Consumer) (op.Consumer, error) {
	return &limiting{l: l, next: next, out: batch.New(l.in)}, nil
}

// claim takes rows out of n: those in [from, to) go on; done says that no more are needed after them.
func (l *Limit) claim(n int) (from, to int, done bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	from = int(min(int64(n), l.mu.skip))
	l.mu.skip -= int64(from)
	to = n
	if l.mu.take >= 0 {
		to = from + int(min(int64(n-from), l.mu.take))
		l.mu.take -= int64(to - from)
		done = l.mu.take == 0
	}
	return from, to, done
}

type limiting struct {
	l    *Limit
	next op.Consumer
	out  *batch.Batch
	idx  []uint16
}

func (c *limiting) Consume(b *batch.Batch) error {
	from, to, done := c.l.claim(b.Len)
	switch {
	case from == to:
	case from == 0 && to == b.Len:
		if err := c.next.Consume(b); err != nil {
			return err
		}
	default:
		c.idx = c.idx[:0]
		for i := from; i < to; i++ {
			c.idx = append(c.idx, uint16(i))
		}
		for i, v := range b.Cols {
			c.out.Cols[i].Gather(v, c.idx)
		}
		c.out.Len = to - from
		if err := c.next.Consume(c.out); err != nil {
			return err
		}
	}
	if done {
		return op.ErrDone
	}
	return nil
}

func (c *limiting) Finish() error { return c.next.Finish() }
