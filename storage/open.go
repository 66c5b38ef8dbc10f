package storage

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/siltstone-db/siltstone/storage/archive"
	"github.com/siltstone-db/siltstone/storage/cache"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/clock"
	"github.com/siltstone-db/siltstone/storage/compact"
	"github.com/siltstone-db/siltstone/storage/counter"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/event"
	"github.com/siltstone-db/siltstone/storage/handle"
	"github.com/siltstone-db/siltstone/storage/ladder"
	"github.com/siltstone-db/siltstone/storage/manifest"
	"github.com/siltstone-db/siltstone/storage/positions"
	"github.com/siltstone-db/siltstone/storage/rebuild"
	"github.com/siltstone-db/siltstone/storage/recovery"
	"github.com/siltstone-db/siltstone/storage/shelf"
	"github.com/siltstone-db/siltstone/storage/table"
	"github.com/siltstone-db/siltstone/storage/tokens"
	"github.com/siltstone-db/siltstone/storage/vfs"
)

// Open opens the database of a directory, making it if need be, and recovers what was acknowledged. Opening again
// after a crash inside Open finds the same. The directory belongs to one process at a time: 55006.
func Open(ctx context.Context, dir string, o Options) (*DB, error) {
	o.EnsureDefaults()
	if err := o.validate(); err != nil {
		return nil, fmt.Errorf("open database %q: %w", dir, err)
	}
	handles := handle.New(o.FS, handle.Options{Max: o.FilesMax, Patience: o.FilesPatience})
	o.FS = handles
	db := &DB{o: o, dir: dir, handles: handles, tables: map[catalog.TableID]*shelf.Shelf{}, busy: map[*shelf.Shelf]struct{}{},
		changed: map[catalog.TableID]struct{}{}, kick: make(chan struct{}, 1),
		archiveKick: make(chan struct{}, 1), attached: map[manifest.FileID]*shelf.File{}, retained: map[*shelf.Shelf]struct{}{},
		merges: map[manifest.FileID]bool{}, kept: map[catalog.TableID]int{}, held: map[catalog.TableID]*table.Hold{}, toMerge: map[*shelf.Shelf]struct{}{},
		mergeKick: [2]chan struct{}{make(chan struct{}, 1), make(chan struct{}, 1)}}
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
	err := db.o.FS.MkdirAll(db.dir)
	if err != nil {
		return vfs.Error("make directory", db.dir, err)
	}
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
	db.shelves = shelf.Env{Live: db.liveAccount, Vectors: db.deleteAccount, Now: db.o.Now}
	db.files = &shelf.Dir{FS: db.handles, Path: db.dir, Cache: db.cache, Events: db.o.Events, Account: db.deleteAccount, Damaged: db.damaged}
	// One large file is written at a time.
	db.builder = &shelf.Builder{Dir: db.files, Account: db.sealAccount, Slots: make(chan struct{}, 1)}
	db.mergeAccount = db.o.Pool.Account("merging", db.o.Pool.Limit()/mergeShare)
	if most := db.o.Pool.Limit() / mergeShare / mergeRowBytes; most > 0 {
		db.o.Merge.RowsMax = min(db.o.Merge.RowsMax, max(most, mergeRowsLeast))
	}
	db.merger = &compact.Merger{Dir: db.files, Account: db.mergeAccount}
	db.inspector = &rebuild.Inspector{Dir: db.files, Account: db.mergeAccount}
	db.snapshots = table.Options{ServeDamaged: db.o.ServeDamaged, Samples: table.NewSamples(db.o.Pool)}
	if db.set, err = manifest.Open(db.o.FS, db.dir, db.found); err != nil {
		return err
	}
	db.tokens, err = tokens.Open(tokens.Options{FS: db.o.FS, Dir: db.dir + "/tokens", Kept: db.o.TokensKept, Max: db.o.TokensMax,
		Now: db.o.Now, Account: db.o.Pool.Overdraft("idempotency tokens")})
	if err != nil {
		return err
	}
	folder, err := db.loadVersion()
	if err != nil {
		return err
	}
	if err := db.replay(ctx); err != nil {
		return err
	}
	db.keepCounters()
	db.numbers = catalog.NewNumbers(db.catalog)
	if err := db.removeOrphans(folder); err != nil {
		return err
	}
	if err := db.started(); err != nil {
		return err
	}
	db.mu.Lock()
	db.publishLocked()
	db.readClockLocked()
	db.mu.Unlock()
	if err := db.openArchive(); err != nil {
		return err
	}
	// Only now: replay seals by itself when memory is short (replay.Applied).
	db.background, db.cancel = context.WithCancel(context.WithoutCancel(ctx))
	db.wg.Add(3)
	go db.sealer(db.background)
	go db.archiver(db.background)
	go db.retainer(db.background)
	for i, kick := range db.mergeKick {
		if !db.o.NoMerge {
			db.wg.Add(1)
			go db.compactor(db.background, i == 1, kick)
		}
	}
	return nil
}

