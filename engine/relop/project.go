package relop

import (
	"slices"

	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/engine/op"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Project computes expressions. Where the strings of a whole batch take more memory than there is, it makes several smaller
// batches of one.
type Project struct {
	in    []types.Type
	exprs []expr.Expr
	env   *fn.Context

	inOrder bool
}

// NewProject computes exprs. A plain column is passed on without a copy.
func NewProject(in []types.Type, exprs []expr.Expr, env *fn.Context) *Project {
	return &Project{in: in, exprs: exprs, env: env, inOrder: slices.ContainsFunc(exprs, expr.InOrder)}
}

// Ordered tells that rows are to be computed in their order (exec.Ordered).
func (p *Project) Ordered() bool { return p.inOrder }

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
		c.strings = c.strings || e.Type().Physical() == types.PhysBytes
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

	strings bool // some results are
	rows    int  // of a piece, once a whole batch was too much
	piece   batch.Batch
	index   []uint16
}

func (p *projecting) Consume(b *batch.Batch) error {
	if p.rows == 0 || p.rows >= b.Len {
		err := p.compute(b)
		switch {
		case err == nil:
			return p.next.Consume(p.out)
		case !p.strings || b.Len < 2 || !errs.Is(err, errs.OutOfMemory):
			return err
		}
		p.rows = min(pieceRows, b.Len/2)
		p.release()
	}
	for from := 0; from < b.Len; {
		n := min(p.rows, b.Len-from)
		err := p.compute(p.cut(b, from, n))
		if errs.Is(err, errs.OutOfMemory) && n > 1 {
			p.rows = n / 2
			p.release()
			continue
		}
		if errs.Is(err, errs.OutOfMemory) { // with nothing left of the rows before
			p.release()
			err = p.compute(&p.piece)
		}
		if err == nil {
			err = p.next.Consume(p.out)
		}
		if err != nil {
			return err
		}
		if from += n; p.out.Bytes() < pieceBytes {
			p.rows = min(2*p.rows, batch.MaxRows)
		}
	}
	return nil
}

const (
	// pieceRows is how many rows the first piece of a batch has that is too large.
	pieceRows = 32
	// pieceBytes is what a piece may take for the next ones to have more rows.
	pieceBytes = 4 << 20
)

// release gives back the memory of results, which are made anew.
func (p *projecting) release() {
	for _, ev := range p.evs {
		ev.Close()
	}
}

// cut returns n rows of a batch, until the next call.
func (p *projecting) cut(b *batch.Batch, from, n int) *batch.Batch {
	for len(p.piece.Cols) < len(b.Cols) {
		p.piece.Cols = append(p.piece.Cols, new(batch.Vector))
	}
	p.index = p.index[:0]
	for i := range n {
		p.index = append(p.index, uint16(from+i))
	}
	for i, v := range b.Cols {
		p.piece.Cols[i].Gather(v, p.index)
	}
	p.piece.Len = n
	return &p.piece
}

// compute makes out of a batch.
func (p *projecting) compute(b *batch.Batch) error {
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
	return nil
}

func (p *projecting) Finish() error {
	p.release()
	return p.next.Finish()
}
