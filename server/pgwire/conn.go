package pgwire

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/metric"
)

// What a connection is doing, for those who look at it from other goroutines.
const (
	stateIdle    int32 = iota // waits for a message
	stateRunning              // runs a statement or logs in
	stateCopying              // waits for COPY data
)

// conn is one connection. Its own goroutine uses everything; other goroutines use nc's deadlines and Close, state,
// cancelled, and Cancel of the session through shared.
type conn struct {
	srv *Server
	nc  net.Conn // the TCP connection, also under TLS
	in  *frameReader
	out writer

	tls      bool
	version  uint32
	admitted bool // counted among the sessions
	crowded  bool // came when there were no descriptors
	pid      uint32
	key      []byte
	sess     Session
	shared   atomic.Pointer[Session] // sess, for interrupt

	state     atomic.Int32
	cancelled atomic.Bool // interrupt was called since the statement began

	// failed is set when a message of the extended protocol failed: everything up to Sync is skipped.
	failed bool

	parse   parse
	bind    bind
	formats map[string][]int16 // result formats by portal name
	result  result
	copy    copyReader
	last    messageID
}

// messageID is what a log line says about the message that was at work.
type messageID struct {
	typ  byte
	body []byte
}

func newConn(s *Server, nc net.Conn) *conn {
	c := &conn{srv: s, nc: nc, formats: make(map[string][]int16)}
	if tc, ok := nc.(*net.TCPConn); ok {
		tc.SetNoDelay(true)
		tc.SetKeepAliveConfig(net.KeepAliveConfig{Enable: true, Idle: time.Minute, Interval: 15 * time.Second, Count: 4})
	}
	c.in = newFrameReader(countReader{nc, &s.metrics.BytesIn})
	c.out = writer{conn: nc, timeout: s.opt.WriteTimeout, sent: &s.metrics.BytesOut}
	c.result.conn, c.copy.conn = c, c
	c.state.Store(stateRunning)
	return c
}

// countReader counts what it reads.
type countReader struct {
	src io.Reader
	n   *metric.Counter
}

func (r countReader) Read(p []byte) (int, error) {
	n, err := r.src.Read(p)
	r.n.Add(int64(n))
	return n, err
}

// serve runs the connection from its first byte to its end.
func (c *conn) serve() {
	defer c.nc.Close()
	defer c.close()
	defer func() {
		if p := recover(); p != nil {
			c.panicked(p)
		}
	}()
	c.nc.SetReadDeadline(time.Now().Add(c.srv.opt.LoginTimeout))
	// The client may also be one that reads nothing.
	c.out.timeout = c.srv.opt.LoginTimeout
	err := c.login()
	if err == nil {
		c.nc.SetReadDeadline(time.Time{})
		c.out.timeout = c.srv.opt.WriteTimeout
		err = c.loop()
	}
	c.goodbye(err)
}

// errDone ends a connection without a word: the client said goodbye, or only came to cancel.
var errDone = errors.New("done")

// goodbye tells the client why its connection ends, if it can still be told.
func (c *conn) goodbye(err error) {
	var e *errs.Error
	switch {
	case errors.As(err, &e):
	case errors.Is(err, os.ErrDeadlineExceeded) && !c.admitted:
		e = fatal(errs.QueryCanceled, "canceling authentication due to timeout")
	default:
		c.out.flush()
		return
	}
	c.srv.metrics.Errors.Add(1)
	c.out.buf = appendError(c.out.buf, e)
	if c.out.flush() == nil {
		c.linger()
	}
}

// linger gives what was written a chance to be read: closing a socket with unread bytes resets the connection, and the
// client would lose the error that says why.
func (c *conn) linger() {
	if hc, ok := c.nc.(interface{ CloseWrite() error }); ok {
		_ = hc.CloseWrite()
		c.nc.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
		_, _ = io.CopyN(io.Discard, c.nc, 64<<10)
	}
}

func (c *conn) close() {
	if c.sess != nil {
		c.sess.Close()
	}
}

// panicked ends a session that met a defect of ours; the others live on.
func (c *conn) panicked(p any) {
	c.srv.metrics.Panics.Add(1)
	attrs := []any{"panic", fmt.Sprint(p), "stack", string(debug.Stack())}
	if c.last.typ != 0 {
		attrs = append(attrs, "message", string(rune(c.last.typ)), "sha256", fmt.Sprintf("%x", c.last.digest()))
	}
	c.srv.opt.Log.Log(c.srv.ctx, slog.LevelError, "session ended by a panic", attrs...)
	// A half-written message may stand at the end of the buffer; only the connection's end can follow it safely
	// when it was begun, so the buffer is dropped.
	c.out.buf = appendError(c.out.buf[:0], fatal(errs.InternalError, "the session met an internal error").
		WithHint("The server goes on, and its log has the details."))
	c.out.flush()
}

// wakeIdle makes a connection that waits for a message look at stopping.
func (c *conn) wakeIdle() {
	if c.state.Load() == stateIdle {
		c.nc.SetReadDeadline(time.Unix(1, 0))
	}
}

// interrupt stops what runs: part of a cancel request and of Shutdown.
func (c *conn) interrupt() {
	if sess := c.shared.Load(); sess != nil {
		(*sess).Cancel()
	}
	c.cancelled.Store(true)
	if c.state.Load() == stateCopying {
		c.nc.SetReadDeadline(time.Unix(1, 0))
	}
	if c.srv.stopping.Load() {
		c.wakeIdle()
	}
}
