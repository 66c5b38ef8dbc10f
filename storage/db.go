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
//	quarantine/       segments that were set aside
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
//	building      one segment file is written at a time
//	Load.mu       the parts of a load
//	mu            what the version consists of; held by apply and for swaps, never for I/O
package storage

import (
	"context"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/siltstone-db/siltstone/storage/cache"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/index"
	"github.com/siltstone-db/siltstone/storage/live"
	"github.com/siltstone-db/siltstone/storage/manifest"
	"github.com/siltstone-db/siltstone/storage/mem"
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
	set           *manifest.Set
	log           *wal.Log
	tokens        *tokens.Set
	numbers       *catalog.Numbers
	metrics       Metrics
	snapshots     table.Options
	current       table.Current

	gate     sync.RWMutex
	sealMu   sync.Mutex
	building chan struct{} // one segment file is written at a time

	mu      sync.Mutex
	cond    *sync.Cond // a seal ended, memory was freed, or the database closes
	tables  map[catalog.TableID]*tableState
	catalog *catalog.Snapshot
	version *table.Version
	dirty   bool   // tables or catalog differ from version
	applied uint64 // sequence of the last record applied
	ddl     []catalog.Edit
	ddlLast uint64
	dropped []*table.Segment // to be removed when the next edit of the manifest does not name them any more
	// vectors are the deletion vectors of segments that have changed since the last edit of the manifest, the first of
	// them at vectorsBorn.
	vectors     map[manifest.FileID]*index.RowSet
	vectorsBorn time.Time
	unnamed     []manifest.Segment // of tables, by the log only: the next manifest edit names them
	loads       []*Load            // replaced as a whole
	turn        int                // whose part is sealed next
	freed       int64              // bytes of live segments that were sealed since memory was given back
	freedAt     time.Time
	gaveBack    time.Time
	fatal       error // rows that are durable could not be shown: intake has stopped, and so have edits of the manifest
	closing     bool

	nextFile  atomic.Uint64
	inFlight  atomic.Int64 // bytes of commits on their way
	pressure  atomic.Bool  // a commit waits for memory
	kick      chan struct{}
	wg        sync.WaitGroup
	cancel    context.CancelFunc
	recovered time.Duration
}

// tableState is a table's parts. db.mu guards it.
type tableState struct {
	info     *catalog.Table
	limits   sealLimits
	segments []sealedState   // the state's reference
	live     []*liveState    // all but the last are frozen
	next     uint64          // number of the next row
	claims   []*index.RowIDs // rows that writes on their way delete
}

// sealedState is a segment file with its deletion vector. db.mu guards it.
type sealedState struct {
	table.Sealed
	gone bool // truncated
}

// liveState is a live segment on its way to a file. db.mu guards it.
type liveState struct {
	segment  *live.Segment // the state's reference
	frozen   bool
	base     uint64 // number of its first row
	deleted  *index.RowSet
	start    manifest.Position // before its first row
	last     uint64            // sequence of its last row
	failures int
	retry    time.Time
	err      error // of the last failed attempt
}

// Catalog returns the newest catalog.
func (db *DB) Catalog() *catalog.Snapshot { return db.current.Catalog() }

// Snapshot pins what is visible now. The caller releases it.
func (db *DB) Snapshot() *table.Snapshot { return db.current.Snapshot(&db.snapshots) }

// Sequence returns the sequence of the newest visible record.
func (db *DB) Sequence() uint64 { return db.current.Sequence() }

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
	if db.dirty {
		parts := make(map[catalog.TableID]*table.Parts, len(db.tables))
		for id, t := range db.tables {
			p := &table.Parts{Table: t.info, Segments: make([]table.Sealed, len(t.segments))}
			for i := range t.segments {
				p.Segments[i] = t.segments[i].Sealed
			}
			for _, l := range t.live {
				p.Live = append(p.Live, table.Live{Segment: l.segment, Base: l.base, Deleted: l.deleted})
			}
			parts[id] = p
		}
		db.version = table.NewVersion(db.catalog, parts)
		db.dirty = false
	}
	db.current.Set(db.applied, db.version)
}

// wake lets the sealer look for work.
func (db *DB) wake() {
	select {
	case db.kick <- struct{}{}:
	default: // it will look anyway
	}
}
