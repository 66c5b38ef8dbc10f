package storage

import (
	"context"
	"sync"

	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/index"
	"github.com/siltstone-db/siltstone/storage/keys"
	"github.com/siltstone-db/siltstone/storage/shelf"
	"github.com/siltstone-db/siltstone/storage/table"
	"github.com/siltstone-db/siltstone/storage/unique"
)

// A key comes to a table that has rows in two steps. IndexKey seals the rows and gives each file a run of the key: the file
// is written anew with all of its buffers as they are, and when no two rows have the same key, one edit of the manifest puts
// all of them into the places of the old ones. That changes nothing that anybody sees. Then the catalog gets the constraint,
// under the gate, as long as KnowsKey says that each file still has its run and that no rows have come since. Until then the
// files are not merged, since a merge knows the keys that the table had when it began. A crash between the
// two, or a rollback, leaves runs that nobody reads and the next merge leaves out.

// IndexKey makes the files of a table know a key that is to come. t is the table as it will be, name that of the constraint.
// When two rows have the same key, but for those that are hidden, nothing is changed: 23505. Rows that come meanwhile are
// not looked at. Unless it fails no file of the table is merged until the caller calls release, which it may do again.
func (db *DB) IndexKey(ctx context.Context, t *catalog.Table, name string, hidden table.Hidden) (release func(), err error) {
	if err := db.Checkpoint(ctx); err != nil {
		return nil, err
	}
	list, ctx, done, err := db.undertake(ctx, t.ID, db.o.Merge.Index)
	if err != nil {
		return nil, err
	}
	defer done()
	release = db.keep(t.ID)
	err = db.indexFiles(ctx, list, t, name, hidden)
	changed := list[:0:0]
	for _, m := range list {
		if len(m.merge.Outputs) > 0 {
			changed = append(changed, m)
		}
	}
	if err == nil && len(changed) > 0 {
		err = db.settleMerges(changed...)
	} else if err != nil {
		for _, m := range changed {
			m.forget()
		}
	}
	for _, m := range list {
		db.endMerge(m, err)
		m.merge.Close()
	}
	if err != nil {
		release()
		return nil, err
	}
	return release, nil
}

// keep lets no merge of a table begin until release is called.
func (db *DB) keep(id catalog.TableID) (release func()) {
	db.mu.Lock()
	defer db.mu.Unlock()
	db.kept[id]++
	return sync.OnceFunc(func() {
		db.mu.Lock()
		defer db.mu.Unlock()
		if db.kept[id]--; db.kept[id] == 0 {
			delete(db.kept, id)
		}
		db.cond.Broadcast()
	})
}

// indexFiles writes the files, and looks for a key that is there twice.
func (db *DB) indexFiles(ctx context.Context, list []*merging, t *catalog.Table, name string, hidden table.Hidden) error {
	var rows unique.Rows
	rows.Reset(unique.Named(t, name))
	if len(rows.Keys) == 0 {
		return errs.Internal("table %q has no key %q", t.Name, name)
	}
	loaded := unique.Loaded{Rows: &rows}
	for _, m := range list {
		in := m.merge.Inputs[0]
		db.beginMerge(m)
		m.merge.Table, m.slim = t, true
		if err := db.merger.Index(ctx, &m.merge); err != nil {
			return err
		}
		f := in.File
		if len(m.merge.Outputs) > 0 {
			f = m.merge.Outputs[0].File
		}
		keyed, err := db.keyedWithout(f, in.Deleted, hidden.Rows)
		if err != nil {
			return err
		}
		loaded.Files = append(loaded.Files, keyed)
	}
	if hidden.All {
		return nil
	}
	k := &rows.Keys[0]
	return loaded.Each(ctx, 0, func(probes []keys.Probe) error {
		return loaded.Twice(ctx, 0, probes, func(_, row uint64) error {
			columns, i := loaded.At(0, row)
			return errs.New(errs.UniqueViolation, "could not create unique index %q", name).
				WithDetail("Key %s is duplicated.", keys.Text(k.Names, columns, i))
		})
	})
}

// keyedWithout returns a file, without its deleted rows and some others, as a part in which keys are looked up.
func (db *DB) keyedWithout(f *shelf.File, deleted *index.RowSet, hidden *index.RowIDs) (unique.File, error) {
	deleted, err := shelf.Sealed{File: f, Deleted: deleted}.Less(hidden, f.Meta.Base())
	if err != nil {
		return unique.File{}, err
	}
	return f.Keyed(deleted)
}

// KnowsKey tells whether all rows of a table can be found by the columns of a key, so that the table can have it.
func (db *DB) KnowsKey(id catalog.TableID, columns []uint32, nullsEqual bool) (bool, error) {
	s := db.Snapshot()
	defer s.Release()
	parts, err := s.Keyed(id, unique.Bounds{})
	if err != nil {
		return false, err
	}
	return parts.Know(columns, nullsEqual), nil
}
