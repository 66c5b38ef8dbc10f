// Package node wires one server process: it opens the storage, starts the sessions' engine and the listeners in order,
// tells where to connect, and stops everything in the reverse order. Start and Stop are called once each, by main or by
// a test; everything a node owns ends with Stop.
package node

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"sync"

	"github.com/siltstone-db/siltstone/server/auth"
	"github.com/siltstone-db/siltstone/server/config"
	"github.com/siltstone-db/siltstone/server/httpapi"
	"github.com/siltstone-db/siltstone/server/pgwire"
	"github.com/siltstone-db/siltstone/sql/session"
	"github.com/siltstone-db/siltstone/storage"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/vfs"
)

// Node is a running server.
type Node struct {
	opt    config.Options
	log    *slog.Logger
	rules  *auth.Rules
	logins *logins
	files  descriptors
	tls    *tls.Config // nil: none
	pool   *mem.Pool
	db     *storage.DB
	engine *session.Engine
	pg     *pgwire.Server
	http   *httpapi.Server
	demo   *demo

	pgListener, httpListener net.Listener

	serving sync.WaitGroup
	failed  chan error // of the listeners
}

// Start starts a server. What was started is stopped again when something fails.
func Start(ctx context.Context, o config.Options, log *slog.Logger) (*Node, error) {
	n, err := newNode(o, log)
	if err != nil {
		return nil, err
	}
	if err := n.start(ctx); err != nil {
		_ = n.Stop() // err says more
		return nil, err
	}
	return n, nil
}

// newNode makes a server that has started nothing yet.
func newNode(o config.Options, log *slog.Logger) (*Node, error) {
	o.EnsureDefaults()
	if err := o.Validate(); err != nil {
		return nil, err
	}
	setMemoryLimit(int64(o.Memory))
	rules, err := auth.New(auth.Options{User: o.User, Password: o.Password, Token: o.HTTPToken, TrustLoopback: o.TrustLoopback, TrustAll: o.TrustAll})
	if err != nil {
		return nil, err
	}
	secure, err := loadTLS(o)
	if err != nil {
		return nil, err
	}
	warnOfAccess(o, log)
	most := vfs.FilesMax()
	files := shareDescriptors(most, o)
	files.tell(log, most, o)
	return &Node{opt: o, log: log, rules: rules, logins: &logins{log: log}, files: files, tls: secure, failed: make(chan error, 2)}, nil
}

// start starts the parts in order, up to one that fails. Stop ends those that were started.
func (n *Node) start(ctx context.Context) error {
	for _, part := range []func(context.Context) error{n.listen, n.open, n.serveClients, n.startDemo} {
		if err := part(ctx); err != nil {
			return err
		}
	}
	return nil
}

// listen takes the ports. They come first: a second server on them is told before it waits for anything.
func (n *Node) listen(context.Context) (err error) {
	if n.pgListener, err = net.Listen("tcp", n.opt.PG); err != nil {
		return fmt.Errorf("listen for PostgreSQL clients (--pg): %w", err)
	}
	if n.opt.HTTP == "-" {
		return nil
	}
	if n.httpListener, err = net.Listen("tcp", n.opt.HTTP); err != nil {
		return fmt.Errorf("listen for HTTP clients (--http): %w", err)
	}
	if n.tls != nil { // passwords and tokens go over this port, too
		secure := n.tls.Clone()
		secure.NextProtos = []string{"http/1.1"}
		n.httpListener = tls.NewListener(n.httpListener, secure)
	}
	return nil
}

// open opens the storage and makes the engine of sessions.
func (n *Node) open(ctx context.Context) (err error) {
	n.pool = mem.NewPool(int64(n.opt.Memory))
	n.pool.Keep(int64(n.opt.Memory) / intakeShare)
	if n.db, err = openStorage(ctx, n.opt, n.pool, n.files.segments, n.log); err != nil {
		return err
	}
	n.engine, err = session.NewEngine(n.db, session.Options{Pool: n.pool, Workers: n.opt.Threads, MaxSessions: n.opt.SessionsMax + httpSessionsMax})
	return err
}

// serveClients lets clients in.
func (n *Node) serveClients(context.Context) (err error) {
	n.pg, err = pgwire.NewServer(pgwire.Options{Open: n.openSession, Auth: n.rules, Logins: n.logins.tell, TLS: n.tls, TLSOnly: n.opt.TLSOnly, SessionsMax: n.files.sessions,
		PendingMax: n.files.pending, Log: n.log})
	if err != nil {
		return err
	}
	n.serve(n.pg.Serve, n.pgListener)
	if n.httpListener == nil {
		return nil
	}
	n.http, err = httpapi.NewServer(httpapi.Options{Store: n.db, Open: n.openHTTP, Health: n.health, Auth: n.rules, Pool: n.pool,
		Hosts: n.names(), Origins: n.opt.HTTPOrigins, Logins: n.logins.tell, ConnectionsMax: n.files.http, Metrics: n.metrics(), BodyMaxBytes: int64(n.opt.BodyMax), Pprof: n.opt.Pprof, Log: n.log})
	if err != nil {
		return err
	}
	n.serve(n.http.Serve, n.httpListener)
	return nil
}

