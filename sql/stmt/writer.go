package stmt

import (
	"context"
	"strings"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// writer collects rows for a table into batches of at most batch.MaxAppendRows and hands them to the transaction.
type writer struct {
	ctx   context.Context // of the statement
	env   *Env
	table *catalog.Table
	buf   *batch.Batch
	rows  int64
	// text prints a value for the detail of an error; nil prints nothing.
	text func(types.Datum) string
}

func newWriter(ctx context.Context, env *Env, t *catalog.Table) *writer {
	return &writer{ctx: ctx, env: env, table: t, text: func(d types.Datum) string { return datumText(env, d) }}
}

// add takes a batch with the table's columns, lent for the call.
func (w *writer) add(b *batch.Batch) error {
	if err := w.check(b); err != nil {
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

// check enforces NOT NULL.
func (w *writer) check(b *batch.Batch) error {
	for i, c := range w.table.Columns {
		if !c.NotNull || !b.Cols[i].HasNulls() {
			continue
		}
		for r := range b.Len {
			if b.Cols[i].IsNull(r) {
				return notNull(w.table, i, rowText(b, r, w.text))
			}
		}
	}
	return nil
}

// notNull is PostgreSQL's error for a NULL in column i.
func notNull(t *catalog.Table, i int, row string) error {
	e := errs.New(errs.NotNullViolation, "null value in column %q of relation %q violates not-null constraint",
		t.Columns[i].Name, t.Name)
	if row != "" {
		e = e.WithDetail("Failing row contains %s.", row)
	}
	return e
}

// rowTextBytes is where PostgreSQL cuts a value in the detail of an error.
const rowTextBytes = 64

// rowText prints a row for the detail of an error.
func rowText(b *batch.Batch, row int, text func(types.Datum) string) string {
	parts := make([]string, len(b.Cols))
	for i, c := range b.Cols {
		d := c.Datum(row)
		if d.Null {
			parts[i] = "null"
			continue
		}
		s := text(d)
		if len(s) > rowTextBytes {
			cut := rowTextBytes
			for cut > 0 && s[cut]&0xc0 == 0x80 {
				cut--
			}
			s = s[:cut] + "..."
		}
		parts[i] = s
	}
	return "(" + strings.Join(parts, ", ") + ")"
}
