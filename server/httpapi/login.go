package httpapi

import (
	"context"
	"net"
	"net/http"
	"strings"

	"github.com/siltstone-db/siltstone/server/auth"
	"github.com/siltstone-db/siltstone/storage/errs"
)

// foreignKey is the context's key of the origin of a page of another site.
type foreignKey struct{}

func withForeign(r *http.Request, origin string) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), foreignKey{}, origin))
}

// foreignOf returns the origin of the page of another site that sent a request, "" for programs and pages of ours.
func foreignOf(r *http.Request) string {
	origin, _ := r.Context().Value(foreignKey{}).(string)
	return origin
}

// authenticate returns who asks, and tells the listener.
func (s *Server) authenticate(r *http.Request) (string, error) {
	user, method, err := s.identify(r)
	s.tellLogin(r, user, method, err)
	return user, err
}

// tellLogin tells the listener that a client was let in or refused.
func (s *Server) tellLogin(r *http.Request, user, method string, err error) {
	s.opt.Logins(auth.NewEvent("http", user, remoteAddr(r), method, err))
}

// identify finds out who asks: by a token, by the address, or by a password. A page of another site needs the token:
// addresses say nothing about pages, and passwords are kept by browsers and sent whoever wrote the page.
func (s *Server) identify(r *http.Request) (user, method string, err error) {
	if token, given := bearerToken(r); given {
		user, ok := s.opt.Auth.CheckToken(token)
		if !ok {
			return "", "token", errs.New(errs.InvalidPassword, "token authentication failed")
		}
		return user, "token", nil
	}
	user, password, given := r.BasicAuth()
	if foreignOf(r) != "" {
		return user, "token", errs.New(errs.InvalidAuthorization, "pages of other sites need a token").
			WithHint("Send the server's token as Authorization: Bearer.")
	}
	m := s.opt.Auth.Method(remoteAddr(r))
	switch m {
	case auth.Trust:
		if !given {
			user = "siltstone"
		}
		return user, m.String(), nil
	case auth.SCRAM:
		if given && s.opt.Auth.CheckPassword(user, password) {
			return user, "password", nil
		}
		e := auth.Failed(user)
		e.Severity = ""
		return user, "password", e
	}
	return user, m.String(), withStatus(http.StatusForbidden, errs.New(errs.InvalidAuthorization, "no password is configured for clients of other machines"))
}

// bearerToken returns the token of a request.
func bearerToken(r *http.Request) (token string, given bool) {
	scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return "", false
	}
	return strings.TrimSpace(token), true
}

// onThisMachine refuses clients of other machines, and pages.
func onThisMachine(r *http.Request) error {
	if a, ok := remoteAddr(r).(*net.TCPAddr); !ok || !a.IP.IsLoopback() || foreignOf(r) != "" {
		return withStatus(http.StatusForbidden, errs.New(errs.InsufficientPrivilege, "profiles are for clients of this machine"))
	}
	return nil
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
