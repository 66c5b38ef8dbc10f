package stmt

import (
	"context"
	"fmt"
	"strings"

	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
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
	case len(w.Rows)+len(w.Edits)+len(w.Counters) > 0:
		_, err = t.db.Commit(ctx, w)
	}
	e := errs.New(errs.SerializationFailure, "could not serialize access due to concurrent update")
	switch {
	case t.conflicts && errs.Is(err, errs.UniqueViolation):
		return e.WithDetail("%s", errs.From(err).Detail)
	case t.rejecting && errs.Is(err, errs.DuplicateTable):
		return e.WithDetail("Somebody else has made a table meanwhile: %s.", errs.From(err).Message)
	}
	return t.indexError(err)
}

// indexError makes of an error for a key that is there twice PostgreSQL's error for an index that is made anew, when the
// transaction has exchanged all rows of its table.
func (t *Tx) indexError(err error) error {
	if !errs.Is(err, errs.UniqueViolation) {
		return err
	}
	e := errs.From(err)
	for _, name := range t.indexes {
		if e.Message == fmt.Sprintf("duplicate key value violates unique constraint %q", name) {
			return errs.New(errs.UniqueViolation, "could not create unique index %q", name).
				WithDetail("%s", strings.TrimSuffix(e.Detail, "already exists.")+"is duplicated.")
		}
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

// write returns the edits of the transaction, which its commit applies to the catalog as it is by then, the batches that
// have not moved, and what is deleted. Rows of tables that it has dropped itself are forgotten.
func (t *Tx) write() table.Write {
	w := table.Write{Edits: t.edits, Hold: t.hold, Counters: t.counters.moves(t.catalog)}
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
