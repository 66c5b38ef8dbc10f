package storage

import (
	"context"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/table"
	"github.com/siltstone-db/siltstone/storage/types"
)

// prepare checks the rows against the catalog that the write leaves, and lays them out: flat for live segments, encoded
// for the log. No lock is held meanwhile; fit looks whether the tables are still the same.
func (c *commit) prepare(ctx context.Context, cat *catalog.Snapshot, w *table.Write) error {
	c.sections, c.deletions, c.rows, c.claimed = c.sections[:0], c.deletions[:0], 0, 0
	for _, f := range c.files {
		c.rows += f.Meta.Rows - int64(f.Deleted.Len())
	}
	c.encoder.Begin()
	n := 0
	for i := range w.Rows {
		r := &w.Rows[i]
		t, err := tableOf(cat, r)
		if err != nil {
			return err
		}
		if r.Truncate || r.Deleted.Len() > 0 {
			d := deletion{Deletion: table.Deletion{Table: t.ID}, truncate: r.Truncate, updated: r.Updated}
			if !r.Truncate { // which takes them along
				d.Rows = r.Deleted
				d.Rows.Pack() // before others look at the claim
			}
			c.deletions = append(c.deletions, d)
		}
		for _, b := range r.Batches {
			if err := ctx.Err(); err != nil {
				return err
			}
			if b.Rows() == 0 {
				continue
			}
			for len(c.flat) <= n {
				c.flat = append(c.flat, batch.Flattener{})
			}
			f := c.flat[n].Flatten(b)
			n++
			if err := checkRows(t, f); err != nil {
				return err
			}
			c.rows += int64(f.Len)
			c.split(t, f)
		}
	}
	return nil
}

// tableOf returns the table that rows are for, as they know it.
func tableOf(cat *catalog.Snapshot, r *table.Rows) (*catalog.Table, error) {
	t := cat.TableByID(r.Table)
	if t == nil {
		return nil, droppedMeanwhile(r.Table)
	}
	if r.Version != t.Version {
		return nil, errs.New(errs.SerializationFailure, "table %q was changed while the rows were on their way", t.Name).
			WithHint("Try again.")
	}
	return t, nil
}

// fit applies the edits to the newest catalog and checks that it has the tables of the write as they were when it was
// prepared. The gate is held, so that it stays so.
func (db *DB) fit(c *commit, w *table.Write, edits []catalog.Edit) error {
	db.mu.Lock()
	fatal := db.fatal
	db.mu.Unlock()
	if fatal != nil {
		return fatal
	}
	cat := db.Catalog()
	c.edits = nil
	if len(edits) > 0 {
		var err error
		if cat, c.edits, err = db.Catalog().Apply(edits...); err != nil {
			return err
		}
	}
	if err := checkFiles(cat, c.files); err != nil {
		return err
	}
	for i := range w.Rows {
		if _, err := tableOf(cat, &w.Rows[i]); err != nil {
			return err
		}
	}
	return nil
}

// split adds a batch as sections of at most batch.MaxAppendRows rows, and encodes them.
func (c *commit) split(t *catalog.Table, b *batch.Batch) {
	for from := 0; from < b.Len; from += batch.MaxAppendRows {
		part := b
		if b.Len > batch.MaxAppendRows {
			part = batch.New(b.Types())
			part.Len = min(batch.MaxAppendRows, b.Len-from)
			for i, v := range b.Cols {
				part.Cols[i].Slice(v, from, part.Len)
			}
		}
		s := table.Section{Table: t.ID, Version: t.Version, Batch: part}
		c.sections = append(c.sections, s)
		c.encoder.Add(t, part)
	}
}

// checkRows holds a flat batch against its table: types, and NOT NULL.
func checkRows(t *catalog.Table, b *batch.Batch) error {
	if len(b.Cols) != len(t.Columns) {
		return errs.Internal("%d columns for table %q, which has %d", len(b.Cols), t.Name, len(t.Columns))
	}
	for i := range t.Columns {
		col, v := &t.Columns[i], b.Cols[i]
		if v.Len != b.Len || v.Type.Physical() == types.PhysBytes && len(v.Offsets) != b.Len+1 {
			return errs.Internal("column %q has %d rows of %d", col.Name, v.Len, b.Len)
		}
		if v.Type.Physical() != col.Type.Physical() {
			return errs.New(errs.DatatypeMismatch, "column %q is of type %s but expression is of type %s", col.Name, col.Type, v.Type)
		}
		if col.NotNull && v.Valid != nil && v.Valid[:batch.Words(b.Len)].Count() < b.Len {
			return errs.New(errs.NotNullViolation, "null value in column %q of relation %q violates not-null constraint", col.Name, t.Name)
		}
	}
	return nil
}
