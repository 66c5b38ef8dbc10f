package archive

import (
	"context"
	"errors"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/cache"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/index"
	"github.com/siltstone-db/siltstone/storage/manifest"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/segment"
	"github.com/siltstone-db/siltstone/storage/shelf"
	"github.com/siltstone-db/siltstone/storage/table"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Rows are rows that a record brings to a table, as they were written: a table.Fitter lays them out in columns that the table
// has now. They are valid until the following call of the cursor.
type Rows struct {
	table.Section // the batch is flat; Version is not known of rows of a load
	// Numbers are those that the rows have in their table.
	Numbers []int64
	// File is the file of a load that the rows were read from, in its order; 0: the record had them.
	File manifest.FileID
}

// cacheBytes is what is kept of a load's file while it is read: the blocks of its columns, each of which is read once.
const cacheBytes = 16 << 20

// rows reads the rows of a cursor's record: first those of its files, then its own.
type rows struct {
	c    *Cursor
	open bool
	row  int64                      // of the record
	skip int64                      // rows that were read before
	next map[catalog.TableID]uint64 // number of the next row of each table

	files []manifest.Segment // those left
	file  *fileRows          // nil: none is open
	out   Rows
	flat  batch.Flattener
}

// begin starts with the record that the cursor has decoded.
func (r *rows) begin(skip int64) error {
	d := &r.c.d
	r.open, r.row, r.skip, r.files = true, 0, skip, d.Files
	r.next = make(map[catalog.TableID]uint64, len(d.Numbers))
	for _, n := range d.Numbers {
		if _, ok := r.next[n.Table]; !ok {
			r.next[n.Table] = n.First
		}
	}
	if len(d.Numbers) == 0 && (len(d.Files) > 0 || d.More()) {
		return errs.Corrupt("record %d of the log: the numbers of its rows are missing", r.c.next)
	}
	return nil
}

// end closes what is open.
func (r *rows) end() {
	if r.file != nil {
		r.file.close()
		r.file = nil
	}
	r.open, r.files = false, nil
}

// wanted tells whether rows of a table are handed out.
func (r *rows) wanted(t catalog.TableID) bool { return r.c.o.Table == 0 || r.c.o.Table == t }

// Rows returns the next rows of the record, nil behind the last ones. When the file of a load is not there any more that is
// 55000; those of tables that were dropped since are left out then.
func (c *Cursor) Rows(ctx context.Context) (*Rows, error) {
	r := &c.rows
	for r.open {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		switch {
		case r.file != nil:
			n, err := r.file.read(ctx, &r.out)
			if err != nil {
				return nil, err
			}
			if n == 0 {
				r.file.close()
				r.file = nil
				continue
			}
			if r.pass(n) {
				return &r.out, nil
			}
		case len(r.files) > 0:
			if err := r.enterFile(ctx); err != nil {
				return nil, err
			}
		case c.d.More():
			s, err := c.d.Next()
			if err != nil {
				return nil, err
			}
			r.number(s)
			if r.wanted(s.Table) && r.pass(s.Batch.Len) {
				return &r.out, nil
			} else if !r.wanted(s.Table) {
				r.row += int64(s.Batch.Len)
			}
		default:
			c.pass()
		}
	}
	return nil, nil
}

// number makes a section of the record the rows that are next.
func (r *rows) number(s table.Section) {
	r.out.Section, r.out.File = s, 0
	first := r.next[s.Table]
	r.next[s.Table] += uint64(s.Batch.Len)
	r.out.Numbers = r.out.Numbers[:0]
	for i := range s.Batch.Len {
		r.out.Numbers = append(r.out.Numbers, int64(first)+int64(i))
	}
}

// pass counts n rows that are next, and cuts off those that were read before; false when no other is left.
func (r *rows) pass(n int) bool {
	before := int(min(max(r.skip-r.row, 0), int64(n)))
	r.row += int64(n)
	if before == 0 || before == n {
		return before == 0
	}
	left := make(batch.Bitmap, batch.Words(n))
	left.Fill(n)
	for i := range before {
		left.Clear(i)
	}
	r.out.Batch = r.flat.Flatten(&batch.Batch{Len: n, Cols: r.out.Batch.Cols, Sel: batch.SelectBits(left)})
	r.out.Numbers = r.out.Numbers[before:]
	return true
}

// enterFile opens the next file of the record, or passes it by.
func (r *rows) enterFile(ctx context.Context) error {
	meta := r.files[0]
	deleted, err := index.ReadRowSet([]byte(meta.Deleted), int(meta.Rows))
	if meta.Deleted == "" {
		deleted, err = nil, nil
	}
	if err != nil {
		return err
	}
	left := meta.Rows - int64(deleted.Len())
	base := r.next[meta.Table]
	if !r.wanted(meta.Table) || r.row+left <= r.skip {
		r.passFile(meta, left)
		return nil
	}
	f, there := r.c.a.o.Attachment(meta.Table, meta.File)
	switch {
	case f == nil && there:
		return errs.New(errs.ObjectNotInPrerequisiteState, "rows of record %d of the log are no longer there", r.c.rec.Sequence).
			WithDetail("They were loaded with segment %d, of %d rows.", meta.File, meta.Rows)
	case f == nil: // the table was dropped
		r.passFile(meta, left)
		return nil
	}
	if f.Aside() {
		defer f.Release()
		return errs.Corrupt("rows of record %d of the log: segment %d was set aside: %s", r.c.rec.Sequence, meta.File, f.Meta.Quarantined)
	}
	r.file, err = r.c.openFile(ctx, f, base, deleted)
	if err != nil {
		f.Release()
		return err
	}
	r.next[meta.Table] += uint64(meta.Rows)
	r.files = r.files[1:]
	return nil
}

// passFile counts the rows of a file that is not read.
func (r *rows) passFile(meta manifest.Segment, left int64) {
	r.next[meta.Table] += uint64(meta.Rows)
	r.row += left
	r.files = r.files[1:]
}

// fileRows reads the file of a load, apart from everybody else: each block once.
type fileRows struct {
	f       *shelf.File
	shut    func()
	cache   *cache.Cache
	scan    scan.PartScan
	cursor  scan.Cursor
	morsel  int
	busy    bool
	columns []table.Column
	in      *batch.Batch
	flat    batch.Flattener
	out     batch.Batch
}

// openFile opens a file, whose first row has a number. It takes over the reference unless it fails.
func (c *Cursor) openFile(ctx context.Context, f *shelf.File, base uint64, deleted *index.RowSet) (r *fileRows, err error) {
	r = &fileRows{f: f, cache: cache.New(c.account, cacheBytes)}
	s, shut, err := c.a.o.Files.OpenApart(f.Meta, r.cache)
	if err != nil {
		return nil, errors.Join(err, r.cache.Close())
	}
	r.shut = shut
	var l scan.Layout
	var columns []int
	ts := []types.Type{}
	for _, col := range s.Columns() {
		if col.ID == segment.RowNumber {
			continue
		}
		columns = append(columns, len(columns))
		l.IDs, l.Types = append(l.IDs, col.ID), append(l.Types, col.Type)
		r.columns = append(r.columns, table.Column{ID: col.ID, Type: col.Type})
		ts = append(ts, col.Type)
	}
	r.in = batch.New(append(ts, types.T(types.Int8)))
	req := &scan.Request{Columns: append(columns, scan.RowNumber), Account: c.account}
	if r.scan, err = s.Part(&l, nil).Without(base, deleted).Open(ctx, req); err == nil {
		r.cursor, err = r.scan.Cursor()
	}
	if err != nil {
		r.f = nil
		r.close()
		return nil, err
	}
	return r, nil
}

func (r *fileRows) close() {
	if r.cursor != nil {
		r.cursor.Close()
	}
	if r.scan != nil {
		r.scan.Close()
	}
	r.shut()
	_ = r.cache.Close() // its readers have ended
	if r.f != nil {
		r.f.Release()
	}
}

// read fills out with the next rows, and returns how many they are.
func (r *fileRows) read(ctx context.Context, out *Rows) (int, error) {
	for {
		if !r.busy {
			if r.morsel == r.scan.Morsels() {
				return 0, nil
			}
			if err := r.cursor.Seek(r.morsel); err != nil {
				return 0, r.f.Noticed(err)
			}
			r.busy = true
			r.morsel++
		}
		ok, err := r.cursor.Next(ctx, r.in)
		if err != nil {
			return 0, r.f.Noticed(err)
		}
		if !ok {
			r.busy = false
			continue
		}
		b := r.flat.Flatten(r.in)
		n := len(b.Cols) - 1
		out.Numbers = append(out.Numbers[:0], batch.Values[int64](b.Cols[n])...)
		r.out.Len, r.out.Cols = b.Len, b.Cols[:n]
		out.Section = table.Section{Table: r.f.Meta.Table, Columns: r.columns, Batch: &r.out}
		out.File = r.f.Meta.File
		return b.Len, nil
	}
}
