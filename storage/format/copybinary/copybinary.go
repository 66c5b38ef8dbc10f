// Package copybinary reads and writes rows in the binary format of PostgreSQL's COPY (PostgreSQL manual, COPY, "Binary
// Format"):
//
//	+--------------------+----------+--------------+-----------+
//	| PGCOPY\n\377\r\n\0 | flags 4  | length 4 = n | n bytes   |   header; the n bytes are skipped
//	+--------------------+----------+--------------+-----------+
//	| fields 2 | length 4 | bytes | length 4 | bytes | ...     |   a row; length -1 is NULL
//	+----------+----------+-------+----------+-------+---------+
//	| -1, 2 bytes |                                              trailer
//	+-------------+
//
// All numbers are big-endian; values are in the binary forms of their types (package wire).
//
// Reader turns bytes into batches, Writer batches into messages. Both belong to one goroutine. A Reader refuses a wrong
// header, rows with another number of fields, truncated data (22P04), values of a wrong width (22P03) and rows or
// fields beyond its limits. Behind a value that its type refuses the reading can go on, behind anything else it cannot.
package copybinary

import (
	"cmp"
	"encoding/binary"
	"io"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/format"
	"github.com/siltstone-db/siltstone/storage/types"
)

// signature starts every stream.
const signature = "PGCOPY\n\xff\r\n\x00"

// Flags of the header: the high half are critical, of which the first said that rows have OIDs, up to PostgreSQL 11.
const (
	flagOIDs     = 1 << 16
	flagCritical = 0xffff0000
)

// Options are COPY's options for binary.
type Options struct {
	Table    string        // for error contexts
	Notes    *format.Notes // take the rows with values that their types refuse; nil: Read returns the reason
	Limits   format.Limits
	Settings types.Settings
}

// Reader reads COPY binary into batches.
type Reader struct {
	opts    Options
	cols    []format.Column
	in      *format.Input
	build   *format.Builder
	notes   *format.Notes
	row     int64
	started bool
	done    bool
}

// NewReader returns a Reader of src for columns in the order in which rows have them.
func NewReader(src io.Reader, opts Options, cols []format.Column) *Reader {
	opts.Limits.EnsureDefaults()
	r := &Reader{
		opts: opts, cols: cols,
		in:    format.NewInput(src, opts.Limits),
		build: format.NewBuilder(cols, &opts.Settings),
		notes: opts.Notes.Ready(),
	}
	r.notes.Context = format.LineContext(opts.Table)
	return r
}

// Read fills out with up to maxRows rows; more is false when the data has ended, and out may then hold the last rows.
// After an error out has the rows in front of it and the Reader is of no further use.
func (r *Reader) Read(out *batch.Batch, maxRows int) (more bool, err error) {
	r.build.Begin(out, maxRows)
	r.notes.Begin()
	if !r.started {
		r.started = true
		err = r.header()
	}
	for err == nil && !r.done && !r.build.Full() && !r.notes.Full() {
		err = r.readRow()
	}
	r.build.Finish()
	return !r.done && err == nil, err
}

// need makes the window at least n bytes long; ok is false when the stream ends before.
func (r *Reader) need(n int) (buf []byte, ok bool, err error) {
	for buf = r.in.Window(); len(buf) < n; buf = r.in.Window() {
		if ok, err := r.in.Fill(); !ok || err != nil {
			return buf, false, err
		}
	}
	return buf, true, nil
}

