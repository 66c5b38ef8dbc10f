// Package pgtest runs scripts of wire messages against a server and compares what comes back: the way to test the
// order and the fields of protocol messages, which drivers hide. Scripts are datadriven files; Run plays one.
//
//	open [conn=a]
//	    opens a connection and sends nothing.
//	connect [conn=a] [user=u] [database=d] [version=3.0] [option=name:value ...] [show]
//	    opens a connection and waits for ReadyForQuery; show prints the messages.
//	send [conn=a]
//	    Query {"String": "SELECT 1"}         one frontend message of pgproto3 a line, its fields in JSON
//	    Sync
//	raw [conn=a]
//	    51 00 00 00 04 "text"                bytes in hexadecimal, or quoted
//	until [conn=a] [without=T]
//	    ErrorResponse                        reads and prints messages until these have come, in this order; those of
//	    ReadyForQuery                        type T, which may come or not, are not printed
//	bytes n=1 [conn=a]                       reads and prints bytes that are no message
//	eof [conn=a]                             reads and prints messages until the server closes the connection
//	cancel [conn=a] [wrong|repeat]           sends a cancel request for conn, or one with a wrong key; with repeat, one
//	                                         after the other until the server says something: a request that comes
//	                                         before its statement is lost
//	close [conn=a] | closewrite [conn=a]
//
// What differs from run to run is masked: process numbers and keys. Connections that have no name are called "". Every
// wait is bounded.
package pgtest

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
)

// timeout bounds every wait for the server. It has to hold on a loaded machine under the race detector.
const timeout = 20 * time.Second

// Run plays the script at path. dial opens a connection to the server.
func Run(t *testing.T, path string, dial func() (net.Conn, error)) {
	r := &runner{dial: dial, conns: map[string]*client{}}
	defer r.close()
	datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
		out, err := r.run(d)
		if err != nil {
			out += fmt.Sprintf("error: %v\n", err)
		}
		return out
	})
}

type runner struct {
	dial  func() (net.Conn, error)
	conns map[string]*client
}

func (r *runner) close() {
	for _, c := range r.conns {
		c.conn.Close()
	}
}

func (r *runner) run(d *datadriven.TestData) (string, error) {
	name := ""
	if a, ok := d.Arg("conn"); ok {
		name = a.Vals[0]
	}
	if d.Cmd == "connect" {
		return r.connect(name, d)
	}
	if d.Cmd == "open" {
		_, err := r.open(name)
		return "", err
	}
	c := r.conns[name]
	if c == nil {
		return "", fmt.Errorf("there is no connection %q", name)
	}
	c.conn.SetDeadline(time.Now().Add(timeout))
	switch d.Cmd {
	case "send":
		return "", c.send(d.Input)
	case "raw":
		b, err := parseRaw(d.Input)
		if err != nil {
			return "", err
		}
		_, err = c.conn.Write(b)
		return "", err
	case "until":
		return c.until(strings.Fields(d.Input), argument(d, "without"))
	case "eof":
		return c.until(nil, "")
	case "bytes":
		return c.bytes(d)
	case "close":
		delete(r.conns, name)
		return "", c.conn.Close()
	case "closewrite":
		return "", c.conn.(interface{ CloseWrite() error }).CloseWrite()
	case "cancel":
		if d.HasArg("repeat") {
			return "", r.cancelUntilAnswer(c)
		}
		return "", r.cancel(c, d.HasArg("wrong"))
	}
	return "", fmt.Errorf("unknown command %q", d.Cmd)
}

func (r *runner) open(name string) (*client, error) {
	nc, err := r.dial()
	if err != nil {
		return nil, err
	}
	if old := r.conns[name]; old != nil {
		old.conn.Close()
	}
	c := &client{conn: nc, in: bufio.NewReader(nc)}
	r.conns[name] = c
	nc.SetDeadline(time.Now().Add(timeout))
	return c, nil
}

func (r *runner) connect(name string, d *datadriven.TestData) (string, error) {
	c, err := r.open(name)
	if err != nil {
		return "", err
	}
	version := uint32(3 << 16)
	body := []byte{}
	pair := func(k, v string) { body = append(append(append(append(body, k...), 0), v...), 0) }
	user := "tester"
	for _, a := range d.CmdArgs {
		switch a.Key {
		case "version":
			major, minor, _ := strings.Cut(a.Vals[0], ".")
			hi, _ := strconv.Atoi(major)
			lo, _ := strconv.Atoi(minor)
			version = uint32(hi)<<16 | uint32(lo)
		case "user":
			user = a.Vals[0]
		case "database":
			pair("database", a.Vals[0])
		case "option":
			k, v, _ := strings.Cut(a.Vals[0], ":")
			pair(k, v)
		}
	}
	if user != "" {
		pair("user", user)
	}
	packet := binary.BigEndian.AppendUint32(nil, uint32(9+len(body)))
	packet = binary.BigEndian.AppendUint32(packet, version)
	packet = append(append(packet, body...), 0)
	if _, err := c.conn.Write(packet); err != nil {
		return "", err
	}
	out, err := c.until([]string{"ReadyForQuery"}, "")
	if err == nil && !d.HasArg("show") {
		out = ""
	}
	return out, err
}