// openedAtStart is how many segments are opened when the database is, so that damage of a small one shows at once: about
// a fifth of a second. Of the others the size is looked at; they are opened when they are asked for first, and damage that
// shows then is treated as that which a scan meets.
const openedAtStart = 2048

// loadVersion makes the tables those of the manifest, and returns which segment files there are.
func (db *DB) loadVersion() (*recovery.Folder, error) {
	v := db.set.Version()
	db.catalog, db.applied, db.ddlLast = v.Catalog, v.Watermark, v.DDL
	if v.Held.Clock != 0 {
		db.guard = clock.Since(time.Unix(v.Held.Clock, 0))
	}
	db.positions, db.counters = positions.New(v.Sources), counter.New(maps.Collect(v.Counters.All()))
	folder, err := recovery.ReadFolder(db.o.FS, db.files.Folder())
	if err != nil {
		return nil, err
	}
	db.files.Skip(max(folder.Last(), v.NextFile-1))
	for _, t := range db.catalog.Tables() {
		db.syncTableLocked(t.ID)
	}
	for id, p := range v.Positions.All() {
		if t := db.tables[id]; t != nil {
			t.Next = p.Next
		}
	}
	opened := 0
	for _, s := range v.Segments.All() {
		meta := *s
		deleted, err := recovery.Deleted(&meta)
		if err != nil {
			return nil, fmt.Errorf("manifest: %w", err)
		}
		f := db.files.File(meta)
		if opened++; opened <= openedAtStart || folder.Size(meta.File) != meta.Bytes {
			if f, err = db.openOrSetAside(f); err != nil {
				return nil, err
			}
		}
		t := db.tables[meta.Table]
		t.Settle(f, deleted)
		db.toMerge[t] = struct{}{}
		db.changed[meta.Table] = struct{}{}
	}
	for _, a := range v.Archive.Attached {
		if folder.Size(a.File) != a.Bytes {
			db.o.Events(event.Event{Kind: event.ArchiveDamaged, File: uint64(a.File), Err: archive.MissingAttachment(db.files.Name(a.File), a)})
		}
		db.attached[a.File] = db.files.File(manifest.Segment{File: a.File, Table: a.Table, Rows: a.Rows, Bytes: a.Bytes, Record: a.Record})
	}
	return folder, nil
}

// removeOrphans removes segment files that neither the manifest nor a log record names.
func (db *DB) removeOrphans(folder *recovery.Folder) error {
	segments := db.set.Version().Segments
	unnamed := map[manifest.FileID]bool{}
	for t := range db.busy {
		for _, m := range t.Unnamed {
			unnamed[m.File] = true
		}
	}
	return folder.RemoveOrphans(func(f manifest.FileID) bool {
		_, named := segments.Get(f)
		return named || unnamed[f] || db.attached[f] != nil
	})
}

// Close stops what runs in the background and closes all files. Rows that are not sealed are in the log. Snapshots
// must have been released.
func (db *DB) Close() error {
	db.mu.Lock()
	db.closing = true
	db.cond.Broadcast()
	db.mu.Unlock()
	db.archive.Close()
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
	db.pictures.Release()
	for t := range db.busy { // also those of tables that were dropped
		t.Release()
	}
	for _, t := range db.tables {
		t.Release()
	}
	for _, f := range db.unsure {
		f.Release()
	}
	for _, f := range db.attached {
		f.Release()
	}
	db.attached = nil
	db.unsure, db.tables, db.busy = nil, nil, nil
	db.mu.Unlock()
	if db.cache != nil {
		errors_ = append(errors_, db.cache.Close())
		db.cacheAccount.Close()
		if db.snapshots.Samples != nil {
			db.snapshots.Samples.Close()
		}
		if db.archive != nil {
			db.archive.Free()
		}
		db.liveAccount.Close()
		db.sealAccount.Close()
		db.mergeAccount.Close()
		db.deleteAccount.Close()
		db.writeAccount.Close()
	}
	if db.lock != nil {
		errors_ = append(errors_, db.lock.Close())
	}
	return errors.Join(errors_...)
}
