package format

import (
	"io"

	"github.com/siltstone-db/siltstone/storage/mem"
)

// inputBytes is the size that an Input reads at a time: large enough that moving the unread tail of a row costs
// nothing, small enough for a thousand idle streams.
const inputBytes = 64 << 10

// Input windows a byte stream: Window is what was read and not yet taken, Fill reads more behind it, Advance takes from
// its front. The window's bytes move when Fill is called; positions in it stay.
type Input struct {
	src      io.Reader
	buf      []byte
	pos, end int
	max      int
	account  *mem.Account // charged for a long window; nil: nobody is
	charged  int64
	eof      bool
	// Taken counts the bytes that Advance took.
	Taken int64
}

// NewInput returns an Input whose window grows to the bytes of a row at most.
func NewInput(src io.Reader, l Limits) *Input {
	return &Input{src: src, buf: make([]byte, min(inputBytes, l.RowBytes)), max: l.RowBytes, account: l.Account}
}

// Window returns the bytes at hand. They are valid until Fill.
func (in *Input) Window() []byte { return in.buf[in.pos:in.end] }

// Advance takes n bytes from the front of the window.
func (in *Input) Advance(n int) {
	in.pos += n
	in.Taken += int64(n)
	if len(in.buf) > LongRowBytes && in.end-in.pos <= inputBytes {
		in.shrink()
	}
}

// shrink goes back to a window of the first size behind a long row.
func (in *Input) shrink() {
	small := make([]byte, min(2*inputBytes, in.max))
	in.end = copy(small, in.buf[in.pos:in.end])
	in.buf, in.pos = small, 0
	if in.account != nil {
		in.account.Free(in.charged)
		in.charged = 0
	}
}

// copies is how often a long row is in memory while it is read: in the window, decoded, and as a value.
const copies = 3

// grow makes the window larger.
func (in *Input) grow() error {
	size := min(2*len(in.buf), in.max)
	if in.account != nil && size > LongRowBytes {
		if err := in.account.Reserve(copies*int64(size) - in.charged); err != nil {
			return err
		}
		in.charged = copies * int64(size)
	}
	grown := make([]byte, size)
	copy(grown, in.buf[:in.end])
	in.buf = grown
	return nil
}

// Fill reads more; ok is false at the end of the stream. A window that is full, of a row that goes on, is 54000.
func (in *Input) Fill() (ok bool, err error) {
	if in.eof {
		return false, nil
	}
	if in.end-in.pos >= in.max {
		var beyond [1]byte
		if n, err := in.read(beyond[:]); n == 0 {
			return false, err
		}
		return false, TooLong("row", in.max)
	}
	if in.pos > 0 {
		copy(in.buf, in.buf[in.pos:in.end])
		in.end -= in.pos
		in.pos = 0
	}
	if in.end == len(in.buf) {
		if err := in.grow(); err != nil {
			return false, err
		}
	}
	n, err := in.read(in.buf[in.end:])
	in.end += n
	return n > 0, err
}

// read reads at least one byte; none at the end of the stream.
func (in *Input) read(p []byte) (n int, err error) {
	for range 100 {
		n, err := in.src.Read(p)
		in.eof = err == io.EOF
		if n > 0 && (err == nil || in.eof) || in.eof {
			return n, nil
		}
		if err != nil {
			return n, err
		}
	}
	return 0, io.ErrNoProgress
}
