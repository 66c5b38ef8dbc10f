package storage

import (
	"context"
	"errors"
	"slices"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/compact"
	"github.com/siltstone-db/siltstone/storage/index"
	"github.com/siltstone-db/siltstone/storage/keys"
	"github.com/siltstone-db/siltstone/storage/unique"
)

// A load has too many keys to claim each of them: it claims all that its table could get, and others that add rows to the
// table wait. Its files have runs of their own, which are compared with each other, with the rows that are in no file, and
// with the table, piece by piece in the order of hashes.

// keyedFiles notes the files of a load whose tables have keys, and lets them know those keys.
func (db *DB) keyedFiles(ctx context.Context, c *commit, cat *catalog.Snapshot) error {
	if err := checkFiles(cat, c.files); err != nil {
		return err
	}
	for i := range c.files {
		t := cat.TableByID(c.files[i].Meta.Table)
		n := c.keyedOf(t, nil)
		if n < 0 {
			continue
		}
		if err := db.indexLoaded(ctx, c, i, t); err != nil {
			return err
		}
		f := c.files[i]
		keyed, err := f.Keyed(f.Deleted)
		if err != nil {
			return err
		}
		k := &c.keyed[n]
		k.files = append(k.files, i)
		k.loaded.Files = append(k.loaded.Files, keyed)
	}
	return nil
}

// indexLoaded gives a file of a load runs of those keys that its table has got since it was sealed: the transaction of the
// load has altered it. Another file takes its place in the write.
func (db *DB) indexLoaded(ctx context.Context, c *commit, at int, t *catalog.Table) error {
	f := c.files[at].File
	s, err := f.Segment()
	if err != nil {
		return f.Noticed(err)
	}
	known := func(k unique.Key) bool { return s.FindKey(k.Layout.IDs, k.NullsEqual) >= 0 }
	if !slices.ContainsFunc(unique.Of(t), func(k unique.Key) bool { return !known(k) }) {
		return nil
	}
	x := compact.Merge{Table: t, Inputs: []compact.Input{{File: f}}}
	defer x.Close()
	if err := db.merger.Index(ctx, &x); err != nil || len(x.Outputs) == 0 {
		return err
	}
	c.files[at].File = x.Outputs[0].File
	c.extended = append(c.extended, x.Outputs[0].File)
	return nil
}

// claimLoaded is claimKey for a load.
func (db *DB) claimLoaded(ctx context.Context, c *commit, k *keyed, key int) (busy *index.RowIDs, err error) {
	k.search.Value = func(row uint64) ([]*batch.Vector, int) { return k.loaded.At(key, row) }
	superseded := make([][]uint32, len(k.files))
	err = k.loaded.Each(ctx, key, func(probes []keys.Probe) error {
		err := k.loaded.Twice(ctx, key, probes, func(before, row uint64) error {
			if !k.upsert || key > 0 {
				columns, i := k.loaded.At(key, row)
				return k.rows.Keys[key].Violation(columns, i)
			}
			file, place, _ := unique.FileOf(before)
			superseded[file] = append(superseded[file], place)
			return nil
		})
		if err != nil {
			return err
		}
		k.search.Fetch = func(ctx context.Context, matches []keys.Match) error {
			rows := make([]uint64, len(matches))
			for i, m := range matches {
				rows[i] = probes[m.Probe].Row
			}
			return k.loaded.Fetch(ctx, key, rows)
		}
		if busy, err = db.claimProbes(ctx, c, k, key, probes); busy != nil {
			err = errBusy
		}
		return err
	})
	if errors.Is(err, errBusy) {
		return busy, nil
	}
	for i, places := range superseded {
		f := &c.files[k.files[i]]
		was := f.Deleted.Len() // with these rows already when the write has begun anew
		f.Deleted = f.Deleted.With(places)
		c.rows -= int64(f.Deleted.Len() - was)
	}
	return nil, err
}

// errBusy ends a walk over the keys of a load that another write stands in the way of.
var errBusy = errors.New("another write deletes a row that has one of the keys")
