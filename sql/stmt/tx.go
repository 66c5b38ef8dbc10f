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
// Rows become visible all at once, as one record of the log. Catalog edits are applied right before them, as a record
// of their own: a crash in between leaves an empty table, never rows without one.
//
// A Tx belongs to one session. It must end with Commit or Rollback.
type Tx struct {
	db      *storage.DB
	account *mem.Account // of the rows not committed yet
	base    *table.Snapshot
	catalog *catalog.Snapshot
	edits   int // number of catalog edits so far
	writes  []pending
	deletes []deletion
	hidden  map[catalog.TableID]*hiddenRows     // what the deletions add up to
	views   map[catalog.TableID]*table.Snapshot // base with the pending rows of a table
	retired []*table.Snapshot                   // views that have become old
	relieve int64                               // bytes of rows at which Relieve publishes them
	stored  int64                               // rows that Relieve has published
	spare   []*batch.Batch                      // published, to be filled again
	relief  *relief                             // being published; nil for none
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
// which is immutable, and the numbers of batches written and of deletions, which only grow.
type Mark struct {
	catalog *catalog.Snapshot
	edits   int
	writes  int
	deletes int
}

// Begin starts a transaction. Its pending rows are charged to pool.
func Begin(db *storage.DB, pool *mem.Pool) *Tx {
	t := &Tx{db: db, account: pool.Account("transaction", 0), relieve: relieveBytes}
	if l := pool.Limit(); l > 0 {
		t.relieve = min(t.relieve, l/32)
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
	own, h := t.rowsOf(id), t.hidden[id]
	tab := t.catalog.TableByID(id)
	if tab == nil {
		return nil, errs.New(errs.UndefinedTable, "table with id %d does not exist", id)
	}
	if len(own) == 0 && h == nil && base.Catalog().TableByID(id) != nil {
		return base.Table(id)
	}
	view := t.views[id]
	if view == nil {
		if h == nil {
			h = &hiddenRows{}
		}
		view = base.Overlay(tab, own, h.Hidden)
		if t.views == nil {
			t.views = map[catalog.TableID]*table.Snapshot{}
		}
		t.views[id] = view
	}
	return view.Table(id)
}

// rowsOf returns the pending batches of a table.
func (t *Tx) rowsOf(id catalog.TableID) []*batch.Batch {
	var own []*batch.Batch
	for _, w := range t.writes {
		if w.table == id {
			own = append(own, w.rows)
		}
	}
	return own
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
// The transaction keeps the batch; the caller must not use it again.
func (t *Tx) Insert(id catalog.TableID, rows *batch.Batch) error {
	if rows.Len == 0 {
		return nil
	}
	bytes := rows.Bytes()
	if err := t.account.Reserve(bytes); err != nil {
		return err
	}
	t.writes = append(t.writes, pending{id, rows, bytes})
	t.forget(id)
	return nil
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
func (t *Tx) Truncate(id catalog.TableID) {
	own := uint64(0)
	for _, b := range t.rowsOf(id) {
		own += uint64(b.Len)
	}
	rows := index.NewRowIDs()
	rows.AddRange(table.OwnRows, table.OwnRows+own)
	t.hide(deletion{table: id, rows: rows, truncate: true})
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
	return Mark{catalog: t.catalog, edits: t.edits, writes: len(t.writes), deletes: len(t.deletes)}
}

// RollbackTo forgets what was done since a point.
func (t *Tx) RollbackTo(m Mark) {
	keep := min(m.writes, len(t.writes)) // Relieve has published some
	for _, w := range t.writes[keep:] {
		t.account.Free(w.bytes)
		t.forget(w.table)
	}
	clear(t.writes[keep:])
	t.writes = t.writes[:keep]
	t.unhide(m.deletes)
	t.catalog, t.edits = m.catalog, m.edits
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
	_ = t.relieved() // told by Commit, if it matters
	t.writes, t.deletes, t.hidden = nil, nil, nil
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
	if err := t.relieved(); err != nil {
		return err
	}
	var renamed map[catalog.TableID]*catalog.Table
	if t.edits > 0 {
		var err error
		if renamed, err = t.commitCatalog(ctx); err != nil {
			return err
		}
	}
	w := t.write(renamed)
	if len(w.Rows) == 0 {
		return nil
	}
	t.unpin()
	_, err := t.db.Commit(ctx, w)
	return err
}

// write returns what is to be committed. renamed are the tables that the transaction has made.
func (t *Tx) write(renamed map[catalog.TableID]*catalog.Table) table.Write {
	w := table.Write{}
	at := map[catalog.TableID]int{}
	entry := func(id catalog.TableID) *table.Rows {
		tab := t.catalog.TableByID(id)
		if tab == nil {
			return nil // dropped by the same transaction
		}
		if r := renamed[id]; r != nil {
			tab = r
		}
		i, ok := at[id]
		if !ok {
			i = len(w.Rows)
			at[id] = i
			w.Rows = append(w.Rows, table.Rows{Table: tab.ID, Version: tab.Version})
		}
		return &w.Rows[i]
	}
	first := map[catalog.TableID]uint64{} // number of the next batch's first row
	for _, p := range t.writes {
		number := table.OwnRows + first[p.table]
		first[p.table] += uint64(p.rows.Len)
		r := entry(p.table)
		if r == nil {
			continue
		}
		rows := p.rows
		if h := t.hidden[p.table]; h != nil {
			rows = without(rows, h.Own.Within(nil, number, rows.Len))
		}
		if rows != nil {
			r.Batches = append(r.Batches, rows)
		}
	}
	for id, h := range t.hidden {
		if renamed[id] != nil {
			continue // nobody else has rows there
		}
		if r := entry(id); r != nil {
			r.Deleted, r.Truncate, r.Updated = h.Rows, h.All, h.updated
		}
	}
	return w
}

// without returns a batch without some of its rows; nil when none is left.
func without(b *batch.Batch, rows []uint32) *batch.Batch {
	switch len(rows) {
	case 0:
		return b
	case b.Len:
		return nil
	}
	bits := make(batch.Bitmap, batch.Words(b.Len))
	bits.Fill(b.Len)
	for _, r := range rows {
		bits.Clear(int(r))
	}
	return &batch.Batch{Len: b.Len, Cols: b.Cols, Sel: batch.SelectBits(bits)}
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

// relieveBytes is how much a COPY outside a transaction block gathers before it publishes what it has, or a 32nd of the
// server's memory if that is less: the memory of a load does not grow with the load.
const relieveBytes = 128 << 20

// relief is a part of the pending rows on its way to the log while the next part is gathered.
type relief struct {
	writes []pending
	bytes  int64
	done   chan struct{} // closed when rows and err are set
	rows   int64
	err    error
}

// Relieve begins to publish the pending rows early when they have become many and the transaction is not an explicit
// one. A load of more than relieveBytes is therefore several commits, in order: what was published stays when a later
// row is refused, and Stored tells how much that is. The error may be that of the part before.
func (t *Tx) Relieve(ctx context.Context, explicit bool) error {
	if explicit || t.edits > 0 || len(t.deletes) > 0 {
		return nil
	}
	pendingBytes := t.account.Used()
	if t.relief != nil {
		pendingBytes -= t.relief.bytes
	}
	if pendingBytes < t.relieve {
		return nil
	}
	if err := t.relieved(); err != nil {
		return err
	}
	w := table.Write{}
	r := &relief{writes: t.writes, bytes: pendingBytes, done: make(chan struct{})}
	for _, p := range t.writes {
		tab := t.catalog.TableByID(p.table)
		if n := len(w.Rows); n == 0 || w.Rows[n-1].Table != tab.ID {
			w.Rows = append(w.Rows, table.Rows{Table: tab.ID, Version: tab.Version})
		}
		rows := &w.Rows[len(w.Rows)-1]
		rows.Batches = append(rows.Batches, p.rows)
	}
	t.relief, t.writes = r, nil
	t.unpin()
	go func() {
		defer close(r.done)
		ack, err := t.db.Commit(ctx, w)
		r.rows, r.err = ack.Rows, err
	}()
	return nil
}

// relieved waits for the part that is on its way.
func (t *Tx) relieved() error {
	r := t.relief
	if r == nil {
		return nil
	}
	<-r.done
	t.relief = nil
	for _, p := range r.writes {
		t.account.Free(p.bytes)
		if t.views[p.table] == nil && len(t.retired) == 0 { // nobody reads them
			t.spare = append(t.spare, p.rows)
		}
		t.forget(p.table)
	}
	t.stored += r.rows
	return r.err
}

// Stored returns the rows that Relieve has published: they stay, whatever becomes of the transaction.
func (t *Tx) Stored() int64 {
	_ = t.relieved() // whoever asks has an error already
	return t.stored
}

// Spare returns a batch to fill and Insert: one whose rows have been published, or a new one.
func (t *Tx) Spare() *batch.Batch {
	n := len(t.spare)
	if n == 0 {
		return new(batch.Batch)
	}
	b := t.spare[n-1]
	t.spare = t.spare[:n-1]
	return b
}
