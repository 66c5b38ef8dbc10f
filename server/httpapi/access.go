package httpapi

import (
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/siltstone-db/siltstone/storage/errs"
)

// access decides which requests are answered at all, whoever sends them. Clients of this machine need no password, and
// the browser of a user of this machine is one of them: so a page of any site could run statements, by a form or a
// "simple" request, which browsers send without asking, and by a name of its own that is made to point to this machine
// (DNS rebinding) read the answers, too. Browsers tell where a request comes from, in three ways that pages cannot change:
//
//   - Host is the name in the browser's address: one that is not ours is refused. Addresses are taken as they are, since
//     nobody else can make one point here.
//   - Origin is the site of the page: another one than Host is refused, unless it is one of the origins of the options.
//   - Sec-Fetch-Site says what browsers think of it; it also comes with requests that have no Origin.
type access struct {
	hosts   map[string]bool
	origins map[string]bool
}

func newAccess(hosts, origins []string) access {
	a := access{map[string]bool{"localhost": true}, map[string]bool{}}
	for _, h := range hosts {
		a.hosts[canonicalHost(h)] = true
	}
	for _, o := range origins {
		a.origins[canonicalOrigin(o)] = true
	}
	return a
}

// check refuses a request of a wrong name or of a page of another site. foreign is the origin of a page of another site
// that is allowed by name: "" for programs and for pages of our own.
func (a *access) check(r *http.Request) (foreign string, err error) {
	if !a.knowsHost(r) {
		return "", withStatus(http.StatusMisdirectedRequest, errs.New(errs.InvalidAuthorization, "%.100q is not a name of this server", r.Host).
			WithHint("Use its address, or give the name to the server with --http-host."))
	}
	origins := r.Header.Values("Origin")
	switch len(origins) {
	case 0:
	case 1:
		origin := canonicalOrigin(origins[0])
		if a.origins[origin] {
			return origins[0], nil
		}
		if _, host, ok := strings.Cut(origin, "://"); !ok || host != canonicalOriginHost(origin, r.Host) {
			return "", foreignPage(origins[0])
		}
	default:
		return "", foreignPage(strings.Join(origins, ", "))
	}
	switch site := strings.Join(r.Header.Values("Sec-Fetch-Site"), ", "); site {
	case "", "same-origin", "none":
		return "", nil
	default:
		return "", foreignPage(site)
	}
}

func foreignPage(of string) error {
	return withStatus(http.StatusForbidden, errs.New(errs.InvalidAuthorization, "a page of another site (%.100q) may not use this server", of).
		WithHint("Allow its origin with --http-origin, and let the page send the token as Authorization: Bearer."))
}

// knowsHost tells whether a request is for a name of ours. Only clients of HTTP/1.0, which no browser is, name none.
func (a *access) knowsHost(r *http.Request) bool {
	if r.Host == "" {
		return !r.ProtoAtLeast(1, 1)
	}
	host := canonicalHost(r.Host)
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	return a.hosts[host]
}

// canonicalHost returns a host without port, brackets and the root's dot, in lower case.
func canonicalHost(hostport string) string {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	} else if strings.HasPrefix(host, "[") && strings.HasSuffix(host, "]") {
		host = host[1 : len(host)-1]
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

// canonicalOrigin returns an origin in lower case, without the port that its scheme implies.
func canonicalOrigin(origin string) string {
	origin = strings.ToLower(origin)
	scheme, host, ok := strings.Cut(origin, "://")
	if !ok {
		return origin
	}
	return scheme + "://" + withoutPort(scheme, host)
}

// canonicalOriginHost returns the host of a request as the origin of a page of ours has it.
func canonicalOriginHost(origin, host string) string {
	scheme, _, _ := strings.Cut(origin, "://")
	return withoutPort(scheme, strings.ToLower(host))
}

func withoutPort(scheme, host string) string {
	switch scheme {
	case "http":
		return strings.TrimSuffix(host, ":80")
	case "https":
		return strings.TrimSuffix(host, ":443")
	}
	return host
}

// allowPage tells the browser that the page of an allowed origin may read the answer.
func allowPage(h http.Header, origin string) {
	h.Set("Access-Control-Allow-Origin", origin)
	h.Set("Access-Control-Expose-Headers", "Retry-After, WWW-Authenticate")
}

// isPreflight tells whether a browser asks if a page may send a request.
func isPreflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != ""
}

// preflightSeconds is how long a browser may remember the answer: what pages may do changes with a restart only.
const preflightSeconds = "600"

// answerPreflight tells what pages of allowed origins may send. Whether they may is seen when they do: the token does
// not come with the question.
func answerPreflight(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Access-Control-Allow-Methods", "GET, POST")
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Content-Encoding, Accept, Idempotency-Key")
	h.Set("Access-Control-Max-Age", preflightSeconds)
	w.WriteHeader(http.StatusNoContent)
}
