package record

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// Describe tells what a record means to the owner of a file: one line for the record and any number below it.
type Describe func(Frame) (string, []string, error)

// Sniff returns the header that a file starts with, of whatever kind; ok is false when its first bytes are none.
func Sniff(f Source) (h Header, ok bool, err error) {
	b := make([]byte, HeaderBytes)
	if n, err := f.ReadAt(b, 0); err != nil && !errors.Is(err, io.EOF) {
		return Header{}, false, err
	} else if n < HeaderBytes {
		return Header{}, false, nil
	}
	return ParseHeader(b, Kind(b[4:8]))
}

// Dump prints a file as offset, bytes and meaning, one line per record, and returns the first damage it meets. A tail
// that a crash cut, and zeros that were preallocated, are none.
func Dump(w io.Writer, f Source, describe Describe) error {
	h, ok, err := Sniff(f)
	if err != nil {
		return err
	}
	if !ok {
		return fmt.Errorf("file %s: starts with no header of a log", f.Name())
	}
	d := dumper{w: w}
	d.line(0, HeaderBytes, fmt.Sprintf("header: %q, format %d, file %d, first record %d", strings.TrimSpace(string(h.Kind)), version, h.Number, h.First))
	r, err := NewReader(f, h.Kind, h.Number, dumpMaxRecord)
	if err != nil {
		return err
	}
	for d.err == nil {
		at := r.Offset()
		rec, err := r.Next()
		if errors.Is(err, io.EOF) {
			return d.tail(r, at)
		}
		if err != nil {
			return err
		}
		text, more, err := describe(rec)
		d.line(at, r.Offset()-at, fmt.Sprintf("record %d: %s%s", rec.Sequence, text, group(rec)))
		for _, m := range more {
			d.print("%20s  %s\n", "", m)
		}
		if err != nil {
			return fmt.Errorf("file %s: record at offset %d: %w", f.Name(), at, err)
		}
	}
	return d.err
}

// dumpMaxRecord is what a dump holds in memory at most: more than any writer writes.
const dumpMaxRecord = 1 << 30

// group tells that a record was written together with the one before it.
func group(f Frame) string {
	if f.Group == f.Offset {
		return ""
	}
	return fmt.Sprintf(" (group of %d)", f.Group)
}

type dumper struct {
	w   io.Writer
	err error
}

func (d *dumper) line(off, n int64, text string) { d.print("%10d %9d  %s\n", off, n, text) }

func (d *dumper) print(format string, args ...any) {
	if d.err == nil {
		_, d.err = fmt.Fprintf(d.w, format, args...)
	}
}

// tail prints what lies behind the last record.
func (d *dumper) tail(r *Reader, at int64) error {
	if r.Ended() {
		d.line(at, r.Offset()-at, "end: closed in order")
	}
	if n := r.size - r.Offset(); n > 0 {
		what := "zeros: preallocated"
		if t := r.Tail(); t.Bytes > 0 {
			what = "torn: no whole record"
			if t.Whole {
				what = "torn: a record with a wrong checksum"
			}
		}
		d.line(r.Offset(), n, what)
	}
	return d.err
}
