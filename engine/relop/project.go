package relop

import (
	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/engine/op"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Project computes expressions.
type Project struct {
	in    []types.Type
	exprs []expr.Expr
	env   *fn.Context
}

// NewProject computes exprs. A plain column is passed on without a copy.
func NewProject(in []types.Type, exprs []expr.Expr, env *fn.Context) *Project {
	return &Project{in, exprs, env}
}

// Types returns the types of the expressions.
func (p *Project) Types() []types.Type {
	ts := make([]types.Type, len(p.exprs))
	for i, e := range p.exprs {
		ts[i] = e.Type()
	}
	return ts
}

// Open does nothing.
func (p *Project) Open(*op.Task) error { return nil }

// Close does nothing.
func (p *Project) Close() {}

// Consumer makes the state of one worker.
func (p *Project) Consumer(_ *op.Task, _ int, next op.Consumer) (op.Consumer, error) {
	c := &projecting{next: next, out: batch.New(p.Types())}
	for _, e := range p.exprs {
		ev, err := expr.NewEvaluator(e, p.in, p.env)
		if err != nil {
			return nil, err
		}
		c.evs = append(c.evs, ev)
	}
	return c, nil
}

type projecting struct {
	evs  []*expr.Evaluator
	next op.Consumer
	out  *batch.Batch
}

func (p *projecting) Consume(b *batch.Batch) error {
	for i, ev := range p.evs {
		v, err := ev.Eval(b)
		if err != nil {
			return err
		}
		t := p.out.Cols[i].Type
		p.out.Cols[i].Lend(v)
		p.out.Cols[i].Type = t
	}
	p.out.Len = b.Len
	return p.next.Consume(p.out)
}

func (p *projecting) Finish() error {
	for _, ev := range p.evs {
		ev.Close()
	}
	return p.next.Finish()
}
