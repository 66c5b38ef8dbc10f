package rebuild

import (
	"cmp"
	"context"
	"errors"
	"io"
	"math"
	"slices"
	"sort"

	"github.com/siltstone-db/siltstone/storage/archive"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/index"
	"github.com/siltstone-db/siltstone/storage/manifest"
	"github.com/siltstone-db/siltstone/storage/shelf"
	"github.com/siltstone-db/siltstone/storage/table"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Logged is segments of a table whose ranges of numbers meet, mostly one, and what the log has of their rows.
type Logged struct {
	Files []int // by their place in the list that was asked about
	Sum   Sum   // of the rows that are not deleted
	// Whole says that the log has all records that brought the rows, and that it does not read them from one of the
	// segments themselves, as those of a load.
	Whole bool

	spans []span
	first uint64 // record
}

type span struct {
	base, end uint64
	of        *Logged
}

// together makes a Logged of all files whose ranges meet.
func together(files []shelf.Sealed) []*Logged {
	var all []span
	for i, f := range files {
		l := &Logged{Files: []int{i}, first: f.Meta.First, Whole: true}
		for _, r := range f.Meta.Ranges {
			all = append(all, span{r.Base, r.Base + r.Rows, l})
		}
	}
	slices.SortFunc(all, func(a, b span) int { return cmp.Compare(a.base, b.base) })
	end := uint64(0)
	for i := range all {
		if i > 0 && all[i].base < end && all[i].of != all[i-1].of {
			join(all, all[i-1].of, all[i].of)
		}
		end = max(end, all[i].end)
	}
	var list []*Logged
	for _, s := range all {
		if s.of.spans = append(s.of.spans, s); len(s.of.spans) == 1 {
			list = append(list, s.of)
		}
	}
	return list
}

// join makes one of two.
func join(all []span, to, from *Logged) {
	to.Files, to.first = append(to.Files, from.Files...), min(to.first, from.first)
	for i := range all {
		if all[i].of == from {
			all[i].of = to
		}
	}
}

// Log reads what the log has of the rows of segments as a table had them after a record, those that were deleted until then left
// out: deletions are told by the log, too. Rows whose partition column has a value below expired may have been dropped by their
// age, which the log does not tell: what they would be among is not Whole. Rows of the log have the columns that the table has, or the values of older ones.
func (n *Inspector) Log(ctx context.Context, a *archive.Archive, t *catalog.Table, files []shelf.Sealed, until uint64, expired int64) ([]*Logged, error) {
	list := together(files)
	from := until + 1
	start := a.Start(t.ID)
	for _, l := range list {
		if l.Whole = l.first >= start && l.first > 0; l.Whole {
			from = min(from, l.first)
		}
	}
	if from > until {
		return list, nil
	}
	r := &logReader{n: n, table: t, sums: newSummer(t), expired: expired, by: t.ColumnByID(t.Options.PartitionBy)}
	for _, i := range files {
		r.own = append(r.own, i.Meta.File)
	}
	slices.Sort(r.own)
	err := r.read(ctx, a, list, from, until)
	if errs.Is(err, errs.ObjectNotInPrerequisiteState) { // it has gone meanwhile
		for _, l := range list {
			l.Whole = false
		}
		err = nil
	}
	return list, err
}

// Rows hands the rows that Log has added up for some segments to do, flat, with their numbers: those of the table's columns, and behind them
// identities where any has one. The log must have all of them.
func (n *Inspector) Rows(ctx context.Context, a *archive.Archive, t *catalog.Table, l *Logged, until uint64, do func(b *batch.Batch, numbers []uint64) error) error {
	r := &logReader{n: n, table: t, sums: newSummer(t), expired: math.MinInt64, by: -1, do: do} // Log has looked at the ages
	l.Sum = Sum{}
	if err := r.read(ctx, a, []*Logged{l}, l.first, until); err != nil {
		return err
	}
	if !l.Whole {
		return gone
	}
	return nil
}

var gone = errs.New(errs.ObjectNotInPrerequisiteState, "records of the log have gone while they were read")

// read goes through the records from one to another, twice.
func (r *logReader) read(ctx context.Context, a *archive.Archive, list []*Logged, from, until uint64) error {
	r.deleted = index.NewRowIDs()
	defer func() { r.n.Account.Free(r.charged) }()
	for _, l := range list {
		r.spans = append(r.spans, l.spans...)
	}
	slices.SortFunc(r.spans, func(a, b span) int { return cmp.Compare(a.base, b.base) })
	o := archive.CursorOptions{Table: r.table.ID, From: archive.Position{Sequence: from}, Until: until, Holder: "verify", Confirmed: true}
	if err := read(ctx, a, o, r.deletions); err != nil {
		return err
	}
	return read(ctx, a, o, r.rows)
}

// read hands the records of a cursor to do.
func read(ctx context.Context, a *archive.Archive, o archive.CursorOptions, do func(context.Context, *archive.Cursor, *archive.Record) error) error {
	c, err := a.Cursor(o)
	if err != nil {
		return err
	}
	defer c.Close()
	for {
		rec, err := c.Next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = do(ctx, c, rec)
		}
		if err != nil {
			return err
		}
	}
}

