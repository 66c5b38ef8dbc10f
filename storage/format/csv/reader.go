package csv

import (
	"bytes"
	"io"
	"unicode/utf8"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/format"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Reader reads csv into batches.
type Reader struct {
	opts  Options
	cols  []format.Column
	in    *format.Input
	lines format.Lines // of in; lines inside quoted fields count too
	build *format.Builder
	notes *format.Notes
	class [256]byte

	index   int64 // rows seen so far
	bad     int   // column that refused the row at hand, -1 for none in particular
	started bool
	done    bool

	fields  []field
	count   int    // fields of the row, also those beyond the columns
	scratch []byte // contents of quoted fields
}

// field is one field of the row at hand: bytes [start, end) of the window, or of scratch when quoted.
type field struct {
	start, end int
	quoted     bool
}

// Classes of bytes outside quotes.
const (
	plain byte = iota
	isDelimiter
	isQuote
	isLineEnd
)

// NewReader returns a Reader of src for columns in the order in which rows have them. It fails when options contradict
// each other.
func NewReader(src io.Reader, opts Options, cols []format.Column) (*Reader, error) {
	opts.EnsureDefaults()
	if err := opts.Validate(); err != nil {
		return nil, err
	}
	r := &Reader{
		opts: opts, cols: cols,
		in:     format.NewInput(src, opts.Limits),
		build:  format.NewBuilder(cols, &opts.Settings),
		notes:  opts.Notes.Ready(),
		fields: make([]field, len(cols)+1),
	}
	r.notes.Context = format.CopyContext(opts.Table)
	r.lines = format.Lines{Input: r.in, Table: opts.Table, Quoted: true}
	r.class['\n'], r.class['\r'] = isLineEnd, isLineEnd
	r.class[opts.Delimiter] = isDelimiter
	r.class[opts.Quote] = isQuote
	return r, nil
}

// Read fills out with up to maxRows rows; more is false when the data has ended, and out may then hold the last rows.
// After an error out has the rows in front of it and the Reader is of no further use.
func (r *Reader) Read(out *batch.Batch, maxRows int) (more bool, err error) {
	r.build.Begin(out, maxRows)
	r.notes.Begin()
	if err = r.start(); err == nil {
		err = r.rows()
	}
	r.build.Finish()
	return !r.done && err == nil, err
}

// rows reads the rows of a batch.
func (r *Reader) rows() error {
	for !r.done && !r.build.Full() && !r.notes.Full() {
		n, ok, err := r.scanRow()
		if err != nil {
			return err
		}
		if !ok {
			r.done = true
			return nil
		}
		r.index++
		if err := r.appendRow(r.in.Window()[:n]); err != nil {
			if err := r.reject(err, n); err != nil {
				return err
			}
		}
		r.in.Advance(n)
	}
	return nil
}

// start skips the byte order mark and the header.
func (r *Reader) start() error {
	if r.started {
		return nil
	}
	r.started = true
	for len(r.in.Window()) < 3 {
		if ok, err := r.in.Fill(); err != nil {
			return format.LineError(err, r.opts.Table, 1)
		} else if !ok {
			break
		}
	}
	if bytes.HasPrefix(r.in.Window(), []byte("\xef\xbb\xbf")) {
		r.in.Advance(3)
	}
	if r.opts.Header == format.NoHeader {
		return nil
	}
	n, ok, err := r.scanRow()
	if err != nil {
		return err
	}
	if !ok {
		r.done = true
		return nil
	}
	if r.opts.Header == format.MatchHeader {
		if err := r.matchHeader(); err != nil {
			return format.RowError(err, r.opts.Table, r.lines.Read, trimEOL(r.in.Window()[:n]))
		}
	}
	r.in.Advance(n)
	return nil
}

func (r *Reader) matchHeader() error {
	row := r.in.Window()
	return format.CheckHeader(r.cols, r.count, r.opts.Null, func(i int) ([]byte, bool) {
		text := r.text(row, r.fields[i])
		return text, r.isNull(i, r.fields[i], text)
	})
}

// reject drops a row of n bytes that cannot be read.
func (r *Reader) reject(cause error, n int) error {
	r.build.DropRow()
	b := format.BadRow{Index: r.index - 1, Line: r.lines.Read, Text: trimEOL(r.in.Window()[:n]), Err: errs.From(cause)}
	if r.bad >= 0 {
		b.Column = r.cols[r.bad].Name
	}
	return r.notes.Reject(b)
}

// appendRow parses the fields of a row into the batch.
func (r *Reader) appendRow(row []byte) error {
	r.bad = -1
	if !utf8.Valid(row) || bytes.IndexByte(row, 0) >= 0 {
		return format.LineError(types.CheckUTF8(row), r.opts.Table, r.lines.Read)
	}
	if r.count > len(r.cols) && !(len(r.cols) == 0 && r.count == 1) {
		return format.RowError(format.BadCopy("extra data after last expected column"), r.opts.Table, r.lines.Read, trimEOL(row))
	}
	for i := range r.cols {
		if i >= r.count {
			r.bad = i
			return format.RowError(format.BadCopy("missing data for column %q", r.cols[i].Name), r.opts.Table, r.lines.Read, trimEOL(row))
		}
		f := r.fields[i]
		text := r.text(row, f)
		var err error
		if (len(text) == len(r.opts.Null)) && r.isNull(i, f, text) {
			r.build.Null(i)
		} else if len(text) > r.opts.Limits.FieldBytes {
			err, text = format.TooLong("field", r.opts.Limits.FieldBytes), text[:min(len(text), 200)]
		} else {
			err = r.build.Text(i, text)
		}
		if err != nil {
			r.bad = i
			return format.FieldError(err, r.opts.Table, r.lines.Read, r.cols[i].Name, text)
		}
	}
	nulled := r.build.EndRow()
	r.notes.Row(r.index-1, r.lines.Read, trimEOL(row), nulled)
	return nil
}

func (r *Reader) text(row []byte, f field) []byte {
	if f.quoted && f.start < f.end { // an empty slice of no scratch would be nil, which is NULL in errors
		return r.scratch[f.start:f.end]
	}
	if f.quoted {
		return row[:0]
	}
	return row[f.start:f.end]
}

func (r *Reader) isNull(col int, f field, text []byte) bool {
	if string(text) != r.opts.Null {
		return false
	}
	if f.quoted {
		return col < len(r.opts.ForceNull) && r.opts.ForceNull[col]
	}
	return !(col < len(r.opts.ForceNotNull) && r.opts.ForceNotNull[col])
}

func trimEOL(row []byte) []byte { return bytes.TrimRight(row, "\r\n") }
