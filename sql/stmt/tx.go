package stmt

import (
	"context"

	"github.com/siltstone-db/siltstone/storage"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/table"
)

// Tx is what one transaction reads and writes: one snapshot of the database, taken at its first statement, and the
// catalog edits and rows that it will publish when it commits. It sees its own writes; nobody else does before Commit.
//
// Catalog changes, deletions and rows are one record of the log, and become visible all at once. Tables and schemas have
// their final numbers from the statement on that makes them.
//
// Rows are kept as batches until they are many, or a statement reads their table. From then on they move into a
// storage.Load, whose memory is bounded: a transaction of any size is one commit.
//
// A Tx belongs to one session. It must end with Commit or Rollback.
type Tx struct {
	db       *storage.DB
	account  *mem.Account // of the batches
	base     *table.Snapshot
	catalog  *catalog.Snapshot
	edits    []catalog.Edit // so far, as they were wished: those of others may come before
	deletes  []deletion
	hidden   map[catalog.TableID]*hiddenRows     // what the deletions add up to
	views    map[catalog.TableID]*table.Snapshot // base with the transaction's own rows of a table
	retired  []*table.Snapshot                   // views that have become old
	broken   error                               // nothing but a rollback is possible
	pictures int                                 // that are open

	rows    map[catalog.TableID]int64 // written, by table
	batches int                       // written
	writes  []pending                 // the last of them, which have not moved
	bytes   int64                     // of writes
	most    int64                     // bytes of batches that begin to move
	saved   bool                      // there are savepoints
	load    *storage.Load             // nil until rows move
	moving  *move                     // batches on their way
	spare   []*batch.Batch            // that have moved, to be filled again

	hold      *table.Hold // on a table whose rows it exchanges
	kept      []func()    // of tables that are to have keys: lets their files be merged again
	indexes   []string    // of tables whose rows it has exchanged
	tells     bool        // statements tell of keys that are there twice
	own       map[catalog.TableID]*ownKeys
	counters  ownCounters
	conflicts bool // there was an ON CONFLICT: what it did not find came from others
	rejecting bool // a reject table was made, that others may make, too
}

// pending is one batch of rows that is not committed yet.
type pending struct {
	table *catalog.Table // as it was then: a rollback to a savepoint may bring it back after it was dropped
	rows  *batch.Batch
	bytes int64
}

// Begin starts a transaction. Its batches are charged to pool.
func Begin(db *storage.DB, pool *mem.Pool) *Tx {
	t := &Tx{db: db, account: pool.Intake("transaction", 0), most: manyBytes}
	if l := pool.Limit(); l > 0 {
		t.most = min(t.most, l/32)
	}
	return t
}

// snapshot pins the picture that the transaction sees.
func (t *Tx) snapshot() *table.Snapshot {
	if t.base == nil {
		t.base = t.db.Snapshot()
		t.catalog = t.base.Catalog()
	}
	return t.base
}

// Catalog returns the schemas and tables that the transaction sees.
func (t *Tx) Catalog() *catalog.Snapshot {
	t.snapshot()
	return t.catalog
}

// Changed tells whether the transaction has changed the catalog: plans made for it fit no other transaction.
func (t *Tx) Changed() bool { return len(t.edits) > 0 }

// Table returns the rows of a table as the transaction sees them. It is what package compile asks for. Rows of the
// transaction's own may have to move first, and wait for room.
func (t *Tx) Table(ctx context.Context, id catalog.TableID) (scan.Relation, error) {
	base := t.snapshot()
	h := t.hidden[id]
	was, now := base.Catalog().TableByID(id), t.catalog.TableByID(id)
	made := was == nil || now != nil && now.Version != was.Version // or altered: its rows are read as it is now
	if t.rows[id] == 0 && h == nil && !made {
		return base.Table(id)
	}
	view := t.views[id]
	if view == nil {
		tab := t.catalog.TableByID(id)
		if tab == nil {
			return nil, errs.New(errs.UndefinedTable, "table with id %d does not exist", id)
		}
		if err := t.moveAll(ctx); err != nil {
			return nil, err
		}
		if h == nil {
			h = &hiddenRows{}
		}
		view = t.load.Overlay(base, tab, h.Hidden)
		if t.views == nil {
			t.views = map[catalog.TableID]*table.Snapshot{}
		}
		t.views[id] = view
	}
	return view.Table(id)
}

// Hold keeps the writes of others to a table waiting until the transaction ends, if it has not done anything yet, so that
// it sees the rows as they stay. A transaction that holds something else, by its writes, waits for nobody.
func (t *Tx) Hold(ctx context.Context, id catalog.TableID) error {
	if len(t.edits)+len(t.deletes)+t.batches+t.pictures > 0 || t.hold != nil {
		return nil
	}
	var err error
	if t.hold, err = t.db.Hold(ctx, id); err == nil {
		t.unpin()
	}
	return err
}

