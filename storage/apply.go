package storage

import (
	"time"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/live"
	"github.com/siltstone-db/siltstone/storage/manifest"
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
			db.fatal = errs.New(errs.OutOfMemory, "rows that are durable could not be shown: %w", err).
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
				if db.partLocked(f.Segment) != nil { // and its load lets go of it all the same
					f.Retain()
				}
			}
		}
		return
	}
	db.publishLocked()
	// Only now: a repetition is answered from its token, and what is answered is visible.
	for _, e := range group {
		if x := e.Data.(*commit); e.Err == nil && x.token != nil {
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
		if err := db.appendRowsLocked(t, sequence, row, s.Batch, 0); err != nil {
			return err
		}
	}
	return nil
}

// appendRowsLocked adds rows [from, b.Len) of a batch; row is the number that row 0 of it has in its record.
func (db *DB) appendRowsLocked(t *tableState, sequence, row uint64, b *batch.Batch, from int) error {
	for from < b.Len {
		l := t.open()
		if l != nil && !l.segment.Fits(b) {
			l.frozen, l = true, nil
			db.wake()
		}
		if l == nil {
			l = &liveState{
				segment: live.New(liveColumns(t.info), db.liveAccount, sequence, db.o.Now()), base: t.next,
				start: manifest.Position{Sequence: sequence, Rows: row + uint64(from), Next: t.next},
			}
			t.live = append(t.live, l)
			db.dirty = true
		}
		n := min(b.Len-from, max(1, t.limits.rows-l.segment.Rows()))
		if err := l.segment.Append(b, from, from+n); err != nil {
			return err
		}
		from += n
		t.next += uint64(n)
		l.segment.Mark(sequence)
		l.last = sequence
		if l.segment.Rows() >= t.limits.rows || l.segment.Bytes() >= t.limits.bytes {
			l.frozen = true
			db.wake()
		}
	}
	return nil
}

// open returns the live segment that takes rows, or nil.
func (t *tableState) open() *liveState {
	if n := len(t.live); n > 0 && !t.live[n-1].frozen {
		return t.live[n-1]
	}
	return nil
}

func liveColumns(t *catalog.Table) []live.Column {
	cols := make([]live.Column, len(t.Columns))
	for i, c := range t.Columns {
		cols[i] = live.Column{Type: c.Type, Nullable: !c.NotNull}
	}
	return cols
}

// age is how long rows have waited in a live segment.
func (l *liveState) age(now time.Time) time.Duration { return now.Sub(l.segment.Born()) }
