package arrow

import (
	"io"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/ipc"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/types"
)

// ContentType is the media type of an Arrow IPC stream.
const ContentType = "application/vnd.apache.arrow.stream"

// Writer writes batches as one Arrow IPC stream. It belongs to one goroutine.
type Writer struct {
	schema *arrow.Schema
	w      *ipc.Writer
}

// NewWriter returns a writer of columns with these names and types.
func NewWriter(w io.Writer, names []string, ts []types.Type) *Writer {
	schema := Schema(names, ts)
	return &Writer{schema: schema, w: ipc.NewWriter(w, ipc.WithSchema(schema))}
}

// Write writes one batch.
func (w *Writer) Write(b *batch.Batch) error {
	r, err := Record(w.schema, b)
	if err != nil {
		return err
	}
	defer r.Release()
	return w.w.Write(r)
}

// Close ends the stream; the underlying writer stays open.
func (w *Writer) Close() error { return w.w.Close() }