func (r *runner) cancel(c *client, wrong bool) error {
	nc, err := r.dial()
	if err != nil {
		return err
	}
	defer nc.Close()
	key := append([]byte(nil), c.key...)
	if wrong {
		key[len(key)-1] ^= 1
	}
	packet := binary.BigEndian.AppendUint32(nil, uint32(8+len(key)))
	packet = binary.BigEndian.AppendUint32(packet, 1234<<16|5678)
	if _, err := nc.Write(append(packet, key...)); err != nil {
		return err
	}
	nc.SetReadDeadline(time.Now().Add(timeout))
	if _, err := io.Copy(io.Discard, nc); err != nil {
		return fmt.Errorf("cancel request: %w", err)
	}
	return nil
}

// cancelPause is how long an answer to a cancel request is waited for before the next request.
const cancelPause = 100 * time.Millisecond

func (r *runner) cancelUntilAnswer(c *client) error {
	for end := time.Now().Add(timeout); ; {
		if err := r.cancel(c, false); err != nil {
			return err
		}
		c.conn.SetReadDeadline(time.Now().Add(cancelPause))
		_, err := c.in.Peek(1)
		if !errors.Is(err, os.ErrDeadlineExceeded) || time.Now().After(end) {
			return err
		}
	}
}

// client is one connection of a script.
type client struct {
	conn net.Conn
	in   *bufio.Reader // of conn
	key  []byte        // of BackendKeyData: process number and secret
}

// read returns the next message.
func (c *client) read() (typ byte, body []byte, err error) {
	var head [5]byte
	if _, err := io.ReadFull(c.in, head[:1]); err != nil {
		return 0, nil, err
	}
	if _, err := io.ReadFull(c.in, head[1:]); err != nil {
		return 0, nil, err
	}
	n := binary.BigEndian.Uint32(head[1:])
	if n < 4 || n > 64<<20 {
		return 0, nil, fmt.Errorf("message %q claims %d bytes", head[0], n)
	}
	body = make([]byte, n-4)
	_, err = io.ReadFull(c.in, body)
	return head[0], body, err
}

// until reads messages until those of want have come in their order (none: until the end) and prints them all.
func (c *client) until(want []string, without string) (string, error) {
	var out strings.Builder
	toEnd := len(want) == 0
	for toEnd || len(want) > 0 {
		typ, body, err := c.read()
		switch {
		case toEnd && (errors.Is(err, io.EOF) || isReset(err)):
			out.WriteString("EOF\n")
			return out.String(), nil
		case errors.Is(err, os.ErrDeadlineExceeded):
			return out.String(), errors.New("the server did not answer")
		case err != nil:
			return out.String(), err
		}
		if typ == 'K' {
			c.key = body
		}
		name, text := Format(typ, body)
		if name != without {
			fmt.Fprintln(&out, text)
		}
		if !toEnd && name == want[0] {
			want = want[1:]
		}
	}
	return out.String(), nil
}

// argument returns the value of an argument of a command, "" when it has none.
func argument(d *datadriven.TestData, name string) string {
	if a, ok := d.Arg(name); ok && len(a.Vals) > 0 {
		return a.Vals[0]
	}
	return ""
}

func isReset(err error) bool { return err != nil && strings.Contains(err.Error(), "connection reset") }

// bytes reads and prints n bytes that are no message: the answers to SSLRequest and GSSENCRequest.
func (c *client) bytes(d *datadriven.TestData) (string, error) {
	a, ok := d.Arg("n")
	if !ok {
		return "", errors.New("bytes needs n")
	}
	n, err := strconv.Atoi(a.Vals[0])
	if err != nil {
		return "", err
	}
	b := make([]byte, n)
	_, err = io.ReadFull(c.in, b)
	return fmt.Sprintf("%q\n", b), err
}

// send encodes and writes the messages of a script, all in one packet.
func (c *client) send(input string) error {
	var out []byte
	for _, line := range strings.Split(input, "\n") {
		name, fields, _ := strings.Cut(strings.TrimSpace(line), " ")
		if name == "" {
			continue
		}
		b, err := encode(out, name, fields)
		if err != nil {
			return fmt.Errorf("%s: %w", line, err)
		}
		out = b
	}
	_, err := c.conn.Write(out)
	return err
}

// parseRaw reads bytes written in hexadecimal or as quoted strings.
func parseRaw(input string) ([]byte, error) {
	var out []byte
	for s := strings.TrimSpace(input); s != ""; s = strings.TrimSpace(s) {
		if s[0] == '"' {
			q, err := strconv.QuotedPrefix(s)
			if err != nil {
				return nil, err
			}
			u, err := strconv.Unquote(q)
			if err != nil {
				return nil, err
			}
			out, s = append(out, u...), s[len(q):]
			continue
		}
		word, rest, _ := strings.Cut(strings.ReplaceAll(s, "\n", " "), " ")
		b, err := hex.DecodeString(word)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", word, err)
		}
		out, s = append(out, b...), rest
	}
	return out, nil
}
