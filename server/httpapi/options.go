package httpapi

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net"
	"time"

	"github.com/siltstone-db/siltstone/server/auth"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/metric"
	"github.com/siltstone-db/siltstone/storage/table"
)

// Options configure a Server. Store, Open and Auth are needed; of the rest zero is ready.
type Options struct {
	Store table.Store
	// Open makes a session for a statement; the caller closes it.
	Open func(ctx context.Context, user string, remote net.Addr) (Session, error)
	// Health returns what is wrong; nothing when all is well. Default: all is well.
	Health func() []string
	// Auth decides who may come in: trusted addresses as themselves, others with basic authentication.
	Auth *auth.Rules
	// Hosts are names that requests may be for, beside addresses and localhost.
	Hosts []string
	// Origins are the web sites whose pages may send requests, with the token of Auth. Default: none.
	Origins []string
	// Logins is told of clients that were let in or refused. Default: nobody is.
	Logins auth.Listener
	// ConnectionsMax bounds connections. Default 1,000.
	ConnectionsMax int
	// Pool is charged for the rows of pushes that are on their way. Default: one without a limit.
	Pool *mem.Pool
	// Metrics are shown at /metrics beside this package's own, which are not registered there. It must be complete when
	// the server is made. Default: none.
	Metrics *metric.Registry
	// BodyMaxBytes bounds a body, before and after decompression. Default 256 MiB.
	BodyMaxBytes int64
	// ReadTimeout bounds the time for a whole request. Default 5 min.
	ReadTimeout time.Duration
	// WriteTimeout ends an answer whose client reads nothing for that long. Default 5 min.
	WriteTimeout time.Duration
	// Pprof serves /debug/pprof/ to clients of this machine.
	Pprof bool
	// Log gets one line for what an operator should see. Default slog.Default().
	Log *slog.Logger
}

// EnsureDefaults fills in what is zero.
func (o *Options) EnsureDefaults() {
	o.BodyMaxBytes = cmp.Or(o.BodyMaxBytes, 256<<20)
	o.ConnectionsMax = cmp.Or(o.ConnectionsMax, 1000)
	o.ReadTimeout = cmp.Or(o.ReadTimeout, 5*time.Minute)
	o.WriteTimeout = cmp.Or(o.WriteTimeout, 5*time.Minute)
	if o.Pool == nil {
		o.Pool = mem.NewPool(0)
	}
	if o.Metrics == nil {
		o.Metrics = &metric.Registry{}
	}
	if o.Health == nil {
		o.Health = func() []string { return nil }
	}
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
	if o.Store == nil {
		bad("Store: nothing takes rows")
	}
	if o.Open == nil {
		bad("Open: nothing makes sessions")
	}
	if o.Auth == nil {
		bad("Auth: nothing says who may come in")
	}
	if o.ConnectionsMax < 0 {
		bad("ConnectionsMax: %d is negative", o.ConnectionsMax)
	}
	if o.BodyMaxBytes < 0 {
		bad("BodyMaxBytes: %d is negative", o.BodyMaxBytes)
	}
	if o.ReadTimeout < 0 {
		bad("ReadTimeout: %d is negative", o.ReadTimeout)
	}
	if o.WriteTimeout < 0 {
		bad("WriteTimeout: %d is negative", o.WriteTimeout)
	}
	return errors.Join(problems...)
}
