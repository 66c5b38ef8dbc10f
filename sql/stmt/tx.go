package stmt

import (
	"context"
	"maps"

	"github.com/siltstone-db/siltstone/storage"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/index"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/table"
)

// Tx is what one transaction reads and writes: one snapshot of the database, taken at its first statement, and the
// catalog edits and rows that it will publish when it commits. It sees its own writes; nobody else does before Commit.
//
// Rows become visible all at once, with one record of the log. Catalog edits are applied right before them, as a record
// of their own: a crash in between leaves an empty table, never rows without one.
//
// Rows are kept as batches until they are many, or a statement reads their table. From then on they move into a
// storage.Load, whose memory is bounded: a transaction of any size is one commit.
//
// A Tx belongs to one session. It must end with Commit or Rollback.
type Tx struct {
	db      *storage.DB
	account *mem.Account // of the batches
	base    *table.Snapshot
	catalog *catalog.Snapshot
	edits   int // number of catalog edits so far
	deletes []deletion
	hidden  map[catalog.TableID]*hiddenRows     // what the deletions add up to
	views   map[catalog.TableID]*table.Snapshot // base with the transaction's own rows of a table
	retired []*table.Snapshot                   // views that have become old
	broken  error                               // nothing but a rollback is possible

	rows    map[catalog.TableID]int64 // written, by table
	batches int                       // written
	writes  []pending                 // the last of them, which have not moved
	bytes   int64                     // of writes
	most    int64                     // bytes of batches that begin to move
	marked  bool                      // there are savepoints
	load    *storage.Load             // nil until rows move
	moving  *move                     // batches on their way
	spare   []*batch.Batch            // that have moved, to be filled again
}

// pending is one batch of rows that is not committed yet.
type pending struct {
	table catalog.TableID
	rows  *batch.Batch
	bytes int64
}

// deletion is what a statement has taken away from a table: rows of the snapshot by their numbers, and rows that the
// transaction itself has written, numbered from table.OwnRows on in the order of its writes.
type deletion struct {
	table    catalog.TableID
	rows     *index.RowIDs
	truncate bool // all rows of the snapshot
	updated  bool
	bytes    int64
}

// hiddenRows are the rows of a table that the transaction does not see any more.
type hiddenRows struct {
	table.Hidden
	updated bool // some by an UPDATE
}

// Mark is a point inside a transaction to which it can be rolled back: a savepoint. It holds the catalog of then,
// which is immutable, and how much was written and deleted.
type Mark struct {
	catalog *catalog.Snapshot
	edits   int
	batches int
	rows    map[catalog.TableID]int64
	deletes int
}

