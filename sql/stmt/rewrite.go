package stmt

import (
	"slices"

	"github.com/siltstone-db/siltstone/sql/bind"
	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/table"
)

// rewriting reads all rows of a table as they were before it was altered, and writes them as they become in their place.
type rewriting struct {
	a       *alteration
	plan    plan.Node
	old     *Picture
	rows    int64
	was     *catalog.Table // as its rows are read
	changed []uint32       // numbers of the columns that are held against their constraints

	table   *catalog.Table // as it has become
	checks  []table.Condition
	notNull []int
	bits    batch.Bitmap
	buf     *batch.Batch
}

// rewriting gets ready to read the rows of a table that is not altered yet. The caller closes it.
func (a *alteration) rewriting(t *catalog.Table, changes []bind.Retype, added ...catalog.Column) (*rewriting, error) {
	rel, err := a.env.Resolver.Relation(t.Schema, t.Name)
	if err != nil {
		return nil, err
	}
	n, err := bind.Rewrite(a.env.Resolver, bind.Env{Fn: a.env.Fn}, rel, changes, added...)
	if err != nil {
		return nil, err
	}
	r := &rewriting{a: a, was: t}
	for _, c := range changes {
		r.changed = append(r.changed, t.Columns[c.Column].Attnum())
	}
	for i := range added {
		r.changed = append(r.changed, t.NextColumn+uint32(i))
	}
	if r.plan, err = a.env.optimize(a.ctx, n); err != nil {
		return nil, err
	}
	rows, err := a.env.Tx.Table(a.ctx, a.id)
	if err != nil {
		return nil, err
	}
	r.rows = rows.Rows()
	r.old, err = a.env.Tx.Picture(a.ctx, r.plan)
	return r, err
}

func (r *rewriting) close() { r.old.Close() }

// run writes the rows.
func (r *rewriting) run() error {
	switch {
	case r.a.alone:
		return r.beside()
	case r.rows == 0:
		return nil
	}
	return r.copy(r.old)
}

// copy writes the rows of a picture in the place of all that the transaction sees.
func (r *rewriting) copy(p *Picture) error {
	if err := r.begin(); err != nil {
		return err
	}
	r.a.env.Tx.Exchange(r.table)
	return r.read(p)
}

// read writes the rows of a picture.
func (r *rewriting) read(p *Picture) error {
	env := *r.a.env
	env.Picture = p
	if err := env.run(r.a.ctx, r.plan, r.add); err != nil {
		return err
	}
	if err := r.flush(); err != nil {
		return err
	}
	return env.Tx.Await()
}

// begin finds what the new values are held against.
func (r *rewriting) begin() error {
	r.table = r.a.table()
	all, err := conditions(r.a.env.Fn, r.table)
	if err != nil {
		return err
	}
	for i := range r.table.Columns {
		if c := &r.table.Columns[i]; c.NotNull && slices.Contains(r.changed, c.Attnum()) {
			r.notNull = append(r.notNull, i)
		}
	}
	for _, c := range all {
		k := r.table.Constraint(c.Name)
		if !k.NotValid && slices.ContainsFunc(r.table.Attnums(k.Columns), func(n uint32) bool { return slices.Contains(r.changed, n) }) {
			r.checks = append(r.checks, c)
		}
	}
	return nil
}

// add takes rows as they become, with their identities.
func (r *rewriting) add(b *batch.Batch) error {
	if err := r.check(&batch.Batch{Len: b.Len, Cols: b.Cols[:len(r.table.Columns)]}); err != nil {
		return err
	}
	if r.buf != nil && r.buf.Len+b.Len > batch.MaxAppendRows {
		if err := r.flush(); err != nil {
			return err
		}
	}
	if r.buf == nil {
		r.buf = batch.New(typesOf(r.table, len(b.Cols)))
		r.buf.Reset()
	}
	r.buf.Append(b)
	return nil
}

// check holds rows against NOT NULL and CHECK, with the errors of a table that has such rows.
func (r *rewriting) check(b *batch.Batch) error {
	for _, i := range r.notNull {
		for row := range b.Len {
			if b.Cols[i].IsNull(row) {
				return containsNulls(r.table.Columns[i].Name, r.table.Name)
			}
		}
	}
	for _, c := range r.checks {
		r.bits = append(r.bits[:0], make(batch.Bitmap, batch.Words(b.Len))...)
		if err := c.Fails(b, r.bits); err != nil {
			return err
		}
		if r.bits.Any() {
			return errs.New(errs.CheckViolation, "check constraint %q of relation %q is violated by some row", c.Name, r.table.Name)
		}
	}
	return nil
}

// flush hands the collected rows to the transaction.
func (r *rewriting) flush() error {
	b := r.buf
	if r.buf = nil; b == nil {
		return nil
	}
	return r.a.env.Tx.Insert(r.a.ctx, r.table.ID, b)
}
