package pgwire

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/vfs"
)

// Server accepts connections and serves each in a goroutine of its own. All methods may be called at any time.
type Server struct {
	opt     Options
	metrics Metrics
	reserve reserve

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
	}
}

// NewServer makes a server that listens nowhere yet. Shutdown ends it, also one that never served.
func NewServer(o Options) (*Server, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	o.EnsureDefaults()
	s := &Server{opt: o}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.mu.conns = make(map[*conn]struct{})
	s.mu.byPID = make(map[uint32]*conn)
	s.watching.Go(s.watch)
	return s, nil
}

// Serve accepts connections until Shutdown, and then returns nil.
func (s *Server) Serve(l net.Listener) error {
	s.mu.Lock()
	if s.stopping.Load() {
		s.mu.Unlock()
		return l.Close()
	}
	s.mu.listeners = append(s.mu.listeners, l)
	s.mu.Unlock()
	s.reserve.take()
	defer s.reserve.give()
	pause, crowded := time.Duration(0), false
	for {
		nc, err := l.Accept()
		if err != nil {
			if s.stopping.Load() || errors.Is(err, net.ErrClosed) {
				return nil
			}
			if vfs.IsTooManyFiles(err) && s.reserve.give() {
				crowded = true
				continue
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
		s.serveConn(nc, crowded)
		if !crowded {
			s.reserve.take() // when there was none at the last try
		}
		pause, crowded = 0, false
	}
}

// ServeConn serves one connection in a new goroutine and owns it from now on.
func (s *Server) ServeConn(nc net.Conn) { s.serveConn(nc, false) }

// serveConn is ServeConn; one that is crowded came when there were no descriptors, and is only told so.
func (s *Server) serveConn(nc net.Conn, crowded bool) {
	s.metrics.Accepted.Add(1)
	c := newConn(s, nc)
	c.crowded = crowded
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
		if crowded {
			s.reserve.take()
		}
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
	if c.crowded {
		return fatal(errs.TooManyConnections, "sorry, too many clients already").
			WithDetail("The server has no file descriptor left.").WithHint("Close sessions, or raise the server's limit of open files (ulimit -n).")
	}
	if int(s.metrics.Sessions.Load()) >= s.opt.SessionsMax {
		return fatal(errs.TooManyConnections, "sorry, too many clients already").
			WithHint("Close sessions, or raise sessions-max (now %d).", s.opt.SessionsMax)
	}
	s.removePendingLocked(c)
	s.metrics.Sessions.Add(1)
	c.admitted = true
	return nil
}

// register makes a session reachable for cancel requests, by its number and a key of ours.
func (s *Server) register(c *conn) {
	c.key = make([]byte, cancelKeyBytes(c.version))
	rand.Read(c.key)
	c.pid = uint32(c.sess.PID())
	s.mu.Lock()
	defer s.mu.Unlock()
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
		s.metrics.Sessions.Add(-1)
	} else {
		s.metrics.Refused.Add(1)
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
