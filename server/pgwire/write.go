package pgwire

import (
	"encoding/binary"
	"errors"
	"net"
	"time"

	"github.com/siltstone-db/siltstone/storage/metric"
)

// Sizes of the write buffer. It is flushed when it holds writeFlushBytes, at Flush and Sync, and before waiting for
// COPY data. 64 KiB is one system call for about a thousand narrow rows, and more does not make it faster.
const (
	writeFlushBytes = 64 << 10
	writeKeepBytes  = 256 << 10
)

// errWrite stands for a connection that takes no more bytes; the details are the operating system's and of no use.
var errWrite = errors.New("connection to client lost")

// writer collects messages for the client and sends them. The first failure sticks.
type writer struct {
	conn    net.Conn
	buf     []byte
	timeout time.Duration // for one flush; 0: none
	sent    *metric.Counter
	err     error
}

// flush sends what was collected.
func (w *writer) flush() error {
	if w.err != nil {
		w.buf = w.buf[:0]
		return w.err
	}
	if len(w.buf) == 0 {
		return nil
	}
	if w.timeout > 0 {
		w.conn.SetWriteDeadline(time.Now().Add(w.timeout))
	}
	n, err := w.conn.Write(w.buf)
	w.sent.Add(int64(n))
	if cap(w.buf) > writeKeepBytes {
		w.buf = nil
	}
	w.buf = w.buf[:0]
	if err != nil {
		w.err = errWrite
	}
	return w.err
}

// spill flushes once enough has been collected.
func (w *writer) spill() error {
	if len(w.buf) >= writeFlushBytes {
		return w.flush()
	}
	return w.err
}

// begin starts a message and returns where its length will stand.
func begin(dst []byte, typ byte) ([]byte, int) {
	return append(dst, typ, 0, 0, 0, 0), len(dst) + 1
}

// end fills in the length of the message that began at.
func end(dst []byte, at int) []byte {
	binary.BigEndian.PutUint32(dst[at:], uint32(len(dst)-at))
	return dst
}

// appendEmpty appends a message without a body.
func appendEmpty(dst []byte, typ byte) []byte { return append(dst, typ, 0, 0, 0, 4) }

// appendText appends a message that is one string: CommandComplete.
func appendText(dst []byte, typ byte, s string) []byte {
	dst, at := begin(dst, typ)
	dst = append(dst, s...)
	return end(append(dst, 0), at)
}
