// Package storage is the database below SQL: Open gives a directory's tables, Commit and Apply change them, Snapshot
// reads them. It owns what runs in the background (the log's writer and applier, the sealer) and the order in which
// everything starts and stops.
//
// # A directory
//
//	LOCK              held by the one process that has the database open
//	FORMAT            one number for the format of all files (package ladder)
//	CURRENT           name of the manifest in use
//	manifest-N        which segments and which catalog exist (package manifest)
//	wal/N.wal         log of acknowledged writes, each with its rows and catalog changes (package wal)
//	tokens/N.tok      idempotency tokens whose log records are gone (package tokens)
//	segments/N.seg    sealed rows (package segment)
//	archive/N.arc     log files that the log does not need any more (package archive)
//	quarantine/       segments and log files that were set aside
//
// # Life of a row
//
// Commit encodes its rows as one log record; the log makes a group of records durable; apply appends their rows to the
// live segments of their tables and makes the group visible with one atomic store; Commit returns. A live segment that
// is full, large or old is frozen, the next row opens another; the sealer writes the frozen one into a file, names the
// file in the manifest together with the position up to which the table is sealed, and swaps the version that readers
// see: a row is in exactly one place in every version, and in every state that a crash can leave.
//
// The rows of a large transaction take another way (Load): they are sealed first, and then committed, by one log record
// that names the files.
//
// A deleted row leaves a bit behind until its part of the table has no row left (delete.go).
//
// # Locks, in the order of taking
//
//	gate          readers: commits; writer: catalog changes and truncations, which meet no commit half-way
//	sealMu        one seal, manifest edit or quarantine at a time
//	Builder.Slots one segment file is written at a time, or many small ones
//	Load.mu       the parts of a load
//	mu            what the version consists of; held by apply and for swaps, never for I/O
package storage

import (
	"context"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/siltstone-db/siltstone/storage/archive"
	"github.com/siltstone-db/siltstone/storage/cache"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/clock"
	"github.com/siltstone-db/siltstone/storage/compact"
	"github.com/siltstone-db/siltstone/storage/counter"
	"github.com/siltstone-db/siltstone/storage/handle"
	"github.com/siltstone-db/siltstone/storage/manifest"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/persist"
	"github.com/siltstone-db/siltstone/storage/positions"
	"github.com/siltstone-db/siltstone/storage/rebuild"
	"github.com/siltstone-db/siltstone/storage/shelf"
	"github.com/siltstone-db/siltstone/storage/table"
	"github.com/siltstone-db/siltstone/storage/tokens"
	"github.com/siltstone-db/siltstone/storage/wal"
)

// DB is an open database. It is safe for concurrent use.
type DB struct {
	o             Options
	dir           string
	lock          io.Closer
	liveAccount   *mem.Account
	sealAccount   *mem.Account // what the sealer works with
	deleteAccount *mem.Account // deletion vectors in use
	writeAccount  *mem.Account // what commits on their way hold
	cacheAccount  *mem.Account
	cache         *cache.Cache
	handles       *handle.Table // what o.FS is
	files         *shelf.Dir
	builder       *shelf.Builder
	merger        *compact.Merger
	mergeAccount  *mem.Account
	inspector     *rebuild.Inspector
	shelves       shelf.Env
	set           *manifest.Set
	log           *wal.Log
	archive       *archive.Archive
	retired       atomic.Uint64 // records up to here are not needed any more in the log
	archiveKick   chan struct{}
	tokens        *tokens.Set
	positions     *positions.Set
	counters      *counter.Set
	numbers       *catalog.Numbers
	numbering     numbering
	metrics       Metrics
	snapshots     table.Options
	current       table.Current

	gate   sync.RWMutex
	sealMu sync.Mutex

	mu            sync.Mutex
	cond          *sync.Cond // a seal ended, memory was freed, or the database closes
	tables        map[catalog.TableID]*shelf.Shelf
	busy          map[*shelf.Shelf]struct{}    // those with live rows, or with what waits for an edit of the manifest
	changed       map[catalog.TableID]struct{} // tables whose pictures are not those of pictures
	pictures      persist.Map[*shelf.Picture]  // of all tables
	catalog       *catalog.Snapshot
	version       *table.Version
	applied       uint64 // sequence of the last record applied
	ddl           []catalog.Edit
	ddlLast       uint64
	attached      map[manifest.FileID]*shelf.File // files of loads that only log records name
	unsure        []*shelf.File                   // a failed edit may name them: they stay until another has taken its place
	loads         []*Load                         // replaced as a whole
	held          map[catalog.TableID]*table.Hold
	merges        map[manifest.FileID]bool  // files that are being merged
	kept          map[catalog.TableID]int   // tables that are to have a key which only their files know: these stay
	toMerge       map[*shelf.Shelf]struct{} // tables that have changed since they were looked at
	compactions   []*Compaction
	mergeFailures int // one after the other
	mergeRetry    time.Time
	guard         clock.Guard               // of the time by which rows are dropped
	retained      map[*shelf.Shelf]struct{} // tables with the option retain
	turn          int                       // whose part is sealed next
	freed         int64                     // bytes of live segments that were sealed since memory was given back
	freedAt       time.Time
	gaveBack      time.Time
	lanes         lanes
	fatal         error // rows that are durable could not be shown: intake has stopped, and so have edits of the manifest
	closing       bool

	heldTables atomic.Int32
	inFlight   atomic.Int64 // bytes of commits on their way
	pressure   atomic.Bool  // a commit waits for memory
	kick       chan struct{}
	mergeKick  [2]chan struct{} // of small and large merges
	wg         sync.WaitGroup
	background context.Context // ends with Close
	cancel     context.CancelFunc
	recovered  time.Duration
}

// Catalog returns the newest catalog.
func (db *DB) Catalog() *catalog.Snapshot { return db.current.Catalog() }

// Snapshot pins what is visible now. The caller releases it.
func (db *DB) Snapshot() *table.Snapshot { return db.current.Snapshot(&db.snapshots) }

// Positions returns how far a source was read, by partition.
func (db *DB) Positions(source uint64) map[string]string { return db.positions.Of(source) }

// Sequence returns the sequence of the newest visible record.
func (db *DB) Sequence() uint64 { return db.current.Sequence() }

// Archive returns the log, for who reads it.
func (db *DB) Archive() *archive.Archive { return db.archive }

// Segments lists all parts of all tables.
func (db *DB) Segments() []table.SegmentInfo {
	s := db.Snapshot()
	defer s.Release()
	return s.Segments()
}

// publishLocked makes everything applied so far visible, unless that is half of a write.
func (db *DB) publishLocked() {
	if db.fatal != nil {
		return
	}
	if len(db.changed) > 0 || db.version == nil || db.version.Catalog != db.catalog {
		for id := range db.changed {
			if t := db.tables[id]; t != nil {
				db.pictures.Set(uint64(id), t.Picture())
			} else {
				db.pictures.Delete(uint64(id))
			}
		}
		clear(db.changed)
		db.version = table.NewVersion(db.catalog, db.pictures.Clone())
	}
	db.current.Set(db.applied, db.version)
	if db.archive != nil { // else the database is being opened
		db.archive.Ring()
	}
}

// changedLocked notes that a table holds other parts than its picture.
func (db *DB) changedLocked(t *shelf.Shelf) {
	db.changed[t.Table.ID] = struct{}{}
	db.busy[t] = struct{}{}
	db.toMerge[t] = struct{}{}
}

// wake lets the sealer look for work.
func (db *DB) wake() {
	select {
	case db.kick <- struct{}{}:
	default: // it will look anyway
	}
}
