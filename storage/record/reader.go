package record

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/siltstone-db/siltstone/storage/errs"
)

// Source is a file to read.
type Source interface {
	io.ReaderAt
	Size() (int64, error)
	Name() string
}

// Reader reads the records of a file in order, in bounded memory: one window of frames and the record being put
// together.
type Reader struct {
	f      Source
	size   int64
	header Header
	begun  bool // the header is valid
	off    int64
	ended  bool   // an End frame was read
	goesOn uint64 // the file that it names
	tail   Tail
	max    int64

	win    []byte // window of the file at winOff
	winOff int64
	rec    []byte
	charge func(bytes int64) error // nil: nobody counts
}

// NewReader opens a file of the given kind and number. Records of more than maxRecord bytes are refused as damage.
func NewReader(f Source, kind Kind, number uint64, maxRecord int64) (*Reader, error) {
	size, err := f.Size()
	if err != nil {
		return nil, errs.New(errs.IOError, "could not read the size of file %q: %w", f.Name(), err)
	}
	r := &Reader{f: f, size: size, off: HeaderBytes, max: maxRecord}
	h, ok, err := r.fileHeader(kind)
	if err != nil {
		return nil, err
	}
	if ok && h.Number != number {
		return nil, errs.Corrupt("file %s: its header says file number %d", f.Name(), h.Number)
	}
	h.Number = number
	r.header, r.begun = h, ok
	if !ok {
		// Without its header a file was never begun; frames in it would prove otherwise.
		if err := r.proveTail(0); err != nil {
			return nil, err
		}
		r.off, r.tail = 0, Tail{Bytes: r.tail.Offset}
	}
	return r, nil
}

// fileHeader reads the file's header, twice if it is none at first, as frame does.
func (r *Reader) fileHeader(kind Kind) (h Header, ok bool, err error) {
	for range 2 {
		b, err := r.at(0, HeaderBytes)
		if err != nil {
			return h, false, err
		}
		if h, ok, err = ParseHeader(b, kind); err != nil {
			return h, false, fmt.Errorf("file %s: %w", r.f.Name(), err)
		}
		if ok {
			break
		}
		r.forget()
	}
	return h, ok, nil
}

// Charge lets the reader ask before a record that is put together takes more memory; the window, 2 MiB at most, is not
// counted.
func (r *Reader) Charge(charge func(bytes int64) error) { r.charge = charge }

// Begun tells whether the file has a header; one that has not holds nothing.
func (r *Reader) Begun() bool { return r.begun }

// Header returns the file's header.
func (r *Reader) Header() Header { return r.header }

// Short tells that the file has fewer bytes than when it was begun.
func (r *Reader) Short() bool { return r.begun && r.size < r.header.Bytes }

// Size returns the bytes of the file.
func (r *Reader) Size() int64 { return r.size }

// Ended tells, after the last record, whether the file was closed in order.
func (r *Reader) Ended() bool { return r.ended }

// GoesOn returns the number of the file that goes on, which was there when this one was closed in order; 0: none was.
func (r *Reader) GoesOn() uint64 { return r.goesOn }

// Offset returns the end of the last whole record: where the file may be cut.
func (r *Reader) Offset() int64 { return r.off }

// GoTo lets the next record be read at an offset where a record begins.
func (r *Reader) GoTo(offset int64) { r.off, r.ended, r.tail = offset, false, Tail{} }

// Tail is what follows the last whole record of a file, zeros aside: what a crash has cut, or damage of the last group.
type Tail struct {
	Offset int64
	Bytes  int64 // 0: nothing
	// Whole tells that the frame there has all its bytes, so that it does not verify for another reason than a cut: its
	// sectors came to the disk in another order, or a bit has changed.
	Whole bool
}

// Tail returns, after the last record, what follows it.
func (r *Reader) Tail() Tail { return r.tail }

// at returns n bytes of the file at off, fewer at its end. They are valid until the next call.
func (r *Reader) at(off int64, n int) ([]byte, error) {
	n = int(min(int64(n), max(0, r.size-off)))
	if off >= r.winOff && off+int64(n) <= r.winOff+int64(len(r.win)) {
		return r.win[off-r.winOff:][:n], nil
	}
	want := int(min(int64(max(n, MaxPayload)+MaxPayload), r.size-off))
	if cap(r.win) < want {
		r.win = make([]byte, want)
	}
	r.win, r.winOff = r.win[:max(0, want)], off
	if want <= 0 {
		r.win = r.win[:0]
		return nil, nil
	}
	got, err := r.f.ReadAt(r.win, off)
	if err != nil && !errors.Is(err, io.EOF) {
		r.forget()
		return nil, errs.New(errs.IOError, "could not read file %q: %w", r.f.Name(), err)
	}
	if got < want {
		r.forget()
		return nil, errs.New(errs.IOError, "could not read file %q: %d bytes at %d, want %d", r.f.Name(), got, off, want)
	}
	return r.win[:n], nil
}

// forget drops the window, so that it is read again.
func (r *Reader) forget() { r.win = r.win[:0] }

