package storage

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/siltstone-db/siltstone/storage/cache"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/event"
	"github.com/siltstone-db/siltstone/storage/index"
	"github.com/siltstone-db/siltstone/storage/ladder"
	"github.com/siltstone-db/siltstone/storage/manifest"
	"github.com/siltstone-db/siltstone/storage/record"
	"github.com/siltstone-db/siltstone/storage/table"
	"github.com/siltstone-db/siltstone/storage/tokens"
	"github.com/siltstone-db/siltstone/storage/vfs"
	"github.com/siltstone-db/siltstone/storage/wal"
)

// Open opens the database of a directory, making it if need be, and recovers what was acknowledged. Opening again
// after a crash inside Open finds the same. The directory belongs to one process at a time: 55006.
func Open(ctx context.Context, dir string, o Options) (*DB, error) {
	o.EnsureDefaults()
	if err := o.validate(); err != nil {
		return nil, fmt.Errorf("open database %q: %w", dir, err)
	}
	db := &DB{o: o, dir: dir, tables: map[catalog.TableID]*tableState{}, vectors: map[manifest.FileID]*index.RowSet{},
		kick: make(chan struct{}, 1), building: make(chan struct{}, 1)}
	db.cond = sync.NewCond(&db.mu)
	start := time.Now()
	if err := db.open(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open database %q: %w", dir, err), db.shut())
	}
	db.recovered = time.Since(start)
	db.o.Events(event.Event{Kind: event.Opened, Rows: int64(db.applied), Took: db.recovered})
	return db, nil
}

func (db *DB) open(ctx context.Context) error {
	for _, d := range []string{"", "/wal", "/tokens", "/segments", "/quarantine"} {
		if err := db.o.FS.MkdirAll(db.dir + d); err != nil {
			return vfs.Error("make directory", db.dir+d, err)
		}
	}
	var err error
	if db.lock, err = db.o.FS.Lock(db.dir + "/LOCK"); err != nil {
		if errors.Is(err, vfs.ErrLocked) {
			return errs.New(errs.ObjectInUse, "the directory is in use by another process").
				WithHint("Stop the other server, or choose another directory with --data.")
		}
		return vfs.Error("lock", db.dir+"/LOCK", err)
	}
	if err := ladder.Open(db.o.FS, db.dir); err != nil {
		return err
	}
	db.liveAccount = db.o.Pool.Overdraft("live segments")
	db.deleteAccount = db.o.Pool.Overdraft("deletion vectors")
	db.sealAccount = db.o.Pool.Overdraft("sealing") // a refusal would keep live rows from becoming less
	db.writeAccount = db.o.Pool.Overdraft("commits")
	db.cacheAccount = db.o.Pool.Account("segment cache", 0)
	db.cache = cache.New(db.cacheAccount, db.o.CacheBytes)
	db.snapshots = table.Options{ServeDamaged: db.o.ServeDamaged}
	if db.set, err = manifest.Open(db.o.FS, db.dir); err != nil {
		return err
	}
	db.tokens, err = tokens.Open(tokens.Options{FS: db.o.FS, Dir: db.dir + "/tokens", Kept: db.o.TokensKept, Max: db.o.TokensMax,
		Now: db.o.Now, Account: db.o.Pool.Overdraft("idempotency tokens")})
	if err != nil {
		return err
	}
	if err := db.loadVersion(); err != nil {
		return err
	}
	if err := db.replay(ctx); err != nil {
		return err
	}
	db.numbers = catalog.NewNumbers(db.catalog)
	if err := db.removeOrphans(); err != nil {
		return err
	}
	db.mu.Lock()
	db.dirty = true
	db.publishLocked()
	db.mu.Unlock()
	// Only now: replay seals by itself when memory is short (replayer.bound).
	background, cancel := context.WithCancel(context.WithoutCancel(ctx))
	db.cancel = cancel
	db.wg.Add(1)
	go db.sealer(background)
	return nil
}

// loadVersion makes the tables those of the manifest.
func (db *DB) loadVersion() error {
	v := db.set.Version()
	db.catalog, db.applied, db.ddlLast = v.Catalog, v.Watermark, v.DDL
	if err := db.countFiles(v); err != nil {
		return err
	}
	if err := db.syncTablesLocked(); err != nil {
		return err
	}
	for id, p := range v.Positions {
		if t := db.tables[id]; t != nil {
			t.next = p.Next
		}
	}
	for _, meta := range v.Segments {
		deleted, err := deletedOf(&meta)
		if err != nil {
			return err
		}
		s, err := db.openOrSetAside(meta)
		if err != nil {
			return err
		}
		t := db.tables[meta.Table]
		t.segments = append(t.segments, sealedState{Sealed: table.Sealed{Segment: s, Deleted: db.countedLocked(nil, deleted)}})
	}
	return nil
}

// deletedRows returns how many rows of a file are deleted.
func deletedRows(meta *manifest.Segment) int64 {
	if meta.Deleted == "" {
		return 0
	}
	n, _ := index.RowsIn([]byte(meta.Deleted)) // read before
	return int64(n)
}

