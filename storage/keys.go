package storage

import (
	"cmp"
	"context"
	"slices"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/index"
	"github.com/siltstone-db/siltstone/storage/keys"
	"github.com/siltstone-db/siltstone/storage/shelf"
	"github.com/siltstone-db/siltstone/storage/table"
	"github.com/siltstone-db/siltstone/storage/unique"
)

// Keys are checked inside the commit. A write claims the hashes of the keys that it adds, after the rows that it deletes,
// and looks them up in a snapshot that it takes then: whoever had claimed one of them before has been applied by that time
// and is in the snapshot, or has failed, and nobody else adds one until the write is applied itself. So no two writes on
// their way have the same key, and the log never holds one twice; replay checks nothing.
//
// A row that has a key of the write is claimed as if the write deleted it. When that is done, the key is there for certain:
// the write fails with 23505, or takes the row away with its own record, where the table says on_conflict = 'update'. When
// the row has gone meanwhile, the write looks again. When another write on its way deletes the row, the write lets go of
// all its claims, waits for that one and begins anew: who has claimed keys waits for nobody, or two writes that exchange
// their keys would wait for each other.

// keyed is what a write adds to a table with keys.
type keyed struct {
	table   catalog.TableID
	rows    unique.Rows
	upsert  bool
	own     *index.RowIDs // what the write deletes anyway
	taken   *index.RowIDs // what it takes away for its keys
	heirs   []heir        // rows of the write that go on with the identities of taken
	emptied bool          // it takes all rows of the table away
	claimed bool
	search  unique.Search
	found   []unique.Found

	// all says that it claims all keys of the table, alone that the write gives the table other keys: nobody else is on
	// the way, and there is nothing to claim.
	all, alone bool
	// Of a load: which of the write's files are for the table, and where keys are found in them.
	files  []int
	loaded unique.Loaded
}

// keyedOf returns the number of what a write adds to a table, -1 when that has no keys. r may be nil.
func (c *commit) keyedOf(t *catalog.Table, r *table.Rows) int {
	list := unique.Of(t)
	if len(list) == 0 {
		return -1
	}
	i := slices.IndexFunc(c.keyed, func(k keyed) bool { return k.table == t.ID })
	if i < 0 {
		i = len(c.keyed)
		c.keyed = slices.Grow(c.keyed, 1)[:i+1]
		k := &c.keyed[i]
		k.table, k.upsert, k.own, k.taken, k.heirs, k.emptied, k.claimed = t.ID, upserts(t), nil, nil, k.heirs[:0], false, false
		k.rows.Reset(list)
		k.files, k.loaded = k.files[:0], unique.Loaded{Rows: &k.rows}
	}
	k := &c.keyed[i]
	if r == nil {
		return i
	}
	k.upsert = k.upsert && !r.Updated // an UPDATE never takes other rows away
	k.own, k.emptied = k.own.Union(r.Deleted), k.emptied || r.Truncate
	return i
}

// upserts tells whether a row whose key is there takes the place of the other.
func upserts(t *catalog.Table) bool { return t.Options.OnConflict == catalog.ConflictUpdates }

// claimKeys claims the keys that a write adds, when all of them are free. It returns the rows of a table that other writes
// on their way delete and that the write has to wait for.
func (db *DB) claimKeys(ctx context.Context, c *commit) (busy *index.RowIDs, of catalog.TableID, err error) {
	if len(c.keyed) == 0 {
		return nil, 0, nil
	}
	for i := range c.keyed {
		k := &c.keyed[i]
		k.all = len(k.files) > 0 || k.count() > claimsMost
	}
	if err := db.reserve(ctx, c); err != nil {
		return nil, 0, err
	}
	for i := range c.keyed {
		k := &c.keyed[i]
		for key := range k.rows.Keys {
			if busy, err := db.claimKey(ctx, c, k, key); busy != nil || err != nil {
				return busy, k.table, err
			}
		}
	}
	return nil, 0, nil
}

// claimsMost is how many keys a write claims one by one: a claim of 100 ns each, held for so long, costs others more than to
// wait for a write of that size.
const claimsMost = 1 << 16

// count returns how many rows the write adds.
func (k *keyed) count() (n int) {
	for number := range k.rows.Len() {
		n += len(k.rows.Hashes(number)[0])
	}
	return n
}

