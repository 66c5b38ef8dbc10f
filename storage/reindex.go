package storage

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/manifest"
	"github.com/siltstone-db/siltstone/storage/rebuild"
	"github.com/siltstone-db/siltstone/storage/shelf"
)

// Verify reads all segments of a table as they are now, and tells of each what it holds and what is wrong with it. It
// changes nothing; a file whose bytes are damaged is set aside, as after any other read.
func (db *DB) Verify(ctx context.Context, id catalog.TableID) ([]rebuild.Line, error) {
	t, files, until, err := db.pinFiles(id)
	if err != nil {
		return nil, err
	}
	defer release(files)
	var lines []rebuild.Line
	for _, f := range files {
		line, err := db.look(ctx, t, f)
		if err != nil && !errs.Is(err, errs.DataCorrupted) {
			return nil, err
		}
		lines = append(lines, line)
	}
	_, err = db.compare(ctx, t, files, until, lines)
	return lines, err
}

// compare holds what was found of files, as they were after a record, against the log where that has all of their rows.
// What the log has of files whose ranges meet is told of them together: what is left for each beside the others.
func (db *DB) compare(ctx context.Context, t *catalog.Table, files []shelf.Sealed, until uint64, lines []rebuild.Line) ([]*rebuild.Logged, error) {
	expired, ok := db.set.Version().Expired[t.ID]
	if !ok {
		expired = math.MinInt64
	}
	list, err := db.inspector.Log(ctx, db.archive, t, files, until, expired)
	if err != nil {
		return nil, err
	}
	for _, l := range list {
		var all rebuild.Sum
		unread := false
		for _, i := range l.Files {
			all.Add(lines[i].Sum)
			unread = unread || lines[i].Unread
		}
		if !l.Whole || unread && len(l.Files) > 1 { // whose rows are missing nobody can tell
			continue
		}
		for _, i := range l.Files {
			x := &lines[i]
			x.Source = rebuild.Log
			x.Of = rebuild.Sum{Rows: l.Sum.Rows - (all.Rows - x.Rows), Hash: l.Sum.Hash - (all.Hash - x.Hash)}
		}
	}
	return list, nil
}

// pinFiles returns the settled files of a table, each with a reference, in the order of their rows, and the last record that
// they show.
func (db *DB) pinFiles(id catalog.TableID) (_ *catalog.Table, files []shelf.Sealed, until uint64, err error) {
	db.mu.Lock()
	defer db.mu.Unlock()
	t := db.tables[id]
	if t == nil {
		return nil, nil, 0, errs.New(errs.UndefinedTable, "table with id %d does not exist", id)
	}
	files = t.InOrder()
	for _, f := range files {
		f.Retain()
	}
	return t.Table, files, db.applied, nil
}

func release(files []shelf.Sealed) {
	for _, f := range files {
		f.Release()
	}
}

// look is what is found of one segment.
func (db *DB) look(ctx context.Context, t *catalog.Table, f shelf.Sealed) (rebuild.Line, error) {
	line := rebuild.Line{Segment: uint64(f.Meta.File), Ranges: f.Meta.Ranges}
	if f.Aside() {
		line.Unread = true
		line.Wrong = []string{"it was set aside: " + f.Meta.Quarantined}
		return line, nil
	}
	found, err := db.inspector.Look(ctx, t, f.File, f.Deleted)
	if err != nil {
		line.Wrong, line.Unread = []string{err.Error()}, true
		return line, err
	}
	line.Sum, line.Of, line.Wrong, line.Source = found.Sum, found.Sum, found.Wrong, rebuild.Segments
	return line, nil
}

// Reindex builds the segments of a table anew beside those that are there, one by one, holds each against what it was made
// of, and puts all of them into the places of the old ones with one edit of the manifest. Rows may come and go meanwhile; what is
// deleted is deleted of the new segments, too, and segments that were sealed meanwhile stay: they are new.
//
// When the log has all rows of a segment, and others than it has, or it cannot be read, its rows are written anew from the
// log (replace.go). Else its columns are the rows, and all else that a segment has is made of them again: the order, zone
// maps, dictionaries, statistics, samples, runs of keys. When any new segment does not have the rows that it was made of,
// or has something wrong itself, nothing is changed, and the error's detail names its rows. tell is told of the old
// segments, in the order of their rows.
func (db *DB) Reindex(ctx context.Context, id catalog.TableID, tell func(rebuild.Line) error) error {
	list, ctx, done, err := db.undertake(ctx, id, db.o.Merge.Rebuild)
	if err != nil {
		return err
	}
	defer done()
	r := &reindex{db: db, lines: map[*merging]rebuild.Line{}}
	defer func() { release(r.files) }()
	lines, err := r.look(ctx, id, list)
	for i := 0; i < len(lines) && err == nil; i++ {
		err = tell(lines[i])
	}
	for i := 0; i < len(list) && err == nil; i++ {
		err = r.build(ctx, list[i])
	}
	if err == nil {
		var more []*merging
		more, err = r.replaceAll(ctx)
		list = append(list, more...)
	}
	if err == nil {
		err = r.unlike()
	}
	if err == nil {
		err = r.settle(list)
	} else {
		for _, m := range list {
			m.forget()
		}
	}
	for _, m := range list {
		db.endMerge(m, err)
		m.merge.Close()
	}
	return err
}

