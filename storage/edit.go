package storage

import (
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/event"
	"github.com/siltstone-db/siltstone/storage/index"
	"github.com/siltstone-db/siltstone/storage/manifest"
	"github.com/siltstone-db/siltstone/storage/table"
)

// edit makes a manifest edit that also brings along what happened since the last one: catalog changes, tokens, and how
// far the log is not needed any more, deletion vectors, and segments that have gone. w, if not nil, is a live segment
// that the edit replaces, unless it has gone meanwhile. sealMu is held.
func (db *DB) edit(e *manifest.Edit, w *sealing) error {
	known := db.set.Version().Positions
	db.mu.Lock()
	if err := db.fatal; err != nil { // the log has all of it for the next start
		db.mu.Unlock()
		return err
	}
	brought := db.bringLocked(e, w, known)
	db.mu.Unlock()
	e.Deleted = make(map[manifest.FileID]string, len(brought.vectors))
	for f, s := range brought.vectors {
		e.Deleted[f] = string(s.Append(nil))
	}
	if w != nil && w.file && len(e.Add) > 0 {
		if w.written = w.deleted(w.collected); w.written.Len() > 0 {
			e.Add[0].Deleted = string(w.written.Append(nil))
		}
	}
	// Tokens of all records up to the watermark were committed before it was read.
	if err := db.tokens.Save(); err != nil {
		return err
	}
	v, err := db.set.Apply(e)
	if err != nil {
		return err
	}
	db.mu.Lock()
	gone := db.broughtLocked(e, brought)
	db.mu.Unlock()
	for _, s := range gone {
		s.Obsolete()
		s.Release()
	}
	if db.log != nil { // else it is still replayed
		db.retireLog(v.Watermark)
	}
	return nil
}

// brought is what an edit takes with it of the things that wait for one.
type brought struct {
	vectors map[manifest.FileID]*index.RowSet
	dropped int // first ones of db.dropped
	unnamed int // first ones of db.unnamed
}

// bringLocked adds to an edit what waits for one.
func (db *DB) bringLocked(e *manifest.Edit, w *sealing, known map[catalog.TableID]manifest.Position) brought {
	var sealed *liveState
	switch {
	case w == nil:
	case w.table.stillLive(w.live):
		sealed, w.collected = w.live, w.live.deleted
	default:
		e.Add, w.file = nil, false
	}
	e.Catalog, e.DDL = db.ddl[:len(db.ddl):len(db.ddl)], db.ddlLast
	e.Applied, e.Watermark = db.applied, db.watermarkLocked(sealed)
	db.positionsLocked(e, known, sealed)
	for _, s := range db.dropped {
		e.Remove = append(e.Remove, s.Meta.File)
	}
	for _, m := range db.unnamed {
		if db.tables[m.Table] != nil {
			e.Add = append(e.Add, m)
		}
	}
	return brought{db.takeVectorsLocked(), len(db.dropped), len(db.unnamed)}
}

// watermarkLocked returns up to which record the log is not needed any more when a live segment is sealed.
func (db *DB) watermarkLocked(sealed *liveState) uint64 {
	mark := db.applied
	for _, t := range db.tables {
		for _, l := range t.live { // in the order of their rows
			if l != sealed {
				mark = min(mark, l.segment.First()-1)
				break
			}
		}
	}
	return mark
}

// broughtLocked notes what a durable edit has taken with it, and returns the segments that nobody names any more.
func (db *DB) broughtLocked(e *manifest.Edit, b brought) (gone []*table.Segment) {
	db.ddl = db.ddl[len(e.Catalog):]
	db.unnamed = db.unnamed[b.unnamed:]
	gone, db.dropped = db.dropped[:b.dropped], db.dropped[b.dropped:]
	for f, s := range b.vectors {
		if db.vectors[f] == s {
			delete(db.vectors, f)
		}
	}
	db.vectorsBorn = db.o.Now()
	return gone
}

// retireLog removes log files that hold nothing above the watermark. One that cannot be removed stays until a later
// edit, or the next start.
func (db *DB) retireLog(watermark uint64) {
	n, err := db.log.Retire(watermark)
	if n > 0 {
		db.o.Events(event.Event{Kind: event.Retired, Rows: int64(n)})
	}
	if err != nil {
		db.o.Events(event.Event{Kind: event.RetireFailed, Err: err})
	}
}

// behind tells that there are files which a manifest edit must name, or let go, or deletions that the log need not keep
// any more.
func (db *DB) behind() bool {
	db.mu.Lock()
	defer db.mu.Unlock()
	return len(db.dropped) > 0 || len(db.unnamed) > 0 || db.vectorsDueLocked()
}

// flush brings the manifest up to date.
func (db *DB) flush() error {
	db.sealMu.Lock()
	defer db.sealMu.Unlock()
	return db.edit(&manifest.Edit{}, nil)
}
