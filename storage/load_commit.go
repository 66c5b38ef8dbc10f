package storage

import (
	"context"
	"slices"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/index"
	"github.com/siltstone-db/siltstone/storage/shelf"
	"github.com/siltstone-db/siltstone/storage/table"
)

// restBytes is the most plain bytes of rows that Commit of a load leaves to the log record, or an eighth of LiveBytes:
// the ends of many loads meet in the live segment of their table and become one file, where each would be a small one.
const restBytes = 256 << 20

// Commit stores the rows of the load together with w, all or nothing, as DB.Commit does. final is the catalog as the
// transaction leaves it: rows of tables that it does not have are forgotten. The load ends in any case.
// hidden gives the load's own rows that the transaction has deleted again, by the numbers that Overlay gave them.
func (l *Load) Commit(ctx context.Context, w table.Write, final *catalog.Snapshot,
	hidden func(catalog.TableID) *index.RowIDs) (table.Ack, error) {
	defer l.Abort()
	files, err := l.settle(ctx, &w, final, hidden)
	if err != nil {
		l.db.metrics.Refused.Add(1)
		return table.Ack{}, err
	}
	l.unlist() // the rest is counted as a write on its way
	ack, unsure, err := l.db.commitFiles(ctx, w, files)
	if err == nil && !ack.Duplicate || unsure {
		l.letGo(files, err == nil)
	}
	return ack, err
}

// settle writes what is too much for a log record into files, and adds the rest to the write.
func (l *Load) settle(ctx context.Context, w *table.Write, final *catalog.Snapshot,
	hidden func(catalog.TableID) *index.RowIDs) ([]shelf.Sealed, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	left := min(restBytes, l.db.o.LiveBytes/8)
	for _, t := range l.shelves {
		info := final.TableByID(t.Table.ID)
		if info == nil {
			t.Drop()
			continue
		}
		t.AlterOwn(info, t.Limits)
		left -= keepRest(t, left)
	}
	l.measureLocked()
	if err := l.sealAllLocked(ctx); err != nil {
		return nil, err
	}
	var files []shelf.Sealed
	for _, t := range l.shelves {
		info, gone := final.TableByID(t.Table.ID), hidden(t.Table.ID)
		for _, p := range t.Parts {
			f, err := settlePart(ctx, info, w, p, gone)
			if err != nil {
				return nil, err
			}
			if f.File != nil {
				files = append(files, f)
			}
		}
	}
	l.ended = true // the write reads live segments from now on: nobody freezes and seals them
	return files, nil
}

// keepRest freezes the parts of a shelf but for those at its end whose rows the log record can have: of at most left bytes
// together, which it returns. What comes before a file is in files, too, since files have the first numbers.
func keepRest(t *shelf.Shelf, left int64) (kept int64) {
	rows, full := 0, false
	for _, p := range slices.Backward(t.Parts) {
		if p.Frozen {
			full = true
			continue
		}
		bytes := fittedBytes(p, t.Table)
		if full = full || bytes > left-kept || rows+p.Rows > t.Limits.Rows/4; full {
			t.Freeze(p)
			continue
		}
		kept, rows = kept+bytes, rows+p.Rows
	}
	return kept
}

// fittedBytes is what the rows of a live part take as batches with the columns of the table, which may have come since.
func fittedBytes(p *shelf.Part, t *catalog.Table) int64 {
	each := int64(0)
	for i := range t.Columns {
		c := &t.Columns[i]
		if at := p.Live.Find(c.ID); at < 0 || p.Live.Columns()[at].Type != c.Type {
			d := c.Value()
			each += int64(len(d.S)) + 16
		}
	}
	return p.Plain + each*int64(p.Rows)
}

// settlePart adds the rows of a part to the write, or returns its file, less the rows that are gone; neither when none is
// left.
func settlePart(ctx context.Context, t *catalog.Table, w *table.Write, p *shelf.Part, hidden *index.RowIDs) (f shelf.Sealed, err error) {
	gone := hidden.Within(nil, p.Base, p.Rows)
	switch {
	case len(gone) == p.Rows:
	case p.File == nil:
		bs, err := batches(p, t)
		if err != nil {
			return f, err
		}
		bs = without(bs, gone)
		w.Rows = append(w.Rows, table.Rows{Table: t.ID, Version: t.Version, Batches: bs})
	default:
		places, err := p.File.Places(ctx)
		if err != nil {
			return f, err
		}
		p.File.Meta.Table = t.ID
		w.Rows = append(w.Rows, table.Rows{Table: t.ID, Version: t.Version}) // the write fails when the table changes meanwhile
		f = shelf.Sealed{File: p.File, Deleted: (*index.RowSet)(nil).With(places.Moved(gone))}
		p.File.Forget()
	}
	return f, nil
}

