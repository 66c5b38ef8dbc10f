package storage

import (
	"cmp"
	"context"
	"slices"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/index"
	"github.com/siltstone-db/siltstone/storage/shelf"
	"github.com/siltstone-db/siltstone/storage/table"
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

// claim waits until no other write on its way deletes the rows that a write deletes, checks that they are there, and
// claims them. release ends it, also after an error.
func (db *DB) claim(ctx context.Context, c *commit) error {
	slices.SortFunc(c.deletions, func(a, b deletion) int { return cmp.Compare(a.Table, b.Table) })
	for i := range c.deletions {
		for {
			unknown, err := db.tryClaim(ctx, c, &c.deletions[i])
			if err != nil {
				return err
			}
			if unknown == nil {
				break
			}
			_, err = unknown.Places(ctx)
			unknown.Release()
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// tryClaim claims the rows of one table. It returns a file, with a reference, whose places must be read first.
func (db *DB) tryClaim(ctx context.Context, c *commit, d *deletion) (unknown *shelf.File, err error) {
	db.mu.Lock()
	defer db.mu.Unlock()
	t := db.tables[d.Table]
	if t == nil {
		return nil, errs.New(errs.UndefinedTable, "table with id %d does not exist", d.Table)
	}
	if d.truncate { // the gate is closed: no other write is on its way
		d.Below = t.Next
	}
	if d.Rows == nil {
		return nil, nil
	}
	if err := db.awaitClaimsLocked(ctx, t, d.Rows); err != nil {
		return nil, err
	}
	found, unknown, err := t.Count(d.Rows)
	if unknown != nil || err != nil {
		return unknown, err
	}
	if found != d.Rows.Len() {
		return nil, d.conflict()
	}
	t.Claims = append(t.Claims, d.Rows)
	c.claimed++
	return nil, nil
}

// awaitClaimsLocked waits until no claim of a table is on any of the rows. The table stays: the gate is not closed.
func (db *DB) awaitClaimsLocked(ctx context.Context, t *shelf.Shelf, rows *index.RowIDs) error {
	claimed := func(o *index.RowIDs) bool { return o.Meets(rows) }
	if !slices.ContainsFunc(t.Claims, claimed) {
		return nil
	}
	defer context.AfterFunc(ctx, func() { db.mu.Lock(); db.cond.Broadcast(); db.mu.Unlock() })()
	for slices.ContainsFunc(t.Claims, claimed) {
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

// release ends the claims of a write.
func (db *DB) release(c *commit) {
	if c.claimed == 0 {
		return
	}
	db.mu.Lock()
	defer db.mu.Unlock()
	for i := range c.deletions {
		d := &c.deletions[i]
		t := db.tables[d.Table]
		if t == nil {
			continue
		}
		for j, o := range t.Claims {
			if o == d.Rows {
				t.Claims = append(t.Claims[:j:j], t.Claims[j+1:]...)
				break
			}
		}
		if len(t.Claims) == 0 {
			t.Forget()
		}
	}
	c.claimed = 0
	db.cond.Broadcast()
}

// deleteLocked takes rows away from a table.
func (db *DB) deleteLocked(d *table.Deletion) error {
	t := db.tables[d.Table]
	if t == nil {
		return nil // dropped later, in a catalog newer than the record
	}
	db.changedLocked(t)
	if d.Below > 0 {
		if err := t.Cut(d.Below); err != nil {
			return err
		}
		db.cond.Broadcast()
	}
	if d.Rows != nil {
		if err := t.Delete(d.Rows); err != nil {
			return err
		}
	}
	if len(t.Dropped) > 0 {
		db.wake() // their files go
	}
	return nil
}