// reserve waits until no other write has claimed any of the keys, and claims them.
func (db *DB) reserve(ctx context.Context, c *commit) error {
	db.mu.Lock()
	defer db.mu.Unlock()
	if db.reservedLocked(c) {
		defer context.AfterFunc(ctx, func() { db.mu.Lock(); db.cond.Broadcast(); db.mu.Unlock() })()
	}
	for db.reservedLocked(c) {
		if err := ctx.Err(); err != nil {
			return err
		}
		db.cond.Wait()
	}
	for i := range c.keyed {
		k := &c.keyed[i]
		t := db.tables[k.table]
		if t == nil {
			continue // the write makes it
		}
		k.claimed = true
		if k.alone = k.changesKeys(t); k.alone {
			continue
		}
		if k.all {
			t.Loading = true
			continue
		}
		for number := range k.rows.Len() {
			for key, hashes := range k.rows.Hashes(number) {
				if err := t.Adding[key].Add(hashes); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (db *DB) reservedLocked(c *commit) bool {
	for i := range c.keyed {
		k := &c.keyed[i]
		t := db.tables[k.table]
		if t == nil || k.changesKeys(t) {
			continue
		}
		if t.Loading {
			return true
		}
		for key := range t.Adding {
			if k.all {
				if t.Adding[key].Len() > 0 {
					return true
				}
				continue
			}
			for number := range k.rows.Len() {
				if t.Adding[key].Meets(k.rows.Hashes(number)[key]) {
					return true
				}
			}
		}
	}
	return false
}

// changesKeys tells whether the write brings rows with other keys than those of the table so far.
func (k *keyed) changesKeys(t *shelf.Shelf) bool {
	return !slices.EqualFunc(t.Keys, k.rows.Keys, func(a, b unique.Key) bool { return a.Same(b.Layout.IDs, b.NullsEqual) })
}

// unreserveLocked ends the claims of keys.
func (db *DB) unreserveLocked(c *commit) {
	for i := range c.keyed {
		k := &c.keyed[i]
		k.taken, k.heirs = nil, k.heirs[:0]
		t := db.tables[k.table]
		if t == nil || !k.claimed {
			continue
		}
		k.claimed = false
		if k.alone {
			continue
		}
		if k.all {
			t.Loading = false
			continue
		}
		for number := range k.rows.Len() {
			for key, hashes := range k.rows.Hashes(number) {
				t.Adding[key].Remove(hashes)
			}
		}
	}
}

// claimKey makes sure that no row of the table has one of the keys that a write adds to it, or that those which have them
// go with the write.
func (db *DB) claimKey(ctx context.Context, c *commit, k *keyed, key int) (busy *index.RowIDs, err error) {
	if len(k.files) > 0 {
		return db.claimLoaded(ctx, c, k, key)
	}
	k.search.Value, k.search.Fetch = func(row uint64) ([]*batch.Vector, int) { return k.rows.At(key, row) }, nil
	return db.claimProbes(ctx, c, k, key, k.rows.Probes(key))
}

// claimProbes is claimKey for some of the keys.
func (db *DB) claimProbes(ctx context.Context, c *commit, k *keyed, key int, probes []keys.Probe) (busy *index.RowIDs, err error) {
	k.search.Key, k.search.Probes = &k.rows.Keys[key], probes
	for k.claimed && !k.emptied {
		if err := db.findKeys(ctx, k); err != nil || len(k.found) == 0 {
			return nil, err
		}
		rows := index.NewRowIDs()
		for _, f := range k.found {
			rows.Add(f.Number)
		}
		d := deletion{Deletion: table.Deletion{Table: k.table, Rows: rows}, updated: true, taken: true}
		switch state, err := db.take(ctx, c, &d); {
		case err != nil:
			return nil, err
		case state == rowsBusy:
			return rows, nil
		case state == rowsGone:
			continue
		}
		if k.upsert && key == 0 {
			k.taken = k.taken.Union(rows)
			for _, f := range k.found {
				k.heirs = append(k.heirs, heir{f.Row, f.Identity})
			}
			return nil, nil
		}
		return nil, k.violation(ctx, key, k.found[0].Row)
	}
	return nil, nil
}

// violation is the error for a row whose key is there.
func (k *keyed) violation(ctx context.Context, key int, row uint64) error {
	if err := k.loaded.Fetch(ctx, key, []uint64{row}); err != nil {
		return err
	}
	columns, i := k.loaded.At(key, row)
	return k.rows.Keys[key].Violation(columns, i)
}

// findKeys makes found the rows of the table that have the keys of the search, without those that the write deletes, the
// first of its rows first.
func (db *DB) findKeys(ctx context.Context, k *keyed) error {
	s := db.Snapshot()
	defer s.Release()
	parts, err := s.Keyed(k.table, k.search.Bounds())
	if err != nil {
		return err
	}
	k.found, err = k.search.Find(ctx, &parts, &db.mu, k.found[:0])
	if err != nil {
		return err
	}
	k.found = slices.DeleteFunc(k.found, func(f unique.Found) bool { return k.own.Has(f.Number) || k.taken.Has(f.Number) })
	slices.SortFunc(k.found, func(a, b unique.Found) int { return cmp.Compare(a.Row, b.Row) })
	return nil
}

// FindKeys returns the rows of a table that have a key of some rows, as a snapshot shows them, by the number of the key among
// those of rows. A row whose key has passed to another one since the snapshot may be missing: who goes by the answer learns
// of that when it commits.
func (db *DB) FindKeys(ctx context.Context, p *unique.Parts, rows *unique.Rows, key int) ([]unique.Found, error) {
	s := unique.Search{Key: &rows.Keys[key], Probes: rows.Probes(key)}
	s.Value = func(row uint64) ([]*batch.Vector, int) { return rows.At(key, row) }
	return s.Find(ctx, p, &db.mu, nil)
}
