package storage

import (
	"context"
	"fmt"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/compact"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/index"
	"github.com/siltstone-db/siltstone/storage/live"
	"github.com/siltstone-db/siltstone/storage/manifest"
	"github.com/siltstone-db/siltstone/storage/rebuild"
	"github.com/siltstone-db/siltstone/storage/shelf"
)

// Segments whose rows are not those of the log, or cannot be read, are replaced by what the log has: its rows are written
// into files that nobody knows, in the order of the log, and these are merged into what takes the place of the segments,
// as merges do, with the numbers that the rows have.

// replaced is a file that is replaced, with a reference, as it was when the log was read.
type replaced struct {
	shelf.Sealed
	// numbers are those of its rows by place; nil: they cannot be read, so that nobody can delete rows of it, either.
	numbers []uint64
	now     shelf.Sealed // as of the edit; a file that was set aside meanwhile is another one
}

// replacement makes what takes the place of some files, all of whose rows the log has.
func (r *reindex) replacement(ctx context.Context, l *rebuild.Logged) (m *merging, err error) {
	db, t, files := r.db, r.table, r.files
	m = &merging{table: r.shelf, merge: compact.Merge{Table: t, RowsMax: db.o.Merge.RowsMax, Whole: true}}
	m.plan.Reason = compact.Rebuild
	for k, i := range l.Files {
		f := files[i]
		f.Retain()
		m.replaced = append(m.replaced, replaced{Sealed: f, numbers: r.numbersOf(ctx, f)})
		x := &m.merge.Replaces
		x.Ranges = append(x.Ranges, f.Meta.Ranges...)
		if k == 0 || f.Meta.First < x.First {
			x.First = f.Meta.First
		}
		x.Last = max(x.Last, f.Meta.Last)
		m.merge.RowsMax = max(m.merge.RowsMax, f.Meta.Rows)
		m.plan.Files = append(m.plan.Files, compact.File{ID: uint64(f.Meta.File), Rows: f.Meta.Rows, Bytes: f.Meta.Bytes})
	}
	db.beginMerge(m)
	w := &logged{db: db, table: t, into: &m.merge}
	defer w.close()
	if err = db.inspector.Rows(ctx, db.archive, t, l, r.until, func(b *batch.Batch, numbers []uint64) error { return w.add(ctx, b, numbers) }); err == nil {
		err = w.flush(ctx)
	}
	if err == nil {
		err = db.merger.Run(ctx, &m.merge)
	}
	return m, err
}

// numbersOf returns the numbers of the rows of a file, nil when they cannot be read.
func (r *reindex) numbersOf(ctx context.Context, f shelf.Sealed) []uint64 {
	if f.Aside() {
		return nil
	}
	s, err := f.Segment()
	if err != nil {
		return nil
	}
	numbers := make([]uint64, 0, f.Meta.Rows)
	if err := f.Numbers(ctx, s, r.db.mergeAccount, func(n uint64) { numbers = append(numbers, n) }); err != nil {
		return nil
	}
	return numbers
}

// logged writes rows of the log into files that are the inputs of a merge.
type logged struct {
	db      *DB
	table   *catalog.Table
	into    *compact.Merge
	live    *live.Segment // nil: none is open
	numbers []uint64
}

func (w *logged) add(ctx context.Context, b *batch.Batch, numbers []uint64) error {
	if w.live == nil {
		w.live = live.New(shelf.Live(w.table), w.db.sealAccount, 1, w.db.o.Now())
	}
	if err := w.live.Append(b, 0, b.Len); err != nil {
		return err
	}
	w.numbers = append(w.numbers, numbers...)
	if len(w.numbers) >= w.db.o.SealRows || w.live.Bytes() >= w.db.o.SealBytes {
		return w.flush(ctx)
	}
	return nil
}

