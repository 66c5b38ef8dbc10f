package pgwire

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"time"

	"github.com/siltstone-db/siltstone/server/auth"
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

// Options configure a Server. Open and Auth are needed; of the rest zero is ready.
type Options struct {
	// Open makes the session of a client that may log in. Its errors are shown to the client.
	Open func(ctx context.Context, s Startup) (Session, error)
	// Auth decides how clients prove who they are.
	Auth *auth.Rules
	// Logins is told of clients that were let in or refused. Default: nobody is.
	Logins auth.Listener
	// TLS answers SSLRequest and direct TLS; nil: clients are told that there is none.
	TLS *tls.Config
	// TLSOnly refuses clients without TLS.
	TLSOnly bool
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
	o.SessionsMax = cmp.Or(o.SessionsMax, 200)
	o.PendingMax = cmp.Or(o.PendingMax, 100)
	o.LoginTimeout = cmp.Or(o.LoginTimeout, 10*time.Second)
	o.WriteTimeout = cmp.Or(o.WriteTimeout, 10*time.Minute)
	o.WatchInterval = cmp.Or(o.WatchInterval, 250*time.Millisecond)
	if o.Logins == nil {
		o.Logins = func(auth.Event) {}
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
}

// Validate returns every problem of the options, joined, each with 22023. What EnsureDefaults would fill in is not one.
func (o *Options) Validate() error {
	var problems []error
	bad := func(format string, args ...any) {
		problems = append(problems, errs.New(errs.InvalidParameterValue, format, args...))
	}
	if o.Open == nil {
		bad("Open: nothing makes sessions")
	}
	if o.Auth == nil {
		bad("Auth: nothing says who may come in")
	}
	for _, n := range []struct {
		name  string
		value int64
	}{
		{"SessionsMax", int64(o.SessionsMax)}, {"PendingMax", int64(o.PendingMax)}, {"LoginTimeout", int64(o.LoginTimeout)},
		{"WriteTimeout", int64(o.WriteTimeout)}, {"WatchInterval", int64(o.WatchInterval)},
	} {
		if n.value < 0 {
			bad("%s: %d is negative", n.name, n.value)
		}
	}
	return errors.Join(problems...)
}
