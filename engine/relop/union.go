package relop

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/siltstone-db/siltstone/engine/op"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Branch is one input of a Union: a source and the operators behind it.
type Branch struct {
	Source    op.Source
	Operators []op.Operator
}

// Types returns the types of the branch's rows.
func (b *Branch) Types() []types.Type {
	if n := len(b.Operators); n > 0 {
		return b.Operators[n-1].Types()
	}
	return b.Source.Types()
}

// Union is a source of the rows of several branches.
type Union struct {
	branches []Branch
	done     []atomic.Bool // branches that need no more rows
}

// NewUnion returns a source of the rows of all branches, one branch after the other (UNION ALL). The types of all
// branches are equal; there is at least one. The pipeline that reads it depends on whatever the branches depend on.
func NewUnion(branches []Branch) *Union {
	return &Union{branches: branches, done: make([]atomic.Bool, len(branches))}
}

// Types returns the types of the first branch.
func (u *Union) Types() []types.Type { return u.branches[0].Types() }

// Open does nothing: the executor opens the branches' pieces, which may be sinks of earlier pipelines.
func (u *Union) Open(*op.Task) error { return nil }

// Parts returns the pieces of all branches (exec.Composite).
func (u *Union) Parts() (sources []op.Source, operators []op.Operator) {
	for _, b := range u.branches {
		sources = append(sources, b.Source)
		operators = append(operators, b.Operators...)
	}
	return sources, operators
}

// Ordered tells whether the order of a branch has to be kept.
func (u *Union) Ordered() bool {
	for _, b := range u.branches {
		if o, ok := b.Source.(interface{ Ordered() bool }); ok && o.Ordered() {
			return true
		}
	}
	return false
}

// Close does nothing: see Open.
func (u *Union) Close() {}

// Producer makes the states of one worker in all branches.
func (u *Union) Producer(t *op.Task, worker int) (op.Producer, error) {
	p := &unionProducer{u: u, queue: &queue{}}
	for i := range u.branches {
		b := &u.branches[i]
		src, err := b.Source.Producer(t, worker)
		if err != nil {
			p.Close()
			return nil, err
		}
		p.sources = append(p.sources, src)
		var c op.Consumer
		if len(b.Operators) > 0 {
			c = p.queue
			for j := len(b.Operators) - 1; j >= 0; j-- {
				if c, err = b.Operators[j].Consumer(t, worker, c); err != nil {
					p.Close()
					return nil, err
				}
			}
		}
		p.chains = append(p.chains, c)
	}
	return p, nil
}

// unionProducer runs the branches of one worker. What operators push is copied into a queue, since it is lent to the
// queue only for the call.
type unionProducer struct {
	u       *Union
	sources []op.Producer
	chains  []op.Consumer // nil: no operators
	at      int           // the branch
	queue   *queue
}

// Next returns the next batch of the current branch.
func (p *unionProducer) Next(ctx context.Context) (*batch.Batch, error) {
	for {
		if b := p.queue.take(); b != nil {
			return b, nil
		}
		if p.at == len(p.sources) {
			return nil, nil
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		b, err := p.pull(ctx)
		if err != nil {
			return nil, err
		}
		if b != nil && p.chains[p.at] == nil {
			return b, nil
		}
		if b == nil {
			err = p.finish()
		} else {
			err = p.chains[p.at].Consume(b)
		}
		if errors.Is(err, op.ErrDone) {
			p.u.done[p.at].Store(true)
		} else if err != nil {
			return nil, err
		}
		if b == nil {
			p.at++
		}
	}
}

func (p *unionProducer) pull(ctx context.Context) (*batch.Batch, error) {
	if p.u.done[p.at].Load() {
		return nil, nil
	}
	return p.sources[p.at].Next(ctx)
}

func (p *unionProducer) finish() error {
	if c := p.chains[p.at]; c != nil {
		return c.Finish()
	}
	return nil
}

// Close closes the branches' states.
func (p *unionProducer) Close() {
	for _, s := range p.sources {
		s.Close()
	}
}

// queue keeps copies of batches until they are taken.
type queue struct {
	batches []*batch.Batch
	next    int
}

func (q *queue) Consume(b *batch.Batch) error {
	q.batches = append(q.batches, Copy(b))
	return nil
}

func (q *queue) Finish() error { return nil }

func (q *queue) take() *batch.Batch {
	if q.next == len(q.batches) {
		q.batches, q.next = q.batches[:0], 0
		return nil
	}
	q.next++
	return q.batches[q.next-1]
}
