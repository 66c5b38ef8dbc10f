package storage

import (
	"context"
	"time"

	"github.com/siltstone-db/siltstone/storage/compact"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/index"
	"github.com/siltstone-db/siltstone/storage/manifest"
	"github.com/siltstone-db/siltstone/storage/shelf"
)

// merging is a merge of files of a table. Its bytes are moved without any lock; then one edit of the manifest names what
// came of it in place of its files, with what was deleted of them until then, and one store shows it to readers. What is
// deleted between the edit and that store is deleted of the new files, too. A file that has gone before the edit (its
// table was dropped or truncated, it was set aside) makes the merge vain.
type merging struct {
	table     *shelf.Shelf
	plan      compact.Plan
	merge     compact.Merge
	info      *Compaction     // nil until it runs
	replaced  []replaced      // files that go in the place of the inputs, which nobody knows
	slim      bool            // the merge gave up all that can be found again
	gone      bool            // an input has gone before the edit
	collected []*index.RowSet // deleted rows of the inputs as of the edit
	written   []*index.RowSet // of the outputs, then
	below     int64           // of compact.Retain: the value of the partition column that the rows are below
}

// startLocked begins the merge of a plan; nil when one of its files has gone or is being merged, or the files are kept.
func (db *DB) startLocked(t *shelf.Shelf, p compact.Plan) *merging {
	if db.kept[t.Table.ID] > 0 {
		return nil
	}
	m := &merging{table: t, plan: p, merge: compact.Merge{Table: t.Table, RowsMax: db.o.Merge.RowsMax, Whole: p.Reason == compact.Rebuild}}
	for _, f := range p.Files {
		now, ok := t.Files.Get(f.ID)
		if !ok || now.Aside() && p.Reason != compact.Retain || db.merges[now.Meta.File] {
			return nil
		}
		m.merge.Inputs = append(m.merge.Inputs, compact.Input{File: now.File, Deleted: now.Deleted})
	}
	for _, i := range m.merge.Inputs {
		i.File.Retain()
		db.merges[i.File.Meta.File] = true
	}
	return m
}

// runMerge does the merge, and puts what came of it in the place of its files.
func (db *DB) runMerge(ctx context.Context, m *merging) error {
	db.beginMerge(m)
	err := db.merger.Run(ctx, &m.merge)
	defer m.merge.Close()
	if err == nil {
		err = db.settleMerges(m)
	}
	db.endMerge(m, err)
	return err
}

// endMerge lets the files of a merge be merged again, and tells what came of it.
func (db *DB) endMerge(m *merging, err error) {
	db.mu.Lock()
	defer db.mu.Unlock()
	for _, i := range m.merge.Inputs {
		delete(db.merges, i.File.Meta.File)
		i.File.Release()
	}
	for i := range m.replaced {
		m.replaced[i].Release()
	}
	if db.tables[m.table.Table.ID] == m.table {
		db.toMerge[m.table] = struct{}{}
	}
	if m.info != nil {
		db.endedLocked(m, err)
	}
	db.cond.Broadcast()
}

// settleMerges makes one edit of merges, and shows all of them with one store. One whose files have gone is vain; the
// error is that of the first.
func (db *DB) settleMerges(list ...*merging) error {
	db.sealMu.Lock()
	defer db.sealMu.Unlock()
	settled := make([]settler, len(list))
	for i, m := range list {
		settled[i] = m
	}
	err := db.edit(&manifest.Edit{}, settled...)
	db.mu.Lock()
	defer db.mu.Unlock()
	for _, m := range list {
		if err != nil { // it may be on the disk all the same, until another has taken its place
			for _, o := range m.merge.Outputs {
				db.unsure = append(db.unsure, o.File)
			}
		} else {
			db.mergedLocked(m)
		}
	}
	db.publishLocked()
	for _, m := range list {
		if m.gone && err == nil {
			err = errs.New(errs.ObjectNotInPrerequisiteState, "segments of table %q have gone while they were merged", m.table.Table.Name)
		}
	}
	return err
}

// mergedLocked puts what came of a merge, which the manifest names now, in the place of its files.
func (db *DB) mergedLocked(m *merging) {
	t := m.table
	switch {
	case m.gone:
		m.forget()
		return
	case db.tables[t.Table.ID] != t: // dropped since the edit
		for _, o := range m.merge.Outputs {
			t.Dropped = append(t.Dropped, o.File)
		}
		db.busy[t] = struct{}{}
		return
	}
	for _, f := range t.Merged(m.files(), m.heirsLocked()) {
		if !db.attachLocked(f) {
			f.Obsolete()
			f.Release()
		}
	}
	db.changedLocked(t)
}

// forget removes what came of a merge that nobody names.
func (m *merging) forget() {
	for _, o := range m.merge.Outputs {
		o.File.Obsolete()
		o.File.Release()
	}
	m.merge.Outputs = nil
}

