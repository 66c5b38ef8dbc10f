package stmt

import (
	"context"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/table"
)

// writer brings rows that a plan has computed into a table.
type writer struct {
	ctx      context.Context // of the statement
	env      *Env
	table    *catalog.Table
	account  *mem.Account // of rows that wait
	appender *table.Appender
}

func newWriter(ctx context.Context, env *Env, t *catalog.Table) (*writer, error) {
	terms, err := Terms(env.Fn, env.Session.TypeSettings(), t, nil)
	if err != nil {
		return nil, err
	}
	if env.Session.InTransaction() {
		env.Tx.TellKeys()
	}
	w := &writer{ctx: ctx, env: env, table: t, account: env.Pool.Intake("insert", 0)}
	w.appender = table.NewAppender(table.AppenderOptions{Table: t, Terms: terms, Sink: env.Tx, Account: w.account})
	return w, nil
}

// add takes a batch with the table's columns, lent for the call.
func (w *writer) add(b *batch.Batch) error { return w.appender.Add(w.ctx, b) }

// rows returns how many rows were added.
func (w *writer) rows() int64 { return w.appender.Rows() }

// end hands over the last rows and waits until the transaction has all.
func (w *writer) end() error {
	if err := w.appender.End(w.ctx); err != nil {
		return err
	}
	if err := w.env.Tx.Await(); err != nil {
		return err
	}
	return w.env.Tx.told()
}

// close gives the memory of rows back that have not arrived.
func (w *writer) close() { w.account.Close() }
