package storage

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/shelf"
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

	mu      sync.Mutex
	cond    *sync.Cond     // a part was sealed, or could not be
	shelves []*shelf.Shelf // by table, as the transaction sees it; their rows are numbered from scan.OwnRows on
	flat    batch.Flattener
	ended   bool
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
func (l *Load) Append(ctx context.Context, info *catalog.Table, b *batch.Batch) error {
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
	t := l.shelfLocked(info)
	f := l.flat.Flatten(b)
	if err := checkRows(info, f); err != nil {
		return err
	}
	defer l.measureLocked()
	f = identified(f, len(info.Columns))
	before := t.Next
	if _, _, err := t.Append(shelf.Rows{Batch: f}); err != nil {
		return errors.Join(err, l.cutLocked(t, before))
	}
	return nil
}

func (l *Load) shelfLocked(info *catalog.Table) *shelf.Shelf {
	for _, t := range l.shelves {
		if t.Table.ID == info.ID {
			t.AlterOwn(info, l.db.limits().Of(info))
			return t
		}
	}
	t := shelf.New(&l.db.shelves, info, l.db.limits().Of(info), scan.OwnRows)
	l.shelves = append(l.shelves, t)
	return t
}

// Truncate makes the load what it was when tables had so many rows; those that are not listed had none. cat is the catalog
// that the transaction saw then. Savepoint was called then, or no load was there yet and it was called at first. After an
// error the load is good for nothing but Abort.
func (l *Load) Truncate(rows map[catalog.TableID]int64, cat *catalog.Snapshot) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.measureLocked()
	for _, t := range l.shelves {
		if info := cat.TableByID(t.Table.ID); info != nil { // what is read back from a file has the columns of then
			t.AlterOwn(info, t.Limits)
		}
		if err := l.cutLocked(t, scan.OwnRows+uint64(rows[t.Table.ID])); err != nil {
			return err
		}
	}
	return nil
}

// cutLocked forgets the rows of a table from a number on.
func (l *Load) cutLocked(t *shelf.Shelf, next uint64) error {
	account := l.db.o.Pool.Intake("rollback to savepoint", 0)
	defer account.Close()
	return t.Truncate(l.ctx, next, l.cond.Wait, account)
}

// measureLocked brings up to date what the database looks at, and wakes the sealer when there is work.
func (l *Load) measureLocked() {
	var bytes, largest, frozen int64
	for _, t := range l.shelves {
		all, open := t.Bytes()
		bytes, largest, frozen = bytes+all, max(largest, open), frozen+t.Waiting()
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
	var largest *shelf.Shelf
	var most int64
	for _, t := range l.shelves {
		if _, open := t.Bytes(); open > most { // with what is closed
			largest, most = t, open
		}
	}
	if largest != nil {
		largest.Close()
	}
	l.measureLocked()
}

// sealBytes is how much of a table's rows is sealed by Seal: what is less, the commit brings to the log in a moment.
const sealBytes = 4 << 20

// Seal writes the rows that are not in files into some, but for few of a table.
func (l *Load) Seal(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, t := range l.shelves {
		if _, open := t.Bytes(); open > sealBytes {
			t.Close()
		}
	}
	l.measureLocked()
	return l.sealAllLocked(ctx)
}

// Overlay returns s with the load's rows of a table, in their present number, and without rows that the transaction has
// deleted. The caller releases both.
func (l *Load) Overlay(s *table.Snapshot, t *catalog.Table, hidden table.Hidden) *table.Snapshot {
	l.mu.Lock()
	defer l.mu.Unlock()
	own := &table.Own{Table: t, Hidden: hidden}
	for _, o := range l.shelves {
		if o.Table.ID != t.ID {
			continue
		}
		for _, p := range o.Parts {
			switch {
			case p.File != nil:
				own.Files, own.FileBase = append(own.Files, p.File), append(own.FileBase, p.Base)
			case p.Rows > 0:
				if !p.Frozen { // those that are were published, and may be read by who seals them
					p.Publish()
				}
				own.Live = append(own.Live, table.OwnLive{Segment: p.Live, Rows: p.Rows, Base: p.Base})
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
	for _, t := range l.shelves {
		t.Drop()
	}
	l.shelves, l.ended = nil, true
	l.measureLocked()
}
