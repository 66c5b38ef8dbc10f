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
	"strconv"
	"sync"

	"github.com/siltstone-db/siltstone/server/auth"
	"github.com/siltstone-db/siltstone/server/config"
	"github.com/siltstone-db/siltstone/server/httpapi"
	"github.com/siltstone-db/siltstone/server/pgwire"
	"github.com/siltstone-db/siltstone/sql/session"
	"github.com/siltstone-db/siltstone/storage"
	"github.com/siltstone-db/siltstone/storage/mem"
)

// Node is a running server.
type Node struct {
	opt    config.Options
	log    *slog.Logger
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
func Start(ctx context.Context, o config.Options, log *slog.Logger) (n *Node, err error) {
	o.EnsureDefaults()
	if err := o.Validate(); err != nil {
		return nil, err
	}
	setMemoryLimit(int64(o.Memory))
	rules, err := auth.New(auth.Options{User: o.User, Password: o.Password, TrustLoopback: o.TrustLoopback, TrustAll: o.TrustAll})
	if err != nil {
		return nil, err
	}
	secure, err := loadTLS(o)
	if err != nil {
		return nil, err
	}
	n = &Node{opt: o, log: log, failed: make(chan error, 2)}
	defer func() {
		if err != nil {
			_ = n.Stop() // err says more
			n = nil
		}
	}()
	// The ports come first: a second server on them is told before it waits for anything.
	if n.pgListener, err = net.Listen("tcp", o.PG); err != nil {
		return n, fmt.Errorf("listen for PostgreSQL clients: %w", err)
	}
	if o.HTTP != "-" {
		if n.httpListener, err = net.Listen("tcp", o.HTTP); err != nil {
			return n, fmt.Errorf("listen for HTTP clients: %w", err)
		}
	}
	pool := mem.NewPool(int64(o.Memory))
	if n.db, err = openStorage(ctx, o, pool, log); err != nil {
		return n, err
	}
	n.engine, err = session.NewEngine(n.db, session.Options{Pool: pool, Workers: o.Threads, MaxSessions: o.SessionsMax + httpSessionsMax})
	if err != nil {
		return n, err
	}
	n.pg, err = pgwire.NewServer(pgwire.Options{Open: n.openSession, Auth: rules, TLS: secure, SessionsMax: o.SessionsMax, Log: log})
	if err != nil {
		return n, err
	}
	n.serve(n.pg.Serve, n.pgListener)
	if n.httpListener != nil {
		n.http, err = httpapi.NewServer(httpapi.Options{Store: n.db, Open: n.openHTTP, Health: n.health, Auth: rules, Pool: pool,
			Metrics: n.metrics(pool), BodyMaxBytes: int64(o.BodyMax), Pprof: o.Pprof, Log: log})
		if err != nil {
			return n, err
		}
		n.serve(n.http.Serve, n.httpListener)
	}
	if o.Demo {
		if n.demo, err = startDemo(ctx, n); err != nil {
			return n, fmt.Errorf("demo: %w", err)
		}
	}
	return n, nil
}

// httpSessionsMax is how many sessions HTTP requests may have beside those of PostgreSQL clients.
const httpSessionsMax = 100

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