// Begin starts a transaction. Its batches are charged to pool.
func Begin(db *storage.DB, pool *mem.Pool) *Tx {
	t := &Tx{db: db, account: pool.Account("transaction", 0), most: manyBytes}
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
func (t *Tx) Changed() bool { return t.edits > 0 }

// Table returns the rows of a table as the transaction sees them. It is what package compile asks for.
func (t *Tx) Table(id catalog.TableID) (scan.Relation, error) {
	base := t.snapshot()
	h := t.hidden[id]
	made := base.Catalog().TableByID(id) == nil
	if t.rows[id] == 0 && h == nil && !made {
		return base.Table(id)
	}
	view := t.views[id]
	if view == nil {
		tab := t.catalog.TableByID(id)
		if tab == nil {
			return nil, errs.New(errs.UndefinedTable, "table with id %d does not exist", id)
		}
		if err := t.moveAll(context.Background()); err != nil {
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

// Edit changes the catalog that the transaction sees.
func (t *Tx) Edit(edits ...catalog.Edit) error {
	t.snapshot()
	next, done, err := t.catalog.Apply(edits...)
	if err != nil {
		return err
	}
	t.catalog = next
	t.edits += len(done)
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
	bytes := rows.Bytes()
	if err := t.account.Reserve(bytes); err != nil {
		return err
	}
	if t.rows == nil {
		t.rows = map[catalog.TableID]int64{}
	}
	t.rows[id] += int64(n)
	t.batches++
	t.writes = append(t.writes, pending{id, rows, bytes})
	t.bytes += bytes
	t.forget(id)
	if t.bytes < t.most || t.load != nil && t.bytes < min(t.most, moveBytes) {
		return nil
	}
	return t.move(ctx)
}

// Delete takes rows of a table away, by the numbers that a scan of the transaction returned. updated says that they
// come back changed. The transaction keeps the set; the caller must not change it.
func (t *Tx) Delete(id catalog.TableID, rows *index.RowIDs, updated bool) error {
	if rows.Len() == 0 {
		return nil
	}
	bytes := rows.Bytes()
	if err := t.account.Reserve(bytes); err != nil {
		return err
	}
	t.hide(deletion{table: id, rows: rows, updated: updated, bytes: bytes})
	return nil
}

// Truncate takes all rows of a table away, when it commits also those that others have committed meanwhile.
func (t *Tx) Truncate(ctx context.Context, id catalog.TableID) error {
	rows := index.NewRowIDs()
	if n := t.rows[id]; n > 0 {
		if err := t.moveAll(ctx); err != nil {
			return err
		}
		rows.AddRange(table.OwnRows, table.OwnRows+uint64(n))
	}
	t.hide(deletion{table: id, rows: rows, truncate: true})
	return nil
}

// hide notes a deletion.
func (t *Tx) hide(d deletion) {
	t.deletes = append(t.deletes, d)
	t.addHidden(d)
	t.forget(d.table)
}

func (t *Tx) addHidden(d deletion) {
	h := &hiddenRows{}
	if old := t.hidden[d.table]; old != nil {
		*h = *old
	}
	rows, own := d.rows.Split(table.OwnRows)
	h.Rows, h.Own = h.Rows.Union(rows), h.Own.Union(own)
	h.All, h.updated = h.All || d.truncate, h.updated || d.updated
	if t.hidden == nil {
		t.hidden = map[catalog.TableID]*hiddenRows{}
	}
	t.hidden[d.table] = h
}

// forget retires the view of a table that has new rows: a statement may still read it.
func (t *Tx) forget(id catalog.TableID) {
	if v := t.views[id]; v != nil {
		t.retired = append(t.retired, v)
		delete(t.views, id)
	}
}

// Settle releases the pictures that earlier statements have read. No query of the transaction may be running.
func (t *Tx) Settle() {
	for _, v := range t.retired {
		v.Release()
	}
	t.retired = t.retired[:0]
}

// Mark returns the current point.
func (t *Tx) Mark() Mark {
	t.snapshot()
	t.marked = true
	if t.load != nil {
		t.load.Savepoint()
	}
	return Mark{catalog: t.catalog, edits: t.edits, batches: t.batches, rows: maps.Clone(t.rows), deletes: len(t.deletes)}
}

// RollbackTo forgets what was done since a point. After an error only Rollback is possible. No query of the transaction
// may be running.
func (t *Tx) RollbackTo(m Mark) error {
	_ = t.moved() // the statement whose rows could not move has failed
	for id := range t.views {
		t.forget(id)
	}
	t.Settle()
	moved := t.batches - len(t.writes)
	keep := max(0, m.batches-moved)
	for _, w := range t.writes[keep:] {
		t.account.Free(w.bytes)
		t.bytes -= w.bytes
	}
	clear(t.writes[keep:])
	t.writes = t.writes[:keep]
	if m.batches < moved && t.broken == nil {
		t.broken = t.load.Truncate(m.rows)
	}
	t.unhide(m.deletes)
	t.batches, t.rows = m.batches, maps.Clone(m.rows)
	t.catalog, t.edits = m.catalog, m.edits
	return t.broken
}

// unhide forgets the deletions from the i-th on.
func (t *Tx) unhide(i int) {
	if i >= len(t.deletes) {
		return
	}
	for _, d := range t.deletes[i:] {
		t.account.Free(d.bytes)
		t.forget(d.table)
	}
	clear(t.deletes[i:])
	t.deletes, t.hidden = t.deletes[:i], nil
	for _, d := range t.deletes {
		t.addHidden(d)
	}
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

// Commit publishes the writes and ends the transaction, also when it fails.
func (t *Tx) Commit(ctx context.Context) error {
	defer t.Rollback()
	if err := t.moved(); err != nil {
		return err
	}
	if t.broken != nil {
		return t.broken
	}
	var renamed map[catalog.TableID]*catalog.Table
	if t.edits > 0 {
		var err error
		if renamed, err = t.commitCatalog(ctx); err != nil {
			return err
		}
	}
	final := func(id catalog.TableID) *catalog.Table { // nil: dropped by the same transaction
		if tab := renamed[id]; tab != nil {
			return tab
		}
		return t.catalog.TableByID(id)
	}
	w := t.write(final, renamed)
	t.unpin()
	var err error
	switch {
	case t.load != nil:
		_, err = t.load.Commit(ctx, w, final, t.hiddenOwn)
	case len(w.Rows) > 0:
		_, err = t.db.Commit(ctx, w)
	}
	return err
}

// hiddenOwn returns the transaction's own rows of a table that it has deleted again. They have all moved, since a
// statement has read them.
func (t *Tx) hiddenOwn(id catalog.TableID) *index.RowIDs {
	if h := t.hidden[id]; h != nil {
		return h.Own
	}
	return nil
}

// write returns the batches that have not moved, and what is deleted. made are the tables that the transaction has made.
func (t *Tx) write(final func(catalog.TableID) *catalog.Table, made map[catalog.TableID]*catalog.Table) table.Write {
	w := table.Write{}
	at := map[catalog.TableID]int{}
	entry := func(id catalog.TableID) *table.Rows {
		tab := final(id)
		if tab == nil {
			return nil
		}
		i, ok := at[id]
		if !ok {
			i = len(w.Rows)
			at[id] = i
			w.Rows = append(w.Rows, table.Rows{Table: tab.ID, Version: tab.Version})
		}
		return &w.Rows[i]
	}
	for _, p := range t.writes {
		if r := entry(p.table); r != nil {
			r.Batches = append(r.Batches, p.rows)
		}
	}
	for id, h := range t.hidden {
		if made[id] != nil || h.Rows.Len() == 0 && !h.All {
			continue // only own rows
		}
		if r := entry(id); r != nil {
			r.Deleted, r.Truncate, r.Updated = h.Rows, h.All, h.updated
		}
	}
	return w
}

// commitCatalog applies what the transaction changed in the catalog: the difference between the picture it started
// from and its own, so that a table which was made and dropped again leaves no trace. It returns the tables that got
// another id than the transaction had given them.
func (t *Tx) commitCatalog(ctx context.Context) (map[catalog.TableID]*catalog.Table, error) {
	was := t.base.Catalog()
	var edits []catalog.Edit
	for _, old := range was.Tables() {
		if t.catalog.TableByID(old.ID) == nil {
			edits = append(edits, catalog.DropTable{ID: old.ID})
		}
	}
	for _, s := range t.catalog.Schemas() {
		if was.Schema(s.Name) == nil {
			edits = append(edits, catalog.CreateSchema{Name: s.Name})
		}
	}
	var created []*catalog.Table
	for _, tab := range t.catalog.Tables() {
		if was.TableByID(tab.ID) == nil {
			c := *tab
			c.ID, c.OID, c.Version = 0, 0, 0
			edits = append(edits, catalog.CreateTable{Table: &c})
			created = append(created, tab)
		}
	}
	for _, s := range was.Schemas() {
		if t.catalog.Schema(s.Name) == nil {
			edits = append(edits, catalog.DropSchema{Name: s.Name})
		}
	}
	for _, old := range was.Tables() {
		if tab := t.catalog.TableByID(old.ID); tab != nil && !maps.Equal(old.Options, tab.Options) {
			edits = append(edits, catalog.SetTableOptions{ID: old.ID, Options: optionsChanged(old.Options, tab.Options)})
		}
	}
	if len(edits) == 0 {
		return nil, nil
	}
	if err := t.db.Apply(ctx, edits...); err != nil {
		return nil, err
	}
	now := t.db.Catalog()
	ids := map[catalog.TableID]*catalog.Table{}
	for _, tab := range created {
		if ids[tab.ID] = now.Table(tab.Schema, tab.Name); ids[tab.ID] == nil {
			return nil, errs.New(errs.SerializationFailure, "table %q was dropped by another transaction", tab.Name)
		}
	}
	return ids, nil
}

// optionsChanged returns the options that make now of was, "" for those to be reset.
func optionsChanged(was, now map[string]string) map[string]string {
	changed := map[string]string{}
	for k, v := range now {
		if was[k] != v {
			changed[k] = v
		}
	}
	for k := range was {
		if _, ok := now[k]; !ok {
			changed[k] = ""
		}
	}
	return changed
}
