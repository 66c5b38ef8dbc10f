package storage

import (
	"slices"

	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/index"
	"github.com/siltstone-db/siltstone/storage/manifest"
	"github.com/siltstone-db/siltstone/storage/shelf"
)

// settler is what an edit of the manifest settles. collectLocked is called with the lock under which the watermark of the
// edit is taken, name without.
type settler interface {
	collectLocked()
	name(e *manifest.Edit)
}

// edit makes a manifest edit that also brings along what happened since the last one: catalog changes, tokens, and how
// far the log is not needed any more, deletion vectors, and files that have gone. settled are the parts and merges
// that the edit settles, unless they have gone meanwhile. sealMu is held.
func (db *DB) edit(e *manifest.Edit, settled ...settler) error {
	known := db.set.Version()
	db.mu.Lock()
	if err := db.fatal; err != nil { // the log has all of it for the next start
		db.mu.Unlock()
		return err
	}
	brought := db.bringLocked(e, settled, known)
	db.mu.Unlock()
	e.Deleted = make(map[manifest.FileID]string, len(brought.vectors))
	for f, s := range brought.vectors {
		e.Deleted[f] = string(s.Append(nil))
	}
	for _, w := range settled {
		w.name(e)
	}
	// Tokens of all records up to the watermark were committed before it was read.
	if err := db.tokens.Save(); err != nil {
		return err
	}
	for _, f := range db.tokens.Files() {
		if f.Bytes > 0 { // else it could not be made
			e.Held.Tokens = manifest.File(f)
		}
	}
	if db.log != nil { // else what is replayed may be no further than the system's cache
		e.Held.Logged = e.Applied
	}
	v, err := db.applyEdit(e, known, brought.dropped)
	if err != nil {
		return err
	}
	db.positions.Saved(e.Sources)
	db.counters.Saved(e.Counters)
	db.mu.Lock()
	gone := slices.DeleteFunc(db.broughtLocked(e, brought), db.attachLocked)
	db.mu.Unlock()
	for _, f := range gone {
		f.Obsolete()
		f.Release()
	}
	if db.log != nil { // else it is still replayed
		db.retireLog(v.Watermark)
	}
	return nil
}

// brought is what an edit takes with it of the things that wait for one.
type brought struct {
	vectors map[manifest.FileID]*index.RowSet
	shelves []broughtOf
	unsure  int // first ones of db.unsure
	dropped []*shelf.File
}

// broughtOf is how many, the first ones, of what waits at a shelf.
type broughtOf struct {
	t                *shelf.Shelf
	dropped, unnamed int
	next             uint64 // number of its next row, which the edit's position tells
}

// bringLocked adds to an edit what waits for one.
func (db *DB) bringLocked(e *manifest.Edit, settled []settler, known *manifest.Version) brought {
	for _, w := range settled {
		w.collectLocked()
	}
	b := brought{vectors: map[manifest.FileID]*index.RowSet{}, unsure: len(db.unsure)}
	e.Catalog, e.DDL = db.ddl[:len(db.ddl):len(db.ddl)], db.ddlLast
	e.Applied, e.Watermark = db.applied, db.applied
	e.Positions = map[catalog.TableID]manifest.Position{}
	e.Sources, e.Counters = db.positions.Changed(), db.counters.Changed()
	if len(e.Counters) > 0 {
		e.Counted = db.applied
	}
	e.Held.Clock = db.clockLocked()
	for t := range db.busy {
		b.shelves = append(b.shelves, broughtOf{t, len(t.Dropped), len(t.Unnamed), t.Next})
		for _, f := range t.Dropped {
			e.Remove = append(e.Remove, f.Meta.File)
		}
		b.dropped = append(b.dropped, t.Dropped...)
		if db.tables[t.Table.ID] != t {
			continue // it was dropped
		}
		if first := t.Needed(); first > 0 {
			e.Watermark = min(e.Watermark, first-1)
		}
		was, _ := known.Positions.Get(t.Table.ID)
		if p := t.Position(db.applied); p.Next != was.Next {
			e.Positions[t.Table.ID] = p
		}
		for f, s := range t.Vectors {
			b.vectors[f] = s
		}
		e.Add = append(e.Add, t.Unnamed...)
	}
	for _, f := range db.unsure {
		e.Remove = append(e.Remove, f.Meta.File)
	}
	return b
}

// broughtLocked notes what a durable edit has taken with it, and returns the files that nobody names any more.
func (db *DB) broughtLocked(e *manifest.Edit, b brought) (gone []*shelf.File) {
	db.ddl = db.ddl[len(e.Catalog):]
	gone, db.unsure = db.unsure[:b.unsure:b.unsure], db.unsure[b.unsure:]
	for _, o := range b.shelves {
		t := o.t
		gone = append(gone, t.Dropped[:o.dropped]...)
		t.Dropped, t.Unnamed = t.Dropped[o.dropped:], t.Unnamed[o.unnamed:]
		for f, s := range t.Vectors {
			if b.vectors[f] == s {
				delete(t.Vectors, f)
			}
		}
		t.VectorsBorn = db.o.Now()
		if t.Idle() && t.Next == o.next {
			delete(db.busy, t)
		}
	}
	return gone
}

// behind tells that there are files which a manifest edit must name, or let go, or deletions that the log need not keep
// any more: they have waited for an edit as long as rows wait to be sealed.
func (db *DB) behind() bool {
	db.mu.Lock()
	defer db.mu.Unlock()
	if len(db.unsure) > 0 {
		return true
	}
	for t := range db.busy {
		if len(t.Dropped) > 0 || len(t.Unnamed) > 0 || len(t.Vectors) > 0 && db.o.Now().Sub(t.VectorsBorn) >= db.o.SealAge {
			return true
		}
	}
	return false
}

// flush brings the manifest up to date.
func (db *DB) flush() error {
	db.sealMu.Lock()
	defer db.sealMu.Unlock()
	return db.edit(&manifest.Edit{})
}
