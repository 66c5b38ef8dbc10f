package relop

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/siltstone-db/siltstone/engine/op"
	"github.com/siltstone-db/siltstone/engine/profile"
	"github.com/siltstone-db/siltstone/engine/spill"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Buffer keeps rows so that they can be read several times: a common table expression, a shared subplan. Copies are
// charged to the task's account; what it refuses to hold, and all that comes later, goes to one temporary file.
type Buffer struct {
	types   []types.Type
	task    *op.Task
	ordered bool
	spilled profile.Spill
	mu      struct {
		sync.Mutex
		batches []*batch.Batch
		bytes   int64
		users   int        // sink and readers not closed yet
		run     *spill.Run // nil: all rows are in batches
		codec   *spill.Rows
		record  []byte
	}
}

// NewBuffer returns a Buffer for rows of the given types.
func NewBuffer(ts []types.Type) *Buffer {
	b := &Buffer{types: ts}
	b.mu.users = 1
	return b
}

// KeepOrder makes the readers ordered sources (exec.Ordered): the rows come out as one worker put them in.
func (b *Buffer) KeepOrder() { b.ordered = true }

// Spilled returns what went to temporary files.
func (b *Buffer) Spilled() *profile.Spill { return &b.spilled }

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

// Guest returns a source of all rows that does not keep them: a Reader must be open as long as it is used.
func (b *Buffer) Guest() op.Source { return &bufferReader{b: b, guest: true} }

func (b *Buffer) done() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.mu.users--; b.mu.users == 0 && b.task != nil {
		b.task.Account.Free(b.mu.bytes)
		b.mu.run.Close()
		b.mu.batches, b.mu.bytes, b.mu.run = nil, 0, nil
	}
}

// keep appends a copy.
func (b *Buffer) keep(from *batch.Batch) error {
	b.mu.Lock()
	full := b.mu.run != nil
	b.mu.Unlock()
	if !full {
		c := Copy(from)
		n := c.Bytes()
		err := b.reserve(n)
		if err == nil {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.mu.batches = append(b.mu.batches, c)
			b.mu.bytes += n
			return nil
		}
		if b.task.Spill == nil || !errs.Is(err, errs.OutOfMemory) {
			return err
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.write(from)
}

// reserve charges a batch. A buffer that may spill leaves some memory to those that read it.
func (b *Buffer) reserve(n int64) error {
	if s := b.task.Spill; s != nil && (s.Force() || b.task.Account.Tight(b.held()+n)) {
		return errFull
	}
	return b.task.Account.Reserve(n)
}

// errFull stands for a refusal when none was met, but others need the memory, or a test wants one.
var errFull = errs.New(errs.OutOfMemory, "the buffer is full")

func (b *Buffer) held() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.mu.bytes
}

// write appends rows to the file, under the lock.
func (b *Buffer) write(from *batch.Batch) error {
	if b.mu.run == nil {
		b.mu.run, b.mu.codec = b.task.Spill.NewRun(), spill.NewRows(b.types)
	}
	for i := range from.Len {
		b.mu.record = b.mu.codec.Append(b.mu.record[:0], from, i)
		if err := b.mu.run.Append(b.mu.record); err != nil {
			return err
		}
	}
	return nil
}

// finish makes the file readable.
func (b *Buffer) finish() error {
	if b.mu.run == nil {
		return nil
	}
	b.mu.record = nil
	if err := b.mu.run.Finish(); err != nil {
		return err
	}
	b.spilled.Add(b.mu.run.Bytes())
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
		dst.Grow(int(src.Offsets[n] - src.Offsets[0]))
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
	s.b.task = t
	return nil
}

func (s *bufferSink) Consumer(*op.Task, int) (op.Consumer, error) { return bufferConsumer(*s), nil }
func (s *bufferSink) Combine(*op.Task) error                      { return s.b.finish() }
func (s *bufferSink) Close()                                      { s.b.done() }

type bufferConsumer struct{ b *Buffer }

func (c bufferConsumer) Consume(b *batch.Batch) error { return c.b.keep(b) }
func (c bufferConsumer) Finish() error                { return nil }

// bufferReader hands out the batches in memory, which workers take by number, and then the rows of the file, which they
// take in turns.
type bufferReader struct {
	b     *Buffer
	guest bool
	next  atomic.Int64
	mu    struct {
		sync.Mutex
		file  *spill.Reader // nil before the first row of the file is wanted
		codec *spill.Rows
	}
}

func (r *bufferReader) Types() []types.Type { return r.b.types }

// Ordered tells whether the rows have an order.
func (r *bufferReader) Ordered() bool { return r.b.ordered }

// Rows returns the number of rows.
func (r *bufferReader) Rows() int64 {
	n := int64(0)
	for _, b := range r.b.mu.batches {
		n += int64(b.Len)
	}
	if r.b.mu.run != nil {
		n += r.b.mu.run.Records()
	}
	return n
}

func (r *bufferReader) Open(*op.Task) error { return nil }

func (r *bufferReader) Producer(t *op.Task, _ int) (op.Producer, error) {
	return &bufferProducer{r: r, rows: max(1, min(t.BatchRows, batch.MaxRows))}, nil
}

func (r *bufferReader) Close() {
	if r.mu.file != nil {
		r.mu.file.Close()
		r.mu.file = nil
	}
	if !r.guest {
		r.b.done()
	}
}

// fill reads the next rows of the file.
func (r *bufferReader) fill(out *batch.Batch, rows int) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.mu.file == nil {
		r.mu.file, r.mu.codec = r.b.mu.run.Reader(), spill.NewRows(r.b.types)
	}
	return r.mu.codec.Fill(r.mu.file, out, rows, batchBytes)
}

// batchBytes bounds a batch that is read from a file.
const batchBytes = 4 << 20

type bufferProducer struct {
	r    *bufferReader
	rows int
	out  *batch.Batch // for rows of the file
}

func (p *bufferProducer) Next(ctx context.Context) (*batch.Batch, error) {
	b := p.r.b
	if i := int(p.r.next.Add(1)) - 1; i < len(b.mu.batches) {
		return b.mu.batches[i], nil
	}
	if b.mu.run == nil {
		return nil, nil
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if p.out == nil {
		p.out = batch.New(b.types)
	}
	if err := p.r.fill(p.out, p.rows); err != nil || p.out.Len == 0 {
		return nil, err
	}
	return p.out, nil
}

func (p *bufferProducer) Close() {}