// deletedOf takes the deletion vector out of what the manifest says of a segment.
func deletedOf(meta *manifest.Segment) (*index.RowSet, error) {
	if meta.Deleted == "" {
		return nil, nil
	}
	s, err := index.ReadRowSet([]byte(meta.Deleted), int(meta.Rows))
	meta.Deleted = ""
	if err != nil {
		return nil, fmt.Errorf("manifest: segment %d: %w", meta.File, err)
	}
	return s, nil
}

// openOrSetAside opens a segment; a damaged or missing file is quarantined, and the rest of the database goes on.
func (db *DB) openOrSetAside(meta manifest.Segment) (*table.Segment, error) {
	if meta.Quarantined == "" {
		s, err := db.openSegment(meta)
		if err == nil {
			return s, nil
		}
		if !damagedFile(err) {
			return nil, err
		}
		if err := db.setAside(&meta, err); err != nil {
			return nil, err
		}
	}
	return table.NewSegment(meta, nil, nil, db.remover(db.quarantineName(meta.File))), nil
}

// countFiles begins to number segment files above all that are there: a log record may name one that the manifest does
// not know of.
func (db *DB) countFiles(v *manifest.Version) error {
	next := uint64(v.NextFile)
	infos, err := db.o.FS.List(db.dir + "/segments")
	if err != nil {
		return vfs.Error("list", db.dir+"/segments", err)
	}
	for _, i := range infos {
		var id uint64
		if _, err := fmt.Sscanf(i.Name, "%d.seg", &id); err == nil {
			next = max(next, id+1)
		}
	}
	db.nextFile.Store(next - 1)
	return nil
}

// removeOrphans removes segment files that neither the manifest nor a log record names: unfinished seals, loads that
// did not commit, and dropped tables.
func (db *DB) removeOrphans() error {
	named := map[string]bool{}
	name := func(m manifest.Segment) { named[fmt.Sprintf("%010d.seg", m.File)] = true }
	for _, m := range db.set.Version().Segments {
		name(m)
	}
	for _, m := range db.unnamed {
		name(m)
	}
	infos, err := db.o.FS.List(db.dir + "/segments")
	if err != nil {
		return vfs.Error("list", db.dir+"/segments", err)
	}
	for _, i := range infos {
		if !named[i.Name] && (strings.HasSuffix(i.Name, ".seg") || strings.HasSuffix(i.Name, ".tmp")) {
			if err := db.o.FS.Remove(db.dir + "/segments/" + i.Name); err != nil {
				return vfs.Error("remove", i.Name, err)
			}
		}
	}
	return nil
}

// replay applies the log records above the manifest's watermark.
func (db *DB) replay(ctx context.Context) error {
	v := db.set.Version()
	r := replayer{db: db, positions: v.Positions, ddl: v.DDL, adopted: v.Applied, named: map[manifest.FileID]bool{}}
	for _, s := range v.Segments {
		r.named[s.File] = true
	}
	o := db.o.log()
	o.Dir, o.Apply = db.dir+"/wal", db.applyGroup
	o.Failed = func(err error) { db.o.Events(event.Event{Kind: event.LogStopped, Err: err}) }
	var err error
	db.log, err = wal.Open(ctx, o, v.Watermark, r.record)
	return err
}

// replayer applies records that are read back. Rows that are sealed already are skipped by the table's position.
type replayer struct {
	db        *DB
	positions map[catalog.TableID]manifest.Position
	ddl       uint64
	adopted   uint64                   // files of records up to here are in the manifest, or gone
	named     map[manifest.FileID]bool // files of the manifest
	decoder   table.Decoder
	fitter    table.Fitter
	rows      map[catalog.TableID]uint64 // of the record so far
	damaged   []damagedPart              // of the record
}

func (r *replayer) record(sequence uint64, t record.Type, payload []byte) error {
	var err error
	if t == table.RecordWrite {
		err = r.write(sequence, payload)
	} else {
		err = errs.Unsupported("log record of type %d, written by a newer version,", t)
	}
	if err != nil {
		return err
	}
	r.db.applied = sequence
	if err := r.setAside(); err != nil {
		return err
	}
	return r.bound()
}

func (r *replayer) write(sequence uint64, payload []byte) error {
	d := &r.decoder
	if err := d.Begin(payload); err != nil {
		return err
	}
	if err := r.edits(sequence, d.Edits); err != nil {
		return err
	}
	if err := r.deletions(d.Deletions); err != nil {
		return err
	}
	r.rows = map[catalog.TableID]uint64{}
	var total int64
	for _, f := range d.Files {
		if err := r.file(sequence, f); err != nil {
			return err
		}
		total += f.Rows - deletedRows(&f)
	}
	for d.More() {
		s, err := d.Next()
		if err != nil {
			return err
		}
		row := r.rows[s.Table]
		r.rows[s.Table] += uint64(s.Batch.Len)
		total += int64(s.Batch.Len)
		if err := r.section(sequence, row, s); err != nil {
			return err
		}
	}
	if d.Token != nil {
		id := tokens.NewID(uint64(d.Token.Table), d.Token.Client, d.Token.Key, d.Token.Content)
		r.db.tokens.Commit(id, tokens.Write{Sequence: sequence, Rows: total}, d.Seconds)
	}
	return nil
}

