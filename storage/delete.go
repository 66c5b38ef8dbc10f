package storage

import (
	"cmp"
	"context"
	"slices"

	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/index"
	"github.com/siltstone-db/siltstone/storage/shelf"
)

// Rows are deleted by their numbers. Each row that comes to a table gets the next one when it is appended, which is in
// the order of the log, so that recovery gives the same numbers again; a part of a table has a range of them. A number
// stays when its row is sealed, whatever place it gets in the file: that is why a deletion that was decided on an old
// picture, or is read back from the log, always finds its row, and why applying it twice changes nothing.
//
// What is deleted of a part is a set of places, a deletion vector. It is immutable: a deletion makes another one, and a
// version of the tables holds the vectors that belong to it. Manifest edits bring along the vectors that have changed
// since the last one, so that the watermark of an edit stands for the deletions, too.
//
// Two writes that delete the same row: the first one to claim it wins. A claim is taken before the record goes to the
// log and lasts until the record was applied, or has failed; the other write waits so long, and fails if the row has
// gone. Claims are taken in the order of the tables, so that writes do not wait for each other.

// claim waits until no other write on its way deletes the rows that a write deletes, or adds the keys that it adds, checks
// that the rows are there and the keys are not, and claims them. release ends it, also after an error.
func (db *DB) claim(ctx context.Context, c *commit) error {
	slices.SortFunc(c.deletions, func(a, b deletion) int { return cmp.Compare(a.Table, b.Table) })
	for {
		for i := range c.deletions {
			if err := db.claimRows(ctx, &c.deletions[i]); err != nil {
				return err
			}
		}
		busy, id, err := db.claimKeys(ctx, c)
		if busy == nil || err != nil {
			return err
		}
		db.release(c)
		if err := db.awaitClaims(ctx, id, busy); err != nil {
			return err
		}
	}
}

// claimRows claims the rows of one table.
func (db *DB) claimRows(ctx context.Context, d *deletion) error {
	for {
		state, err := db.tryClaim(ctx, d, true)
		if err == nil && state == rowsGone {
			return d.conflict()
		}
		if err != nil || state != rowsUnknown {
			return err
		}
	}
}

// take claims rows that have keys of a write, without waiting for others, and makes them a deletion of the write.
func (db *DB) take(ctx context.Context, c *commit, d *deletion) (rowState, error) {
	for {
		state, err := db.tryClaim(ctx, d, false)
		if err == nil && state == rowsUnknown {
			continue
		}
		if err == nil && state == rowsClaimed {
			c.deletions = append(c.deletions, *d)
		}
		return state, err
	}
}

// rowState is what became of an attempt to claim rows.
type rowState int

const (
	rowsClaimed rowState = iota
	rowsUnknown          // their places had to be read; now they are known
	rowsBusy             // another write on its way deletes some
	rowsGone             // some are not there any more
)

// tryClaim claims the rows of one table. wait says that it waits for other writes that delete them.
func (db *DB) tryClaim(ctx context.Context, d *deletion, wait bool) (rowState, error) {
	state, unknown, err := db.tryClaimKnown(ctx, d, wait)
	if unknown == nil || err != nil {
		return state, err
	}
	for _, f := range unknown {
		if err == nil {
			_, err = f.Places(ctx)
		}
		f.Release()
	}
	return rowsUnknown, err
}

// tryClaimKnown is tryClaim that reads no file: it returns those, with references, whose places must be read first.
func (db *DB) tryClaimKnown(ctx context.Context, d *deletion, wait bool) (state rowState, unknown []*shelf.File, err error) {
	db.mu.Lock()
	defer db.mu.Unlock()
	t := db.tables[d.Table]
	if t == nil {
		return 0, nil, errs.New(errs.UndefinedTable, "table with id %d does not exist", d.Table)
	}
	if d.truncate { // the gate is closed: no other write is on its way
		d.Below = t.Next
	}
	if d.Rows == nil {
		return rowsClaimed, nil, nil
	}
	if !wait && claimed(t, d.Rows) {
		return rowsBusy, nil, nil
	}
	if err := db.awaitClaimsLocked(ctx, t, d.Rows); err != nil {
		return 0, nil, err
	}
	found, unknown, err := t.Count(d.Rows)
	switch {
	case unknown != nil || err != nil:
		return rowsUnknown, unknown, err
	case found != d.Rows.Len():
		return rowsGone, nil, nil
	}
	t.Claims = append(t.Claims, d.Rows)
	d.claimed = true
	return rowsClaimed, nil, nil
}

// claimed tells whether a write on its way deletes any of the rows of a table.
func claimed(t *shelf.Shelf, rows *index.RowIDs) bool {
	return slices.ContainsFunc(t.Claims, func(o *index.RowIDs) bool { return o.Meets(rows) })
}

// awaitClaims waits until no write on its way deletes any of the rows.
func (db *DB) awaitClaims(ctx context.Context, id catalog.TableID, rows *index.RowIDs) error {
	db.mu.Lock()
	defer db.mu.Unlock()
	if t := db.tables[id]; t != nil {
		return db.awaitClaimsLocked(ctx, t, rows)
	}
	return nil
}

// awaitClaimsLocked waits until no claim of a table is on any of the rows. The table stays: the gate is not closed.
func (db *DB) awaitClaimsLocked(ctx context.Context, t *shelf.Shelf, rows *index.RowIDs) error {
	if !claimed(t, rows) {
		return nil
	}
	defer context.AfterFunc(ctx, func() { db.mu.Lock(); db.cond.Broadcast(); db.mu.Unlock() })()
	for claimed(t, rows) {
		if err := ctx.Err(); err != nil {
			return err
		}
		db.cond.Wait()
	}
	return nil
}

// conflict is PostgreSQL's error for a row that another transaction has changed.
func (d *deletion) conflict() error {
	what := "delete"
	if d.updated {
		what = "update"
	}
	return errs.New(errs.SerializationFailure, "could not serialize access due to concurrent %s", what)
}

// release ends the claims of a write, and forgets the rows that it has taken for their keys.
func (db *DB) release(c *commit) {
	if len(c.deletions)+len(c.keyed) == 0 {
		return
	}
	db.mu.Lock()
	defer db.mu.Unlock()
	db.unreserveLocked(c)
	for i := range c.deletions {
		d := &c.deletions[i]
		t := db.tables[d.Table]
		if t == nil || !d.claimed {
			continue
		}
		d.claimed = false
		if j := slices.Index(t.Claims, d.Rows); j >= 0 {
			t.Claims = slices.Concat(t.Claims[:j], t.Claims[j+1:])
		}
		if len(t.Claims) == 0 {
			t.Forget()
		}
	}
	c.deletions = slices.DeleteFunc(c.deletions, func(d deletion) bool { return d.taken })
	db.cond.Broadcast()
}