// without returns batches without some of their rows, which are counted through all of them.
func without(bs []*batch.Batch, gone []uint32) []*batch.Batch {
	if len(gone) == 0 {
		return bs
	}
	first := 0
	for _, b := range bs {
		bits := make(batch.Bitmap, batch.Words(b.Len))
		bits.Fill(b.Len)
		for len(gone) > 0 && int(gone[0]) < first+b.Len {
			bits.Clear(int(gone[0]) - first)
			gone = gone[1:]
		}
		b.Sel = batch.SelectBits(bits)
		first += b.Len
	}
	return bs
}

// sealAllLocked seals all frozen parts: those that the sealer has not undertaken by itself, with all processors, since
// it is this client who waits.
func (l *Load) sealAllLocked(ctx context.Context) error {
	wake := func() { l.mu.Lock(); l.cond.Broadcast(); l.mu.Unlock() }
	defer context.AfterFunc(ctx, wake)()
	for l.frozen.Load() > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		s, ok := l.dueLocked(l.db.o.Now(), true)
		if !ok {
			l.cond.Wait()
			continue
		}
		l.mu.Unlock()
		err := s.run(ctx, shelf.AllWorkers())
		l.mu.Lock()
		if err != nil {
			return err
		}
	}
	return nil
}

// batches returns the rows of a live segment with the columns of the table, as long as it is there.
func batches(p *shelf.Part, t *catalog.Table) ([]*batch.Batch, error) {
	if p.Rows == 0 {
		return nil, nil
	}
	p.Publish()
	var columns []table.Column
	var bs []*batch.Batch
	for col, c := range p.Live.Columns() {
		columns = append(columns, table.Column{ID: c.ID, Type: c.Type})
		for i, v := range p.Live.Chunks(col) {
			if col == 0 {
				bs = append(bs, &batch.Batch{Len: v.Len})
			}
			bs[i].Cols = append(bs[i].Cols, v)
		}
	}
	if ids := p.Live.Identities(); ids != nil {
		columns = append(columns, table.Column{ID: shelf.IdentityColumn.ID, Type: shelf.IdentityColumn.Type})
		at := 0
		for _, b := range bs {
			v := new(batch.Vector)
			v.Slice(ids, at, b.Len)
			b.Cols = append(b.Cols, v)
			at += b.Len
		}
	}
	for i, b := range bs {
		fitted, err := new(table.Fitter).Fit(t, table.Section{Batch: b, Columns: columns})
		if err != nil {
			return nil, err
		}
		bs[i] = fitted
	}
	return bs, nil
}

// letGo ends the load's part in the files that its commit names: they are the tables' now, or a log record that may be
// durable names them, and the next Open decides.
func (l *Load) letGo(files []shelf.Sealed, stored bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, t := range l.shelves {
		for _, p := range t.Parts {
			if !slices.ContainsFunc(files, func(f shelf.Sealed) bool { return f.File == p.File }) {
				continue
			}
			if !stored {
				p.File.Release()
			}
			p.File = nil
		}
	}
}

// adoptLocked makes files that a log record names parts of their tables. It takes over the references. Their rows get
// the next numbers, so that the live segments before them take no more rows.
func (db *DB) adoptLocked(sequence uint64, files []shelf.Sealed) {
	for _, f := range files {
		t := db.tables[f.Meta.Table]
		t.Adopt(f, sequence)
		db.changedLocked(t)
	}
}

// checkFiles holds the tables of files against the catalog.
func checkFiles(cat *catalog.Snapshot, files []shelf.Sealed) error {
	for _, s := range files {
		if cat.TableByID(s.Meta.Table) == nil {
			return droppedMeanwhile(s.Meta.Table)
		}
	}
	return nil
}

func droppedMeanwhile(id catalog.TableID) error {
	return errs.New(errs.UndefinedTable, "table with id %d does not exist", id).
		WithHint("It was dropped while the rows were on their way.")
}
