package agg

import (
	"context"
	"errors"
	"sync"

	"github.com/siltstone-db/siltstone/engine/op"
	"github.com/siltstone-db/siltstone/engine/spill"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
)

// reading is what the workers that read partitions know of each other.
type reading struct {
	mu struct {
		sync.Mutex
		next   int   // the first partition that nobody has taken
		back   []int // partitions that were given back
		active int   // workers that have begun, and will take partitions as long as there are any
	}
}

// join counts one more worker.
func (r *reading) join() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mu.active++
}

// count returns the number of workers.
func (r *reading) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.mu.active
}

// take takes a partition; false at the end, after which the worker does not count any more.
func (r *reading) take() (int, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := len(r.mu.back); n > 0 {
		i := r.mu.back[n-1]
		r.mu.back = r.mu.back[:n-1]
		return i, true
	}
	if r.mu.next == spill.Ways {
		r.mu.active--
		return 0, false
	}
	r.mu.next++
	return r.mu.next - 1, true
}

// leave gives a partition to the workers that remain. It returns false when there is none.
func (r *reading) leave(i int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.mu.active <= 1 {
		return false
	}
	r.mu.active--
	r.mu.back = append(r.mu.back, i)
	return true
}

// readers returns how many partitions are read at once where g is one of them, else 0.
func (g *Group) readers() int {
	if g.among == nil {
		return 0
	}
	return g.among.count()
}

// errLeave stops the reading of a partition for which there is no room beside others.
var errLeave = errs.New(errs.OutOfMemory, "other workers read this partition")

// spilledProducer hands out the groups of one partition after the other, each of which is aggregated when its turn
// comes.
type spilledProducer struct {
	g     *Group
	t     *op.Task
	part  *Group
	inner op.Producer
	begun bool
	ended bool
}

// Next returns a batch of groups.
func (p *spilledProducer) Next(ctx context.Context) (*batch.Batch, error) {
	if !p.begun {
		p.begun = true
		p.g.reading.join()
	}
	for !p.ended {
		if p.inner != nil {
			b, err := p.inner.Next(ctx)
			if b != nil || err != nil {
				return b, err
			}
			p.Close()
		}
		i, ok := p.g.reading.take()
		if !ok {
			p.ended = true
			break
		}
		if err := p.open(i); errors.Is(err, errLeave) {
			p.Close()
			p.ended = true
		} else if err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// open aggregates a partition.
func (p *spilledProducer) open(i int) (err error) {
	run := p.g.spill.groups.Run(i)
	if run.Records() == 0 {
		return nil
	}
	leave := func(err error) error {
		if errs.Is(err, errs.OutOfMemory) && p.g.reading.leave(i) {
			return errLeave
		}
		return err
	}
	if p.part, err = p.g.inner(p.t, p.g.spill.level+1); err != nil {
		return leave(err)
	}
	n := 0
	if err := each(run, func(record []byte) error {
		if n++; n&(1<<12-1) == 0 && p.t.Ctx.Err() != nil {
			return errs.From(p.t.Ctx.Err())
		}
		err := p.part.Merge(record)
		if err == nil && p.part.spill.started() && p.g.reading.leave(i) {
			return errLeave // it is divided further only where it has all the room
		}
		return leave(err)
	}); err != nil {
		return err
	}
	run.Close()
	task := *p.t
	task.Workers = 1
	if err := p.part.Combine(&task); err != nil {
		return err
	}
	p.inner, err = p.part.Producer(&task, 0)
	return err
}

// Close gives back the partition that is being handed out.
func (p *spilledProducer) Close() {
	if p.inner != nil {
		p.inner.Close()
		p.inner = nil
	}
	if p.part != nil {
		p.part.Close()
		p.part = nil
	}
}
