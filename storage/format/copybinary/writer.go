package copybinary

import (
	"encoding/binary"
	"io"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/format"
	"github.com/siltstone-db/siltstone/storage/format/wire"
)

// Writer writes batches as COPY binary.
type Writer struct {
	dst    io.Writer
	encode []wire.Encoder
	row    []byte
	begun  bool
}

// NewWriter returns a Writer of columns to dst, which gets one Write for each row and the trailer; the header is part of
// the first.
func NewWriter(dst io.Writer, cols []format.Column) *Writer {
	w := &Writer{dst: dst}
	for _, c := range cols {
		w.encode = append(w.encode, wire.BinaryEncoder(c.Type))
	}
	return w
}

// Write writes the rows of a batch, which has no selection.
func (w *Writer) Write(b *batch.Batch) error {
	for i := range b.Len {
		w.row = binary.BigEndian.AppendUint16(w.header(), uint16(len(b.Cols)))
		for c, v := range b.Cols {
			if v.IsNull(i) {
				w.row = binary.BigEndian.AppendUint32(w.row, 0xffffffff)
				continue
			}
			start := len(w.row)
			w.row = w.encode[c](append(w.row, 0, 0, 0, 0), v, i)
			binary.BigEndian.PutUint32(w.row[start:], uint32(len(w.row)-start-4))
		}
		if _, err := w.dst.Write(w.row); err != nil {
			return err
		}
	}
	return nil
}

// header begins a Write: with the header when it is the first one.
func (w *Writer) header() []byte {
	if w.begun {
		return w.row[:0]
	}
	w.begun = true
	return append(append(w.row[:0], signature...), 0, 0, 0, 0, 0, 0, 0, 0)
}

// Close writes the trailer; dst stays open.
func (w *Writer) Close() error {
	w.row = append(w.header(), 0xff, 0xff)
	_, err := w.dst.Write(w.row)
	return err
}
