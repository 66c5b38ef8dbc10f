package stmt

import (
	"context"
	"fmt"

	"github.com/siltstone-db/siltstone/sql/bind"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/index"
	"github.com/siltstone-db/siltstone/storage/types"
)

// modify runs DELETE and UPDATE: the plan reads the rows with their numbers, under the picture that the statement began
// with, and only then the transaction deletes them and takes the new ones. RETURNING rows are kept until then, so that
// a client which takes only some of them, or none, has changed all the same.
func (c *Command) modify(ctx context.Context, env *Env, b *bind.Modify) (string, error) {
	m, err := newModification(ctx, env, b)
	if err != nil {
		return "", err
	}
	defer m.close()
	if err := env.run(ctx, c.Plan, m.add); err != nil {
		return "", err
	}
	if err := m.finish(); err != nil {
		return "", err
	}
	verb := "DELETE"
	if b.Update {
		verb = "UPDATE"
	}
	return fmt.Sprintf("%s %d", verb, m.rows.Len()), m.returned.send(env)
}

// modification collects what a DELETE or UPDATE does.
type modification struct {
	env      *Env
	bound    *bind.Modify
	rows     *index.RowIDs
	w        *writer // of an UPDATE
	returned returned

	numbers batch.Vector
	bits    batch.Bitmap
	picked  batch.Batch
}

func newModification(ctx context.Context, env *Env, b *bind.Modify) (*modification, error) {
	t, err := env.Tx.written(b.Table)
	if err != nil {
		return nil, err
	}
	m := &modification{env: env, bound: b, rows: index.NewRowIDs()}
	if b.Update {
		m.w, err = newWriter(ctx, env, t)
	}
	return m, err
}

func (m *modification) close() {
	m.returned.close()
	if m.w != nil {
		m.w.close()
	}
}

// add takes a batch of the plan.
func (m *modification) add(b *batch.Batch) error {
	b = m.firsts(b)
	if b.Len == 0 {
		return nil
	}
	at := 1
	if m.w != nil {
		at += len(m.bound.Table.Columns) + 1 // and the identity
		if err := m.w.add(&batch.Batch{Len: b.Len, Cols: b.Cols[1:at]}); err != nil {
			return err
		}
	}
	if m.bound.Columns == nil {
		return nil
	}
	return m.returned.add(m.env, &batch.Batch{Len: b.Len, Cols: b.Cols[at:]})
}

// firsts notes the numbers of the rows, and returns the batch without those that were there before: a row that finds
// several partners in USING or FROM is changed once.
func (m *modification) firsts(b *batch.Batch) *batch.Batch {
	m.numbers.Flatten(b.Cols[0])
	if len(m.bits) < batch.Words(b.Len) {
		m.bits = make(batch.Bitmap, batch.Words(b.Len))
	}
	bits := m.bits[:batch.Words(b.Len)]
	clear(bits)
	n := 0
	for i, id := range batch.Values[int64](&m.numbers)[:b.Len] {
		if m.rows.Add(uint64(id)) {
			bits.Set(i)
			n++
		}
	}
	if n == b.Len {
		return b
	}
	if len(m.picked.Cols) == 0 {
		m.picked = *batch.New(b.Types())
	}
	all := &batch.Batch{Len: b.Len, Cols: b.Cols, Sel: batch.SelectBits(bits)}
	all.Compact(&m.picked)
	return &m.picked
}

// finish hands everything to the transaction.
func (m *modification) finish() error {
	if err := m.env.Tx.Delete(m.bound.Table.ID, m.rows, m.bound.Update); err != nil {
		return err
	}
	if m.w == nil {
		return nil
	}
	return m.w.end()
}

// returned keeps the rows of RETURNING until their statement is over.
type returned struct {
	rows  []*batch.Batch
	bytes int64
	free  func(int64)
}

// add takes a copy of a batch.
func (r *returned) add(env *Env, b *batch.Batch) error {
	if len(b.Cols) == 0 {
		return nil
	}
	n := b.Bytes()
	if err := env.Tx.account.Reserve(n); err != nil {
		return err
	}
	r.bytes, r.free = r.bytes+n, env.Tx.account.Free
	ts := make([]types.Type, len(b.Cols))
	for i, c := range b.Cols {
		ts[i] = c.Type
	}
	c := batch.New(ts)
	c.Reset()
	c.Append(b)
	r.rows = append(r.rows, c)
	return nil
}

// send gives the rows to the client.
func (r *returned) send(env *Env) error {
	for _, b := range r.rows {
		if err := env.Out.Rows(b); err != nil {
			return err
		}
	}
	return nil
}

func (r *returned) close() {
	if r.bytes > 0 {
		r.free(r.bytes)
		r.bytes, r.rows = 0, nil
	}
}
