package httpapi

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/siltstone-db/siltstone/ingest/httppush"
	"github.com/siltstone-db/siltstone/server/auth"
	"github.com/siltstone-db/siltstone/storage/errs"
)

// Server serves HTTP. All methods may be called at any time.
type Server struct {
	opt     Options
	http    *http.Server
	mux     *http.ServeMux
	push    *httppush.Handler
	metrics Metrics
	conns   atomic.Int64
}

// Header and idle limits.
const (
	headerMaxBytes = 32 << 10
	headerTimeout  = 10 * time.Second
	idleTimeout    = 2 * time.Minute
	connectionsMax = 1000
	queryMaxBytes  = 16 << 20
)

// NewServer makes a server that listens nowhere yet.
func NewServer(o Options) (*Server, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	o.EnsureDefaults()
	s := &Server{opt: o, mux: http.NewServeMux()}
	var err error
	if s.push, err = httppush.New(httppush.Options{Store: o.Store, Defaults: s.defaults, Pool: o.Pool, BodyMaxBytes: o.BodyMaxBytes}); err != nil {
		return nil, err
	}
	s.mount()
	s.http = &http.Server{
		Handler: s, ReadHeaderTimeout: headerTimeout, ReadTimeout: o.ReadTimeout, IdleTimeout: idleTimeout,
		MaxHeaderBytes: headerMaxBytes, ErrorLog: slog.NewLogLogger(o.Log.Handler(), slog.LevelDebug),
		ConnState: s.connState,
	}
	return s, nil
}

// mount gives each path its handler.
func (s *Server) mount() {
	metrics := s.metricsPage()
	s.mux.Handle("POST /v1/tables/{table}/rows", s.guard("rows", s.pushRows))
	s.mux.Handle("POST /v1/query", s.guard("query", s.runQuery))
	s.mux.HandleFunc("GET /healthz", s.health)
	s.mux.Handle("GET /metrics", s.guard("metrics", func(w http.ResponseWriter, r *http.Request, _ string) error {
		metrics.ServeHTTP(w, r)
		return nil
	}))
	if s.opt.Pprof {
		s.mountProfiles()
	}
	s.mux.HandleFunc("/", s.unknown)
}

// connState closes connections beyond the cap: a request in flight is worth more than a new one.
func (s *Server) connState(c net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		if s.conns.Add(1) > connectionsMax {
			c.Close()
		}
	case http.StateClosed, http.StateHijacked:
		s.conns.Add(-1)
	}
}

// ServeHTTP routes a request. A panic ends the request alone.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer func() {
		if p := recover(); p != nil {
			if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(p)
			}
			s.opt.Log.Error("request ended by a panic", "panic", p, "path", r.URL.Path, "stack", string(debug.Stack()))
			writeError(w, errs.Internal("the request met an internal error"))
		}
	}()
	s.mux.ServeHTTP(w, r)
}

// Serve accepts connections until Shutdown, and then returns nil.
func (s *Server) Serve(l net.Listener) error {
	if err := s.http.Serve(l); err != http.ErrServerClosed {
		return err
	}
	return nil
}

// Shutdown stops listening and waits for requests; when ctx ends it closes their connections.
func (s *Server) Shutdown(ctx context.Context) {
	if s.http.Shutdown(ctx) != nil {
		s.http.Close()
	}
}

// handler answers a request of a user who may come in, and returns the error to answer with.
type handler func(w http.ResponseWriter, r *http.Request, user string) error

// guard lets in who may come in, and counts.
func (s *Server) guard(name string, h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		user, err := s.authenticate(r)
		if err == nil {
			err = h(w, r, user)
		}
		status := http.StatusOK
		if err != nil {
			writeError(w, err)
			status = statusFor(err)
		}
		s.metrics.request(name, status, time.Since(began))
	})
}

// pushRows answers a push.
func (s *Server) pushRows(w http.ResponseWriter, r *http.Request, user string) error {
	answer, err := s.push.Push(w, r, user)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, answer)
	return nil
}

// authenticate returns who asks.
func (s *Server) authenticate(r *http.Request) (string, error) {
	user, password, given := r.BasicAuth()
	switch s.opt.Auth.Method(remoteAddr(r)) {
	case auth.Trust:
		if !given {
			user = "siltstone"
		}
		return user, nil
	case auth.SCRAM:
		if given && s.opt.Auth.CheckPassword(user, password) {
			return user, nil
		}
		e := auth.Failed(user)
		e.Severity = ""
		return "", e
	}
	return "", withStatus(http.StatusForbidden, errs.New(errs.InvalidAuthorization, "no password is configured for clients of other machines"))
}

// remoteAddr returns the address of the client. Headers of proxies are not believed.
func remoteAddr(r *http.Request) net.Addr {
	a, err := net.ResolveTCPAddr("tcp", r.RemoteAddr)
	if err != nil {
		return unknownAddr{}
	}
	return a
}

// unknownAddr is an address that no rule trusts.
type unknownAddr struct{}

func (unknownAddr) Network() string { return "unknown" }
func (unknownAddr) String() string  { return "unknown" }

func (s *Server) unknown(w http.ResponseWriter, r *http.Request) {
	e := errs.New(errs.UndefinedObject, "there is no %s %.100q", r.Method, r.URL.Path).
		WithHint("Rows: POST /v1/tables/{table}/rows. SQL: POST /v1/query. Also: GET /healthz, GET /metrics.")
	writeError(w, withStatus(http.StatusNotFound, e))
}

func (s *Server) health(w http.ResponseWriter, _ *http.Request) {
	problems := s.opt.Health()
	state, status := "ok", http.StatusOK
	if len(problems) > 0 {
		state, status = "degraded", http.StatusServiceUnavailable
	}
	writeJSON(w, status, struct {
		Status  string   `json:"status"`
		Reasons []string `json:"reasons,omitempty"`
	}{state, problems})
}
