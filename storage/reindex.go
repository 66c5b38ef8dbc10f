package storage

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
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
	return lines, db.compare(ctx, t, files, until, lines)
}

// compare holds what was found of files, as they were after a record, against the log where that has all of their rows.
// What the log has of files whose ranges meet is told of them together: what is left for each beside the others.
func (db *DB) compare(ctx context.Context, t *catalog.Table, files []shelf.Sealed, until uint64, lines []rebuild.Line) error {
	expired, ok := db.set.Version().Expired[t.ID]
	if !ok {
		expired = math.MinInt64
	}
	list, err := db.inspector.Log(ctx, db.archive, t, files, until, expired)
	if err != nil {
		return err
	}
	for _, l := range list {
		var all rebuild.Sum
		unread := false
		for _, i := range l.Files {
			all.Add(lines[i].Sum)
			unread = unread || lines[i].Source == ""
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
	return nil
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
		line.Wrong = []string{"it was set aside: " + f.Meta.Quarantined}
		return line, nil
	}
	found, err := db.inspector.Look(ctx, t, f.File, f.Deleted)
	if err != nil {
		line.Wrong = []string{err.Error()}
		return line, err
	}
	line.Sum, line.Of, line.Wrong, line.Source = found.Sum, found.Sum, found.Wrong, rebuild.Segments
	return line, nil
}

// Reindex builds the segments of a table anew beside those that are there, one by one, holds each against what it was made
// of, and puts all of them into the places of the old ones with one edit of the manifest. Rows may come and go meanwhile; what is
// deleted is deleted of the new segments, too, and segments that were sealed meanwhile stay: they are new.
//
// Where the log has all rows of a segment, its columns must have the same, or nothing is changed. Then the columns are the
// rows, and all else that a segment has is made of them again: the order, zone
// maps, dictionaries, statistics, samples, runs of keys. When any new segment does not have the rows of its old one, or
// has something wrong itself, nothing is changed, either, and the error's detail names its rows. tell is told of the old segments, in
// the order of their rows.
func (db *DB) Reindex(ctx context.Context, id catalog.TableID, tell func(rebuild.Line) error) error {
	list, ctx, done, err := db.undertake(ctx, id, db.o.Merge.Rebuild)
	if err != nil {
		return err
	}
	defer done()
	r := &reindex{db: db}
	lines, err := r.look(ctx, id, list)
	for i := 0; i < len(lines) && err == nil; i++ {
		err = tell(lines[i])
	}
	for i := 0; i < len(list) && err == nil; i++ {
		err = r.build(ctx, list[i])
	}
	if err == nil {
		err = r.unlike()
	}
	if err == nil && len(list) > 0 {
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
	lines  map[*merging]rebuild.Line
	differ []string // numbers of the rows of segments that came out differently, and how
}

// look looks at all segments of the table, also at those that were set aside.
func (r *reindex) look(ctx context.Context, id catalog.TableID, list []*merging) ([]rebuild.Line, error) {
	t, files, until, err := r.db.pinFiles(id)
	if err != nil {
		return nil, err
	}
	defer release(files)
	of := map[*shelf.File]*merging{}
	for _, m := range list {
		of[m.merge.Inputs[0].File] = m
	}
	files = slices.DeleteFunc(files, func(f shelf.Sealed) bool {
		other := of[f.File] == nil && !f.Aside() // it was sealed since
		if other {
			f.Release()
		}
		return other
	})
	lines := make([]rebuild.Line, len(files))
	for i, f := range files {
		if lines[i], err = r.db.look(ctx, t, f); err != nil {
			return nil, err
		}
	}
	if err := r.db.compare(ctx, t, files, until, lines); err != nil {
		return nil, err
	}
	r.lines = map[*merging]rebuild.Line{}
	for i, f := range files {
		if m := of[f.File]; m != nil {
			r.lines[m], m.merge.Table = lines[i], t
			// The new segment leaves out what was deleted when it was looked at.
			m.merge.Inputs[0].Deleted = f.Deleted
		}
		if l := &lines[i]; l.Source == rebuild.Log && !l.Equal() && !f.Aside() {
			r.differ = append(r.differ, fmt.Sprintf("Rows %s: %d rows with hash %016x, the log has %d with hash %016x.",
				l.Numbers(), l.Rows, l.Hash, l.Of.Rows, l.Of.Hash))
		}
	}
	return lines, nil
}

// build makes one segment anew, and compares.
func (r *reindex) build(ctx context.Context, m *merging) error {
	line, ok := r.lines[m]
	if len(r.differ) > 0 || !ok { // or it has gone
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
