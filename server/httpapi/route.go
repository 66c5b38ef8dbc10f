package httpapi

import (
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/siltstone-db/siltstone/storage/errs"
)

// handler answers a request of a user, and returns the error to answer with.
type handler func(w http.ResponseWriter, r *http.Request, user string) error

// who may use a route. What access refuses comes to none of them.
type who uint8

const (
	anybody   who = iota // also without a password; pages of other sites not
	users                // who may log in
	localhost            // clients of this machine, password or not; pages of other sites not
)

// route is a path and what answers there.
type route struct {
	pattern string // of http.ServeMux
	name    string // in metrics
	who     who
	h       handler
}

// routes returns all that is served: the tests of access go through it, so that a new route is held against them.
func (s *Server) routes() []route {
	metrics := s.metricsPage()
	all := []route{
		{"POST /v1/tables/{table}/rows", "rows", users, s.pushRows},
		{"POST /v1/query", "query", users, s.runQuery},
		{"GET /healthz", "health", anybody, s.health},
		{"GET /metrics", "metrics", users, plain(metrics.ServeHTTP)},
	}
	if s.opt.Pprof { // profiles show statements and file names and cost time to take
		all = append(all,
			route{"GET /debug/pprof/", "pprof", localhost, plain(pprof.Index)},
			route{"GET /debug/pprof/profile", "pprof", localhost, plain(pprof.Profile)},
			route{"GET /debug/pprof/trace", "pprof", localhost, plain(pprof.Trace)},
			route{"GET /debug/pprof/symbol", "pprof", localhost, plain(pprof.Symbol)})
	}
	return append(all, route{"/", "unknown", anybody, unknown})
}

// plain makes a handler of one that writes its errors itself.
func plain(h http.HandlerFunc) handler {
	return func(w http.ResponseWriter, r *http.Request, _ string) error {
		h(w, r)
		return nil
	}
}

// guard lets in who may use a route, and counts.
func (s *Server) guard(rt route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		user, err := s.admit(rt.who, r)
		if err == nil {
			err = rt.h(w, r, user)
		}
		status := http.StatusOK
		if err != nil {
			writeError(w, r, err)
			status = statusFor(err)
		}
		s.metrics.request(rt.name, status, time.Since(began))
	})
}

// admit returns the user of a request, or why it may not use a route.
func (s *Server) admit(w who, r *http.Request) (user string, err error) {
	switch w {
	case users:
		return s.authenticate(r)
	case localhost:
		if err := onThisMachine(r); err != nil {
			s.tellLogin(r, "", "", err)
			return "", err
		}
	}
	return "", nil
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

func unknown(_ http.ResponseWriter, r *http.Request, _ string) error {
	e := errs.New(errs.UndefinedObject, "there is no %s %.100q", r.Method, r.URL.Path).
		WithHint("Rows: POST /v1/tables/{table}/rows. SQL: POST /v1/query. Also: GET /healthz, GET /metrics.")
	return withStatus(http.StatusNotFound, e)
}

func (s *Server) health(w http.ResponseWriter, _ *http.Request, _ string) error {
	problems := s.opt.Health()
	state, status := "ok", http.StatusOK
	if len(problems) > 0 {
		state, status = "degraded", http.StatusServiceUnavailable
	}
	writeJSON(w, status, struct {
		Status  string   `json:"status"`
		Reasons []string `json:"reasons,omitempty"`
	}{state, problems})
	return nil
}
