package segment

import (
	"fmt"
	"io"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/encoding"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/index"
	"github.com/siltstone-db/siltstone/storage/kernel"
	"github.com/siltstone-db/siltstone/storage/keys"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Input is what a segment is made of.
type Input struct {
	ID      uint64
	Columns []Column
	Rows    int // at least 1
	// Order, when not nil, sorts the rows: row i of the segment is row Order[i] of the chunks.
	Order []uint32
	// Chunks returns the vectors of a column whose rows, one after the other, are the rows of the segment. They may
	// have any form and length. It is called once for each column, in order, and the vectors of one column may be
	// freed when the next is asked for. With several workers it is called by each of them. Columns of keys are asked for
	// again when all columns are written.
	Chunks func(column int) ([]*batch.Vector, error)
	// Keys get a run each (package keys); their columns are those of Columns. Gone are rows, in the order of the chunks,
	// that were deleted and stay so: runs do not have them.
	Keys []keys.Key
	Gone *index.RowSet
	// Workers is how many columns are encoded at the same time; 0 means 1. The file is the same for any number.
	Workers int
	// Account, when not nil, is charged for the memory of writing. It must not refuse (mem.Pool.Overdraft).
	Account *mem.Account
}

// Info tells what Write wrote.
type Info struct {
	ID    uint64
	Rows  int64
	Bytes int64
}

// Write writes a segment to w, front to back, and holds one column per worker in memory at a time, and with several
// workers some that are encoded and not written yet. It does not sync or close.
func Write(w io.Writer, in *Input) (Info, error) {
	if in.Rows < 1 || int64(in.Rows) > 1<<32 || len(in.Columns) > maxColumns {
		return Info{}, errs.Internal("a segment of %d rows and %d columns", in.Rows, len(in.Columns))
	}
	if in.Order != nil && len(in.Order) != in.Rows {
		return Info{}, errs.Internal("an order of %d rows for %d", len(in.Order), in.Rows)
	}
	sw := &writer{w: w, in: in}
	defer sw.discharge()
	sw.write(header(in.ID))
	metas := make([]*meta, len(in.Columns))
	if err := sw.columns(metas); err != nil {
		return Info{}, err
	}
	runs, err := sw.writeKeys()
	if err != nil {
		return Info{}, err
	}
	if sw.err == nil {
		sw.finish(metas, runs)
	}
	if sw.err != nil {
		return Info{}, fmt.Errorf("write segment %d: %w", in.ID, sw.err)
	}
	return Info{in.ID, int64(in.Rows), int64(sw.off)}, nil
}

// columns writes all columns.
func (w *writer) columns(metas []*meta) error {
	if n := min(w.in.Workers, len(metas)); n > 1 {
		return w.parallel(metas, n)
	}
	for i := range metas {
		var err error
		if metas[i], err = w.read(i); err != nil || w.err != nil {
			return err
		}
	}
	return nil
}

// read asks for column i and writes it.
func (w *writer) read(i int) (*meta, error) {
	c := w.in.Columns[i]
	chunks, err := w.in.Chunks(i)
	if err != nil {
		return nil, fmt.Errorf("read column %q: %w", c.Name, err)
	}
	m, err := w.column(c, chunks)
	if err != nil {
		return nil, fmt.Errorf("write column %q: %w", c.Name, err)
	}
	return m, nil
}

// writer counts bytes and keeps the work space that columns share.
type writer struct {
	w   io.Writer
	in  *Input
	off uint64
	err error // the first error of w; everything afterwards is dropped

	enc    encoding.Encoder
	ints   []int64 // values, in the order of the chunks
	sorted []int64 // in the order of the segment
	wide   []batch.Int128
	wide2  []batch.Int128
	valid  batch.Bitmap
	valid2 batch.Bitmap
	buf    []byte
	packed []byte
	codes  []uint32 // of strings, in the order of the segment

	sampled batch.Vector

	strings  interner
	prefixes []uint64
	offsets  []uint32
	heap     []byte
	charged  int64
}

// charge makes the account's charge the memory that the writer holds now.
func (w *writer) charge() error {
	held := w.strings.held() + int64(cap(w.buf)+cap(w.packed)+cap(w.heap)) + 4*int64(cap(w.codes)+cap(w.offsets)) +
		8*int64(cap(w.ints)+cap(w.sorted)+cap(w.prefixes)+cap(w.valid)+cap(w.valid2)) + 16*int64(cap(w.wide)+cap(w.wide2)) + w.sampled.Held()
	if w.in.Account == nil || held <= w.charged {
		return nil
	}
	if err := w.in.Account.Reserve(held - w.charged); err != nil {
		return err
	}
	w.charged = held
	return nil
}

func (w *writer) discharge() {
	if w.in.Account != nil {
		w.in.Account.Free(w.charged)
	}
}

func (w *writer) write(b []byte) {
	if w.err != nil {
		return
	}
	n, err := w.w.Write(b)
	w.off += uint64(n)
	w.err = err
}

var zeros [alignment]byte

func (w *writer) align() { w.write(zeros[:-w.off&(alignment-1)]) }

// add writes a buffer and returns its reference.
func (w *writer) add(b []byte, squeeze bool) ref {
	w.align()
	r := ref{offset: w.off, plain: uint32(len(b))}
	if squeeze {
		b, r.codec = compress(w.packed, b)
		if r.codec != codecNone {
			w.packed = b
		}
	}
	r.stored, r.crc = uint32(len(b)), checksum(b)
	w.write(b)
	return r
}

// finish writes metadata, directory and footer.
func (w *writer) finish(metas []*meta, runs []keyRun) {
	f := footer{rows: uint64(w.in.Rows), columns: uint32(len(metas)), id: w.in.ID}
	w.align()
	f.metadata = w.off
	var dir []blobRef
	for _, m := range metas {
		b := m.append(w.buf[:0])
		w.buf = b
		w.align()
		dir = append(dir, blobRef{w.off, uint32(len(b)), checksum(b)})
		w.write(b)
	}
	w.buf = appendDirectory(w.buf[:0], dir, runs)
	w.align()
	f.directory, f.length, f.crc = w.off, uint32(len(w.buf)), checksum(w.buf)
	w.write(w.buf)
	w.align()
	f.size = w.off + footerBytes
	w.write(f.bytes())
}

// column writes one column.
func (w *writer) column(c Column, chunks []*batch.Vector) (*meta, error) {
	rows := 0
	for _, v := range chunks {
		if v.Type.Physical() != c.Type.Physical() {
			return nil, errs.Internal("a chunk of %s", v.Type)
		}
		rows += v.Len
	}
	if rows != w.in.Rows {
		return nil, errs.Internal("%d rows, want %d", rows, w.in.Rows)
	}
	m := &meta{Column: c, sketch: new(index.Sketch)}
	m.stats.Rows = int64(rows)
	m.zones.Ranges = index.HasRange(c.Type.Physical())
	switch c.Type.Physical() {
	case types.PhysBool:
		w.writeBools(m, chunks)
	case types.PhysInt16, types.PhysInt32, types.PhysInt64, types.PhysFloat32, types.PhysFloat64:
		w.writeInts(m, chunks)
	case types.PhysInt128, types.PhysInterval, types.PhysUUID:
		w.writeWide(m, chunks)
	case types.PhysBytes:
		if err := w.writeStrings(m, chunks); err != nil {
			return nil, err
		}
	default:
		return nil, errs.Internal("%s cannot be stored", c.Type)
	}
	w.sample(m, chunks)
	if err := w.charge(); err != nil {
		return nil, err
	}
	if m.dict == nil && !m.stats.DistinctExact {
		m.stats.Distinct = min(m.sketch.Estimate(), m.stats.Rows-m.stats.Nulls)
	}
	return m, nil
}

// validity collects the validity of all rows in segment order; nil when none is NULL.
func (w *writer) validity(chunks []*batch.Vector) batch.Bitmap {
	any := false
	for _, v := range chunks {
		any = any || v.Valid != nil
	}
	if !any {
		return nil
	}
	w.valid = zeroBits(w.valid, w.in.Rows)
	at := 0
	for _, v := range chunks {
		switch {
		case v.Valid == nil:
			kernel.SetRange(w.valid, at, v.Len)
		case v.Form != batch.Constant:
			kernel.CopyBits(w.valid, at, v.Valid, 0, v.Len)
		case v.Valid.Get(0):
			kernel.SetRange(w.valid, at, v.Len)
		}
		at += v.Len
	}
	if w.valid.Count() == w.in.Rows {
		return nil
	}
	return w.permuteBits(w.valid, &w.valid2)
}

func zeroBits(b batch.Bitmap, n int) batch.Bitmap {
	if cap(b) < batch.Words(n) {
		return make(batch.Bitmap, batch.Words(n))
	}
	b = b[:batch.Words(n)]
	clear(b)
	return b
}

func (w *writer) permuteBits(b batch.Bitmap, to *batch.Bitmap) batch.Bitmap {
	if w.in.Order == nil {
		return b
	}
	*to = zeroBits(*to, w.in.Rows)
	for i, j := range w.in.Order {
		(*to)[i>>6] |= (b[j>>6] >> (j & 63) & 1) << (uint(i) & 63)
	}
	return *to
}

func grow[T any](v []T, n int) []T {
	if cap(v) < n {
		return make([]T, n)
	}
	return v[:n]
}

func permute[T any](dst, src []T, order []uint32) []T {
	dst = grow(dst, len(src))
	for i, j := range order {
		dst[i] = src[j]
	}
	return dst
}

// block writes the buffers of rows [from, to) of a column: encode appends the encoded values.
func (w *writer) block(m *meta, valid batch.Bitmap, from, to int, squeeze bool, encode func(dst []byte) []byte) {
	n := to - from
	b := blockMeta{rows: uint32(n)}
	if valid != nil {
		b.nulls = uint32(n - kernel.CountBits(valid[from>>6:], n))
	}
	m.stats.Nulls += int64(b.nulls)
	if int(b.nulls) < n {
		w.buf = encode(w.buf[:0])
		b.encoding = encoding.ID(w.buf[0])
		b.values = w.add(w.buf, squeeze)
	}
	if b.nulls > 0 && int(b.nulls) < n {
		w.buf = w.enc.Bits(w.buf[:0], valid[from>>6:batch.Words(to)], n)
		b.validity = w.add(w.buf, false)
	}
	m.blocks = append(m.blocks, b)
}

// ranges calls f for pieces of size rows.
func (w *writer) ranges(size int, f func(from, to int)) {
	for from := 0; from < w.in.Rows; from += size {
		f(from, min(from+size, w.in.Rows))
	}
}

// bitsFrom returns the validity of rows [from, to), from being a multiple of 64; nil when there is none.
func bitsFrom(valid batch.Bitmap, from, to int) batch.Bitmap {
	if valid == nil {
		return nil
	}
	return valid[from>>6 : batch.Words(to)]
}

func nullsOf(valid batch.Bitmap, n int) int {
	if valid == nil {
		return 0
	}
	return n - kernel.CountBits(valid, n)
}
