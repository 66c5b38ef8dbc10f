package join

import (
	"context"
	"math"

	"github.com/siltstone-db/siltstone/engine/op"
)

// crew is the goroutines that join what is in files: each hands rows to the chain behind one of the workers that have
// ended. The first error ends all of them within a batch.
type crew struct {
	task op.Task
	next []op.Consumer
	out  context.Context // of the task that the crew works for
	fail context.CancelCauseFunc
}

// newCrew returns a crew of as many goroutines as there are chains. The caller calls its fail at the end, with nil.
func newCrew(t *op.Task, next []op.Consumer) *crew {
	c := &crew{task: *t, next: next, out: t.Ctx}
	c.task.Workers = len(next)
	c.task.Ctx, c.fail = context.WithCancelCause(t.Ctx)
	return c
}

// each calls f for each part from 0 to n-1, once, on goroutine w.
func (c *crew) each(n int, f func(w, part int) error) error {
	err := op.Parallel(&c.task, n, func(w, part int) error {
		err := f(w, part)
		if err != nil {
			c.fail(err)
		}
		return err
	})
	// The goroutines that the first error ended have errors of their own.
	if cause := context.Cause(c.task.Ctx); err != nil && cause != nil && c.out.Err() == nil {
		return cause
	}
	return err
}

// shareMin is the least memory that a goroutine gets to join partitions beside others: pages of the smallest table, some
// batches, and what dividing a partition again needs. With less, fewer of them work.
const shareMin = 4 << 20

// share sends goroutines home for which there is no memory, and returns how much each of those left may have; 0: there
// is no limit. A join that is no part of another leaves a quarter of what is there to what stands behind it.
func (c *crew) share(h *Hash) int64 {
	room := h.acc.Room()
	if room == math.MaxInt64 {
		return 0
	}
	if h.spill.level == 0 {
		room -= room / 4
	}
	c.task.Workers = int(max(1, min(int64(c.task.Workers), room/shareMin)))
	return max(1, room/int64(c.task.Workers))
}