// names returns the names of this server that HTTP requests may be for.
func (n *Node) names() []string {
	names := slices.Clone(n.opt.HTTPHosts)
	if host, err := os.Hostname(); err == nil {
		names = append(names, host)
	}
	if host, _, err := net.SplitHostPort(n.opt.HTTP); err == nil && host != "" {
		names = append(names, host)
	}
	return names
}

// startDemo starts the stream of events, if it is wished.
func (n *Node) startDemo(ctx context.Context) (err error) {
	if !n.opt.Demo {
		return nil
	}
	if n.demo, err = startDemo(ctx, n); err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	return nil
}

// httpSessionsMax is how many sessions HTTP requests may have beside those of PostgreSQL clients.
const httpSessionsMax = 100

// intakeShare is which part of the memory queries leave to rows that come in: one in so many. 32 MB of the smallest
// sensible server hold a good many transactions, and no query misses them.
const intakeShare = 8

// serve runs a listener until it is closed.
func (n *Node) serve(run func(net.Listener) error, l net.Listener) {
	n.serving.Go(func() {
		if err := run(l); err != nil {
			n.failed <- fmt.Errorf("listener %s: %w", l.Addr(), err)
		}
	})
}

// PGAddr returns where PostgreSQL clients connect.
func (n *Node) PGAddr() net.Addr { return n.pgListener.Addr() }

// HTTPAddr returns where HTTP clients connect, nil for nowhere.
func (n *Node) HTTPAddr() net.Addr {
	if n.httpListener == nil {
		return nil
	}
	return n.httpListener.Addr()
}

// Stop ends the demo, then the listeners with their clients (who get the grace time of the options), then the engine
// and the storage. It returns when nothing of the node is left.
func (n *Node) Stop() error {
	if n.demo != nil {
		n.demo.stop()
	}
	ctx, cancel := context.WithTimeout(context.Background(), n.opt.Grace)
	defer cancel()
	var clients sync.WaitGroup
	if n.pg != nil {
		clients.Go(func() { n.pg.Shutdown(ctx) })
	} else if n.pgListener != nil {
		n.pgListener.Close()
	}
	if n.http != nil {
		clients.Go(func() { n.http.Shutdown(ctx) })
	} else if n.httpListener != nil {
		n.httpListener.Close()
	}
	clients.Wait()
	n.serving.Wait()
	if n.engine != nil {
		n.engine.Close()
	}
	if n.db != nil {
		if err := n.db.Close(); err != nil {
			return fmt.Errorf("close storage: %w", err)
		}
	}
	return nil
}

// openSession makes the session of a PostgreSQL client.
func (n *Node) openSession(ctx context.Context, s pgwire.Startup) (pgwire.Session, error) {
	up := session.Startup{User: s.User, Database: s.Database, Settings: make(map[string]string, len(s.Settings)), Port: -1}
	for _, x := range s.Settings {
		up.Settings[x.Name] = x.Value
	}
	up.Address, up.Port = hostPort(s.Remote)
	c, err := n.engine.Connect(ctx, up)
	if err != nil {
		return nil, err
	}
	return c, nil
}

// openHTTP makes the session of one HTTP request.
func (n *Node) openHTTP(ctx context.Context, user string, remote net.Addr) (httpapi.Session, error) {
	up := session.Startup{User: user, Database: n.engine.Database(), Settings: map[string]string{"application_name": "http"}}
	up.Address, up.Port = hostPort(remote)
	c, err := n.engine.Connect(ctx, up)
	if err != nil {
		return nil, err
	}
	return c, nil
}

func hostPort(a net.Addr) (string, int32) {
	if a == nil {
		return "", -1
	}
	host, port, err := net.SplitHostPort(a.String())
	if err != nil {
		return "", -1
	}
	p, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return host, -1
	}
	return host, int32(p)
}

func loadTLS(o config.Options) (*tls.Config, error) {
	if o.TLSCert == "" {
		return nil, nil
	}
	cert, err := tls.LoadX509KeyPair(o.TLSCert, o.TLSKey)
	if err != nil {
		return nil, fmt.Errorf("tls-cert and tls-key: %w", err)
	}
	return &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}, nil
}

// setMemoryLimit tells Go's collector how much memory the options allow, unless the operator told it himself. Most of
// the pool is off-heap and not seen by the collector, so its limit is a ceiling that the heap should never reach; up to
// there it may let garbage double the live heap, which is small.
func setMemoryLimit(memory int64) {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memory)
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(100)
	}
}

// Wait returns when ctx ends (nil), or a listener fails.
func (n *Node) Wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case err := <-n.failed:
		return err
	}
}
