package storage

import (
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/shelf"
	"github.com/siltstone-db/siltstone/storage/table"
	"github.com/siltstone-db/siltstone/storage/tokens"
	"github.com/siltstone-db/siltstone/storage/wal"
)

// applyGroup makes a durable group visible. The log calls it, in order, from one goroutine; so does recovery.
func (db *DB) applyGroup(group []*wal.Entry) {
	db.mu.Lock()
	defer db.mu.Unlock()
	for _, e := range group {
		if db.fatal != nil {
			e.Err = db.fatal
			continue
		}
		if err := db.applyLocked(e.Sequence, e.Data.(*commit)); err != nil {
			db.fatal = errs.New(errs.From(err).Code, "rows that are durable could not be shown: %w", err).
				WithHint("Restart the server: it recovers everything that was acknowledged.")
			e.Err = db.fatal
			continue
		}
		db.applied = e.Sequence
	}
	if db.fatal != nil { // half of a write may be there: nobody sees any of the group
		for _, e := range group {
			e.Err = db.fatal
			for _, f := range e.Data.(*commit).files {
				if db.holdsLocked(f.File) { // and its load lets go of it all the same
					f.Retain()
				}
			}
		}
		return
	}
	db.publishLocked()
	// Only now: a repetition is answered from its token, and what is answered is visible.
	for _, e := range group {
		x := e.Data.(*commit)
		if e.Err == nil {
			db.positions.Commit(x.moves)
		}
		if e.Err == nil && x.token != nil {
			db.tokens.Commit(x.id, tokens.Write{Sequence: e.Sequence, Rows: x.rows}, x.seconds)
		}
	}
}

// applyLocked does what a record says: first the catalog, so that tables are there for their rows.
func (db *DB) applyLocked(sequence uint64, c *commit) error {
	if len(c.edits) > 0 {
		if err := db.editLocked(sequence, c.edits); err != nil {
			return err
		}
	}
	for i := range c.logged {
		if err := db.deleteLocked(&c.logged[i]); err != nil {
			return err
		}
	}
	db.adoptLocked(sequence, c.files)
	return db.appendLocked(sequence, c.sections)
}

// appendLocked adds the rows of a record to their tables' live segments.
func (db *DB) appendLocked(sequence uint64, sections []table.Section) error {
	for i := range sections {
		s := &sections[i]
		t := db.tables[s.Table]
		if t == nil {
			continue // dropped later, in a catalog newer than the record
		}
		var row uint64 // of the table in the record
		for j := range sections[:i] {
			if sections[j].Table == s.Table {
				row += uint64(sections[j].Batch.Len)
			}
		}
		if err := db.appendRowsLocked(t, shelf.Rows{Batch: s.Batch, Hashes: s.Hashes, Sequence: sequence, At: row}); err != nil {
			return err
		}
	}
	return nil
}

// appendRowsLocked adds rows to a table.
func (db *DB) appendRowsLocked(t *shelf.Shelf, r shelf.Rows) error {
	opened, frozen, err := t.Append(r)
	if opened || frozen {
		db.changedLocked(t)
	}
	if frozen {
		db.wake()
	}
	return err
}
