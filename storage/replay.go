package storage

import (
	"context"

	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/counter"
	"github.com/siltstone-db/siltstone/storage/event"
	"github.com/siltstone-db/siltstone/storage/index"
	"github.com/siltstone-db/siltstone/storage/manifest"
	"github.com/siltstone-db/siltstone/storage/positions"
	"github.com/siltstone-db/siltstone/storage/recovery"
	"github.com/siltstone-db/siltstone/storage/shelf"
	"github.com/siltstone-db/siltstone/storage/table"
	"github.com/siltstone-db/siltstone/storage/tokens"
	"github.com/siltstone-db/siltstone/storage/unique"
	"github.com/siltstone-db/siltstone/storage/wal"
)

// replay applies the log records above the manifest's watermark.
func (db *DB) replay(ctx context.Context) error {
	v := db.set.Version()
	r := recovery.NewReplayer(v, &replay{db: db, ctx: ctx})
	o := db.o.log()
	o.Dir, o.Apply = db.dir+"/wal", db.applyGroup
	o.Failed = func(err error) { db.o.Events(event.Event{Kind: event.LogStopped, Err: err}) }
	o.Reached, o.File, o.Accepted = v.Held.Logged, v.Held.Log, wal.Gap(v.Held.Lost)
	for _, f := range v.Archive.Files {
		o.Above = max(o.Above, f.Number)
	}
	o.Lost, o.Torn, o.Stopped = db.lost, db.torn, db.stopped
	db.shelves.Recovering = true
	defer func() { db.shelves.Recovering = false }()
	o.Number, o.Unnumber = db.numbering.number, db.numbering.unnumber
	var err error
	db.log, err = wal.Open(ctx, o, v.Watermark, r.Record)
	for t := range db.busy {
		t.Forget()
	}
	db.startNumbering() // nothing is appended yet
	return err
}

// replay is the database as recovery sees it.
type replay struct {
	db      *DB
	ctx     context.Context
	damaged []damagedFile // of the record
}

// damagedFile is a file of a record that is replayed which could not be opened.
type damagedFile struct {
	file  *shelf.File
	cause error
}

// Table implements recovery.Target.
func (r *replay) Table(id catalog.TableID) *catalog.Table { return r.db.catalog.TableByID(id) }

// Edit implements recovery.Target.
func (r *replay) Edit(sequence uint64, edits []catalog.Edit) error {
	r.db.mu.Lock()
	defer r.db.mu.Unlock()
	return r.db.editLocked(sequence, edits)
}

// Delete implements recovery.Target.
func (r *replay) Delete(d *table.Deletion) error {
	db := r.db
	if err := r.knowPlaces(d); err != nil {
		return err
	}
	db.mu.Lock()
	defer db.mu.Unlock()
	db.laneDeletions([]table.Deletion{*d})
	return db.runLanesLocked()
}

// knowPlaces reads where the rows stand that a record deletes, since that takes files, which nobody waits for under mu.
// A file that is damaged there is set aside, as one is that cannot be opened.
func (r *replay) knowPlaces(d *table.Deletion) error {
	db := r.db
	t := db.tables[d.Table]
	if t == nil {
		return nil
	}
	for _, f := range t.Unknown(d.Rows, d.Below) {
		_, err := f.Places(r.ctx)
		if shelf.IsDamage(err) {
			if db.quarantine(f, err); !db.holds(f) {
				continue
			}
			_, err = f.Places(r.ctx) // it is sound when it is read again
		}
		if err != nil {
			return err
		}
		t.Note(f) // for later records
	}
	return nil
}

// Adopt implements recovery.Target.
func (r *replay) Adopt(sequence uint64, meta manifest.Segment, deleted *index.RowSet) error {
	db := r.db
	db.files.Skip(meta.File)
	f := db.files.File(meta)
	if _, err := f.Segment(); err != nil {
		if !shelf.IsDamage(err) {
			f.Release()
			return err
		}
		r.damaged = append(r.damaged, damagedFile{f, err})
	}
	db.mu.Lock()
	defer db.mu.Unlock()
	db.adoptLocked(sequence, []shelf.Sealed{{File: f, Deleted: deleted}})
	return nil
}

// Skip implements recovery.Target.
func (r *replay) Skip(id catalog.TableID, rows int64) {
	r.db.mu.Lock()
	defer r.db.mu.Unlock()
	t := r.db.tables[id]
	t.Skip(rows)
	r.db.changedLocked(t)
}

// Append implements recovery.Target.
func (r *replay) Append(id catalog.TableID, rows shelf.Rows) error {
	r.db.mu.Lock()
	defer r.db.mu.Unlock()
	t := r.db.tables[id]
	rows.Hashes = unique.Hashes(t.Keys, rows.Batch)
	r.db.lanes.steps = append(r.db.lanes.steps, laneStep{table: t, rows: rows})
	return r.db.runLanesLocked()
}

// Move implements recovery.Target.
func (r *replay) Move(moves []positions.Move) { r.db.positions.Commit(moves) }

// Count implements recovery.Target.
func (r *replay) Count(moves []counter.Move) { r.db.counters.Commit(moves) }

// Token implements recovery.Target.
func (r *replay) Token(t *table.Token, w tokens.Write, seconds int64) {
	r.db.tokens.Commit(tokens.NewID(uint64(t.Table), t.Client, t.Key, t.Content), w, seconds)
}

// Applied implements recovery.Target. It seals when live segments have grown past their memory.
func (r *replay) Applied(sequence uint64) error {
	r.db.applied = sequence
	if err := r.setAside(); err != nil {
		return err
	}
	for r.db.liveAccount.Used() > r.db.o.LiveBytes {
		r.db.pressure.Store(true)
		r.db.freezeDue()
		r.db.mu.Lock()
		r.db.publishLocked() // sealing swaps a version, so there must be one
		list := r.db.dueLocked(r.db.o.SealWorkers, nil)
		r.db.mu.Unlock()
		if list == nil {
			return nil
		}
		r.db.seal(r.ctx, list)
		for _, w := range list {
			if w.build.Err != nil {
				return w.build.Err
			}
		}
	}
	return nil
}

// setAside sets the files aside that the last record has named. Only now that all of it is applied: the manifest names
// them first, and with them how far the row numbers have gone.
func (r *replay) setAside() error {
	if len(r.damaged) == 0 {
		return nil
	}
	if err := r.db.edit(&manifest.Edit{}); err != nil {
		return err
	}
	for _, d := range r.damaged {
		if err := r.db.putAside(d.file, d.cause); err != nil {
			return err
		}
	}
	r.damaged = nil
	return nil
}

// openOrSetAside opens a segment; a damaged or missing file is quarantined, and the rest of the database goes on.
func (db *DB) openOrSetAside(f *shelf.File) (*shelf.File, error) {
	if f.Aside() {
		return f, nil
	}
	_, err := f.Segment()
	if err == nil {
		return f, nil
	}
	f.Release()
	if !shelf.IsDamage(err) {
		return nil, err
	}
	meta := f.Meta
	if err := db.setAside(&meta, err); err != nil {
		return nil, err
	}
	return db.files.File(meta), nil
}
