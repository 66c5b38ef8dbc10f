package storage

import (
	"context"
	"slices"
	"time"

	"github.com/siltstone-db/siltstone/storage/archive"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/event"
	"github.com/siltstone-db/siltstone/storage/manifest"
	"github.com/siltstone-db/siltstone/storage/shelf"
	"github.com/siltstone-db/siltstone/storage/wal"
)

// recordMax is the longest record of the log, which replay and cursors must hold in memory.
const recordMax = 1 << 30

// openArchive opens what is kept of the log.
func (db *DB) openArchive() (err error) {
	db.archive, err = archive.New(archive.Options{
		FS: db.o.FS, Dir: db.dir, Pool: db.o.Pool, Files: db.files, Events: db.o.Events, Now: db.o.Now, Manifest: db.set,
		Visible: db.Sequence, Retain: db.retainLog, Tables: db.tableIDs, Attachment: db.attachment, Detached: db.detached,
		MaxBytes: db.o.ArchiveBytes, MaxRecord: recordMax,
	}, db.log)
	return err
}

// retainLog returns how long the log keeps what a table got: what was dropped wants nothing.
func (db *DB) retainLog(id catalog.TableID) time.Duration {
	var c *catalog.Snapshot
	if db.archive != nil {
		c = db.Catalog()
	} else { // nobody changes it while the log is replayed
		c = db.catalog
	}
	t := c.TableByID(id)
	if t == nil {
		return 0
	}
	return t.Options.RetainLog.For(max(0, db.o.RetainLog))
}

func (db *DB) tableThere(id catalog.TableID) bool {
	db.mu.Lock()
	defer db.mu.Unlock()
	return db.tables[id] != nil
}

func (db *DB) tableIDs() []catalog.TableID {
	var ids []catalog.TableID
	for _, t := range db.Catalog().Tables() {
		ids = append(ids, t.ID)
	}
	return ids
}

// attachment returns the file of a load with a reference for the caller, nil when it has gone; there tells whether its table
// is there.
func (db *DB) attachment(id catalog.TableID, file manifest.FileID) (f *shelf.File, there bool) {
	db.mu.Lock()
	defer db.mu.Unlock()
	t := db.tables[id]
	if f = db.attached[file]; f == nil && t != nil {
		if s, ok := t.Files.Get(uint64(file)); ok {
			f = s.File
		}
	}
	for o := range db.busy { // what waits for the edit that makes it an attachment
		for _, x := range o.Dropped {
			if f == nil && x.Meta.File == file {
				f = x
			}
		}
	}
	if f != nil {
		f.Retain()
	}
	return f, t != nil
}

// applyEdit applies an edit. Files of loads that it takes from their tables become attachments of their records, if somebody
// wants them. dropped are those of its files that the manifest may not know.
func (db *DB) applyEdit(e *manifest.Edit, known *manifest.Version, dropped []*shelf.File) (v *manifest.Version, err error) {
	var loaded []manifest.Segment
	for _, id := range e.Remove {
		if s, ok := known.Segments.Get(id); ok && s.Record != 0 && s.Quarantined == "" {
			loaded = append(loaded, *s)
		}
	}
	for i := range e.Add { // it comes and goes
		if s := &e.Add[i]; s.Record != 0 && slices.Contains(e.Remove, s.File) && !slices.ContainsFunc(dropped, func(f *shelf.File) bool { return f.Meta.File == s.File }) {
			loaded = append(loaded, *s)
		}
	}
	for _, f := range dropped {
		if _, ok := known.Segments.Get(f.Meta.File); !ok && f.Meta.Record != 0 && !f.Aside() {
			loaded = append(loaded, f.Meta)
		}
	}
	if len(loaded) == 0 {
		return db.set.Apply(e)
	}
	do := func() {
		for i := range loaded {
			db.leaves(e, &loaded[i])
		}
		v, err = db.set.Apply(e)
	}
	if db.archive == nil { // while it is replayed nobody reads the log
		do()
	} else {
		db.archive.Hold(do)
	}
	return v, err
}

// leaves says in an edit what becomes of the file of a load that leaves its table.
func (db *DB) leaves(e *manifest.Edit, s *manifest.Segment) {
	replayed := db.archive == nil
	switch {
	case replayed && db.retainLog(s.Table) > 0 || !replayed && db.archive.Keeps(s.Table, s.Record):
		e.Archive.Attach = append(e.Archive.Attach, manifest.Attachment{File: s.File, Table: s.Table, Record: s.Record, Rows: s.Rows, Bytes: s.Bytes})
	case db.tableThere(s.Table) && (replayed || s.Record >= db.archive.Oldest()):
		if e.Archive.Gone == nil {
			e.Archive.Gone = map[catalog.TableID]uint64{}
		}
		for _, t := range []catalog.TableID{0, s.Table} {
			e.Archive.Gone[t] = max(e.Archive.Gone[t], s.Record)
		}
	}
}

// attachLocked takes over the reference to a file that has left its table if it is an attachment now.
func (db *DB) attachLocked(f *shelf.File) bool {
	if a := db.set.Version().Archive; f.Meta.Record == 0 || !a.Holds(f.Meta.File) {
		return false
	}
	if db.attached[f.Meta.File] != nil {
		f.Release()
	} else {
		db.attached[f.Meta.File] = f
	}
	return true
}

// detached removes files that were attachments.
func (db *DB) detached(list []manifest.Attachment) {
	var gone []*shelf.File
	db.mu.Lock()
	for _, a := range list {
		if f := db.attached[a.File]; f != nil {
			delete(db.attached, a.File)
			gone = append(gone, f)
		}
	}
	db.mu.Unlock()
	for _, f := range gone {
		f.Obsolete()
		f.Release()
	}
}

// retireLog notes that the log does not need its records any more up to one.
func (db *DB) retireLog(watermark uint64) {
	db.retired.Store(watermark)
	select {
	case db.archiveKick <- struct{}{}:
	default: // it will look anyway
	}
}

// archiver takes log files into the archive that the log does not need, removes them, and drops what the archive need not keep.
// What has failed is tried again after a pause, which doubles up to a minute.
func (db *DB) archiver(ctx context.Context) {
	defer db.wg.Done()
	tick := time.NewTicker(db.tick())
	defer tick.Stop()
	var pause time.Duration
	var after time.Time
	due := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-db.archiveKick:
			due = true
		case <-tick.C:
		}
		if time.Now().Before(after) {
			continue
		}
		failed := due && !db.archiveNow(ctx)
		if err := db.archive.Sweep(); err != nil {
			db.o.Events(event.Event{Kind: event.ArchiveFailed, Err: err})
			failed = true
		}
		if due = failed; failed {
			pause = min(max(2*pause, db.o.SealRetry), time.Minute)
			after = time.Now().Add(pause)
		} else {
			pause = 0
		}
	}
}

// archiveNow takes and removes the log files that the log does not need; false when one of them must wait.
func (db *DB) archiveNow(ctx context.Context) bool {
	var failed error
	n, err := db.log.Retire(ctx, db.retired.Load(), func(s wal.Span) error {
		failed = db.archive.Take(ctx, s)
		return failed
	})
	if n > 0 {
		db.o.Events(event.Event{Kind: event.Retired, Rows: int64(n)})
	}
	switch {
	case err == nil || ctx.Err() != nil:
	case failed != nil:
		db.o.Events(event.Event{Kind: event.ArchiveFailed, Err: err})
	default:
		db.o.Events(event.Event{Kind: event.RetireFailed, Err: err})
	}
	return err == nil
}
