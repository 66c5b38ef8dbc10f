package httpapi

import (
	"net"
	"net/http"
	"net/http/pprof"

	"github.com/siltstone-db/siltstone/storage/errs"
)

// mountProfiles serves the Go profiler. Profiles show statements and file names and cost time to take, so that they
// are for who is on the machine, password or not.
func (s *Server) mountProfiles() {
	for pattern, h := range map[string]http.HandlerFunc{
		"GET /debug/pprof/":        pprof.Index,
		"GET /debug/pprof/profile": pprof.Profile,
		"GET /debug/pprof/trace":   pprof.Trace,
		"GET /debug/pprof/symbol":  pprof.Symbol,
	} {
		s.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			if a, ok := remoteAddr(r).(*net.TCPAddr); !ok || !a.IP.IsLoopback() {
				writeError(w, withStatus(http.StatusForbidden,
					errs.New(errs.InsufficientPrivilege, "profiles are for clients of this machine")))
				return
			}
			h(w, r)
		})
	}
}
