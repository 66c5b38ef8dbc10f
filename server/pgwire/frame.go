package pgwire

import (
	"encoding/binary"
	"errors"
	"io"

	"github.com/siltstone-db/siltstone/storage/errs"
)

// Sizes of the read buffer. It starts small, since most sessions send short statements and there may be thousands, and
// goes back to the start when a long message has passed.
const (
	readBufferBytes     = 8 << 10
	readBufferKeepBytes = 256 << 10
	// copyBufferBytes is the size while a COPY streams in: psql sends a message per line, and a read should take many.
	copyBufferBytes = 128 << 10
)

// frameReader cuts a stream into messages and is the guard in front of every decoder (package comment). It never asks
// its source for more than what has room in the buffer, and the buffer doubles only when it is full of received bytes.
//
// A source that fails with a timeout can be read on: a message that had arrived in part is kept.
type frameReader struct {
	src  io.Reader
	buf  []byte
	r, w int  // unread bytes are buf[r:w]
	lost bool // a message came that cannot be skipped: nothing behind it can be trusted
	left int  // bytes of a long CopyData that were not handed out
}

func newFrameReader(src io.Reader) *frameReader {
	return &frameReader{src: src, buf: make([]byte, readBufferBytes)}
}

// buffered returns how many bytes have arrived and were not read.
func (f *frameReader) buffered() int { return f.w - f.r }

// fill makes at least n unread bytes stand in the buffer.
func (f *frameReader) fill(n int) error {
	for f.w-f.r < n {
		if f.r == f.w {
			f.r, f.w = 0, 0
			if len(f.buf) > readBufferKeepBytes && n <= readBufferKeepBytes {
				f.buf = make([]byte, readBufferBytes)
			}
		}
		if f.r+n > len(f.buf) && f.r > 0 {
			f.w = copy(f.buf, f.buf[f.r:f.w])
			f.r = 0
		}
		if f.w == len(f.buf) {
			grown := make([]byte, min(n, 2*len(f.buf)))
			copy(grown, f.buf[:f.w])
			f.buf = grown
		}
		k, err := f.src.Read(f.buf[f.w:])
		f.w += k
		if err != nil && f.w-f.r < n {
			if err == io.EOF && f.w > f.r {
				return io.ErrUnexpectedEOF
			}
			return err
		}
	}
	return nil
}

// widen makes the buffer at least n bytes long.
func (f *frameReader) widen(n int) {
	if len(f.buf) >= n {
		return
	}
	grown := make([]byte, n)
	f.w = copy(grown, f.buf[f.r:f.w])
	f.buf, f.r = grown, 0
}

// peek returns the first byte that is to come.
func (f *frameReader) peek() (byte, error) {
	if err := f.fill(1); err != nil {
		return 0, err
	}
	return f.buf[f.r], nil
}

// startup reads a start-up packet: its code and what follows. The body is valid until the next call.
func (f *frameReader) startup() (code uint32, body []byte, err error) {
	if err := f.fill(4); err != nil {
		return 0, nil, err
	}
	n := binary.BigEndian.Uint32(f.buf[f.r:])
	if n < 8 || n > startupMaxBytes {
		return 0, nil, violation("invalid length of startup packet")
	}
	if err := f.fill(int(n)); err != nil {
		return 0, nil, err
	}
	p := f.buf[f.r : f.r+int(n)]
	f.r += int(n)
	return binary.BigEndian.Uint32(p[4:]), p[8:], nil
}

// next reads a message that is legal in phase p. The body is valid until the next call. After an error that is not a
// timeout the stream is out of step and of no more use.
//
// A long CopyData comes in pieces, as many messages: where it is legal the boundaries of CopyData mean nothing, and a row of
// a gigabyte is one message of clients that send what COPY TO sent them.
func (f *frameReader) next(p *phase) (typ byte, body []byte, err error) {
	if f.left > 0 {
		return f.piece()
	}
	if err := f.fill(5); err != nil {
		// The type alone tells garbage, and a client that sends one byte of it need not be waited for.
		if f.w > f.r && p[f.buf[f.r]] == 0 {
			return 0, nil, f.illegal(p)
		}
		return 0, nil, err
	}
	typ = f.buf[f.r]
	n := binary.BigEndian.Uint32(f.buf[f.r+1:])
	if p[typ] == 0 {
		return 0, nil, f.illegal(p)
	}
	if n < 4 || n > p[typ] {
		return 0, nil, violation("invalid message length").
			WithDetail("Message type %q claims %d bytes; 4 to %d are legal here.", rune(typ), n, p[typ])
	}
	if typ == 'd' && n > copyBufferBytes {
		f.r += 5
		f.left = int(n) - 4
		return f.piece()
	}
	if err := f.fill(1 + int(n)); err != nil {
		return 0, nil, err
	}
	body = f.buf[f.r+5 : f.r+1+int(n)]
	f.r += 1 + int(n)
	return typ, body, nil
}

// piece returns what has come of a long CopyData.
func (f *frameReader) piece() (typ byte, body []byte, err error) {
	if err := f.fill(1); errors.Is(err, io.EOF) {
		return 0, nil, io.ErrUnexpectedEOF
	} else if err != nil {
		return 0, nil, err
	}
	n := min(f.left, f.w-f.r)
	body = f.buf[f.r : f.r+n]
	f.r += n
	f.left -= n
	return 'd', body, nil
}

// ready tells whether a whole message of type typ, or a piece of CopyData, has arrived already.
func (f *frameReader) ready(typ byte) bool {
	if f.left > 0 {
		return typ == 'd' && f.w > f.r
	}
	return f.w-f.r >= 5 && f.buf[f.r] == typ && uint64(f.w-f.r-1) >= uint64(binary.BigEndian.Uint32(f.buf[f.r+1:]))
}

// illegal is the error of a message that phase p does not allow. During COPY it is the statement's, which says where in
// the data it came, and the end of the session follows; as in PostgreSQL.
func (f *frameReader) illegal(p *phase) error {
	typ := f.buf[f.r]
	switch p {
	case &loginPhase:
		return violation("expected password response, got message type %d", typ)
	case &copyPhase:
		f.lost = true
		return errs.New(errs.ProtocolViolation, "unexpected message type 0x%02X during COPY from stdin", typ)
	}
	return violation("invalid frontend message type %d", typ)
}

// violation is the error of a client that is out of step with the protocol: the connection ends.
func violation(format string, args ...any) *errs.Error {
	e := errs.New(errs.ProtocolViolation, format, args...)
	e.Severity = severityFatal
	return e
}
