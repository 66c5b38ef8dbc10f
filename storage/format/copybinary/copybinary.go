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
// fields beyond its limits.
package copybinary

import (
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
	Table    string // for error contexts
	Limits   format.Limits
	Settings types.Settings
}

// Reader reads COPY binary into batches.
type Reader struct {
	opts    Options
	cols    []format.Column
	in      *format.Input
	build   *format.Builder
	row     int64
	started bool
	done    bool
}

// NewReader returns a Reader of src for columns in the order in which rows have them.
func NewReader(src io.Reader, opts Options, cols []format.Column) *Reader {
	opts.Limits.EnsureDefaults()
	return &Reader{
		opts: opts, cols: cols,
		in:    format.NewInput(src, opts.Limits),
		build: format.NewBuilder(opts.Table, cols, &opts.Settings),
	}
}

// Read fills out with up to maxRows rows; more is false when the data has ended, and out may then hold the last rows.
// After an error out is undefined and the Reader is of no further use.
func (r *Reader) Read(out *batch.Batch, maxRows int) (more bool, err error) {
	if !r.started {
		r.started = true
		if err := r.header(); err != nil {
			return false, err
		}
	}
	r.build.Begin(out, maxRows)
	for !r.done && !r.build.Full() {
		if err := r.readRow(); err != nil {
			return false, err
		}
	}
	r.build.Finish()
	return !r.done, nil
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
	p := 2
	for i := range r.cols {
		if buf, ok, err = r.need(p + 4); err != nil || !ok {
			return r.failField(i, err)
		}
		size := int(int32(binary.BigEndian.Uint32(buf[p:])))
		p += 4
		switch {
		case size == -1:
			err = r.build.Null(i)
		case size < 0:
			err = format.BadCopy("invalid field size")
		case size > r.opts.Limits.FieldBytes:
			err = format.TooLong("field", r.opts.Limits.FieldBytes)
		default:
			if buf, ok, err = r.need(p + size); err == nil {
				if !ok {
					err = errEOF()
				} else {
					err = r.build.Binary(i, buf[p:p+size])
				}
			}
			p += size
		}
		if err != nil {
			return r.failField(i, err)
		}
	}
	r.build.EndRow()
	r.in.Advance(p)
	return nil
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

// failField names the column; a nil err stands for the end of the stream.
func (r *Reader) failField(col int, err error) error {
	switch {
	case err == nil:
		return r.fail(errEOF())
	case errs.Is(err, errs.NotNullViolation):
		return r.fail(err)
	}
	e := *errs.From(err)
	if e.Context == "" {
		e.WithContext("COPY %s, line %d, column %s", r.opts.Table, r.row, r.cols[col].Name)
	}
	return &e
}
