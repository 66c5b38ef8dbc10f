package spill

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"

	"github.com/klauspost/compress/s2"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/vfs"
)

// BlockBytes is how many bytes of records a block has: large enough that s2 finds its repetitions and a write costs
// little per record, small enough that 32 partitions are filled with 1 MiB of buffers.
const BlockBytes = 32 << 10

// headBytes is the size of a block's head.
const headBytes = 12

// recordBytesMax is the largest record: that of a row of values of at most 1 GiB.
const recordBytesMax = 1 << 30

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Run is a temporary file of records.
type Run struct {
	s       *Space
	number  uint64
	file    vfs.File // nil until the first block
	buf     []byte
	charged int64 // for buf
	size    int64
	records int64
	largest int // raw bytes of the largest block
}

// NewRun returns an empty run. The caller closes it.
func (s *Space) NewRun() *Run {
	r := &Run{s: s, number: s.dir.next.Add(1)}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.runs[r] = struct{}{}
	return r
}

// Records returns the number of records.
func (r *Run) Records() int64 { return r.records }

// Bytes returns the size of the file.
func (r *Run) Bytes() int64 { return r.size }

// Append adds a record, which it copies.
func (r *Run) Append(record []byte) error {
	if len(record) > recordBytesMax {
		return errs.New(errs.ProgramLimitExceeded, "a row of %d bytes is too large for a temporary file", len(record))
	}
	if need := len(record) + binary.MaxVarintLen32; len(r.buf)+need > cap(r.buf) {
		if err := r.flush(); err != nil {
			return err
		}
		r.charge(max(need, BlockBytes))
	}
	r.buf = binary.AppendUvarint(r.buf, uint64(len(record)))
	r.buf = append(r.buf, record...)
	r.records++
	return nil
}

// charge makes the buffer n bytes large.
func (r *Run) charge(n int) {
	if n == cap(r.buf) {
		return
	}
	r.s.account.Free(r.charged)
	r.buf, r.charged = nil, int64(n)
	if n > 0 {
		_ = r.s.account.Reserve(r.charged)
		r.buf = make([]byte, 0, n)
	}
}

// flush writes the buffer as a block.
func (r *Run) flush() error {
	if len(r.buf) == 0 {
		return nil
	}
	name := r.s.dir.name(r.number)
	if r.file == nil {
		f, err := r.s.dir.fs.Create(name)
		if err != nil {
			return ioError("create", name, err)
		}
		r.file = f
	}
	b := r.s.takeScratch(headBytes + s2.MaxEncodedLen(len(r.buf)))
	defer r.s.giveScratch(b)
	payload := s2.Encode(b[headBytes:], r.buf)
	head := b[:headBytes]
	binary.LittleEndian.PutUint32(head, uint32(len(payload)))
	binary.LittleEndian.PutUint32(head[4:], uint32(len(r.buf)))
	binary.LittleEndian.PutUint32(head[8:], r.checksum(r.size, head[4:8], payload))
	n := int64(headBytes + len(payload))
	if err := r.s.grow(n); err != nil {
		return err
	}
	if _, err := r.file.Write(b[:n]); err != nil {
		r.s.bytes.Add(-n)
		return ioError("write to", name, err)
	}
	r.size += n
	r.largest = max(r.largest, len(r.buf))
	r.buf = r.buf[:0]
	return nil
}

// checksum covers where a block stands and what it holds.
func (r *Run) checksum(at int64, raw, payload []byte) uint32 {
	var place [16]byte
	binary.LittleEndian.PutUint64(place[:], r.number)
	binary.LittleEndian.PutUint64(place[8:], uint64(at))
	c := crc32.Update(0, castagnoli, place[:])
	c = crc32.Update(c, castagnoli, raw)
	return crc32.Update(c, castagnoli, payload)
}

// Mark ends a block, and returns where the next one will be, for From.
func (r *Run) Mark() (place int64, err error) {
	err = r.flush()
	return r.size, err
}

