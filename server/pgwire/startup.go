package pgwire

import (
	"context"
	"crypto/subtle"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"maps"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgproto3/v2"

	"github.com/siltstone-db/siltstone/server/auth"
	"github.com/siltstone-db/siltstone/storage/errs"
)

// Codes of start-up packets: a protocol version, or a request.
const (
	version30     = 3 << 16
	version32     = 3<<16 | 2
	cancelRequest = 1234<<16 | 5678
	sslRequest    = 1234<<16 | 5679
	gssRequest    = 1234<<16 | 5680
)

// tlsTimeout is the time for a TLS handshake.
const tlsTimeout = 5 * time.Second

// login brings a connection from its first byte to ReadyForQuery.
func (c *conn) login() error {
	body, err := c.startup()
	if err != nil {
		return err
	}
	start, unknown, err := parseStartup(body)
	if err != nil {
		return err
	}
	start.Remote = c.nc.RemoteAddr()
	if newest := min(c.version, version32); newest != c.version || len(unknown) > 0 {
		c.version = newest
		c.out.buf = appendNegotiate(c.out.buf, newest, unknown)
	}
	switch {
	case c.srv.opt.TLSOnly && !c.tls:
		err = fatal(errs.InvalidAuthorization, "no pg_hba.conf entry for host %q, user %q, database %q, no encryption",
			hostOf(c.nc.RemoteAddr()), start.User, start.Database).WithHint("Connect with sslmode=require or stronger.")
	default:
		if err = c.authenticate(start.User); err == nil {
			err = c.open(start)
		}
	}
	c.tellLogin(start.User, err)
	return err
}

// tellLogin tells the listener how a login ended. A client that goes away is an end, too: who guesses passwords may
// not wait for the answer.
func (c *conn) tellLogin(user string, err error) {
	remote := c.nc.RemoteAddr()
	if errors.Is(err, errDone) {
		err = errs.New(errs.ConnectionFailure, "the client went away")
	}
	c.srv.opt.Logins(auth.NewEvent("pg", user, remote, c.srv.opt.Auth.Method(remote).String(), err))
}

// startup reads packets until one asks for a session, and answers the requests before it: TLS and GSSAPI, each at most
// once, and cancel.
func (c *conn) startup() ([]byte, error) {
	if b, err := c.in.peek(); err != nil {
		return nil, errDone
	} else if b == tlsHandshake && c.srv.opt.TLS != nil {
		if err := c.startTLS(true); err != nil {
			return nil, errDone
		}
	}
	var ssl, gss bool
	for {
		code, body, err := c.in.startup()
		if err != nil {
			// As PostgreSQL: whoever sends this is no client, and gets no answer.
			c.srv.opt.Log.Debug("start-up refused", "remote", c.nc.RemoteAddr(), "error", err)
			return nil, errDone
		}
		switch {
		case code == sslRequest && !ssl && !c.tls:
			ssl = true
			if err := c.answerSSL(); err != nil {
				return nil, err
			}
		case code == gssRequest && !gss && !c.tls:
			gss = true
			if err := c.answer('N'); err != nil {
				return nil, err
			}
		case code == cancelRequest:
			c.srv.cancelFrom(body)
			return nil, errDone
		case code>>16 == 3:
			c.version = code
			return body, nil
		default:
			return nil, fatal(errs.FeatureNotSupported, "unsupported frontend protocol %d.%d: server supports 3.0 to 3.2", code>>16, code&0xffff)
		}
	}
}

// tlsHandshake is the first byte of a TLS connection; no start-up packet begins with it, its length being small.
const tlsHandshake = 0x16

func (c *conn) answer(b byte) error {
	c.out.buf = append(c.out.buf, b)
	return c.out.flush()
}

// answerSSL says whether there is TLS, and starts it.
func (c *conn) answerSSL() error {
	if c.srv.opt.TLS == nil {
		return c.answer('N')
	}
	// Bytes that are here already came before the handshake, so somebody in the middle may have put them there
	// (CVE-2021-23214).
	if c.in.buffered() > 0 {
		return fatal(errs.ProtocolViolation, "received unencrypted data after SSL request")
	}
	if err := c.answer('S'); err != nil {
		return err
	}
	if err := c.startTLS(false); err != nil {
		return errDone
	}
	return nil
}

// replayConn gives back bytes that were read before TLS took over.
type replayConn struct {
	net.Conn
	head []byte
}

