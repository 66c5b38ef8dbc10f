package csv

import (
	"io"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/format"
	"github.com/siltstone-db/siltstone/storage/format/wire"
)

// Writer writes batches as csv.
type Writer struct {
	dst    io.Writer
	opts   Options
	cols   []format.Column
	encode []wire.Encoder
	row    []byte
	value  []byte
	begun  bool
}

// NewWriter returns a Writer of columns to dst, which gets one Write per row, header included.
func NewWriter(dst io.Writer, opts Options, cols []format.Column) (*Writer, error) {
	opts.EnsureDefaults()
	if err := opts.Validate(); err != nil {
		return nil, err
	}
	w := &Writer{dst: dst, opts: opts, cols: cols}
	for _, c := range cols {
		w.encode = append(w.encode, wire.TextEncoder(c.Type, &opts.Settings))
	}
	return w, nil
}

// Write writes the rows of a batch, which has no selection.
func (w *Writer) Write(b *batch.Batch) error {
	if err := w.header(); err != nil {
		return err
	}
	for i := range b.Len {
		w.row = w.row[:0]
		for c, v := range b.Cols {
			if c > 0 {
				w.row = append(w.row, w.opts.Delimiter)
			}
			if v.IsNull(i) {
				w.row = append(w.row, w.opts.Null...)
				continue
			}
			w.value = w.encode[c](w.value[:0], v, i)
			w.appendValue(w.value, c < len(w.opts.ForceQuote) && w.opts.ForceQuote[c])
		}
		w.row = append(w.row, '\n')
		if _, err := w.dst.Write(w.row); err != nil {
			return err
		}
	}
	return nil
}

// Close writes the header if no batch came; dst stays open.
func (w *Writer) Close() error { return w.header() }

func (w *Writer) header() error {
	if w.begun {
		return nil
	}
	w.begun = true
	if w.opts.Header == format.NoHeader {
		return nil
	}
	w.row = w.row[:0]
	for i, c := range w.cols {
		if i > 0 {
			w.row = append(w.row, w.opts.Delimiter)
		}
		w.appendValue([]byte(c.Name), false)
	}
	w.row = append(w.row, '\n')
	_, err := w.dst.Write(w.row)
	return err
}

// appendValue quotes what a reader would take for something else.
func (w *Writer) appendValue(s []byte, quote bool) {
	if !quote && !w.needsQuotes(s) {
		w.row = append(w.row, s...)
		return
	}
	w.row = append(w.row, w.opts.Quote)
	for _, c := range s {
		if c == w.opts.Quote || c == w.opts.Escape {
			w.row = append(w.row, w.opts.Escape)
		}
		w.row = append(w.row, c)
	}
	w.row = append(w.row, w.opts.Quote)
}

func (w *Writer) needsQuotes(s []byte) bool {
	if string(s) == w.opts.Null || len(w.cols) == 1 && string(s) == `\.` {
		return true
	}
	for _, c := range s {
		if c == w.opts.Delimiter || c == w.opts.Quote || c == '\n' || c == '\r' {
			return true
		}
	}
	return false
}
