package pgwire

import (
	"crypto/sha256"
	"errors"
	"os"
	"time"

	"github.com/siltstone-db/siltstone/storage/errs"
)

// loop reads and runs messages until the client or the server ends the session.
func (c *conn) loop() error {
	for {
		typ, body, err := c.receive()
		if err != nil {
			return err
		}
		if err := c.handle(typ, body); err != nil {
			return err
		}
		if c.out.err != nil {
			return errDone
		}
	}
}

// receive waits for the next message. It is where a session that is stopped from outside ends.
func (c *conn) receive() (typ byte, body []byte, err error) {
	if c.in.buffered() == 0 {
		c.state.Store(stateIdle)
		if c.srv.stopping.Load() {
			return 0, nil, shutdownError()
		}
	}
	for {
		typ, body, err = c.in.next(&readyPhase)
		if err == nil || !errors.Is(err, os.ErrDeadlineExceeded) || c.srv.stopping.Load() {
			break
		}
		c.nc.SetReadDeadline(time.Time{}) // of an interrupt that came late
	}
	c.state.Store(stateRunning)
	if err != nil {
		return 0, nil, c.readError(err)
	}
	c.cancelled.Store(false)
	c.last = messageID{typ: typ, body: body}
	return typ, body, nil
}

// readError translates a failed read.
func (c *conn) readError(err error) error {
	var e *errs.Error
	switch {
	case errors.As(err, &e):
		return err
	case errors.Is(err, os.ErrDeadlineExceeded) && c.srv.stopping.Load():
		return shutdownError()
	}
	return errDone
}

func shutdownError() error {
	return fatal(errs.AdminShutdown, "terminating connection due to administrator command")
}

// handle runs one message. Its error ends the session; errors of statements are sent to the client here.
func (c *conn) handle(typ byte, body []byte) error {
	if c.failed && typ != 'S' && typ != 'X' {
		return nil
	}
	switch typ {
	case 'Q':
		c.srv.metrics.Statements.Add(1)
		if err := c.query(body); err != nil {
			if err := c.fail(err); err != nil {
				return err
			}
		}
		return c.readyForQuery()
	case 'S':
		return c.sync()
	case 'X':
		return errDone
	case 'd', 'c', 'f':
		return nil // of a COPY that has failed
	case 'F':
		if err := c.fail(errs.Unsupported("the FunctionCall message")); err != nil {
			return err
		}
		return c.readyForQuery()
	}
	if err := c.handleExtended(typ, body); err != nil {
		c.failed = true
		return c.fail(err)
	}
	return nil
}

// query runs the simple query protocol: all statements of a text.
func (c *conn) query(body []byte) error {
	sql, err := decodeText(body)
	if err != nil {
		return err
	}
	c.result.start(nil, true)
	return c.sess.Simple(c.srv.ctx, sql, &c.result)
}

// sync ends a sequence of extended-protocol messages.
func (c *conn) sync() error {
	failed := c.failed
	c.failed = false
	if err := c.sess.Sync(c.srv.ctx, failed); err != nil {
		if err := c.fail(err); err != nil {
			return err
		}
	}
	return c.readyForQuery()
}

// fail sends the error of a statement, at once: a client that asked for Flush waits for it, and that Flush will be
// skipped. An error that ends the session is returned instead.
func (c *conn) fail(err error) error {
	if c.out.err != nil {
		return errDone
	}
	e := errs.From(err)
	if e.Severity == severityFatal {
		return e
	}
	c.srv.metrics.Errors.Add(1)
	c.out.buf = appendError(c.out.buf, e)
	if c.in.lost {
		return fatal(errs.ProtocolViolation, "terminating connection because protocol synchronization was lost")
	}
	return c.out.flush()
}

// readyForQuery says that the server waits, and in which transaction state, and sends everything.
func (c *conn) readyForQuery() error {
	status := c.sess.TxStatus()
	if status == 'I' && len(c.formats) > 0 {
		clear(c.formats) // portals end with their transaction
	}
	c.out.buf = append(c.out.buf, 'Z', 0, 0, 0, 5, byte(status))
	return c.out.flush()
}

// digest is what the log tells about the message at work when a panic came: enough to recognise it, not to read it.
func (m messageID) digest() []byte {
	sum := sha256.Sum256(m.body)
	return sum[:8]
}
