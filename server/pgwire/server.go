package pgwire

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/siltstone-db/siltstone/server/auth"
	"github.com/siltstone-db/siltstone/sql/session"
	"github.com/siltstone-db/siltstone/storage/errs"
)

// Startup is what a client said when it connected, after it proved who it is.
type Startup struct {
	User     string
	Database string
	// Settings are the run-time parameters of the start-up packet, those of "options" first, in order.
	Settings []Setting
	Remote   net.Addr
}

// Setting is a run-time parameter and its value.
type Setting struct{ Name, Value string }

// Options configure a Server.
type Options struct {
	// Open makes the session of a client that may log in. Its errors are shown to the client.
	Open func(ctx context.Context, s Startup) (session.Conn, error)
	// Auth decides how clients prove who they are.
	Auth *auth.Rules
	// TLS answers SSLRequest and direct TLS; nil: clients are told that there is none.
	TLS *tls.Config
	// SessionsMax bounds clients that are logged in. Default 200.
	SessionsMax int
	// PendingMax bounds connections that are not logged in yet: one more closes the oldest of them, so that half-open
	// connections cannot keep others out. Default 100.
	PendingMax int
	// LoginTimeout is the time from accept to AuthenticationOk. Default 10 s.
	LoginTimeout time.Duration
	// WriteTimeout ends a session whose client reads nothing for that long. Default 10 min.
	WriteTimeout time.Duration
	// WatchInterval is how often running statements are checked for clients that went away. Default 250 ms.
	WatchInterval time.Duration
	// Log gets one line for what an operator should see. Default slog.Default().
	Log *slog.Logger
}

// EnsureDefaults fills in what is zero.
func (o *Options) EnsureDefaults() {
	setDefault(&o.SessionsMax, 200)
	setDefault(&o.PendingMax, 100)
	setDefault(&o.LoginTimeout, 10*time.Second)
	setDefault(&o.WriteTimeout, 10*time.Minute)
	setDefault(&o.WatchInterval, 250*time.Millisecond)
	if o.Log == nil {
		o.Log = slog.Default()
	}
}

func setDefault[T comparable](p *T, v T) {
	var zero T
	if *p == zero {
		*p = v
	}
}

// Stats counts what a Server did. All fields may be read at any time.
type Stats struct {
	Accepted   atomic.Int64 // connections
	Refused    atomic.Int64 // connections closed before login: caps, time, hostile bytes, wrong passwords
	Sessions   atomic.Int64 // logged in now
	Statements atomic.Int64 // Query and Execute messages
	Errors     atomic.Int64 // ErrorResponse messages
	Panics     atomic.Int64 // sessions ended by a defect of ours
	BytesIn    atomic.Int64
	BytesOut   atomic.Int64
}

// Server accepts connections and serves each in a goroutine of its own. All methods may be called at any time.
type Server struct {
	opt   Options
	stats Stats

	stopping atomic.Bool
	ctx      context.Context // of every session; ended by the hard part of Shutdown
	cancel   context.CancelFunc
	conns    sync.WaitGroup // goroutines of connections
	watching sync.WaitGroup // the goroutine of watch

	mu struct {
		sync.Mutex
		listeners []net.Listener
		conns     map[*conn]struct{}
		pending   []*conn // not logged in yet, oldest first
		byPID     map[uint32]*conn
		lastPID   uint32
	}
}

// NewServer makes a server that listens nowhere yet.
func NewServer(o Options) *Server {
	o.EnsureDefaults()
	s := &Server{opt: o}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.mu.conns = make(map[*conn]struct{})
	s.mu.byPID = make(map[uint32]*conn)
	s.watching.Go(s.watch)
	return s
}

// Stats returns the counters.
func (s *Server) Stats() *Stats { return &s.stats }

// Serve accepts connections until Shutdown, and then returns nil.
func (s *Server) Serve(l net.Listener) error {
	s.mu.Lock()
	if s.stopping.Load() {
		s.mu.Unlock()
		return l.Close()
	}
	s.mu.listeners = append(s.mu.listeners, l)
	s.mu.Unlock()
	pause := time.Duration(0)
	for {
		nc, err := l.Accept()
		if err != nil {
			if s.stopping.Load() || errors.Is(err, net.ErrClosed) {
				return nil
			}
			// Too many open files and the like pass by themselves; a listener that is broken for good must not
			// spin.
			pause = min(max(2*pause, 5*time.Millisecond), time.Second)
			s.opt.Log.Warn("accept failed", "error", err)
			select {
			case <-time.After(pause):
			case <-s.ctx.Done():
			}
			continue
		}
		pause = 0
		s.ServeConn(nc)
	}
}

