package storage

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/index"
	"github.com/siltstone-db/siltstone/storage/manifest"
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
			_, err = unknown.Places()
			unknown.Release()
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// tryClaim claims the rows of one table. It returns a segment, with a reference, whose places must be read first.
func (db *DB) tryClaim(ctx context.Context, c *commit, d *deletion) (unknown *table.Segment, err error) {
	db.mu.Lock()
	defer db.mu.Unlock()
	t := db.tables[d.Table]
	if t == nil {
		return nil, errs.New(errs.UndefinedTable, "table with id %d does not exist", d.Table)
	}
	if d.truncate { // the gate is closed: no other write is on its way
		d.Below = t.next
	}
	if d.Rows == nil {
		return nil, nil
	}
	if err := db.awaitClaimsLocked(ctx, t, d.Rows); err != nil {
		return nil, err
	}
	found := int64(0)
	for i := range t.segments {
		s := &t.segments[i]
		switch n := d.Rows.Count(s.Meta.Base(), int(s.Meta.Rows)); {
		case n == 0:
			continue
		case int64(n) == s.Meta.Rows && s.Deleted.Len() == 0: // wherever they stand
			found += s.Meta.Rows
			continue
		}
		if !s.Known() {
			s.Retain()
			return s.Segment, nil
		}
		places, err := s.Places()
		if err != nil {
			return nil, err
		}
		numbers := d.Rows.Within(nil, s.Meta.Base(), int(s.Meta.Rows))
		found += absent(s.Deleted, table.Moved(places, numbers))
	}
	for _, l := range t.live {
		found += absent(l.deleted, d.Rows.Within(nil, l.base, l.segment.Rows()))
	}
	if found != d.Rows.Len() {
		return nil, d.conflict()
	}
	t.claims = append(t.claims, d.Rows)
	c.claimed++
	return nil, nil
}

// awaitClaimsLocked waits until no claim of a table is on any of the rows. The table stays: the gate is not closed.
func (db *DB) awaitClaimsLocked(ctx context.Context, t *tableState, rows *index.RowIDs) error {
	claimed := func(o *index.RowIDs) bool { return o.Meets(rows) }
	if !slices.ContainsFunc(t.claims, claimed) {
		return nil
	}
	defer context.AfterFunc(ctx, func() { db.mu.Lock(); db.cond.Broadcast(); db.mu.Unlock() })()
	for slices.ContainsFunc(t.claims, claimed) {
		if err := ctx.Err(); err != nil {
			return err
		}
		db.cond.Wait()
	}
	return nil
}

// absent returns how many of the rows are not in a set.
func absent(s *index.RowSet, rows []uint32) (n int64) {
	for _, r := range rows {
		if !s.Has(int(r)) {
			n++
		}
	}
	return n
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
		for j, o := range t.claims {
			if o == d.Rows {
				t.claims = append(t.claims[:j:j], t.claims[j+1:]...)
				break
			}
		}
		if len(t.claims) == 0 {
			for _, s := range t.segments {
				s.Forget()
			}
		}
	}
	c.claimed = 0
	db.cond.Broadcast()
}

// deleteLocked takes rows away from a table. Rows that are not there any more do not matter: they have gone with an
// edit of the manifest that recovery started from.
func (db *DB) deleteLocked(d *table.Deletion) error {
	t := db.tables[d.Table]
	if t == nil {
		return nil // dropped later, in a catalog newer than the record
	}
	db.dirty = true
	if d.Below > 0 {
		if err := db.truncateLocked(t, d.Below); err != nil {
			return err
		}
	}
	if d.Rows == nil {
		return nil
	}
	for i := range t.segments {
		s := &t.segments[i]
		n := d.Rows.Count(s.Meta.Base(), int(s.Meta.Rows))
		if n == 0 || s.File == nil {
			continue
		}
		if int64(n) == s.Meta.Rows {
			s.gone = true
			continue
		}
		places, err := s.Places()
		if err != nil {
			return fmt.Errorf("delete rows of segment %d: %w", s.Meta.File, err)
		}
		numbers := d.Rows.Within(nil, s.Meta.Base(), int(s.Meta.Rows))
		db.setDeletedLocked(s, s.Deleted.With(table.Moved(places, numbers)))
	}
	for _, l := range t.live {
		l.deleted = db.countedLocked(l.deleted, l.deleted.With(d.Rows.Within(nil, l.base, l.segment.Rows())))
	}
	db.dropEmptyLocked(t)
	return nil
}

