package node

import (
	"context"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/siltstone-db/siltstone/server/auth"
	"github.com/siltstone-db/siltstone/server/config"
	"github.com/siltstone-db/siltstone/storage/metric"
)

// logins counts clients that were let in or refused, and writes them to the log. Requests over HTTP log in one by one,
// so that those that are let in are for who debugs. Who knocks a thousand times a second must not fill the disk by it:
// beyond refusalsPerSecond refusals are counted, and their number is written later.
type logins struct {
	log             *slog.Logger
	let, refused    metric.Counter
	httpLet, httpNo metric.Counter

	mu struct {
		sync.Mutex
		second  time.Time // when counting began
		written int
		hidden  int64
	}
}

// refusalsPerSecond are written to the log.
const refusalsPerSecond = 10

// register adds the counters to a page.
func (l *logins) register(r *metric.Registry) {
	r.Counter("siltstone_pg_logins_total", "PostgreSQL clients that were let in.", &l.let)
	r.Counter("siltstone_pg_logins_refused_total", "PostgreSQL clients that were refused at their login.", &l.refused)
	r.Counter("siltstone_http_logins_total", "HTTP requests that were let in.", &l.httpLet)
	r.Counter("siltstone_http_logins_refused_total", "HTTP requests that were refused for who sent them, or from where.", &l.httpNo)
}

// tell is the auth.Listener.
func (l *logins) tell(e auth.Event) {
	let, refused, level := &l.let, &l.refused, slog.LevelInfo
	if e.Door == "http" {
		let, refused, level = &l.httpLet, &l.httpNo, slog.LevelDebug
	}
	if e.Err == nil {
		let.Add(1)
		l.log.Log(context.Background(), level, e.String())
		return
	}
	refused.Add(1)
	hidden, ok := l.mayWrite(time.Now())
	if hidden > 0 {
		l.log.Warn("more logins were refused than are written here", "refused", hidden)
	}
	if ok {
		l.log.Warn(e.String())
	}
}

// mayWrite tells whether a refusal goes to the log, and how many were kept from it since that was last told.
func (l *logins) mayWrite(now time.Time) (hidden int64, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.Sub(l.mu.second) >= time.Second {
		hidden, l.mu.hidden = l.mu.hidden, 0
		l.mu.second, l.mu.written = now, 0
	}
	if l.mu.written == refusalsPerSecond {
		l.mu.hidden++
		return 0, false
	}
	l.mu.written++
	return hidden, true
}

// warnOfAccess tells what an operator may not have meant.
func warnOfAccess(o config.Options, log *slog.Logger) {
	if o.TrustAll {
		log.Warn("trust-all: whoever can reach the ports is let in without a password", "pg", o.PG, "http", o.HTTP)
	}
	if o.TLSCert == "" && (o.Password != "" || o.HTTPToken != "") && o.HTTP != "-" && !loopback(o.HTTP) {
		log.Warn("passwords and tokens of HTTP clients go over the network in clear text: give tls-cert and tls-key", "http", o.HTTP)
	}
}

// loopback tells that nobody on another machine reaches an address.
func loopback(address string) bool {
	a, err := net.ResolveTCPAddr("tcp", address)
	return err == nil && a.IP.IsLoopback()
}
