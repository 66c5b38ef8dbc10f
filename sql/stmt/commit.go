package stmt

import (
	"context"
	"maps"

	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/index"
	"github.com/siltstone-db/siltstone/storage/table"
)

// Commit publishes the writes and ends the transaction, also when it fails.
func (t *Tx) Commit(ctx context.Context) error {
	defer t.Rollback()
	if err := t.moved(); err != nil {
		return err
	}
	if t.broken != nil {
		return t.broken
	}
	w := t.write()
	cat := t.catalog
	t.unpin()
	var err error
	switch {
	case t.load != nil:
		_, err = t.load.Commit(ctx, w, cat, t.hiddenOwn)
	case len(w.Rows)+len(w.Edits) > 0:
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

// write returns what the transaction has changed in the catalog, the batches that have not moved, and what is deleted.
// Rows of tables that it has dropped itself are forgotten.
func (t *Tx) write() table.Write {
	w := table.Write{}
	if t.edits > 0 {
		w.Edits = difference(t.base.Catalog(), t.catalog)
	}
	at := map[catalog.TableID]int{}
	entry := func(id catalog.TableID) *table.Rows {
		tab := t.catalog.TableByID(id)
		if tab == nil {
			return nil
		}
		i, ok := at[id]
		if !ok {
			i = len(w.Rows)
			at[id] = i
			w.Rows = append(w.Rows, table.Rows{Table: id, Version: tab.Version})
		}
		return &w.Rows[i]
	}
	for _, p := range t.writes {
		if r := entry(p.table.ID); r != nil {
			r.Batches = append(r.Batches, p.rows)
		}
	}
	for id, h := range t.hidden {
		if h.Rows.Len() == 0 && !h.All || t.base.Catalog().TableByID(id) == nil {
			continue // only own rows
		}
		if r := entry(id); r != nil {
			r.Deleted, r.Truncate, r.Updated = h.Rows, h.All, h.updated
		}
	}
	return w
}

// difference returns the edits that make now of was: a table that was made and dropped again leaves no trace. Tables and
// schemas keep the numbers that they have in now.
func difference(was, now *catalog.Snapshot) []catalog.Edit {
	var edits []catalog.Edit
	for _, old := range was.Tables() {
		if now.TableByID(old.ID) == nil {
			edits = append(edits, catalog.DropTable{ID: old.ID})
		}
	}
	// A schema that was dropped and made again is another one.
	remade := func(s *catalog.Schema, other *catalog.Snapshot) bool {
		o := other.Schema(s.Name)
		return o == nil || o.OID != s.OID
	}
	for _, s := range was.Schemas() {
		if remade(s, now) {
			edits = append(edits, catalog.DropSchema{Name: s.Name})
		}
	}
	for _, s := range now.Schemas() {
		if remade(s, was) {
			edits = append(edits, catalog.CreateSchema{Name: s.Name, OID: s.OID})
		}
	}
	for _, tab := range now.Tables() {
		old := was.TableByID(tab.ID)
		switch {
		case old == nil:
			edits = append(edits, catalog.CreateTable{Table: tab})
		case !maps.Equal(old.Options, tab.Options):
			edits = append(edits, catalog.SetTableOptions{ID: tab.ID, Options: optionsChanged(old.Options, tab.Options)})
		}
	}
	return edits
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