// flush makes a file of the rows that are there.
func (w *logged) flush(ctx context.Context) error {
	rows := len(w.numbers)
	if rows == 0 {
		return nil
	}
	w.live.Mark(uint64(rows))
	plain := *w.table
	plain.Options.SortKey, plain.Constraints = nil, nil // in the order of the log
	x := &shelf.Build{Table: &plain, Live: w.live, Rows: rows, Workers: w.db.o.SealWorkers, Whole: true}
	x.Meta = manifest.Segment{Table: w.table.ID, First: 1, Last: 1, Ranges: []manifest.Range{{Rows: uint64(rows)}}}
	w.db.builder.Run(ctx, x)
	x.Discharge()
	if x.Err != nil {
		return fmt.Errorf("write rows of the log: %w", x.Err)
	}
	f := x.Pieces[0].File
	f.Obsolete() // it goes with the merge
	w.into.Inputs = append(w.into.Inputs, compact.Input{File: f, Numbers: w.numbers})
	w.numbers = nil
	w.close()
	return nil
}

func (w *logged) close() {
	if w.live != nil {
		w.live.Release()
		w.live = nil
	}
}

func (m *merging) replacedFiles() []*shelf.File {
	var files []*shelf.File
	for i := range m.replaced {
		files = append(files, m.replaced[i].now.File)
	}
	return files
}

// collectReplacedLocked is collectLocked for files that are replaced.
func (m *merging) collectReplacedLocked() {
	for i := range m.replaced {
		x := &m.replaced[i]
		now, ok := m.table.Files.Get(uint64(x.Meta.File))
		m.gone = m.gone || !ok || x.numbers == nil && now.Deleted != x.Deleted
		x.now = now
	}
}

// nameReplaced is name for files that are replaced.
func (m *merging) nameReplaced(e *manifest.Edit, deleted [][]uint32) {
	var numbers []uint64
	for i := range m.replaced {
		x := &m.replaced[i]
		e.Remove = append(e.Remove, x.Meta.File)
		numbers = x.deletedBetween(numbers, x.Deleted, x.now.Deleted)
	}
	m.merge.CarryNumbers(numbers, deleted)
}

// deletedBetween appends the numbers of the rows that one set has more than another.
func (x *replaced) deletedBetween(numbers []uint64, was, now *index.RowSet) []uint64 {
	if was == now {
		return numbers
	}
	for _, row := range now.Rows() {
		if !was.Has(int(row)) {
			numbers = append(numbers, x.numbers[row])
		}
	}
	return numbers
}

// within appends those of some numbers that lie in the ranges of the file.
func (x *replaced) within(dst, numbers []uint64) []uint64 {
	for _, n := range numbers {
		for _, r := range x.Meta.Ranges {
			if n >= r.Base && n-r.Base < r.Rows {
				dst = append(dst, n)
			}
		}
	}
	return dst
}

// replacingLocked is heirsLocked for files that are replaced. What has gone since the edit, with all its rows, has its rows
// deleted.
func (m *merging) replacingLocked(heirs []shelf.Heir, more [][]uint32) []shelf.Heir {
	var numbers []uint64
	for i := range m.replaced {
		x := &m.replaced[i]
		now, ok := m.table.Files.Get(uint64(x.Meta.File))
		switch {
		case ok:
			numbers = x.deletedBetween(numbers, x.now.Deleted, now.Deleted)
			x.now = now
		case x.numbers != nil:
			numbers = append(numbers, x.numbers...)
		default:
			numbers = x.within(numbers, m.merge.Numbers())
		}
	}
	m.merge.CarryNumbers(numbers, more)
	for k, o := range m.merge.Outputs {
		heirs[k] = shelf.Heir{File: o.File, Places: o.Places, Written: m.written[k], More: more[k]}
	}
	return heirs
}

// replaceAll makes what takes the place of segments whose rows are not those of the log.
func (r *reindex) replaceAll(ctx context.Context) (list []*merging, err error) {
	for _, l := range r.lost {
		m, err := r.replacement(ctx, l)
		list = append(list, m)
		if err != nil {
			return list, err
		}
		var sum rebuild.Sum
		for _, o := range m.merge.Outputs {
			found, err := r.db.inspector.Look(ctx, r.table, o.File, nil)
			if err != nil {
				return list, err
			}
			sum.Add(found.Sum)
			if len(found.Wrong) > 0 {
				return list, errs.Internal("a segment that was made of the log: %s", found.Wrong[0])
			}
		}
		if sum != l.Sum {
			return list, errs.Internal("the log has %d rows with hash %016x, what was made of them %d with hash %016x",
				l.Sum.Rows, l.Sum.Hash, sum.Rows, sum.Hash)
		}
	}
	return list, nil
}
