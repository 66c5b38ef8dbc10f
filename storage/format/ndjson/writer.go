package ndjson

import (
	"io"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/format"
	"github.com/siltstone-db/siltstone/storage/format/wire"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Writer writes batches as NDJSON: numbers and booleans bare, json and jsonb as they are, all else as strings; NaN and the infinities are strings.
type Writer struct {
	dst    io.Writer
	cols   []format.Column
	keys   [][]byte // `"name":`
	encode []wire.Encoder
	row    []byte
	value  []byte
}

// NewWriter returns a Writer of columns to dst, which gets one Write per row. set may be nil.
func NewWriter(dst io.Writer, cols []format.Column, set *types.Settings) *Writer {
	w := &Writer{dst: dst, cols: cols}
	for _, c := range cols {
		w.keys = append(w.keys, append(AppendString(nil, []byte(c.Name)), ':'))
		w.encode = append(w.encode, wire.TextEncoder(c.Type, set))
	}
	return w
}

// Write writes the rows of a batch, which has no selection.
func (w *Writer) Write(b *batch.Batch) error {
	for i := range b.Len {
		w.row = append(w.row[:0], '{')
		for c, v := range b.Cols {
			if c > 0 {
				w.row = append(w.row, ',')
			}
			w.row = append(w.row, w.keys[c]...)
			if v.IsNull(i) {
				w.row = append(w.row, "null"...)
				continue
			}
			w.value = w.encode[c](w.value[:0], v, i)
			w.appendValue(w.cols[c].Type, w.value)
		}
		w.row = append(w.row, '}', '\n')
		if _, err := w.dst.Write(w.row); err != nil {
			return err
		}
	}
	return nil
}

func (w *Writer) appendValue(t types.Type, s []byte) {
	switch {
	case t.Kind == types.Bool && s[0] == 't':
		w.row = append(w.row, "true"...)
	case t.Kind == types.Bool:
		w.row = append(w.row, "false"...)
	case t.Kind == types.JSON || t.Kind == types.JSONB:
		w.row = appendLine(w.row, s)
	case (t.IsNumber() || t.Kind == types.Oid) && isDigit(s[len(s)-1]):
		w.row = append(w.row, s...)
	default:
		w.row = AppendString(w.row, s)
	}
}

// appendLine appends JSON that may have line ends between its tokens; within strings they are escaped.
func appendLine(dst, s []byte) []byte {
	for _, c := range s {
		if c == '\n' || c == '\r' {
			c = ' '
		}
		dst = append(dst, c)
	}
	return dst
}

// AppendString appends UTF-8 text as a JSON string.
func AppendString(dst, s []byte) []byte {
	const digits = "0123456789abcdef"
	dst = append(dst, '"')
	for _, c := range s {
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c == '\n':
			dst = append(dst, '\\', 'n')
		case c == '\t':
			dst = append(dst, '\\', 't')
		case c < 0x20:
			dst = append(dst, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}