func (m *merging) files() []*shelf.File {
	if m.replaced != nil {
		return m.replacedFiles()
	}
	files := make([]*shelf.File, len(m.merge.Inputs))
	for k, i := range m.merge.Inputs {
		files[k] = i.File
	}
	return files
}

// heirsLocked returns the outputs, less what was deleted since the edit.
func (m *merging) heirsLocked() []shelf.Heir {
	heirs, more := make([]shelf.Heir, len(m.merge.Outputs)), make([][]uint32, len(m.merge.Outputs))
	if m.replaced != nil {
		return m.replacingLocked(heirs, more)
	}
	for k, i := range m.merge.Inputs {
		now, ok := m.table.Holds(i.File)
		if ok && now.Deleted == m.collected[k] {
			continue
		}
		m.merge.Carry(k, m.collected[k], now.Deleted, !ok, more)
	}
	for k, o := range m.merge.Outputs {
		if f := m.merge.Inputs[0].File; m.slim && m.table.Claimed(f) && f.Known() {
			o.Places, _ = m.merge.Places() // else they are read when they are asked for
		}
		heirs[k] = shelf.Heir{File: o.File, Places: o.Places, Written: m.written[k], More: more[k]}
	}
	return heirs
}

// collectLocked implements settler.
func (m *merging) collectLocked() {
	m.gone, m.collected = false, nil
	if m.replaced != nil {
		m.collectReplacedLocked()
		return
	}
	for _, i := range m.merge.Inputs {
		now, ok := m.table.Holds(i.File)
		m.gone = m.gone || !ok
		m.collected = append(m.collected, now.Deleted)
	}
}

// name implements settler.
func (m *merging) name(e *manifest.Edit) {
	if m.gone {
		return
	}
	if m.plan.Reason == compact.Retain {
		e.Expired = manifest.Expired{m.table.Table.ID: m.below}
	}
	deleted := make([][]uint32, len(m.merge.Outputs))
	if m.replaced != nil {
		m.nameReplaced(e, deleted)
	} else {
		for k, i := range m.merge.Inputs {
			e.Remove = append(e.Remove, i.File.Meta.File)
			m.merge.Carry(k, i.Deleted, m.collected[k], false, deleted)
		}
	}
	for k, o := range m.merge.Outputs {
		meta := o.File.Meta
		w := (*index.RowSet)(nil).With(deleted[k])
		if w.Len() > 0 {
			meta.Deleted = string(w.Append(nil))
		}
		m.written = append(m.written, w)
		e.Add = append(e.Add, meta)
	}
}

// filesLocked returns the settled files of a table as the picker sees them.
func (db *DB) filesLocked(t *shelf.Shelf) []compact.File {
	rule, ok := t.Table.Partitions()
	files := make([]compact.File, 0, t.Files.Len())
	for id, f := range t.Files.All() {
		x := compact.File{ID: id, Base: f.Meta.Base(), Rows: f.Meta.Rows, Deleted: int64(f.Deleted.Len()),
			Bytes: f.Meta.Bytes, Busy: f.Aside() || db.merges[f.Meta.File]}
		if ok {
			var one bool
			x.Partition, one = rule.Partition(f.Meta.Values)
			x.Mixed, x.Undivided = !one, !one && !rule.Divided(f.Meta.Values)
		}
		files = append(files, x)
	}
	return files
}

// Merges take a part of the memory, so that queries find room beside them, and make smaller files where there is little: a row
// costs them 16 bytes while they last, and the widest column that most tables have. What does not fit all the same is
// refused like a query, and tried again later.
const (
	mergeShare     = 4
	mergeRowBytes  = 64
	mergeRowsLeast = 1 << 16
)

// largeBytes divides merges: one at a time of each kind, so that small files do not wait for a merge of minutes.
const largeBytes = 64 << 20

// nextMerge begins a merge that is due, of the large or of the others; nil when there is none.
func (db *DB) nextMerge(large bool) *merging {
	db.mu.Lock()
	defer db.mu.Unlock()
	if db.fatal != nil || db.o.Now().Before(db.mergeRetry) {
		return nil
	}
	for t := range db.toMerge {
		policy := db.o.Merge
		if rule, ok := t.Table.Partitions(); ok {
			policy.Short = rule.Short()
		}
		plans := policy.Pick(db.filesLocked(t))
		if len(plans) == 0 || db.tables[t.Table.ID] != t {
			delete(db.toMerge, t) // until it changes
			continue
		}
		for _, p := range plans {
			if p.Bytes > largeBytes == large {
				if m := db.startLocked(t, p); m != nil {
					return m
				}
			}
		}
	}
	return nil
}

// compactor merges what is due, in the background.
func (db *DB) compactor(ctx context.Context, large bool, kick <-chan struct{}) {
	defer db.wg.Done()
	tick := time.NewTicker(db.tick())
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-kick:
		case <-tick.C:
		}
		for ctx.Err() == nil {
			m := db.nextMerge(large)
			if m == nil {
				break
			}
			_ = db.runMerge(ctx, m) // told by endedLocked
		}
	}
}