func (r *replayConn) Read(p []byte) (int, error) {
	if len(r.head) > 0 {
		n := copy(p, r.head)
		r.head = r.head[n:]
		return n, nil
	}
	return r.Conn.Read(p)
}

// startTLS does the handshake and makes the connection speak TLS. Direct TLS needs ALPN, so that another protocol's
// client cannot be lured here.
func (c *conn) startTLS(direct bool) error {
	cfg := c.srv.opt.TLS
	under := c.nc
	if direct {
		cfg = cfg.Clone()
		cfg.NextProtos = []string{"postgresql"}
		under = &replayConn{Conn: c.nc, head: slices.Clone(c.in.buf[c.in.r:c.in.w])}
	}
	tc := tls.Server(under, cfg)
	ctx, cancel := context.WithTimeout(c.srv.ctx, tlsTimeout)
	defer cancel()
	if err := tc.HandshakeContext(ctx); err != nil {
		return err
	}
	if direct && tc.ConnectionState().NegotiatedProtocol != "postgresql" {
		return errDone
	}
	c.tls = true
	c.in = newFrameReader(countReader{tc, &c.srv.metrics.BytesIn})
	c.out.conn = tc
	return nil
}

// cancelFrom runs a cancel request: process number and key, 4 to 256 bytes of it. A wrong one is ignored silently and
// costs the same time as a right one.
func (s *Server) cancelFrom(body []byte) {
	if len(body) < 8 || len(body) > 4+256 {
		return
	}
	c := s.find(binary.BigEndian.Uint32(body))
	if c == nil {
		return
	}
	if subtle.ConstantTimeCompare(c.key, body[4:]) == 1 {
		c.interrupt()
	}
}

// parseStartup reads the parameters of a start-up packet: names and values, each ended by a zero byte, and a zero byte
// at the end. unknown are the protocol options ("_pq_.") the client would like, of which there are none here.
func parseStartup(body []byte) (s Startup, unknown []string, err error) {
	cur := cursor{rest: body}
	for {
		name := cur.cstring()
		if len(name) == 0 {
			break
		}
		value := cur.cstring()
		n, err := text(name)
		if err != nil {
			return s, nil, fatalOf(err)
		}
		v, err := text(value)
		if err != nil {
			return s, nil, fatalOf(err)
		}
		switch {
		case n == "user":
			s.User = v
		case n == "database":
			s.Database = v
		case n == "options":
			opts, err := parseOptions(v)
			if err != nil {
				return s, nil, err
			}
			s.Settings = append(opts, s.Settings...)
		case n == "replication":
			if v != "" && v != "false" && v != "off" && v != "no" && v != "0" {
				return s, nil, fatalOf(errs.Unsupported("a replication connection"))
			}
		case strings.HasPrefix(n, "_pq_."):
			unknown = append(unknown, n)
		default:
			s.Settings = append(s.Settings, Setting{n, v})
		}
	}
	if cur.bad || len(cur.rest) > 0 {
		return s, nil, violation("invalid startup packet layout: expected terminator as last byte")
	}
	if s.User == "" {
		return s, nil, fatal(errs.InvalidAuthorization, "no PostgreSQL user name specified in startup packet")
	}
	if s.Database == "" {
		s.Database = s.User
	}
	return s, unknown, nil
}

func fatalOf(err error) *errs.Error {
	e := *errs.From(err)
	e.Severity = severityFatal
	return &e
}

// parseOptions reads the command-line form of settings: "-c name=value" and "--name=value", words separated by white
// space, a backslash taking the next character as it is.
func parseOptions(s string) ([]Setting, error) {
	words := splitOptions(s)
	var out []Setting
	for i := 0; i < len(words); i++ {
		w := words[i]
		var setting string
		switch {
		case w == "-c" && i+1 < len(words):
			i++
			setting = words[i]
		case strings.HasPrefix(w, "-c"):
			setting = w[2:]
		case strings.HasPrefix(w, "--"):
			setting = w[2:]
		}
		name, value, ok := strings.Cut(setting, "=")
		if !ok || name == "" {
			return nil, fatal(errs.SyntaxError, "invalid command-line argument for server process: %.100s", w)
		}
		out = append(out, Setting{strings.ReplaceAll(name, "-", "_"), value})
	}
	return out, nil
}

