package stmt

import (
	"context"

	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/index"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/table"
)

// deletion is what a statement has taken away from a table: rows of the snapshot by their numbers, and rows that the
// transaction itself has written, numbered from scan.OwnRows on in the order of its writes.
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
		rows.AddRange(scan.OwnRows, scan.OwnRows+uint64(n))
	}
	t.hide(deletion{table: id, rows: rows, truncate: true})
	return nil
}

// Exchange takes all rows of a table away that the transaction sees, so that all of them come back changed: its own have
// moved, and it has made sure that there are no others when it commits. A key that two of them have then is told as that of
// an index which is made anew.
func (t *Tx) Exchange(tab *catalog.Table) {
	rows := index.NewRowIDs()
	if n := t.rows[tab.ID]; n > 0 {
		rows.AddRange(scan.OwnRows, scan.OwnRows+uint64(n))
	}
	t.hide(deletion{table: tab.ID, rows: rows, truncate: true, updated: true})
	t.forgetKeys(tab.ID)
	for i := range tab.Constraints {
		if k := &tab.Constraints[i]; k.Indexed() {
			t.indexes = append(t.indexes, k.Name)
		}
	}
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
	rows, own := d.rows.Split(scan.OwnRows)
	h.Rows, h.Own = h.Rows.Union(rows), h.Own.Union(own)
	h.All, h.updated = h.All || d.truncate, h.updated || d.updated
	if t.hidden == nil {
		t.hidden = map[catalog.TableID]*hiddenRows{}
	}
	t.hidden[d.table] = h
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
