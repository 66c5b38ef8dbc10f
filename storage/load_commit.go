package storage

import (
	"context"
	"runtime"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/index"
	"github.com/siltstone-db/siltstone/storage/manifest"
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
		l.letGo(err == nil)
	}
	return ack, err
}

// settle writes what is too much for a log record into files, and adds the rest to the write.
func (l *Load) settle(ctx context.Context, w *table.Write, final *catalog.Snapshot,
	hidden func(catalog.TableID) *index.RowIDs) ([]table.Sealed, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	left := min(restBytes, l.db.o.LiveBytes/8)
	for _, lt := range l.tables {
		if final.TableByID(lt.info.ID) == nil {
			lt.parts = l.forgetLocked(lt.parts)
			continue
		}
		if p := lt.open(); p != nil && p.plain <= left && p.rows <= lt.limits.rows/4 {
			left -= p.plain
		} else if p != nil {
			p.freeze()
		}
	}
	l.measureLocked()
	if err := l.sealAllLocked(ctx); err != nil {
		return nil, err
	}
	var files []table.Sealed
	for _, lt := range l.tables {
		t := final.TableByID(lt.info.ID)
		number := uint64(table.OwnRows)
		for _, p := range lt.parts {
			gone := hidden(lt.info.ID).Within(nil, number, p.rows)
			number += uint64(p.rows)
			switch {
			case len(gone) == p.rows:
				l.dropLocked(p)
			case p.file == nil:
				w.Rows = append(w.Rows, table.Rows{Table: t.ID, Version: t.Version, Batches: without(p.batches(len(t.Columns)), gone)})
			default:
				places, err := p.file.Places()
				if err != nil {
					return nil, err
				}
				p.file.Meta.Table = t.ID
				files = append(files, table.Sealed{Segment: p.file, Deleted: (*index.RowSet)(nil).With(table.Moved(places, gone))})
				p.file.Forget()
			}
		}
	}
	l.ended = true // the write reads live segments from now on: nobody freezes and seals them
	return files, nil
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

func (l *Load) forgetLocked(parts []*loadPart) []*loadPart {
	for _, p := range parts {
		l.dropLocked(p)
	}
	return nil
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
		s, ok := l.claimLocked(l.db.o.Now().Add(2 * retryMax)) // also what has just failed
		if !ok {
			l.cond.Wait()
			continue
		}
		l.mu.Unlock()
		err := s.run(ctx, runtime.GOMAXPROCS(0))
		l.mu.Lock()
		if err != nil {
			return err
		}
	}
	return nil
}

// batches returns the rows of a live segment, as long as it is there.
func (p *loadPart) batches(columns int) []*batch.Batch {
	if p.rows == 0 {
		return nil
	}
	p.publish()
	var bs []*batch.Batch
	for col := range columns {
		for i, v := range p.live.Chunks(col) {
			if col == 0 {
				bs = append(bs, &batch.Batch{Len: v.Len, Cols: make([]*batch.Vector, columns)})
			}
			bs[i].Cols[col] = v
		}
	}
	return bs
}

// letGo ends the load's part in its files: they are the tables' now, or a log record that may be durable names them,
// and the next Open decides.
func (l *Load) letGo(stored bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, lt := range l.tables {
		for _, p := range lt.parts {
			if p.file != nil && !stored {
				p.file.Release()
			}
			p.file = nil
		}
	}
}

// adoptLocked makes files that a log record names parts of their tables. It takes over the references. Their rows get
// the next numbers, so that the live segments before them take no more rows.
func (db *DB) adoptLocked(sequence uint64, files []table.Sealed) {
	for _, f := range files {
		s := f.Segment
		t := db.tables[s.Meta.Table]
		t.closeOpen()
		s.Meta.First, s.Meta.Last = sequence, sequence
		s.Meta.Number(t.next)
		t.next += uint64(s.Meta.Rows)
		t.segments = append(t.segments[:len(t.segments):len(t.segments)],
			sealedState{Sealed: table.Sealed{Segment: s, Deleted: db.countedLocked(nil, f.Deleted)}})
		m := s.Meta
		if f.Deleted.Len() > 0 {
			m.Deleted = string(f.Deleted.Append(nil))
		}
		db.unnamed = append(db.unnamed, m)
		db.dirty = true
	}
}

// closeOpen lets the live segment that is open take no more rows.
func (t *tableState) closeOpen() {
	if l := t.open(); l != nil {
		l.frozen = true
	}
}

// checkFiles holds the tables of files against the catalog.
func checkFiles(cat *catalog.Snapshot, files []table.Sealed) error {
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

// file brings back a file that a log record names and the manifest does not. In any case its rows have their numbers.
func (r *replayer) file(sequence uint64, meta manifest.Segment) error {
	db := r.db
	db.nextFile.Store(max(db.nextFile.Load(), uint64(meta.File)))
	deleted, err := deletedOf(&meta)
	if err != nil {
		return err
	}
	t := db.tables[meta.Table]
	if t == nil || sequence <= r.positions[meta.Table].Sequence { // dropped later, or counted by the position
		return nil
	}
	if sequence <= r.adopted || r.named[meta.File] { // part of its table already, or gone with all its rows
		t.closeOpen()
		t.next += uint64(meta.Rows)
		return nil
	}
	s, err := db.openSegment(meta)
	if err != nil {
		if !damagedFile(err) {
			return err
		}
		s = table.NewSegment(meta, nil, nil, db.remover(db.segmentName(meta.File)))
		r.damaged = append(r.damaged, damagedPart{s, err})
	}
	db.mu.Lock()
	defer db.mu.Unlock()
	db.adoptLocked(sequence, []table.Sealed{{Segment: s, Deleted: deleted}})
	return nil
}

// damagedPart is a file of a record that is replayed which could not be opened.
type damagedPart struct {
	segment *table.Segment
	cause   error
}

// setAside sets the files aside that the last record has named. Only now that all of it is applied: the manifest names
// them first, and with them how far the row numbers have gone.
func (r *replayer) setAside() error {
	if len(r.damaged) == 0 {
		return nil
	}
	if err := r.db.edit(&manifest.Edit{}, nil); err != nil {
		return err
	}
	for _, d := range r.damaged {
		if err := r.db.putAside(d.segment, d.cause); err != nil {
			return err
		}
	}
	r.damaged = nil
	return nil
}