// ServeConn serves one connection in a new goroutine and owns it from now on.
func (s *Server) ServeConn(nc net.Conn) {
	s.stats.Accepted.Add(1)
	c := newConn(s, nc)
	s.mu.Lock()
	if s.stopping.Load() {
		s.mu.Unlock()
		nc.Close()
		return
	}
	s.mu.conns[c] = struct{}{}
	s.mu.pending = append(s.mu.pending, c)
	if len(s.mu.pending) > s.opt.PendingMax {
		s.mu.pending[0].nc.Close()
		s.removePendingLocked(s.mu.pending[0])
	}
	// Under the lock that guards stopping, so that Shutdown waits for it.
	s.conns.Go(func() {
		c.serve()
		s.remove(c)
	})
	s.mu.Unlock()
}

func (s *Server) removePendingLocked(c *conn) {
	for i, p := range s.mu.pending {
		if p == c {
			s.mu.pending = append(s.mu.pending[:i], s.mu.pending[i+1:]...)
			return
		}
	}
}

// admit counts a connection among the sessions, or refuses it with 53300.
func (s *Server) admit(c *conn) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping.Load() {
		return fatal(errs.CannotConnectNow, "the database system is shutting down")
	}
	if int(s.stats.Sessions.Load()) >= s.opt.SessionsMax {
		return fatal(errs.TooManyConnections, "sorry, too many clients already").
			WithHint("Close sessions, or raise sessions-max (now %d).", s.opt.SessionsMax)
	}
	s.removePendingLocked(c)
	s.stats.Sessions.Add(1)
	c.admitted = true
	return nil
}

// numbered is what a session has when it knows its own number (pg_backend_pid).
type numbered interface{ PID() int32 }

// register gives a session its number and its cancel key. A session that numbers itself is unique among its kind, and
// a server has sessions of one kind.
func (s *Server) register(c *conn) {
	key := make([]byte, cancelKeyBytes(c.version))
	rand.Read(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	if n, ok := c.sess.(numbered); ok {
		c.pid = uint32(n.PID())
	} else {
		s.mu.lastPID++
		c.pid = s.mu.lastPID
	}
	c.key = key
	s.mu.byPID[c.pid] = c
}

func (s *Server) remove(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.mu.conns, c)
	s.removePendingLocked(c)
	if s.mu.byPID[c.pid] == c {
		delete(s.mu.byPID, c.pid)
	}
	if c.admitted {
		s.stats.Sessions.Add(-1)
	} else {
		s.stats.Refused.Add(1)
	}
}

// find returns the session of a process number, or nil.
func (s *Server) find(pid uint32) *conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mu.byPID[pid]
}

// all returns the connections of this moment.
func (s *Server) all(dst []*conn) []*conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.mu.conns {
		dst = append(dst, c)
	}
	return dst
}

// shutdownPause is how long sessions get to say goodbye after their statements were cancelled.
const shutdownPause = 2 * time.Second

// Shutdown stops listening and tells idle sessions 57P01. Sessions at work finish what they run; when ctx ends they are
// cancelled, and shutdownPause later their connections are closed. It returns when every goroutine has ended.
func (s *Server) Shutdown(ctx context.Context) {
	s.mu.Lock()
	s.stopping.Store(true)
	for _, l := range s.mu.listeners {
		l.Close()
	}
	s.mu.Unlock()
	for _, c := range s.all(nil) {
		c.wakeIdle()
	}
	done := make(chan struct{})
	go func() {
		s.conns.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
		for _, c := range s.all(nil) {
			c.interrupt()
		}
		s.cancel()
		select {
		case <-done:
		case <-time.After(shutdownPause):
			for _, c := range s.all(nil) {
				c.nc.Close()
			}
			<-done
		}
	}
	s.cancel()
	s.watching.Wait()
}

func cancelKeyBytes(version uint32) int {
	if version >= version32 {
		return 32
	}
	return 4
}

// appendKeyData appends BackendKeyData, which pgproto3 knows only with 4 bytes of key.
func appendKeyData(dst []byte, pid uint32, key []byte) []byte {
	dst, at := begin(dst, 'K')
	dst = binary.BigEndian.AppendUint32(dst, pid)
	return end(append(dst, key...), at)
}