// Finish writes what is left and gives the buffer back. The run can be read from now on.
func (r *Run) Finish() error {
	if err := r.flush(); err != nil {
		return err
	}
	r.charge(0)
	return nil
}

// Close removes the file. Closing twice, or nil, does nothing.
func (r *Run) Close() {
	if r == nil {
		return
	}
	r.s.mu.Lock()
	_, open := r.s.mu.runs[r]
	delete(r.s.mu.runs, r)
	r.s.mu.Unlock()
	if !open {
		return
	}
	r.charge(0)
	if r.file != nil {
		_ = r.file.Close() // nothing in it is needed any more
		_ = r.s.dir.fs.Remove(r.s.dir.name(r.number))
		r.s.bytes.Add(-r.size)
	}
}

// Reader reads the records of a finished run, in order.
type Reader struct {
	r       *Run
	at      int64
	raw     []byte // the block, decoded
	rest    []byte // of raw
	packed  []byte
	charged int64
}

// Reader returns a reader from the first record. The caller closes it, before the run.
func (r *Run) Reader() *Reader { return &Reader{r: r} }

// From returns a reader from the record behind a Mark on.
func (r *Run) From(place int64) *Reader { return &Reader{r: r, at: place} }

// Close gives the buffers back.
func (x *Reader) Close() {
	x.r.s.account.Free(x.charged)
	x.raw, x.rest, x.packed, x.charged = nil, nil, nil, 0
}

// Next returns the next record, nil at the end. It is valid until the next call.
func (x *Reader) Next() ([]byte, error) {
	if len(x.rest) == 0 {
		if x.at >= x.r.size {
			return nil, nil
		}
		if err := x.block(); err != nil {
			return nil, err
		}
	}
	n, k := binary.Uvarint(x.rest)
	if k <= 0 || n > uint64(len(x.rest)-k) {
		return nil, x.damaged("a record is longer than its block")
	}
	record := x.rest[k : k+int(n) : k+int(n)]
	x.rest = x.rest[k+int(n):]
	return record, nil
}

// block reads the next block.
func (x *Reader) block() error {
	var head [headBytes]byte
	if err := x.read(head[:], x.at); err != nil {
		return err
	}
	size, raw := binary.LittleEndian.Uint32(head[:]), binary.LittleEndian.Uint32(head[4:])
	if int64(size) > x.r.size-x.at-headBytes || int(raw) > x.r.largest || raw == 0 {
		return x.damaged("the size of a block is wrong")
	}
	x.room(int(size))
	if err := x.read(x.packed, x.at+headBytes); err != nil {
		return err
	}
	if x.r.checksum(x.at, head[4:8], x.packed) != binary.LittleEndian.Uint32(head[8:]) {
		return x.damaged("the checksum of a block is wrong")
	}
	b, err := s2.Decode(x.raw[:cap(x.raw)], x.packed)
	if err != nil || len(b) != int(raw) {
		return x.damaged("a block does not decode")
	}
	x.raw, x.rest = b, b
	x.at += headBytes + int64(size)
	return nil
}

// room makes the buffers as large as the run's largest block needs them.
func (x *Reader) room(size int) {
	if cap(x.raw) == 0 {
		x.raw = make([]byte, x.r.largest)
	}
	if cap(x.packed) < size {
		x.packed = make([]byte, size)
	}
	x.packed = x.packed[:size]
	n := int64(cap(x.raw) + cap(x.packed))
	_ = x.r.s.account.Reserve(n - x.charged)
	x.charged = n
}

func (x *Reader) read(b []byte, at int64) error {
	n, err := x.r.file.ReadAt(b, at)
	if n == len(b) {
		return nil
	}
	if errors.Is(err, io.EOF) || err == nil {
		return x.damaged("it is shorter than what was written")
	}
	return ioError("read", x.r.s.dir.name(x.r.number), err)
}

func (x *Reader) damaged(what string) error {
	return errs.Corrupt("temporary file %q, block at %d: %s", x.r.s.dir.name(x.r.number), x.at, what)
}
