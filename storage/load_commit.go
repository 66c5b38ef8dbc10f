package storage

import (
	"context"
	"runtime"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/manifest"
	"github.com/siltstone-db/siltstone/storage/table"
)

// restBytes is the most plain bytes of rows that Commit of a load leaves to the log record, or an eighth of LiveBytes:
// the ends of many loads meet in the live segment of their table and become one file, where each would be a small one.
const restBytes = 256 << 20

// Commit stores the rows of the load together with those of w, all or nothing, as DB.Commit does. final gives the
// table that the rows of one that the transaction sees go to; nil: they are forgotten. The load ends in any case.
func (l *Load) Commit(ctx context.Context, w table.Write, final func(catalog.TableID) *catalog.Table) (table.Ack, error) {
	defer l.Abort()
	files, err := l.settle(ctx, &w, final)
	if err != nil {
		l.db.metrics.Refused.Add(1)
		return table.Ack{}, err
	}
	l.unlist()                           // the rest is counted as a write on its way
	_ = l.db.sealAccount.Reserve(l.rest) // does not refuse: rows of the rest, laid out flat
	defer l.db.sealAccount.Free(l.rest)
	ack, unsure, err := l.db.commitFiles(ctx, w, files)
	if err == nil && !ack.Duplicate || unsure {
		l.letGo(err == nil)
	}
	return ack, err
}

// settle writes what is too much for a log record into files, and adds the rest to the write.
func (l *Load) settle(ctx context.Context, w *table.Write, final func(catalog.TableID) *catalog.Table) ([]*table.Segment, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	left := min(restBytes, l.db.o.LiveBytes/8)
	for _, lt := range l.tables {
		if final(lt.info.ID) == nil {
			lt.parts = l.forgetLocked(lt.parts)
			continue
		}
		if p := lt.open(); p != nil && p.plain <= left && p.rows <= lt.limits.rows/4 {
			left -= p.plain
			l.rest += p.plain
		} else if p != nil {
			p.freeze()
		}
	}
	l.measureLocked()
	if err := l.sealAllLocked(ctx); err != nil {
		return nil, err
	}
	var files []*table.Segment
	for _, lt := range l.tables {
		t := final(lt.info.ID)
		for _, p := range lt.parts {
			if p.file == nil {
				w.Rows = append(w.Rows, table.Rows{Table: t.ID, Version: t.Version, Batches: p.batches(len(t.Columns))})
				continue
			}
			p.file.Meta.Table = t.ID
			files = append(files, p.file)
		}
	}
	return files, nil
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

// adoptLocked makes files that a log record names parts of their tables. It takes over the references.
func (db *DB) adoptLocked(sequence uint64, files []*table.Segment) {
	for _, s := range files {
		s.Meta.First, s.Meta.Last = sequence, sequence
		t := db.tables[s.Meta.Table]
		t.segments = append(t.segments[:len(t.segments):len(t.segments)], s)
		db.unnamed = append(db.unnamed, s.Meta)
		db.dirty = true
	}
}

// checkFiles holds the tables of files against the catalog.
func checkFiles(cat *catalog.Snapshot, files []*table.Segment) error {
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

// file brings back a file that a log record names and the manifest does not.
func (r *replayer) file(sequence uint64, meta manifest.Segment) error {
	db := r.db
	db.nextFile.Store(max(db.nextFile.Load(), uint64(meta.File)))
	t := db.tables[meta.Table]
	if t == nil || r.named[meta.File] { // dropped later, or part of its table already
		return nil
	}
	meta.First, meta.Last = sequence, sequence
	s, err := db.openSegment(meta)
	if err == nil {
		db.mu.Lock()
		defer db.mu.Unlock()
		db.adoptLocked(sequence, []*table.Segment{s})
		return nil
	}
	if !damagedFile(err) {
		return err
	}
	// Named first, so that it can be set aside.
	if err := db.edit(&manifest.Edit{Add: []manifest.Segment{meta}}, nil); err != nil {
		return err
	}
	if err := db.setAside(&meta, err); err != nil {
		return err
	}
	db.mu.Lock()
	defer db.mu.Unlock()
	t.segments = append(t.segments, table.NewSegment(meta, nil, nil, db.remover(db.quarantineName(meta.File))))
	db.dirty = true
	return nil
}
