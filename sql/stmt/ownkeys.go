package stmt

import (
	"context"
	"sort"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/keys"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/unique"
)

// In a transaction block a key that is there twice is told by the statement that makes it, as by PostgreSQL: against the
// rows that the transaction sees, its own included. The commit holds all of it against what others have committed by then. It
// also tells of the rows of a block that has written more of them than keys are kept, or has altered their table.

// ownKeys are the keys of the rows that a transaction has written to a table, in the order in which they came, and what
// the rows of the statement that runs have met.
type ownKeys struct {
	seen  seenKeys
	rows  int64      // whose keys are known; the table must have as many
	from  [][]uint32 // by key: which row each of seen is
	there unique.Parts
	met   []metKey
	look  unique.Rows
	flat  batch.Flattener
}

// metKey is a key of seen that a row has which was there before: whether it still is, is known when the statement has ended.
type metKey struct {
	key    int
	place  uint32
	number uint64 // of the row
}

// ownKeysMost bounds the rows whose keys a transaction block keeps: 16 MB of hashes, and their values.
const ownKeysMost = 1 << 20

// TellKeys lets statements tell of keys that are there twice, from now on: the transaction is a block of several.
func (t *Tx) TellKeys() { t.tells = true }

// meet looks up the keys of rows that are about to be the transaction's own.
func (t *Tx) meet(ctx context.Context, info *catalog.Table, b *batch.Batch) error {
	list := unique.Of(info)
	if !t.tells || len(list) == 0 || info.Options.OnConflict == catalog.ConflictUpdates {
		return nil
	}
	o, err := t.ownKeysOf(info, list)
	if err != nil {
		return err
	}
	f := o.flat.Flatten(b)
	if o.rows != t.rows[info.ID] || o.rows+int64(f.Len) > ownKeysMost || len(o.seen.keys) != len(list) {
		o.rows = -1
		return nil
	}
	o.look.Reset(list)
	o.look.Add(f)
	for key := range list {
		places, err := o.add(key, f.Len)
		if err != nil {
			return err
		}
		found, err := t.db.FindKeys(ctx, &o.there, &o.look, key)
		if err != nil {
			return err
		}
		for _, x := range found {
			o.met = append(o.met, metKey{key, places[x.Row], x.Number})
		}
	}
	o.rows += int64(f.Len)
	return o.seen.charge()
}

// ownKeysOf returns the keys of own rows of a table.
func (t *Tx) ownKeysOf(info *catalog.Table, list []unique.Key) (*ownKeys, error) {
	o := t.own[info.ID]
	if o != nil {
		return o, nil
	}
	o = &ownKeys{seen: newSeenKeys(list, t.account), from: make([][]uint32, len(list))}
	was := t.snapshot().Catalog().TableByID(info.ID)
	if was != nil && was.Version != info.Version {
		o.rows = -1
	} else if was != nil {
		var err error
		if o.there, err = t.base.Keyed(info.ID); err != nil {
			return nil, err
		}
	}
	if t.own == nil {
		t.own = map[catalog.TableID]*ownKeys{}
	}
	t.own[info.ID] = o
	return o, nil
}

// add adds a key of n rows, and returns where each stands in seen. Those that have it already, even of the same rows, are met.
func (o *ownKeys) add(key, n int) (places []uint32, err error) {
	places = make([]uint32, n)
	for row, h := range o.look.Hashes(0)[key] {
		if h == keys.None {
			continue
		}
		places[row] = uint32(len(o.from[key]))
		o.seen.each(&o.look, key, row, func(place uint32) {
			o.met = append(o.met, metKey{key, places[row], scan.OwnRows + uint64(o.from[key][place])})
		})
		if err := o.seen.addKey(&o.look, key, row); err != nil {
			return nil, err
		}
		o.from[key] = append(o.from[key], uint32(o.rows)+uint32(row))
	}
	return places, nil
}

// told returns the error of the first row of the statement that has the key of one that is still there.
func (t *Tx) told() error {
	for id, o := range t.own {
		met := o.met
		o.met = nil
		h := t.hidden[id]
		for _, m := range met {
			gone := false
			switch {
			case h == nil:
			case m.number >= scan.OwnRows:
				gone = h.Own.Has(m.number)
			default:
				gone = h.All || h.Rows.Has(m.number)
			}
			if !gone {
				return o.seen.keys[m.key].Violation(o.seen.columns[m.key], int(m.place))
			}
		}
	}
	return nil
}

// cutKeys forgets the keys of own rows that a rollback to a savepoint took away.
func (t *Tx) cutKeys() error {
	for id, o := range t.own {
		o.met = nil
		if o.rows < 0 || o.rows <= t.rows[id] {
			continue
		}
		o.rows = t.rows[id]
		for key, from := range o.from {
			n := sort.Search(len(from), func(i int) bool { return int64(from[i]) >= o.rows })
			o.from[key] = from[:n]
			if err := o.seen.cut(key, n); err != nil {
				return err
			}
		}
	}
	return nil
}

// closeKeys gives back what the keys take.
func (t *Tx) closeKeys() {
	for _, o := range t.own {
		o.seen.close()
	}
	t.own = nil
}