func (r *Reader) header() error {
	const fixed = len(signature) + 8
	buf, ok, err := r.need(fixed)
	switch {
	case err != nil:
		return err
	case len(buf) < len(signature) || string(buf[:len(signature)]) != signature:
		return format.BadCopy("COPY file signature not recognized")
	case !ok && len(buf) < len(signature)+4:
		return format.BadCopy("invalid COPY file header (missing flags)")
	}
	flags := binary.BigEndian.Uint32(buf[len(signature):])
	switch {
	case flags&flagOIDs != 0:
		return format.BadCopy("invalid COPY file header (WITH OIDS)")
	case flags&flagCritical != 0:
		return format.BadCopy("unrecognized critical flags in COPY file header")
	case !ok:
		return format.BadCopy("invalid COPY file header (missing length)")
	}
	skip := int64(int32(binary.BigEndian.Uint32(buf[len(signature)+4:])))
	if skip < 0 {
		return format.BadCopy("invalid COPY file header (missing length)")
	}
	r.in.Advance(fixed)
	for skip > 0 {
		buf, ok, err := r.need(1)
		if err != nil {
			return err
		}
		if !ok {
			return format.BadCopy("invalid COPY file header (wrong length)")
		}
		n := int(min(skip, int64(len(buf))))
		r.in.Advance(n)
		skip -= int64(n)
	}
	return nil
}

func (r *Reader) readRow() error {
	r.row++
	buf, ok, err := r.need(2)
	if err != nil {
		return r.fail(err)
	}
	if !ok {
		if len(buf) == 0 { // PostgreSQL takes the end of the stream for the trailer
			r.done = true
			return nil
		}
		return r.fail(errEOF())
	}
	n := int(int16(binary.BigEndian.Uint16(buf)))
	if n == -1 {
		return r.trailer()
	}
	if n != len(r.cols) {
		return r.fail(format.BadCopy("row field count is %d, expected %d", n, len(r.cols)))
	}
	return r.readFields()
}

// readFields reads the values of a row, whose number of fields is at the front of the window. Behind one that its type
// refuses the others are passed over, so that the next row is found.
func (r *Reader) readFields() error {
	p, bad := 2, -1
	var cause error // of bad
	for i := range r.cols {
		value, size, err := r.field(p)
		switch {
		case err != nil && bad >= 0:
			return r.failField(bad, cause)
		case err != nil:
			return r.failField(i, err)
		case bad >= 0:
		case value == nil:
			r.build.Null(i)
		default:
			if cause = r.build.Binary(i, value); cause != nil {
				bad = i
			}
		}
		p += size
	}
	row := r.in.Window()[:p]
	if bad >= 0 {
		r.build.DropRow()
		if err := r.notes.Reject(format.BadRow{Index: r.row - 1, Line: r.row, Column: r.cols[bad].Name, Text: row,
			Err: errs.From(r.failField(bad, cause))}); err != nil {
			return err
		}
	} else {
		nulled := r.build.EndRow()
		r.notes.Row(r.row-1, r.row, row, nulled)
	}
	r.in.Advance(p)
	return nil
}

// field returns the value at p of the window, nil for NULL, and its size there.
func (r *Reader) field(p int) (value []byte, size int, err error) {
	buf, ok, err := r.need(p + 4)
	if err != nil || !ok {
		return nil, 0, cmp.Or(err, errEOF())
	}
	switch n := int(int32(binary.BigEndian.Uint32(buf[p:]))); {
	case n == -1:
		return nil, 4, nil
	case n < 0:
		return nil, 0, format.BadCopy("invalid field size")
	case n > r.opts.Limits.FieldBytes:
		return nil, 0, format.TooLong("field", r.opts.Limits.FieldBytes)
	default:
		if buf, ok, err = r.need(p + 4 + n); err != nil || !ok {
			return nil, 0, cmp.Or(err, errEOF())
		}
		return buf[p+4 : p+4+n : p+4+n], 4 + n, nil
	}
}

func (r *Reader) trailer() error {
	r.in.Advance(2)
	buf, _, err := r.need(1)
	if err != nil {
		return r.fail(err)
	}
	if len(buf) > 0 {
		return r.fail(format.BadCopy("received copy data after EOF marker"))
	}
	r.done = true
	return nil
}

func errEOF() error { return format.BadCopy("unexpected EOF in COPY data") }

func (r *Reader) fail(err error) error { return format.LineError(err, r.opts.Table, r.row) }

// failField names the column.
func (r *Reader) failField(col int, err error) error {
	e := *errs.From(err)
	if e.Context == "" {
		e.WithContext("COPY %s, line %d, column %s", r.opts.Table, r.row, r.cols[col].Name)
	}
	return &e
}