// frame returns the frame at off; ok is false when there is none. That is how a log ends, and what follows is cut off:
// so it is believed only when the bytes have been read twice, in case they went wrong on their way.
func (r *Reader) frame(off int64) (f Frame, ok bool, err error) {
	for range 2 {
		b, err := r.at(off, FrameBytes)
		if err != nil {
			return Frame{}, false, err
		}
		size := FrameBytes
		if len(b) == FrameBytes {
			if p := binary.LittleEndian.Uint32(b[4:]); p <= MaxPayload {
				size += int(p)
			}
		}
		if b, err = r.at(off, size); err != nil {
			return Frame{}, false, err
		}
		if f, ok = parse(b, r.header.Number, off); ok {
			break
		}
		r.forget()
	}
	return f, ok, nil
}

// Next returns the next whole record, or io.EOF at the end of the log: after an End frame, or where a crash cut it.
// The payload is valid until the following call. Damage in the middle is XX001.
func (r *Reader) Next() (Frame, error) {
	if !r.begun || r.ended || r.tail.Bytes > 0 {
		return Frame{}, io.EOF
	}
	off := r.off
	r.rec = r.rec[:0]
	var first Frame
	for n := 0; ; n++ {
		f, ok, err := r.frame(off)
		if err != nil {
			return Frame{}, err
		}
		if ok && n > 0 && (f.Sequence != first.Sequence || f.Type != first.Type) {
			return Frame{}, errs.Corrupt("file %s: record at offset %d goes on as another record at %d", r.f.Name(), r.off, off)
		}
		if !ok {
			return Frame{}, r.endAt(off)
		}
		off += int64(FrameBytes+len(f.Payload)+7) &^ 7
		if n == 0 {
			first = f
			if !f.More {
				return r.whole(f, off)
			}
		}
		if int64(len(r.rec)+len(f.Payload)) > r.max {
			return Frame{}, errs.Corrupt("file %s: record at offset %d is longer than %d bytes", r.f.Name(), r.off, r.max)
		}
		if err := r.grow(len(f.Payload)); err != nil {
			return Frame{}, err
		}
		r.rec = append(r.rec, f.Payload...)
		if !f.More {
			first.More, first.Payload = false, r.rec
			return r.whole(first, off)
		}
	}
}

// grow makes room for n more bytes of a record.
func (r *Reader) grow(n int) error {
	room := cap(r.rec)
	if len(r.rec)+n <= room {
		return nil
	}
	size := min(max(len(r.rec)+n, 2*room), int(r.max))
	if r.charge != nil {
		if err := r.charge(int64(size - room)); err != nil {
			return err
		}
	}
	r.rec = append(make([]byte, 0, size), r.rec...)
	return nil
}

func (r *Reader) whole(f Frame, end int64) (Frame, error) {
	r.off = end
	if f.Type == End {
		if r.ended = true; len(f.Payload) == 8 {
			r.goesOn = binary.LittleEndian.Uint64(f.Payload)
		}
		return Frame{}, io.EOF
	}
	return f, nil
}

// endAt decides what a frame that does not verify at off means.
func (r *Reader) endAt(off int64) error {
	if err := r.proveTail(off); err != nil {
		return err
	}
	end := max(r.tail.Offset, off) // behind the last byte that is not zero
	r.tail = Tail{Offset: r.off, Bytes: end - r.off}
	b, err := r.at(off, FrameBytes)
	if err != nil {
		return err
	}
	if len(b) == FrameBytes && b[12] != 0 {
		n := int64(binary.LittleEndian.Uint32(b[4:]))
		// The last bytes of a payload may be zeros themselves: those of its last word are not missed.
		r.tail.Whole = n <= MaxPayload && end > off+FrameBytes && end+8 > off+FrameBytes+n
	}
	return io.EOF
}

// proveTail looks for a frame behind off whose group starts after off, which would prove that off was durable once. It
// leaves where the bytes end that are not zero in r.tail.Offset.
func (r *Reader) proveTail(off int64) error {
	p := off &^ 7
	for p+FrameBytes <= r.size {
		b, err := r.at(p, FrameBytes+MaxPayload)
		if err != nil {
			return err
		}
		// Zeros, most of what lies behind the end of a preallocated file, are skipped by words.
		skip := 0
		for skip+8 <= len(b) && binary.LittleEndian.Uint64(b[skip:]) == 0 {
			skip += 8
		}
		if skip >= FrameBytes {
			// The eight zero bytes before a frame's first non-zero word can be its own checksum and length.
			p += int64(skip) - 8
			continue
		}
		if skip == 0 {
			r.tail.Offset = p + 8
		}
		if f, ok := parse(b, r.header.Number, p); ok && f.Group > off {
			return errs.Corrupt("file %s: damaged at offset %d, though valid records follow at %d", r.f.Name(), off, p).
				WithHint("Acknowledged rows are lost there. Restore the file from a backup; \"siltstone check\" lists what is damaged.")
		}
		p += 8
	}
	rest, err := r.at(p, FrameBytes)
	if err != nil {
		return err
	}
	for i, x := range rest {
		if x != 0 {
			r.tail.Offset = min(p+int64(i)&^7+8, r.size)
		}
	}
	return nil
}
