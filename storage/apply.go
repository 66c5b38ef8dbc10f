package storage

import (
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/tokens"
	"github.com/siltstone-db/siltstone/storage/wal"
)

// applyGroup makes a durable group visible. The log calls it, in order, from one goroutine.
func (db *DB) applyGroup(group []*wal.Entry) {
	db.mu.Lock()
	defer db.mu.Unlock()
	if err := db.applyGroupLocked(group); err != nil && db.fatal == nil {
		db.fatal = errs.New(errs.From(err).Code, "rows that are durable could not be shown: %w", err).
			WithHint("Restart the server: it recovers everything that was acknowledged.")
	}
	if db.fatal != nil { // half of a write may be there: nobody sees any of the group
		db.lanes = lanes{}
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
			db.counters.Commit(x.counters)
		}
		if e.Err == nil && x.token != nil {
			db.tokens.Commit(x.id, tokens.Write{Sequence: e.Sequence, Rows: x.rows - x.beside}, x.seconds)
		}
	}
}

// applyGroupLocked does what the records of a group say, as far as the first error. Those of different tables may be done
// side by side (lanes).
func (db *DB) applyGroupLocked(group []*wal.Entry) error {
	if db.fatal != nil {
		return db.fatal
	}
	last := db.applied
	for _, e := range group {
		if err := db.applyLocked(e.Sequence, e.Data.(*commit)); err != nil {
			return err
		}
		last = e.Sequence
	}
	if err := db.runLanesLocked(); err != nil {
		return err
	}
	db.applied = last
	return nil
}

// applyLocked does what a record says: first the catalog, so that tables are there for their rows. Deletions and rows are
// only noted, unless what follows needs them done.
func (db *DB) applyLocked(sequence uint64, c *commit) error {
	if len(c.edits) > 0 {
		if err := db.runLanesLocked(); err != nil {
			return err
		}
		if err := db.editLocked(sequence, c.edits); err != nil {
			return err
		}
	}
	db.laneDeletions(c.logged)
	if len(c.files) > 0 {
		if err := db.runLanesLocked(); err != nil {
			return err
		}
		db.adoptLocked(sequence, c.files)
	}
	db.laneRows(sequence, c.sections)
	return nil
}