// HoldNow keeps the writes of others to a table waiting until the transaction ends, which holds nothing that others wait for.
func (t *Tx) HoldNow(ctx context.Context, id catalog.TableID) (err error) {
	t.hold, err = t.db.Hold(ctx, id)
	return err
}

// Renew makes a newer snapshot what the transaction sees, with its own edits, rows and deletions. Nothing that was read
// before is in use any more.
func (t *Tx) Renew(s *table.Snapshot) error {
	cat, _, err := s.Catalog().Apply(t.edits...)
	if err != nil {
		return err
	}
	for id := range t.views {
		t.forget(id)
	}
	s.Retain()
	t.base.Release()
	t.base, t.catalog = s, cat
	return nil
}

// Made tells whether the transaction itself has made a table.
func (t *Tx) Made(id catalog.TableID) bool {
	return t.snapshot().Catalog().TableByID(id) == nil && t.catalog.TableByID(id) != nil
}

// written returns the table of a statement that was bound before, as the transaction sees it, unless it is gone.
func (t *Tx) written(bound *catalog.Table) (*catalog.Table, error) {
	if now := t.Catalog().TableByID(bound.ID); now != nil {
		return now, nil
	}
	return nil, errs.New(errs.UndefinedTable, "relation %q does not exist", bound.Name)
}

// Edit changes the catalog that the transaction sees.
func (t *Tx) Edit(edits ...catalog.Edit) error {
	t.snapshot()
	edits = t.db.Numbered(edits...)
	next, done, err := t.catalog.Apply(edits...)
	if err != nil || len(done) == 0 {
		return err
	}
	t.catalog, t.edits = next, append(t.edits[:len(t.edits):len(t.edits)], edits...)
	for _, e := range done {
		for _, id := range e.IDs() {
			t.forget(id)
		}
	}
	return nil
}

// Insert takes a batch of at most batch.MaxAppendRows rows of a table, whose columns are all of the table's, in order.
// The transaction keeps the batch; the caller must not use it again. Rows that have become many begin to move: the
// error may be that of rows before. The context is valid until Await.
func (t *Tx) Insert(ctx context.Context, id catalog.TableID, rows *batch.Batch) error {
	n := rows.Rows()
	if n == 0 {
		return nil
	}
	tab := t.Catalog().TableByID(id)
	if tab == nil {
		return errs.New(errs.UndefinedTable, "table with id %d does not exist", id)
	}
	bytes := rows.Bytes()
	if err := t.account.Reserve(bytes); err != nil {
		return err
	}
	if t.rows == nil {
		t.rows = map[catalog.TableID]int64{}
	}
	if err := t.meet(ctx, tab, rows); err != nil {
		return err
	}
	t.rows[id] += int64(n)
	t.batches++
	t.writes = append(t.writes, pending{tab, rows, bytes})
	t.bytes += bytes
	t.forget(id)
	if t.bytes < t.most || t.load != nil && t.bytes < min(t.most, moveBytes) {
		return nil
	}
	return t.move(ctx)
}

// forget retires the view of a table that has new rows: a statement may still read it.
func (t *Tx) forget(id catalog.TableID) {
	if v := t.views[id]; v != nil {
		t.retired = append(t.retired, v)
		delete(t.views, id)
	}
}

// Settle releases what earlier statements have read, unless a picture is open. No other query of the transaction may be
// running.
func (t *Tx) Settle() {
	if t.pictures > 0 {
		return
	}
	for _, v := range t.retired {
		v.Release()
	}
	t.retired = t.retired[:0]
}

// release lets files be merged again that the transaction kept as they are.
func (t *Tx) release() {
	for _, f := range t.kept {
		f()
	}
	t.kept = nil
}

// Rollback ends the transaction and forgets its writes.
func (t *Tx) Rollback() {
	if t.load != nil {
		t.load.Abort() // also what is on its way
	}
	_ = t.moved()
	t.writes, t.load, t.spare = nil, nil, nil
	t.deletes, t.hidden = nil, nil
	t.unpin()
	t.db.Release(t.hold)
	t.release()
	t.closeKeys()
	t.account.Close()
}

// unpin lets go of the snapshot and of the views over it. A write must not wait for room in live segments while its
// own transaction holds sealed ones in memory; the next look takes a new snapshot.
func (t *Tx) unpin() {
	for id := range t.views {
		t.forget(id)
	}
	t.Settle()
	if t.base != nil {
		t.base.Release()
		t.base = nil
	}
}
