package copytext

import (
	"io"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/format"
	"github.com/siltstone-db/siltstone/storage/format/wire"
)

// Writer writes batches as COPY text.
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
				w.row = append(w.row, *w.opts.Null...)
				continue
			}
			w.value = w.encode[c](w.value[:0], v, i)
			w.row = appendEscaped(w.row, w.value, w.opts.Delimiter)
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
		w.row = appendEscaped(w.row, []byte(c.Name), w.opts.Delimiter)
	}
	w.row = append(w.row, '\n')
	_, err := w.dst.Write(w.row)
	return err
}

// escapes are the letters of control characters.
var escapes = [32]byte{'\b': 'b', '\f': 'f', '\n': 'n', '\r': 'r', '\t': 't', '\v': 'v'}

func appendEscaped(dst, s []byte, delimiter byte) []byte {
	for _, c := range s {
		switch {
		case c < 32 && escapes[c] != 0:
			dst = append(dst, '\\', escapes[c])
		case c == '\\' || c == delimiter:
			dst = append(dst, '\\', c)
		default:
			dst = append(dst, c)
		}
	}
	return dst
}