// reindex is a REINDEX on its way.
type reindex struct {
	db     *DB
	shelf  *shelf.Shelf
	table  *catalog.Table
	files  []shelf.Sealed // with references
	until  uint64         // the last record that they show
	lines  map[*merging]rebuild.Line
	lost   []*rebuild.Logged // of files whose rows are not those of the log
	differ []string          // numbers of the rows of segments that came out differently, and how
}

// look looks at all segments of the table, also at those that were set aside.
func (r *reindex) look(ctx context.Context, id catalog.TableID, list []*merging) (lines []rebuild.Line, err error) {
	if err := r.pin(id, list); err != nil {
		return nil, err
	}
	lines = make([]rebuild.Line, len(r.files))
	var damage error
	for i, f := range r.files {
		if lines[i], err = r.db.look(ctx, r.table, f); err != nil && !errs.Is(err, errs.DataCorrupted) {
			return nil, err
		}
		if err != nil && damage == nil {
			damage = err
		}
	}
	groups, err := r.db.compare(ctx, r.table, r.files, r.until, lines)
	if err != nil {
		return nil, err
	}
	lost := map[manifest.FileID]bool{}
	for _, l := range groups {
		var all rebuild.Sum
		unread := false
		for _, i := range l.Files {
			all.Add(lines[i].Sum)
			unread = unread || lines[i].Unread
		}
		if l.Whole && (unread || all != l.Sum) {
			r.lost = append(r.lost, l)
			for _, i := range l.Files {
				lost[r.files[i].Meta.File] = true
			}
		} else if unread && damage != nil { // and nobody else has the rows
			return nil, damage
		}
	}
	for _, m := range list {
		in := &m.merge.Inputs[0]
		for i, f := range r.files {
			if f.File == in.File && !lost[f.Meta.File] {
				// The new segment leaves out what was deleted when it was looked at.
				r.lines[m], m.merge.Table, in.Deleted = lines[i], r.table, f.Deleted
			}
		}
	}
	return lines, nil
}

// pin takes the files that are built anew, and those that were set aside, as they are now.
func (r *reindex) pin(id catalog.TableID, list []*merging) (err error) {
	if r.table, r.files, r.until, err = r.db.pinFiles(id); err != nil {
		return err
	}
	r.files = slices.DeleteFunc(r.files, func(f shelf.Sealed) bool {
		mine := f.Aside() || slices.ContainsFunc(list, func(m *merging) bool { return m.merge.Inputs[0].File == f.File })
		if !mine { // it was sealed since
			f.Release()
		}
		return !mine
	})
	r.db.mu.Lock()
	r.shelf = r.db.tables[id]
	r.db.mu.Unlock()
	return nil
}

// build makes one segment anew, and compares.
func (r *reindex) build(ctx context.Context, m *merging) error {
	line, ok := r.lines[m]
	if !ok { // it has gone, or the log has its rows
		return nil
	}
	db, in, t := r.db, &m.merge.Inputs[0], m.merge.Table
	db.beginMerge(m)
	m.merge.RowsMax = max(m.merge.RowsMax, in.File.Meta.Rows)
	if err := db.merger.Run(ctx, &m.merge); err != nil {
		return err
	}
	var sum rebuild.Sum
	for _, o := range m.merge.Outputs {
		found, err := db.inspector.Look(ctx, t, o.File, nil)
		if err != nil {
			return fmt.Errorf("read a segment that was built: %w", err)
		}
		sum.Add(found.Sum)
		if len(found.Wrong) > 0 {
			r.differ = append(r.differ, fmt.Sprintf("Rows %s: %s.", line.Numbers(), strings.Join(found.Wrong, "; ")))
		}
	}
	if sum != line.Sum {
		r.differ = append(r.differ, fmt.Sprintf("Rows %s: %d rows with hash %016x became %d with hash %016x.",
			line.Numbers(), line.Rows, line.Hash, sum.Rows, sum.Hash))
	}
	m.merge.Slim()
	m.slim = true
	return nil
}

// unlike is the error when something that was built is not what it was made of.
func (r *reindex) unlike() error {
	if len(r.differ) == 0 {
		return nil
	}
	return errs.New(errs.DataCorrupted, "segments are not equal to what they were made of").
		WithDetail("%s", strings.Join(r.differ, "\n")).WithHint("Nothing was changed.")
}

// settle swaps the segments. One that has gone meanwhile, with all its rows, needs no other.
func (r *reindex) settle(list []*merging) error {
	list = slices.DeleteFunc(slices.Clone(list), func(m *merging) bool { return m.info == nil }) // those that were built
	if len(list) == 0 {
		return nil
	}
	err := r.db.settleMerges(list...)
	gone := 0
	for _, m := range list {
		if m.gone {
			gone++
		}
	}
	switch {
	case gone == 0:
		return err
	case len(r.lost) > 0:
		return err // what was to be repaired may have stayed
	case gone < len(list):
		return nil
	}
	r.db.mu.Lock()
	defer r.db.mu.Unlock()
	if t := list[0].table; r.db.tables[t.Table.ID] != t {
		return errs.New(errs.UndefinedTable, "table %q was dropped while it was built anew", t.Table.Name)
	}
	return nil // it was truncated, or all rows were deleted
}
