package node

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"github.com/siltstone-db/siltstone/server/config"
	"github.com/siltstone-db/siltstone/storage"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var ctx = context.Background()

// options are those of a small server on ports that are free.
func options(t *testing.T) config.Options {
	return config.Options{Data: filepath.Join(t.TempDir(), "data"), PG: "127.0.0.1:0", HTTP: "127.0.0.1:0", TrustLoopback: true,
		Memory: 128 << 20, Grace: 10 * time.Minute}
}

func start(t *testing.T, o config.Options) (*Node, error) {
	return Start(ctx, o, slog.New(slog.NewTextHandler(t.Output(), nil)))
}

func mustStart(t *testing.T, o config.Options) *Node {
	t.Helper()
	n, err := start(t, o)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func stop(t *testing.T, n *Node) {
	t.Helper()
	if err := n.Stop(); err != nil {
		t.Error(err)
	}
}

func connect(t *testing.T, n *Node) *pgx.Conn {
	t.Helper()
	c, err := pgx.Connect(ctx, "postgres://siltstone@"+n.PGAddr().String()+"/siltstone?sslmode=disable")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func exec(t *testing.T, c *pgx.Conn, sql string) {
	t.Helper()
	if _, err := c.Exec(ctx, sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// taken returns a port that somebody listens on until the end of the test.
func taken(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.Addr().String()
}

// TestPartsThatFail lets each part of a server fail to start. Those before it are stopped again, and those behind it
// were never begun.
func TestPartsThatFail(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(t *testing.T, o *config.Options)
		want  string
		begun string // what was begun before
	}{
		{"options", func(_ *testing.T, o *config.Options) { o.Threads = -1 }, "threads: -1", ""},
		{"certificate", func(_ *testing.T, o *config.Options) { o.TLSCert, o.TLSKey = "/nowhere", "/nowhere" }, "tls-cert and tls-key", ""},
		{"PostgreSQL's port", func(t *testing.T, o *config.Options) { o.PG = taken(t) }, "listen for PostgreSQL clients (--pg)", ""},
		{"HTTP's port", func(t *testing.T, o *config.Options) { o.HTTP = taken(t) }, "listen for HTTP clients (--http)", "port"},
		{"storage", func(t *testing.T, o *config.Options) {
			if err := os.WriteFile(o.Data, nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}, "open database", "port port"},
		{"demo", func(t *testing.T, o *config.Options) {
			n := mustStart(t, *o)
			c := connect(t, n)
			exec(t, c, "CREATE TABLE clicks (mine integer)")
			c.Close(ctx)
			stop(t, n)
			o.Demo = true
		}, "clicks exists and is not the demo's", "port port storage engine pg http"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := options(t)
			c.spoil(t, &o)
			if n, err := start(t, o); n != nil || err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("Start: %v, %v; want an error with %q", n, err, c.want)
			}
			n, err := newNode(o, slog.New(slog.NewTextHandler(t.Output(), nil)))
			if err != nil {
				return // said so above
			}
			if err := n.start(ctx); err == nil {
				t.Error("the second time it starts")
			}
			stop(t, n)
			if got := begun(n); got != c.begun {
				t.Errorf("begun: %q, want %q", got, c.begun)
			}
			for _, l := range []net.Listener{n.pgListener, n.httpListener} {
				if l == nil {
					continue
				}
				if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
					t.Errorf("the listener on %s is open: %v", l.Addr(), err)
				}
			}
			if n.db == nil {
				return
			}
			db, err := storage.Open(ctx, o.Data, storage.Options{})
			if err != nil {
				t.Fatalf("the storage is open: %v", err)
			}
			db.Close()
		})
	}
}

// begun names the parts that a node has begun.
func begun(n *Node) string {
	var parts []string
	add := func(name string, is bool) {
		if is {
			parts = append(parts, name)
		}
	}
	add("port", n.pgListener != nil)
	add("port", n.httpListener != nil)
	add("storage", n.db != nil)
	add("engine", n.engine != nil)
	add("pg", n.pg != nil)
	add("http", n.http != nil)
	add("demo", n.demo != nil)
	return strings.Join(parts, " ")
}

// TestStop stops a server whose clients are at work: listeners and clients end first, so that what runs is finished, and
// the storage last, so that it is stored.
func TestStop(t *testing.T) {
	o := options(t)
	n := mustStart(t, o)
	c := connect(t, n)
	exec(t, c, "CREATE TABLE t (a bigint)")
	idle := connect(t, n)
	ran := make(chan error, 1)
	go func() {
		_, err := c.Exec(ctx, "INSERT INTO t SELECT a FROM generate_series(1, 300000) a")
		ran <- err
	}()
	for running := false; !running; { // until the statement is seen
		if err := idle.QueryRow(ctx, "SELECT count(*) > 0 FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'INSERT%'").Scan(&running); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-ran:
			ran <- err
			running = true
		default:
		}
	}
	stop(t, n)
	if err := <-ran; err != nil {
		t.Errorf("the statement that ran: %v", err)
	}
	if _, err := idle.Exec(ctx, "SELECT 1"); err == nil {
		t.Error("an idle session lives on")
	}
	c.Close(ctx)
	idle.Close(ctx)

	n = mustStart(t, o)
	defer stop(t, n)
	c = connect(t, n)
	defer c.Close(ctx)
	var rows int64
	if err := c.QueryRow(ctx, "SELECT count(*) FROM t").Scan(&rows); err != nil || rows != 300000 {
		t.Errorf("%d rows, %v", rows, err)
	}
}