// logReader adds up the rows of the log.
type logReader struct {
	n       *Inspector
	table   *catalog.Table
	spans   []span            // by base
	own     []manifest.FileID // sorted
	deleted *index.RowIDs
	charged int64 // for deleted
	below   uint64
	expired int64
	by      int // the partition column, or -1

	fit     table.Fitter
	sums    *summer
	ids     batch.Vector
	columns []*batch.Vector
	picked  []uint64
	bits    batch.Bitmap
	flat    batch.Flattener
	do      func(b *batch.Batch, numbers []uint64) error // nil: rows are only added up
}

// deletions notes what a record takes away.
func (r *logReader) deletions(_ context.Context, _ *archive.Cursor, rec *archive.Record) error {
	for _, d := range rec.Deletions {
		if d.Table != r.table.ID {
			continue
		}
		r.below = max(r.below, d.Below)
		if d.Rows != nil {
			r.deleted.AddAll(d.Rows)
			more := max(0, r.deleted.Bytes()-r.charged)
			if err := r.n.Account.Reserve(more); err != nil {
				return err
			}
			r.charged += more
		}
	}
	return nil
}

// rows adds up what a record brings.
func (r *logReader) rows(ctx context.Context, c *archive.Cursor, rec *archive.Record) error {
	for {
		rows, err := c.Rows(ctx)
		if err != nil && (errs.Is(err, errs.ObjectNotInPrerequisiteState) || errs.Is(err, errs.DataCorrupted)) && len(rec.Files) > 0 {
			r.lost(rec) // the file of a load has gone
			return nil
		}
		if rows == nil || err != nil {
			return err
		}
		if err := r.add(rows); err != nil {
			return err
		}
	}
}

// lost says that the rows of a record are not there.
func (r *logReader) lost(rec *archive.Record) {
	for i, x := range rec.Numbers {
		if x.Table != r.table.ID {
			continue
		}
		end := ^uint64(0) // how many it brings is not known: those behind the record's rows are not meant
		for _, y := range rec.Numbers[i+1:] {
			if y.Table == x.Table {
				end = y.First
			}
		}
		for _, s := range r.spans {
			if s.end > x.First && s.base < end {
				s.of.Whole = false
			}
		}
	}
}

func (r *logReader) add(rows *archive.Rows) error {
	b, err := r.fit.Fit(r.table, rows.Section)
	if err != nil {
		return err
	}
	hashes := r.sums.rows(rows.Numbers, r.identified(b, rows.Numbers))
	_, own := slices.BinarySearch(r.own, rows.File)
	var s *span
	r.picked, r.bits = r.picked[:0], append(r.bits[:0], make(batch.Bitmap, batch.Words(b.Len))...)
	for i, number := range rows.Numbers {
		x := uint64(number)
		if s == nil || x < s.base || x >= s.end {
			if s = r.spanOf(x); s == nil {
				continue
			}
		}
		if own && rows.File != 0 || r.by >= 0 && r.old(b.Cols[r.by], i) {
			s.of.Whole = false
		}
		if x >= r.below && !r.deleted.Has(x) {
			s.of.Sum.Add(Sum{1, hashes[i]})
			r.picked = append(r.picked, x)
			r.bits.Set(i)
		}
	}
	if r.do == nil || len(r.picked) == 0 {
		return nil
	}
	return r.do(r.flat.Flatten(&batch.Batch{Len: b.Len, Cols: b.Cols, Sel: batch.SelectBits(r.bits)}), r.picked)
}

// old tells whether a row may have been dropped by its age.
func (r *logReader) old(v *batch.Vector, i int) bool {
	if r.expired == math.MinInt64 {
		return false
	}
	d := v.Datum(i)
	return !d.Null && d.I < r.expired
}

// spanOf returns the span that has a number, or nil.
func (r *logReader) spanOf(x uint64) *span {
	i := sort.Search(len(r.spans), func(i int) bool { return r.spans[i].base > x }) - 1
	for ; i >= 0; i-- { // those of one Logged may overlap
		if x < r.spans[i].end {
			return &r.spans[i]
		}
		if i > 0 && r.spans[i-1].of != r.spans[i].of {
			return nil
		}
	}
	return nil
}

// identified returns the columns of rows and behind them their identities, as a scan has them.
func (r *logReader) identified(b *batch.Batch, numbers []int64) []*batch.Vector {
	n := len(r.table.Columns)
	r.ids.Reset(types.T(types.Int8), b.Len)
	ids := batch.Values[int64](&r.ids)
	copy(ids, numbers)
	if len(b.Cols) > n {
		given := batch.Values[int64](b.Cols[n])
		for i := range numbers {
			if !b.Cols[n].IsNull(i) {
				ids[i] = given[i]
			}
		}
	}
	r.columns = append(append(r.columns[:0], b.Cols[:n]...), &r.ids)
	return r.columns
}
