package pgwire

import (
	"context"
	"log/slog"
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/siltstone-db/siltstone/server/auth"
	"github.com/siltstone-db/siltstone/server/pgtest"
)

// start runs a server over fakeSession on a free port until the end of the test.
func start(t testing.TB, change func(*Options)) (*Server, func() (net.Conn, error)) {
	t.Helper()
	rules, err := auth.New(auth.Options{TrustLoopback: true})
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Open: newFake, Auth: rules, WatchInterval: 20 * time.Millisecond, Log: slog.New(slog.NewTextHandler(t.Output(), nil))}
	if change != nil {
		change(&o)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s, err := NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
		defer cancel()
		s.Shutdown(ctx)
		if err := <-served; err != nil {
			t.Errorf("Serve: %v", err)
		}
		if n := s.metrics.Sessions.Load(); n != 0 {
			t.Errorf("%d sessions are left", n)
		}
	})
	return s, func() (net.Conn, error) { return net.Dial("tcp", l.Addr().String()) }
}

func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.wire")
	if err != nil || len(files) == 0 {
		t.Fatal("no scripts", err)
	}
	for _, f := range files {
		t.Run(filepath.Base(f), func(t *testing.T) {
			t.Parallel()
			_, dial := start(t, nil)
			pgtest.Run(t, f, dial)
		})
	}
}