// TestPage reads /metrics: each component is there once, and what the sessions did is counted while they live.
func TestPage(t *testing.T) {
	n := mustStart(t, options(t))
	defer stop(t, n)
	c := connect(t, n)
	defer c.Close(ctx)
	exec(t, c, "CREATE TABLE t (a integer)")
	exec(t, c, "INSERT INTO t VALUES (1)")
	defer http.DefaultClient.CloseIdleConnections()
	r, err := http.Get("http://" + n.HTTPAddr().String() + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	values := map[string]string{}
	for lines := bufio.NewScanner(r.Body); lines.Scan(); {
		if name, v, ok := strings.Cut(lines.Text(), " "); ok && !strings.HasPrefix(name, "#") {
			values[name] = v
		}
	}
	for name, want := range map[string]string{"siltstone_pg_sessions": "1", "siltstone_storage_committed_rows_total": "1",
		"siltstone_http_rows_stored_total": "0", "siltstone_memory_limit_bytes": "1.34217728e+08"} {
		if values[name] != want {
			t.Errorf("%s is %q, want %s", name, values[name], want)
		}
	}
	for _, name := range []string{"siltstone_pg_sent_bytes_total", "siltstone_pg_received_bytes_total", "siltstone_pg_statements_total",
		"siltstone_memory_peak_bytes", "go_goroutines"} {
		if v := values[name]; v == "" || v == "0" {
			t.Errorf("%s is %q", name, v)
		}
	}
}

func TestWithoutHTTP(t *testing.T) {
	o := options(t)
	o.HTTP = "-"
	n := mustStart(t, o)
	defer stop(t, n)
	if n.HTTPAddr() != nil {
		t.Errorf("listens on %v", n.HTTPAddr())
	}
	n.Banner(io.Discard)
}

func TestDemo(t *testing.T) {
	o := options(t)
	o.Demo = true
	n := mustStart(t, o)
	defer stop(t, n)
	c := connect(t, n)
	defer c.Close(ctx)
	for rows := 0; rows == 0; {
		if err := c.QueryRow(ctx, "SELECT count(*) FROM clicks").Scan(&rows); err != nil {
			t.Fatal(err)
		}
	}
	var banner strings.Builder
	n.Banner(&banner)
	if !strings.Contains(banner.String(), "FROM clicks") || !strings.Contains(banner.String(), "psql -h 127.0.0.1 -p ") {
		t.Errorf("banner:\n%s", &banner)
	}
	// The queries that the banner shows run.
	for _, sql := range strings.Split(demoQueries, ";") {
		if at := strings.Index(sql, "SELECT"); at >= 0 {
			exec(t, c, sql[at:])
		}
	}
}
