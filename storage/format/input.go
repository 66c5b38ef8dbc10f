package format

import "io"

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
	eof      bool
	// Taken counts the bytes that Advance took.
	Taken int64
}

// NewInput returns an Input whose window grows to at most max bytes.
func NewInput(src io.Reader, max int) *Input {
	return &Input{src: src, buf: make([]byte, min(inputBytes, max+1)), max: max}
}

// Window returns the bytes at hand. They are valid until Fill.
func (in *Input) Window() []byte { return in.buf[in.pos:in.end] }

// Advance takes n bytes from the front of the window.
func (in *Input) Advance(n int) {
	in.pos += n
	in.Taken += int64(n)
}

// Fill reads more; ok is false at the end of the stream. A window that is full is 54000.
func (in *Input) Fill() (ok bool, err error) {
	if in.eof {
		return false, nil
	}
	if in.end-in.pos >= in.max {
		return false, TooLong("row", in.max)
	}
	if in.pos > 0 {
		copy(in.buf, in.buf[in.pos:in.end])
		in.end -= in.pos
		in.pos = 0
	}
	if in.end == len(in.buf) {
		grown := make([]byte, min(2*len(in.buf), in.max+1))
		copy(grown, in.buf[:in.end])
		in.buf = grown
	}
	for range 100 {
		n, err := in.src.Read(in.buf[in.end:])
		in.end += n
		if n > 0 && (err == nil || err == io.EOF) {
			in.eof = err == io.EOF
			return true, nil
		}
		if err == io.EOF {
			in.eof = true
			return false, nil
		}
		if err != nil {
			return false, err
		}
	}
	return false, io.ErrNoProgress
}
