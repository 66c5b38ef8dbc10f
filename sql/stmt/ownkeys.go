package stmt

import (
	"context"
	"slices"
	"sort"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/keys"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/table"
	"github.com/siltstone-db/siltstone/storage/unique"
)

// In a transaction block a key that is there twice is told by the statement that makes it, as by PostgreSQL: against the
// rows that the transaction sees, its own included. The commit holds all of it against what others have committed by then. It
// also tells of the rows of a block that has written more of them than keys are kept, or has given a key to a table of others.

// ownKeys are the keys of the rows that a transaction has written to a table, in the order in which they came, and what
// the rows of the statement that runs have met.
type ownKeys struct {
	seen  seenKeys
	rows  int64      // how many there were whose keys are known; the table must have as many
	from  [][]uint32 // by key: which row each of seen is
	there unique.Parts
	met   []metKey
	look  unique.Rows
	flat  batch.Flattener

	numbers []int64 // of the rows that are looked at
	partial bool    // rows that a rollback brings back are not known
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
	o := t.own[info.ID]
	switch have := t.rows[info.ID]; {
	case have+int64(b.Rows()) > ownKeysMost:
		t.forgetKeys(info.ID)
		return nil
	case o == nil || o.rows != have || !o.follow(list):
		var err error
		if o, err = t.ownKeysOf(ctx, info, list); err != nil || o == nil {
			return err
		}
	}
	f := o.flat.Flatten(b)
	o.look.Reset(list)
	o.look.Add(f)
	o.number(uint64(o.rows), f.Len)
	for key := range list {
		places, err := o.add(key, true)
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

// follow makes the keys those of the table as it is now, if they are the same but for names and places of columns.
func (o *ownKeys) follow(list []unique.Key) bool {
	if !slices.EqualFunc(o.seen.keys, list, func(a, b unique.Key) bool {
		return a.Same(b.Layout.IDs, b.NullsEqual) && slices.Equal(a.Layout.Types, b.Layout.Types)
	}) {
		return false
	}
	o.seen.keys = list
	return true
}

// ownKeysOf finds the keys of own rows of a table anew. It returns nil when not all committed rows are known by its keys,
// since the transaction itself has made these.
func (t *Tx) ownKeysOf(ctx context.Context, info *catalog.Table, list []unique.Key) (*ownKeys, error) {
	t.forgetKeys(info.ID)
	o := &ownKeys{}
	h := t.hidden[info.ID]
	if t.snapshot().Catalog().TableByID(info.ID) != nil && (h == nil || !h.All) {
		var err error
		if o.there, err = t.base.Keyed(info.ID, unique.Bounds{}); err != nil {
			return nil, err
		}
		for i := range list {
			if !o.there.Know(list[i].Layout.IDs, list[i].NullsEqual) {
				return nil, nil
			}
		}
	}
	o.seen, o.from = newSeenKeys(list, t.account), make([][]uint32, len(list))
	if t.own == nil {
		t.own = map[catalog.TableID]*ownKeys{}
	}
	t.own[info.ID] = o
	own := int64(0)
	if h != nil {
		own = h.Own.Len()
	}
	o.partial = t.rows[info.ID] > 0 || h != nil && h.All
	if t.rows[info.ID] > own {
		if err := t.readKeys(ctx, info, o); err != nil {
			t.forgetKeys(info.ID)
			return nil, err
		}
	}
	o.rows = t.rows[info.ID]
	return o, nil
}

// readKeys reads the keys of own rows that are still there.
func (t *Tx) readKeys(ctx context.Context, info *catalog.Table, o *ownKeys) error {
	if err := t.moveAll(ctx); err != nil {
		return err
	}
	hidden := table.Hidden{All: true}
	if h := t.hidden[info.ID]; h != nil {
		hidden.Own = h.Own
	}
	s := t.load.Overlay(t.snapshot(), info, hidden)
	defer s.Release()
	return t.readOwn(ctx, s, info, func(numbers []int64, rows *batch.Batch) error {
		o.look.Reset(o.seen.keys)
		o.look.Add(rows)
		o.numbers = append(o.numbers[:0], numbers...)
		for key := range o.seen.keys {
			if _, err := o.add(key, false); err != nil {
				return err
			}
		}
		return o.seen.charge()
	})
}

// number gives the rows that are looked at numbers from a place on among the transaction's own.
func (o *ownKeys) number(from uint64, rows int) {
	o.numbers = o.numbers[:0]
	for i := range rows {
		o.numbers = append(o.numbers, int64(scan.OwnRows+from)+int64(i))
	}
}

// add adds a key of the rows that are looked at, and returns where each stands in seen. Those that have it already, even of
// the same rows, are met if that is asked for.
func (o *ownKeys) add(key int, meets bool) (places []uint32, err error) {
	places = make([]uint32, len(o.numbers))
	for row, h := range o.look.Hashes(0)[key] {
		if h == keys.None {
			continue
		}
		places[row] = uint32(len(o.from[key]))
		if meets {
			o.seen.each(&o.look, key, row, func(place uint32) {
				o.met = append(o.met, metKey{key, places[row], scan.OwnRows + uint64(o.from[key][place])})
			})
		}
		if err := o.seen.addKey(&o.look, key, row); err != nil {
			return nil, err
		}
		o.from[key] = append(o.from[key], uint32(uint64(o.numbers[row])-scan.OwnRows))
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
		if o.partial {
			t.forgetKeys(id)
			continue
		}
		if o.rows <= t.rows[id] {
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

// forgetKeys gives up what is known of the keys of own rows of a table: they are read anew when rows come.
func (t *Tx) forgetKeys(id catalog.TableID) {
	if o := t.own[id]; o != nil {
		o.seen.close()
		delete(t.own, id)
	}
}

// closeKeys gives back what the keys take.
func (t *Tx) closeKeys() {
	for _, o := range t.own {
		o.seen.close()
	}
	t.own = nil
}
