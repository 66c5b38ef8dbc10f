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

// NewWriter returns a Writer of columns to dst, which gets one Write for the header, each row and the trailer.
func NewWriter(dst io.Writer, cols []format.Column) *Writer {
	w := &Writer{dst: dst}
	for _, c := range cols {
		w.encode = append(w.encode, wire.BinaryEncoder(c.Type))
	}
	return w
}

// Write writes the rows of a batch, which has no selection.
func (w *Writer) Write(b *batch.Batch) error {
	if err := w.header(); err != nil {
		return err
	}
	for i := range b.Len {
		w.row = binary.BigEndian.AppendUint16(w.row[:0], uint16(len(b.Cols)))
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

func (w *Writer) header() error {
	if w.begun {
		return nil
	}
	w.begun = true
	_, err := w.dst.Write(append([]byte(signature), 0, 0, 0, 0, 0, 0, 0, 0))
	return err
}

// Close writes the trailer, and the header if no batch came; dst stays open.
func (w *Writer) Close() error {
	if err := w.header(); err != nil {
		return err
	}
	_, err := w.dst.Write([]byte{0xff, 0xff})
	return err
}