// truncateLocked takes away the rows with numbers below one.
func (db *DB) truncateLocked(t *tableState, below uint64) error {
	for i := range t.segments {
		s := &t.segments[i]
		if s.Meta.Base() >= below {
			continue
		}
		n := uint32(min(below-s.Meta.Base(), uint64(s.Meta.Rows)))
		if s.File == nil || int64(n) == s.Meta.Rows { // a damaged one goes as well
			s.gone = true
			continue
		}
		places, err := s.Places()
		if err != nil {
			return err
		}
		db.setDeletedLocked(s, s.Deleted.With(table.Moved(places, firstRows(n))))
	}
	keep := t.live[:0:0]
	for _, l := range t.live {
		switch n := uint64(l.segment.Rows()); {
		case l.base >= below:
			keep = append(keep, l)
		case l.base+n <= below:
			db.countedLocked(l.deleted, nil)
			l.segment.Release()
		default:
			l.deleted = db.countedLocked(l.deleted, l.deleted.With(firstRows(uint32(below-l.base))))
			keep = append(keep, l)
		}
	}
	t.live = keep
	db.dropEmptyLocked(t)
	db.cond.Broadcast()
	return nil
}

func firstRows(n uint32) []uint32 {
	rows := make([]uint32, n)
	for i := range rows {
		rows[i] = uint32(i)
	}
	return rows
}

// setDeletedLocked gives a segment another vector, which the next edit of the manifest will bring along.
func (db *DB) setDeletedLocked(s *sealedState, deleted *index.RowSet) {
	if s.Deleted == deleted {
		return
	}
	if len(db.vectors) == 0 {
		db.vectorsBorn = db.o.Now()
	}
	db.vectors[s.Meta.File] = deleted
	s.Deleted = db.countedLocked(s.Deleted, deleted)
}

// countedLocked charges the memory of a vector that takes the place of another.
func (db *DB) countedLocked(old, deleted *index.RowSet) *index.RowSet {
	if n := deleted.Bytes() - old.Bytes(); n > 0 {
		_ = db.deleteAccount.Reserve(n) // an overdraft
	} else {
		db.deleteAccount.Free(-n)
	}
	return deleted
}

// dropEmptyLocked lets segments go that have no rows any more. The next edit of the manifest takes them out.
func (db *DB) dropEmptyLocked(t *tableState) {
	keep := t.segments[:0:0]
	for _, s := range t.segments {
		if !s.gone && int64(s.Deleted.Len()) < s.Meta.Rows {
			keep = append(keep, s)
			continue
		}
		db.dropLocked(s)
	}
	if len(keep) < len(t.segments) {
		t.segments = keep
		db.wake()
	}
}

// dropLocked hands a segment over to the next edit of the manifest, which will not name it any more.
func (db *DB) dropLocked(s sealedState) {
	delete(db.vectors, s.Meta.File)
	db.countedLocked(s.Deleted, nil)
	db.dropped = append(db.dropped, s.Segment)
}

// takeVectorsLocked returns the vectors that the manifest does not have yet.
func (db *DB) takeVectorsLocked() map[manifest.FileID]*index.RowSet {
	taken := make(map[manifest.FileID]*index.RowSet, len(db.vectors))
	for f, s := range db.vectors {
		taken[f] = s
	}
	return taken
}

// vectorsDueLocked tells that deletions have waited for an edit of the manifest as long as rows wait to be sealed. The
// log keeps them until then.
func (db *DB) vectorsDueLocked() bool {
	return len(db.vectors) > 0 && db.o.Now().Sub(db.vectorsBorn) >= db.o.SealAge
}

// positionsLocked adds to an edit the positions of tables whose row numbers have gone on since the last one: where the
// first live segment that stays begins. That is not always the end of the one that is sealed, or of any: files of loads
// take numbers, too, as do live rows that were deleted, and recovery, which may not see their records any more, must
// number the rows that follow as they are numbered now. sealed is the live segment that the edit replaces, if any.
func (db *DB) positionsLocked(e *manifest.Edit, known map[catalog.TableID]manifest.Position, sealed *liveState) {
	for id, t := range db.tables {
		p := manifest.Position{Sequence: db.applied, Rows: manifest.AllRows, Next: t.next}
		for _, l := range t.live {
			if l != sealed {
				p = l.start
				break
			}
		}
		if p.Next == known[id].Next {
			continue
		}
		if e.Positions == nil {
			e.Positions = map[catalog.TableID]manifest.Position{}
		}
		e.Positions[id] = p
	}
}
