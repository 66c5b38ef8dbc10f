package storage

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/live"
	"github.com/siltstone-db/siltstone/storage/table"
)

// Load holds the rows of a transaction that has too many of them to keep as batches, until it commits. They go into
// live segments that nobody else sees; like those of tables these are frozen when they are full or memory is short, and
// sealed into files, which no manifest names. Commit writes one log record that names the files and brings the rows
// that are in none, and the load becomes visible like any other write: with one store. A load that ends otherwise, or
// with the process, leaves files that belong to nobody: Abort removes them, or else the next Open.
//
// So the log never holds a row of a load that is not committed: it can be retired meanwhile, replay needs no look
// ahead, and a large load is written once, not twice.
//
// A Load belongs to one transaction, whose calls are one after the other; the sealer works on it at the same time.
type Load struct {
	db     *DB
	ctx    context.Context // ends with the load: files that are being written are given up
	cancel context.CancelFunc

	// What the database looks at while it holds db.mu, under which l.mu is never waited for.
	bytes   atomic.Int64 // of live segments
	largest atomic.Int64 // of the largest that takes rows
	frozen  atomic.Int64 // live segments that wait for the sealer
	failure error        // of the last attempt to seal; db.mu guards it

	savepoints atomic.Bool // Truncate may come: where sorted rows stood is kept

	mu     sync.Mutex
	cond   *sync.Cond // a part was sealed, or could not be
	tables []*loadTable
	ended  bool
}

// loadTable is the rows for one table, in parts in the order of their arrival. Load.mu guards it.
type loadTable struct {
	info   *catalog.Table // as the transaction sees it
	limits sealLimits
	rows   int64
	parts  []*loadPart // all but the last are frozen
	flat   table.Flattener
}

// loadPart is rows in a live segment, or in the file it was sealed into.
type loadPart struct {
	rows  int
	plain int64 // bytes of its batches
	live  *live.Segment
	file  *table.Segment
	// order, of a file, says where its rows stood in the live segment; nil: where they stand.
	order    []uint32
	frozen   bool
	building bool // somebody writes the file
	dropped  bool
	failures int
	retry    time.Time
}

// NewLoad returns an empty load. The caller ends it with Commit or Abort.
func (db *DB) NewLoad() *Load {
	l := &Load{db: db}
	l.cond = sync.NewCond(&l.mu)
	l.ctx, l.cancel = context.WithCancel(context.Background())
	db.mu.Lock()
	defer db.mu.Unlock()
	db.loads = append(db.loads, l)
	return l
}

// Savepoint tells that the rows may be truncated to their present numbers.
func (l *Load) Savepoint() { l.savepoints.Store(true) }

// unlist takes the load out of the sealer's sight.
func (l *Load) unlist() {
	l.db.mu.Lock()
	defer l.db.mu.Unlock()
	if i := slices.Index(l.db.loads, l); i >= 0 {
		l.db.loads = slices.Delete(slices.Clone(l.db.loads), i, i+1)
	}
	l.db.cond.Broadcast()
}

// Append adds the rows of a batch, of which it takes a copy, to those of a table; columns are the table's, in order.
// It waits while live segments have no room. After an error none of the rows were added.
func (l *Load) Append(ctx context.Context, t *catalog.Table, b *batch.Batch) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if l.db.crowded() {
		if err := l.db.awaitRoom(ctx, 0); err != nil {
			return err
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		return errs.Internal("rows for a load that has ended")
	}
	lt, err := l.tableLocked(t)
	if err != nil {
		return err
	}
	f := lt.flat.Flatten(b)
	if err := checkRows(t, f); err != nil {
		return err
	}
	before := lt.rows
	if err := l.appendLocked(lt, f); err != nil {
		return errors.Join(err, l.truncateLocked(lt, before))
	}
	return nil
}

func (l *Load) tableLocked(t *catalog.Table) (*loadTable, error) {
	for _, lt := range l.tables {
		if lt.info.ID == t.ID {
			return lt, nil
		}
	}
	limits, err := l.db.limitsOf(t)
	if err != nil {
		return nil, err
	}
	lt := &loadTable{info: t, limits: limits}
	l.tables = append(l.tables, lt)
	return lt, nil
}

