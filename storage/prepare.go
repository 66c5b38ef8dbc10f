package storage

import (
	"context"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/shelf"
	"github.com/siltstone-db/siltstone/storage/table"
	"github.com/siltstone-db/siltstone/storage/types"
)

// prepare checks the rows against the catalog that the write leaves, and lays them out: flat for live segments, encoded
// for the log. No lock is held meanwhile; fit looks whether the tables are still the same.
func (db *DB) prepare(ctx context.Context, c *commit, cat *catalog.Snapshot, w *table.Write) error {
	c.sections, c.deletions, c.rows, c.keyed, c.pieces = c.sections[:0], c.deletions[:0], 0, c.keyed[:0], c.pieces[:0]
	c.beside = 0
	for _, f := range c.files {
		c.rows += f.Meta.Rows - int64(f.Deleted.Len())
	}
	c.encoder.Begin()
	if err := db.keyedFiles(ctx, c, cat); err != nil {
		return err
	}
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
		k := c.keyedOf(t, r)
		for _, b := range r.Batches {
			if err := ctx.Err(); err != nil {
				return err
			}
			if b.Rows() == 0 {
				continue
			}
			f := c.flattener().Flatten(b)
			if err := checkRows(t, f); err != nil {
				return err
			}
			f = identified(f, len(t.Columns))
			p := piece{table: t, batch: f, keyed: k}
			if k >= 0 {
				p.number = c.keyed[k].rows.Len()
				c.keyed[k].rows.Add(f)
			}
			c.pieces = append(c.pieces, p)
		}
	}
	return c.layOut()
}

// piece is a flat batch of a write, and where its keys are: batch number of keyed, -1: its table has none.
type piece struct {
	table  *catalog.Table
	batch  *batch.Batch
	keyed  int
	number int
}

// flattener returns the next one that is not in use.
func (c *commit) flattener() *batch.Flattener {
	if c.flattened == len(c.flat) {
		c.flat = append(c.flat, new(batch.Flattener))
	}
	c.flattened++
	return c.flat[c.flattened-1]
}

// layOut encodes the rows when no two of them have the same key, or only those that keep. Those that may take the places of
// others wait until it is known whose (inherit).
func (c *commit) layOut() error {
	for i := range c.keyed {
		k := &c.keyed[i]
		if k.upsert {
			c.supersede(i)
		}
		if err := k.rows.Violated(); err != nil {
			return err
		}
	}
	for i := range c.pieces {
		p := &c.pieces[i]
		c.rows += int64(p.batch.Len)
		if !c.token.Counts(p.table.ID) {
			c.beside += int64(p.batch.Len)
		}
		if p.keyed < 0 || !c.keyed[p.keyed].upsert {
			c.layOutPiece(p)
		}
	}
	return nil
}

func (c *commit) layOutPiece(p *piece) {
	var hashes [][]uint64
	if p.keyed >= 0 {
		hashes = c.keyed[p.keyed].rows.Hashes(p.number)
	}
	c.split(p.table, p.batch, hashes)
}

// supersede drops the rows whose key comes again in the same write.
func (c *commit) supersede(keyed int) {
	k := &c.keyed[keyed]
	keep := k.rows.Superseded(0)
	if keep == nil {
		return
	}
	list := k.rows.Keys
	k.rows.Reset(list)
	for i := range c.pieces {
		p := &c.pieces[i]
		if p.keyed != keyed {
			continue
		}
		if bits := keep[p.number]; bits != nil {
			p.batch = c.flattener().Flatten(&batch.Batch{Len: p.batch.Len, Cols: p.batch.Cols, Sel: batch.SelectBits(bits)})
		}
		p.number = k.rows.Len()
		k.rows.Add(p.batch)
	}
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

// split adds a batch, with the hashes of its keys, as sections of at most batch.MaxAppendRows rows, and encodes them.
func (c *commit) split(t *catalog.Table, b *batch.Batch, hashes [][]uint64) {
	for from := 0; from < b.Len; from += batch.MaxAppendRows {
		s := table.Section{Table: t.ID, Version: t.Version, Batch: b, Hashes: hashes}
		if b.Len > batch.MaxAppendRows {
			s.Batch = batch.New(b.Types())
			s.Batch.Len = min(batch.MaxAppendRows, b.Len-from)
			for i, v := range b.Cols {
				s.Batch.Cols[i].Slice(v, from, s.Batch.Len)
			}
			s.Hashes = make([][]uint64, len(hashes))
			for i, h := range hashes {
				s.Hashes[i] = h[from : from+s.Batch.Len]
			}
		}
		c.sections = append(c.sections, s)
		c.encoder.Add(t, s.Batch)
	}
}

// checkRows holds a flat batch against its table: types, and NOT NULL.
func checkRows(t *catalog.Table, b *batch.Batch) error {
	if n := len(t.Columns); len(b.Cols) == n+1 {
		if v := b.Cols[n]; v.Len != b.Len || v.Type != shelf.IdentityColumn.Type {
			return errs.Internal("identities of type %s, %d of %d rows", v.Type, v.Len, b.Len)
		}
	} else if len(b.Cols) != n {
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

// identified returns a flat batch without the hidden column of identities where its rows have none: the first commit gives
// them theirs. n is the number of the table's columns.
func identified(b *batch.Batch, n int) *batch.Batch {
	if len(b.Cols) > n && b.Cols[n].Valid != nil && !b.Cols[n].Valid[:batch.Words(b.Len)].Any() {
		return &batch.Batch{Len: b.Len, Cols: b.Cols[:n]}
	}
	return b
}