// edits applies what a record changes in the catalog, unless the manifest knows of it already.
func (r *replayer) edits(sequence uint64, edits []catalog.Edit) error {
	if len(edits) == 0 || sequence <= r.ddl {
		return nil
	}
	r.db.mu.Lock()
	defer r.db.mu.Unlock()
	return r.db.editLocked(sequence, edits)
}

// deletions applies what a record takes away. What the manifest knows of it already is found gone.
func (r *replayer) deletions(list []table.Deletion) error {
	db := r.db
	for i := range list {
		if err := db.knowPlaces(&list[i]); err != nil {
			return err
		}
	}
	db.mu.Lock()
	defer db.mu.Unlock()
	for i := range list {
		if err := db.deleteLocked(&list[i]); err != nil {
			return err
		}
	}
	return nil
}

// knowPlaces reads where the rows stand that a record deletes, since that takes files, which nobody waits for under mu.
// A file that is damaged there is set aside, as one is that cannot be opened.
func (db *DB) knowPlaces(d *table.Deletion) error {
	t := db.tables[d.Table]
	if t == nil {
		return nil
	}
	for _, s := range slices.Clone(t.segments) {
		base, rows := s.Meta.Base(), uint64(s.Meta.Rows)
		cut := base < d.Below && d.Below < base+rows
		n := uint64(d.Rows.Count(base, int(rows)))
		if s.Known() || !cut && (n == 0 || n == rows) {
			continue
		}
		_, err := s.Places()
		if errs.Is(err, errs.DataCorrupted) {
			if db.quarantine(s.Segment, err); !db.holds(s.Segment) {
				continue
			}
			_, err = s.Places() // it is sound when it is read again
		}
		if err != nil {
			return fmt.Errorf("delete rows of segment %d: %w", s.Meta.File, err)
		}
	}
	return nil
}

func (r *replayer) section(sequence, row uint64, s table.Section) error {
	db := r.db
	db.mu.Lock()
	defer db.mu.Unlock()
	t := db.tables[s.Table]
	if t == nil {
		return nil // dropped later
	}
	from, p := 0, r.positions[s.Table]
	switch {
	case sequence < p.Sequence:
		return nil
	case sequence == p.Sequence && p.Rows > row:
		from = int(min(p.Rows-row, uint64(s.Batch.Len)))
	}
	rows, err := r.fitter.Fit(t.info, s)
	if err != nil {
		return err
	}
	return db.appendRowsLocked(t, sequence, row, rows, from)
}

// bound seals during replay when live segments have grown past their memory.
func (r *replayer) bound() error {
	for r.db.liveAccount.Used() > r.db.o.LiveBytes {
		r.db.pressure.Store(true)
		r.db.freezeDue()
		t, l := r.db.nextFrozen()
		if l == nil {
			return nil
		}
		r.db.sealInReplay(t, l)
		if l.err != nil {
			return l.err
		}
	}
	return nil
}

// sealInReplay seals before there is a log to retire: the watermark stays, positions move.
func (db *DB) sealInReplay(t *tableState, l *liveState) {
	db.mu.Lock()
	db.dirty = true
	db.publishLocked() // sealing swaps a version, so there must be one
	db.mu.Unlock()
	db.seal(t, l)
}

// Close stops what runs in the background and closes all files. Rows that are not sealed are in the log. Snapshots
// must have been released.
func (db *DB) Close() error {
	db.mu.Lock()
	db.closing = true
	db.cond.Broadcast()
	db.mu.Unlock()
	return db.shut()
}

// shut undoes open, as far as it got, in reverse order.
func (db *DB) shut() error {
	var errors_ []error
	if db.cancel != nil {
		db.cancel()
	}
	db.wg.Wait()
	if db.log != nil {
		errors_ = append(errors_, db.log.Close())
	}
	if db.set != nil {
		errors_ = append(errors_, db.set.Close())
	}
	for _, l := range slices.Clone(db.loads) {
		l.Abort()
	}
	if db.tokens != nil {
		errors_ = append(errors_, db.tokens.Close())
	}
	db.current.Close()
	db.mu.Lock()
	for _, s := range db.dropped {
		s.Release()
	}
	for _, t := range db.tables {
		for _, l := range t.live {
			l.segment.Release()
		}
		for _, s := range t.segments {
			s.Release()
		}
	}
	db.dropped, db.tables = nil, nil
	db.mu.Unlock()
	if db.cache != nil {
		errors_ = append(errors_, db.cache.Close())
		db.cacheAccount.Close()
		db.liveAccount.Close()
		db.sealAccount.Close()
		db.deleteAccount.Close()
		db.writeAccount.Close()
	}
	if db.lock != nil {
		errors_ = append(errors_, db.lock.Close())
	}
	return errors.Join(errors_...)
}
