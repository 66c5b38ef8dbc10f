package httpapi

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/siltstone-db/siltstone/ingest/httppush"
	"github.com/siltstone-db/siltstone/storage/errs"
)

// Server serves HTTP. All methods may be called at any time.
type Server struct {
	opt     Options
	access  access
	http    *http.Server
	mux     *http.ServeMux
	push    *httppush.Handler
	peers   *peers
	metrics Metrics
}

// Header and idle limits.
const (
	headerMaxBytes = 32 << 10
	headerTimeout  = 10 * time.Second
	idleTimeout    = 2 * time.Minute
	queryMaxBytes  = 16 << 20
)

// NewServer makes a server that listens nowhere yet.
func NewServer(o Options) (*Server, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	o.EnsureDefaults()
	s := &Server{opt: o, access: newAccess(o.Hosts, o.Origins), mux: http.NewServeMux(), peers: newPeers(o.ConnectionsMax)}
	var err error
	if s.push, err = httppush.New(httppush.Options{Store: o.Store, Terms: s.terms, Pool: o.Pool, BodyMaxBytes: o.BodyMaxBytes}); err != nil {
		return nil, err
	}
	for _, rt := range s.routes() {
		s.mux.Handle(rt.pattern, s.guard(rt))
	}
	s.http = &http.Server{
		Handler: s, ReadHeaderTimeout: headerTimeout, ReadTimeout: o.ReadTimeout, IdleTimeout: idleTimeout,
		MaxHeaderBytes: headerMaxBytes, ErrorLog: slog.NewLogLogger(o.Log.Handler(), slog.LevelDebug),
		ConnState: s.peers.changed, ConnContext: s.peers.context,
	}
	return s, nil
}

// ServeHTTP routes a request. A panic ends the request alone.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer func() {
		if p := recover(); p != nil {
			if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(p)
			}
			s.opt.Log.Error("request ended by a panic", "panic", p, "path", r.URL.Path, "stack", string(debug.Stack()))
			writeError(w, r, errs.Internal("the request met an internal error"))
		}
	}()
	s.peers.follow(r)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	foreign, err := s.access.check(r)
	if err != nil {
		s.tellLogin(r, "", "", err)
		writeError(w, r, err)
		return
	}
	if len(s.access.origins) > 0 {
		w.Header().Set("Vary", "Origin")
	}
	if foreign != "" {
		allowPage(w.Header(), foreign)
		if isPreflight(r) {
			answerPreflight(w)
			return
		}
		r = withForeign(r, foreign)
	}
	if err := s.peers.refuse(r); err != nil {
		w.Header().Set("Connection", "close")
		writeError(w, r, err)
		return
	}
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
