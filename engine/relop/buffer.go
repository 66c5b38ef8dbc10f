package relop

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/siltstone-db/siltstone/engine/op"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Buffer keeps rows so that they can be read several times: a common table expression, a shared subplan. Copies are
// charged to the task's account.
type Buffer struct {
	types []types.Type
	acc   *mem.Account
	mu    struct {
		sync.Mutex
		batches []*batch.Batch
		bytes   int64
		users   int // sink and readers not closed yet
	}
}

// NewBuffer returns a Buffer for rows of the given types.
func NewBuffer(ts []types.Type) *Buffer {
	b := &Buffer{types: ts}
	b.mu.users = 1
	return b
}

// Sink returns the side that fills the buffer.
func (b *Buffer) Sink() op.Sink { return &bufferSink{b} }

// Reader returns a new source of all rows; its pipeline depends on the one of Sink. The memory is given back when the
// sink and all readers handed out were closed.
func (b *Buffer) Reader() op.Source {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.mu.users++
	return &bufferReader{b: b}
}

func (b *Buffer) done() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.mu.users--; b.mu.users == 0 && b.acc != nil {
		b.acc.Free(b.mu.bytes)
		b.mu.batches, b.mu.bytes = nil, 0
	}
}

// keep appends a copy.
func (b *Buffer) keep(from *batch.Batch) error {
	c := Copy(from)
	n := c.Bytes()
	if err := b.acc.Reserve(n); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.mu.batches = append(b.mu.batches, c)
	b.mu.bytes += n
	return nil
}

// Copy returns a copy of a batch that shares nothing with it but dictionaries.
func Copy(from *batch.Batch) *batch.Batch {
	c := batch.New(from.Types())
	for i, v := range from.Cols {
		copyVector(c.Cols[i], v)
	}
	c.Len = from.Len
	return c
}

func copyVector(dst, src *batch.Vector) {
	n := src.Len
	switch {
	case src.Form == batch.Constant:
		dst.ResetConstant(src.Datum(0), n)
		return
	case src.Form == batch.Dict:
		dst.ResetDict(src.Type, src.Dict, n)
		copy(dst.Codes, src.Codes)
	case src.Form == batch.Packed:
		dst.Flatten(src)
		dst.Valid = nil
	case src.Type.Physical() == types.PhysBytes:
		dst.Reset(src.Type, n)
		for i := range n {
			dst.AppendBytes(src.BytesAt(i))
		}
	default:
		dst.Reset(src.Type, n)
		copy(dst.Data, src.Data)
	}
	if src.Valid != nil {
		copy(dst.Nulls(n), src.Valid)
	}
}

type bufferSink struct{ b *Buffer }

func (s *bufferSink) Open(t *op.Task) error {
	s.b.acc = t.Account
	return nil
}

func (s *bufferSink) Consumer(*op.Task, int) (op.Consumer, error) { return bufferConsumer(*s), nil }
func (s *bufferSink) Combine(*op.Task) error                      { return nil }
func (s *bufferSink) Close()                                      { s.b.done() }

type bufferConsumer struct{ b *Buffer }

func (c bufferConsumer) Consume(b *batch.Batch) error { return c.b.keep(b) }
func (c bufferConsumer) Finish() error                { return nil }

type bufferReader struct {
	b    *Buffer
	next atomic.Int64
}

func (r *bufferReader) Types() []types.Type { return r.b.types }

func (r *bufferReader) Rows() int64 {
	n := int64(0)
	for _, b := range r.b.mu.batches {
		n += int64(b.Len)
	}
	return n
}

func (r *bufferReader) Open(*op.Task) error { return nil }

func (r *bufferReader) Producer(*op.Task, int) (op.Producer, error) { return bufferProducer{r}, nil }

func (r *bufferReader) Close() { r.b.done() }

type bufferProducer struct{ r *bufferReader }

func (p bufferProducer) Next(context.Context) (*batch.Batch, error) {
	i := int(p.r.next.Add(1)) - 1
	if i >= len(p.r.b.mu.batches) {
		return nil, nil
	}
	return p.r.b.mu.batches[i], nil
}

func (p bufferProducer) Close() {}