// appendLocked adds the rows of a flat batch.
func (l *Load) appendLocked(lt *loadTable, b *batch.Batch) error {
	defer l.measureLocked()
	bytes := b.Bytes()
	for from := 0; from < b.Len; {
		p := lt.open()
		if p != nil && !p.live.Fits(b) {
			p.freeze()
			p = nil
		}
		if p == nil {
			p = &loadPart{live: live.New(liveColumns(lt.info), l.db.liveAccount, 0, l.db.o.Now())}
			lt.parts = append(lt.parts, p)
		}
		n := min(b.Len-from, max(1, lt.limits.rows-p.rows))
		if err := p.live.Append(b, from, from+n); err != nil {
			p.live.Truncate(p.rows)
			return err
		}
		p.rows += n
		p.plain += bytes * int64(n) / int64(b.Len)
		lt.rows += int64(n)
		from += n
		if p.rows >= lt.limits.rows || p.live.Bytes() >= lt.limits.bytes {
			p.freeze()
		}
	}
	return nil
}

// open returns the part that takes rows, or nil.
func (lt *loadTable) open() *loadPart {
	if n := len(lt.parts); n > 0 && !lt.parts[n-1].frozen {
		return lt.parts[n-1]
	}
	return nil
}

// publish lets readers see all rows of a live segment.
func (p *loadPart) publish() { p.live.Mark(uint64(p.rows)) }

func (p *loadPart) freeze() {
	p.publish()
	p.frozen = true
}

// measureLocked brings up to date what the database looks at, and wakes the sealer when there is work.
func (l *Load) measureLocked() {
	var bytes, largest, frozen int64
	for _, lt := range l.tables {
		for _, p := range lt.parts {
			if p.live == nil {
				continue
			}
			n := p.live.Bytes()
			bytes += n
			if p.frozen {
				frozen++
			} else {
				largest = max(largest, n)
			}
		}
	}
	l.bytes.Store(bytes)
	l.largest.Store(largest)
	if l.frozen.Swap(frozen) < frozen {
		l.db.wake()
	}
}

// freezeLargest freezes the largest part that takes rows: memory is short.
func (l *Load) freezeLargest() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		return
	}
	var largest *loadPart
	for _, lt := range l.tables {
		if p := lt.open(); p != nil && p.rows > 0 && (largest == nil || p.live.Bytes() > largest.live.Bytes()) {
			largest = p
		}
	}
	if largest != nil {
		largest.freeze()
	}
	l.measureLocked()
}

// Overlay returns s with the load's rows of a table, in their present number, and without rows that the transaction has
// deleted. The caller releases both.
func (l *Load) Overlay(s *table.Snapshot, t *catalog.Table, hidden table.Hidden) *table.Snapshot {
	l.mu.Lock()
	defer l.mu.Unlock()
	own := &table.Own{Table: t, Hidden: hidden}
	for _, lt := range l.tables {
		if lt.info.ID != t.ID {
			continue
		}
		number := uint64(table.OwnRows)
		for _, p := range lt.parts {
			base := number
			number += uint64(p.rows)
			switch {
			case p.file != nil:
				own.Segments, own.SegmentBase = append(own.Segments, p.file), append(own.SegmentBase, base)
			case p.rows > 0:
				if !p.frozen { // those that are were published, and may be read by who seals them
					p.publish()
				}
				own.Live = append(own.Live, table.OwnLive{Segment: p.live, Rows: p.rows, Base: base})
			}
		}
	}
	return s.Overlay(own)
}

// Abort ends the load and forgets its rows. It may be called again, and after Commit.
func (l *Load) Abort() {
	l.unlist()
	l.cancel()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, lt := range l.tables {
		for _, p := range lt.parts {
			l.dropLocked(p)
		}
	}
	l.tables, l.ended = nil, true
	l.measureLocked()
}

// dropLocked frees the memory of a part, and its file. Who writes the file does it instead when that is at an end.
func (l *Load) dropLocked(p *loadPart) {
	p.dropped = true
	if p.building {
		return
	}
	l.setOrder(p, nil)
	if p.live != nil {
		p.live.Release()
	}
	if p.file != nil {
		p.file.Obsolete()
		p.file.Release()
	}
	p.live, p.file, p.rows = nil, nil, 0
}

// setOrder keeps the order of a part and its charge.
func (l *Load) setOrder(p *loadPart, order []uint32) {
	l.db.liveAccount.Free(4 * int64(cap(p.order)))
	_ = l.db.liveAccount.Reserve(4 * int64(cap(order))) // does not refuse
	p.order = order
}
