// Package relop has the operators that work on one batch at a time, filter, project and limit, and those that only
// route rows: union and buffer.
package relop

import (
	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/engine/op"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Filter keeps the rows for which a condition is true.
type Filter struct {
	in   []types.Type
	cond expr.Expr
	env  *fn.Context
}

// NewFilter keeps the rows for which cond is true.
func NewFilter(in []types.Type, cond expr.Expr, env *fn.Context) *Filter {
	return &Filter{in, cond, env}
}

// Types returns the types of the input.
func (f *Filter) Types() []types.Type { return f.in }

// Open does nothing.
func (f *Filter) Open(*op.Task) error { return nil }

// Close does nothing.
func (f *Filter) Close() {}

// Consumer makes the state of one worker.
func (f *Filter) Consumer(_ *op.Task, _ int, next op.Consumer) (op.Consumer, error) {
	ev, err := expr.NewEvaluator(f.cond, f.in, f.env)
	if err != nil {
		return nil, err
	}
	return &filtering{ev: ev, next: next, out: batch.New(f.in), bits: make(batch.Bitmap, batch.Words(batch.MaxRows))}, nil
}

type filtering struct {
	ev   *expr.Evaluator
	next op.Consumer
	out  *batch.Batch
	bits batch.Bitmap
	idx  []uint16
}

// Consume passes on the rows that the condition holds for. Batches without any stop here; when all rows stay, the
// batch goes on as it is.
func (f *filtering) Consume(b *batch.Batch) error {
	bits := f.bits[:batch.Words(b.Len)]
	clear(bits)
	if err := f.ev.EvalBool(b, bits); err != nil {
		return err
	}
	switch bits.Count() {
	case 0:
		return nil
	case b.Len:
		return f.next.Consume(b)
	}
	f.idx = bits.AppendIndexes(f.idx[:0])
	for i, c := range b.Cols {
		f.out.Cols[i].Gather(c, f.idx)
	}
	f.out.Len = len(f.idx)
	return f.next.Consume(f.out)
}

func (f *filtering) Finish() error {
	f.ev.Close()
	return f.next.Finish()
}
