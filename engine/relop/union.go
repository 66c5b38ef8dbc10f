package relop

import (
	"context"
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
	p := &unionProducer{}
	alone := *t // what operators hand on goes through the coroutine of its own worker
	alone.Workers = 1
	for i := range u.branches {
		b := &u.branches[i]
		src, err := b.Source.Producer(t, worker)
		if err != nil {
			p.Close()
			return nil, err
		}
		if len(b.Operators) == 0 {
			p.branches = append(p.branches, src)
			continue
		}
		c := &branchProducer{source: src, done: &u.done[i]}
		p.branches = append(p.branches, c)
		c.first = &c.hand
		for j := len(b.Operators) - 1; j >= 0; j-- {
			if c.first, err = b.Operators[j].Consumer(&alone, worker, c.first); err != nil {
				p.Close()
				return nil, err
			}
		}
	}
	return p, nil
}

// unionProducer hands out the rows of one worker, branch by branch.
type unionProducer struct {
	branches []op.Producer
	at       int
}

// Next returns the next batch of the current branch.
func (p *unionProducer) Next(ctx context.Context) (*batch.Batch, error) {
	for ; p.at < len(p.branches); p.at++ {
		if b, err := p.branches[p.at].Next(ctx); b != nil || err != nil {
			return b, err
		}
	}
	return nil, nil
}

// Close closes the branches' states.
func (p *unionProducer) Close() {
	for _, b := range p.branches {
		b.Close()
	}
}
