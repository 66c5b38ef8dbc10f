package pgwire

import (
	"encoding/binary"
	"errors"
	"io"
	"os"
	"time"

	"github.com/siltstone-db/siltstone/storage/errs"
)

// copyReader is what the client sends during COPY FROM STDIN, as one stream: the boundaries of CopyData messages mean
// nothing. Its first error other than io.EOF sticks.
type copyReader struct {
	conn   *conn
	active bool   // between CopyInResponse and CopyDone or CopyFail
	rest   []byte // of the message at hand
	err    error
}

func (r *copyReader) begin() {
	r.active, r.rest, r.err = true, nil, nil
	r.conn.in.widen(copyBufferBytes)
}

// Read fills p from as many messages as have arrived.
func (r *copyReader) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		if len(r.rest) > 0 {
			k := copy(p[n:], r.rest)
			r.rest = r.rest[k:]
			n += k
			continue
		}
		if n > 0 && !r.conn.in.ready('d') {
			break
		}
		if r.err == nil {
			r.err = r.next()
		}
		if r.err != nil {
			if n > 0 {
				break
			}
			return 0, r.err
		}
	}
	return n, nil
}

// next waits for a message with data. The end of the copy is io.EOF.
func (r *copyReader) next() error {
	c := r.conn
	for {
		c.state.Store(stateCopying)
		if c.cancelled.Load() {
			c.state.Store(stateRunning)
			return r.interrupted()
		}
		typ, body, err := c.in.next(&copyPhase)
		c.state.Store(stateRunning)
		if err != nil {
			return r.readError(err)
		}
		switch typ {
		case 'd':
			if len(body) > 0 {
				r.rest = body
				return nil
			}
		case 'c':
			r.active = false
			return io.EOF
		case 'f':
			r.active = false
			reason, err := decodeText(body)
			if err != nil {
				return err
			}
			return errs.New(errs.QueryCanceled, "COPY from stdin failed: %s", reason)
		}
	}
}

// readError translates a failed read: a cancel request and Shutdown wake the reader by its deadline.
func (r *copyReader) readError(err error) error {
	c := r.conn
	var e *errs.Error
	switch {
	case errors.As(err, &e):
		return e
	case errors.Is(err, os.ErrDeadlineExceeded):
		c.nc.SetReadDeadline(time.Time{})
		return r.interrupted()
	}
	r.active = false
	return fatal(errs.ConnectionFailure, "unexpected EOF on client connection with an open transaction")
}

func (r *copyReader) interrupted() error {
	if r.conn.srv.stopping.Load() {
		return shutdownError()
	}
	return errs.New(errs.QueryCanceled, "canceling statement due to user request")
}

// finish drops what the client sends until it ends the copy: a statement may be content before the end, as binary
// COPY is at its trailer.
func (r *copyReader) finish() error {
	for r.active {
		r.rest = nil
		if err := r.next(); err != nil && !errors.Is(err, io.EOF) {
			return err
		}
	}
	return nil
}

// copyWriter makes a CopyData message of every Write.
type copyWriter struct{ conn *conn }

// Write sends one row, or one piece of binary data.
func (w copyWriter) Write(p []byte) (int, error) {
	out := &w.conn.out
	dst, at := begin(out.buf, 'd')
	out.buf = end(append(dst, p...), at)
	if err := out.spill(); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Close sends CopyDone.
func (w copyWriter) Close() error {
	w.conn.out.buf = appendEmpty(w.conn.out.buf, 'c')
	return w.conn.out.spill()
}

// appendCopyResponse appends CopyInResponse ('G') or CopyOutResponse ('H').
func appendCopyResponse(dst []byte, typ byte, format int8, columns int) []byte {
	dst, at := begin(dst, typ)
	dst = append(dst, byte(format))
	dst = binary.BigEndian.AppendUint16(dst, uint16(columns))
	for range columns {
		dst = binary.BigEndian.AppendUint16(dst, uint16(format))
	}
	return end(dst, at)
}