func splitOptions(s string) []string {
	var words []string
	var w []byte
	in := false
	for i := 0; i < len(s); i++ {
		switch b := s[i]; {
		case b == ' ' || b == '\t' || b == '\n' || b == '\r' || b == '\v' || b == '\f':
			if in {
				words, w, in = append(words, string(w)), w[:0], false
			}
		case b == '\\' && i+1 < len(s):
			i++
			w, in = append(w, s[i]), true
		default:
			w, in = append(w, b), true
		}
	}
	if in {
		words = append(words, string(w))
	}
	return words
}

// appendNegotiate appends NegotiateProtocolVersion: the newest version served and the options not known.
func appendNegotiate(dst []byte, newest uint32, unknown []string) []byte {
	dst, at := begin(dst, 'v')
	dst = binary.BigEndian.AppendUint32(dst, newest)
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(unknown)))
	for _, o := range unknown {
		dst = append(append(dst, o...), 0)
	}
	return end(dst, at)
}

// authenticate makes the client prove that it is user.
func (c *conn) authenticate(user string) error {
	switch c.srv.opt.Auth.Method(c.nc.RemoteAddr()) {
	case auth.Trust:
		return nil
	case auth.SCRAM:
		return c.scram(user)
	}
	return fatal(errs.InvalidAuthorization, "no pg_hba.conf entry for host %q, user %q, no password is configured", hostOf(c.nc.RemoteAddr()), user).
		WithHint("Start the server with SILTSTONE_PASSWORD set, or connect from the machine it runs on.")
}

func hostOf(a net.Addr) string {
	host, _, err := net.SplitHostPort(a.String())
	if err != nil {
		return a.String()
	}
	return host
}

// scram runs the SASL messages of SCRAM-SHA-256.
func (c *conn) scram(user string) error {
	if err := c.sendNow(&pgproto3.AuthenticationSASL{AuthMechanisms: []string{auth.Mechanism}}); err != nil {
		return err
	}
	_, body, err := c.in.next(&loginPhase)
	if err != nil {
		return loginError(err)
	}
	mechanism, data, err := decodeSASLInitial(body)
	if err != nil {
		return fatalOf(err)
	}
	if mechanism != auth.Mechanism {
		return violation("client selected an invalid SASL authentication mechanism")
	}
	x := c.srv.opt.Auth.Begin(user)
	answer, err := x.Step(data)
	if err != nil {
		return err
	}
	if err := c.sendNow(&pgproto3.AuthenticationSASLContinue{Data: answer}); err != nil {
		return err
	}
	if _, body, err = c.in.next(&loginPhase); err != nil {
		return loginError(err)
	}
	if answer, err = x.Step(body); err != nil {
		return err
	}
	return c.send(&pgproto3.AuthenticationSASLFinal{Data: answer})
}

// loginError: a client that goes away in the middle of a login needs no answer.
func loginError(err error) error {
	var e *errs.Error
	if errors.As(err, &e) || errors.Is(err, os.ErrDeadlineExceeded) {
		return err
	}
	return errDone
}

// open makes the session and tells the client all it waits for.
func (c *conn) open(start Startup) error {
	if err := c.srv.admit(c); err != nil {
		return err
	}
	if err := c.send(&pgproto3.AuthenticationOk{}); err != nil {
		return err
	}
	sess, err := c.srv.opt.Open(c.srv.ctx, start)
	if err != nil {
		return fatalOf(err)
	}
	c.sess = sess
	c.shared.Store(&sess)
	c.srv.register(c)
	settings := sess.Settings()
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		c.out.buf = appendSetting(c.out.buf, name, settings[name])
	}
	c.out.buf = appendKeyData(c.out.buf, c.pid, c.key)
	return c.readyForQuery()
}

// appendSetting appends ParameterStatus.
func appendSetting(dst []byte, name, value string) []byte {
	dst, at := begin(dst, 'S')
	dst = append(append(dst, name...), 0)
	dst = append(append(dst, value...), 0)
	return end(dst, at)
}

// send appends a message that pgproto3 encodes.
func (c *conn) send(m pgproto3.BackendMessage) error {
	buf, err := m.Encode(c.out.buf)
	if err != nil {
		return errs.Internal("encode message: %w", err)
	}
	c.out.buf = buf
	return c.out.err
}

func (c *conn) sendNow(m pgproto3.BackendMessage) error {
	if err := c.send(m); err != nil {
		return err
	}
	return c.out.flush()
}
