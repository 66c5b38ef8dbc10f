package stmt

import (
	"context"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/table"
)

// writer collects rows for a table into batches of at most batch.MaxAppendRows and hands them to the transaction.
type writer struct {
	ctx   context.Context // of the statement
	env   *Env
	table *catalog.Table
	buf   *batch.Batch
	rows  int64
	guard *table.Guard
}

func newWriter(ctx context.Context, env *Env, t *catalog.Table) (*writer, error) {
	g, err := newGuard(env, t)
	if err != nil {
		return nil, err
	}
	return &writer{ctx: ctx, env: env, table: t, guard: g}, nil
}

// add takes a batch with the table's columns, lent for the call.
func (w *writer) add(b *batch.Batch) error {
	if err := w.guard.Check(b); err != nil {
		return err
	}
	if w.buf != nil && w.buf.Len+b.Len > batch.MaxAppendRows {
		if err := w.flush(); err != nil {
			return err
		}
	}
	if w.buf == nil {
		w.buf = batch.New(w.table.Types())
		w.buf.Reset()
	}
	w.buf.Append(b)
	w.rows += int64(b.Len)
	return nil
}

// flush hands the collected rows to the transaction.
func (w *writer) flush() error {
	if w.buf == nil {
		return nil
	}
	b := w.buf
	w.buf = nil
	return w.env.Tx.Insert(w.ctx, w.table.ID, b)
}

// end hands over the last rows and waits until the transaction has all.
func (w *writer) end() error {
	if err := w.flush(); err != nil {
		return err
	}
	return w.env.Tx.Await()
}
