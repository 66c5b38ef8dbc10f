package storage

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/siltstone-db/siltstone/storage/clock"
	"github.com/siltstone-db/siltstone/storage/compact"
	"github.com/siltstone-db/siltstone/storage/event"
	"github.com/siltstone-db/siltstone/storage/partition"
	"github.com/siltstone-db/siltstone/storage/shelf"
)

// Rows of a table with the option retain go when the partition that they are of has ended so long ago: all files of such
// partitions with one edit of the manifest, and with the same edit the rows of such partitions in mixed files, which are
// written anew without them. A merge does that (compact.Retain): the edit, the swap, and what becomes of deletions that
// arrive meanwhile are those of any merge. As nothing of it is in the log, replay knows of it by the manifest alone: the
// positions of tables are behind rows that were sealed, so records do not bring them back.
//
// Live rows wait until they are sealed, and rows that come too late are taken as any others: both go with the next round.

// retainEvery is how often it is looked for partitions that have ended.
const retainEvery = time.Minute

// retainFiles is about how many files go with one edit; whole partitions go, in any case.
const retainFiles = 256

// retainer drops partitions that have ended, in the background.
func (db *DB) retainer(ctx context.Context) {
	defer db.wg.Done()
	tick := time.NewTicker(min(retainEvery, 60*db.tick()))
	defer tick.Stop()
	for {
		db.retain(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// retainedLocked notes whether a table has the option retain.
func (db *DB) retainedLocked(t *shelf.Shelf) {
	delete(db.retained, t)
	if t.Table.Options.Retain > 0 {
		db.retained[t] = struct{}{}
	}
}

// retain drops what has ended in all tables.
func (db *DB) retain(ctx context.Context) {
	db.mu.Lock()
	now, believed := db.readClockLocked()
	var tables []*shelf.Shelf
	if believed && db.fatal == nil && !db.o.Now().Before(db.mergeRetry) {
		for t := range db.retained {
			tables = append(tables, t)
		}
	}
	db.mu.Unlock()
	slices.SortFunc(tables, func(a, b *shelf.Shelf) int { return cmp.Compare(a.Table.ID, b.Table.ID) })
	for _, t := range tables {
		for ctx.Err() == nil && db.retainTable(ctx, t, now) {
		}
	}
}

// readClockLocked takes a reading of the time of day, and tells whether it is believed.
func (db *DB) readClockLocked() (now time.Time, believed bool) {
	now = db.o.Now()
	believed, change := db.guard.Read(now, db.o.Elapsed())
	db.metrics.ClockAhead.Store(int64(db.guard.Ahead() / time.Second))
	switch change {
	case clock.Doubts:
		db.o.Events(event.Event{Kind: event.ClockDoubted, Detail: fmt.Sprintf(
			"it is %s, %s ahead of what is expected: rows are not dropped by their age for %s, unless it is set back",
			now.UTC().Format(time.RFC3339), db.guard.Ahead().Round(time.Second), clock.Patience)})
	case clock.Believes:
		db.o.Events(event.Event{Kind: event.ClockBelieved, Detail: "it is " + now.UTC().Format(time.RFC3339)})
	}
	return now, believed
}

// retainTable drops the oldest partitions of a table that have ended, and tells whether there may be more.
func (db *DB) retainTable(ctx context.Context, t *shelf.Shelf, now time.Time) (more bool) {
	list, more := db.startRetaining(t, now)
	if len(list) == 0 {
		return false
	}
	var err error
	for _, m := range list {
		db.beginMerge(m)
		if m.merge.Expired != nil && err == nil {
			err = db.merger.Run(ctx, &m.merge)
		}
		defer m.merge.Close()
	}
	if err == nil {
		err = db.settleMerges(list...)
	} else {
		for _, m := range list {
			m.forget()
		}
	}
	for _, m := range list {
		db.endMerge(m, err)
	}
	return more && err == nil
}

// ended is files with rows of partitions that have ended: whole, or with other rows beside them.
type ended struct {
	rule         partition.Rule
	before       time.Time
	limit        int64 // the last partition that goes
	whole, mixed []compact.File
	last         []int64 // by whole: the number of the last partition
}

// startRetaining begins the merges that drop the oldest partitions that have ended. None when a file of them is being
// merged: partitions go as a whole.
func (db *DB) startRetaining(t *shelf.Shelf, now time.Time) (list []*merging, more bool) {
	db.mu.Lock()
	defer db.mu.Unlock()
	if db.tables[t.Table.ID] != t || db.closing {
		return nil, false
	}
	e := &ended{before: now.Add(-t.Table.Options.Retain)}
	var ok bool
	if e.rule, ok = t.Table.Partitions(); !ok || t.Table.Options.Retain == 0 {
		return nil, false
	}
	for id, f := range t.Files.All() {
		v := f.Meta.Values
		if !v.Valued || !e.rule.Ended(e.rule.Number(v.Least), e.before) {
			continue
		}
		if db.merges[f.Meta.File] {
			return nil, false
		}
		x := compact.File{ID: id, Base: f.Meta.Base(), Rows: f.Meta.Rows, Deleted: int64(f.Deleted.Len()), Bytes: f.Meta.Bytes}
		switch last := e.rule.Number(v.Greatest); {
		case !v.Nulls && e.rule.Ended(last, e.before):
			e.whole, e.last = append(e.whole, x), append(e.last, last)
		case !f.Aside(): // nobody can read which rows that is
			e.mixed = append(e.mixed, x)
		}
	}
	more = e.some()
	plans := []compact.Plan{{Reason: compact.Retain, Files: e.whole}}
	for _, f := range e.mixed {
		plans = append(plans, compact.Plan{Reason: compact.Retain, Files: []compact.File{f}, Bytes: f.Bytes})
	}
	for i, p := range plans {
		if len(p.Files) == 0 {
			continue
		}
		m := db.startLocked(t, p) // all or none: no file is being merged, and either all are kept or none is
		if m == nil {
			return nil, false
		}
		if m.below = e.rule.Value(e.before); i > 0 {
			m.merge.Expired = e.expired
		}
		list = append(list, m)
	}
	return list, more
}

// some leaves only the oldest partitions, when they are many files, and tells that it has left out some.
func (e *ended) some() (more bool) {
	e.limit = partition.Infinity
	if len(e.whole) <= retainFiles {
		return false
	}
	last := slices.Clone(e.last)
	slices.Sort(last)
	e.limit = last[retainFiles]
	var whole []compact.File
	for i, f := range e.whole {
		if e.last[i] <= e.limit {
			whole = append(whole, f)
		}
	}
	more = len(whole) < len(e.whole)
	e.whole = whole
	return more
}

// expired tells whether a partition goes.
func (e *ended) expired(number int64) bool {
	return number <= e.limit && e.rule.Ended(number, e.before)
}

// expiredLocked counts what a round has dropped, and tells of it.
func (db *DB) expiredLocked(m *merging) {
	c := m.info
	rows, bytes := c.RowsIn-c.RowsOut, c.BytesIn-c.BytesOut
	for _, w := range m.collected {
		rows -= int64(w.Len()) // were deleted before
	}
	db.metrics.MergedRows.Add(c.RowsOut)
	db.metrics.MergedBytes.Add(c.BytesOut)
	db.metrics.Expired.Add(int64(c.Files - c.FilesOut))
	db.metrics.ExpiredRows.Add(rows)
	db.metrics.ExpiredBytes.Add(bytes)
	db.o.Events(event.Event{Kind: event.Expired, Table: c.Table, Rows: rows, Bytes: bytes, Took: c.Took})
}
