package node

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/siltstone-db/siltstone/server/auth"
)

// syncBuffer is a log that a test reads while it is written.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// TestLoginLog: the log has logins and refusals, a warning when everybody is let in, and no password.
func TestLoginLog(t *testing.T) {
	o := options(t)
	o.TrustAll, o.Password = true, "open sesame"
	var log syncBuffer
	n, err := Start(ctx, o, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	connect(t, n).Close(ctx)
	resp := get(t, n, "evil.example", "/metrics")
	stop(t, n)
	if resp != 421 {
		t.Errorf("a foreign host gets %d", resp)
	}
	for _, want := range []string{"trust-all", "login door=pg user=\\\"siltstone\\\"", "method=trust", "login refused door=http", "evil.example"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("no %q in the log:\n%s", want, &log)
		}
	}
	if strings.Contains(log.String(), "sesame") {
		t.Errorf("the password is in the log:\n%s", &log)
	}
}

// TestRefusalFlood: who knocks all the time does not write the log, and is counted there.
func TestRefusalFlood(t *testing.T) {
	var log syncBuffer
	l := &logins{log: slog.New(slog.NewTextHandler(&log, nil))}
	for range 1000 {
		l.tell(auth.Event{Door: "pg", Err: errors.New("no")})
	}
	if n := strings.Count(log.String(), "login refused"); n < 1 || n > 2*refusalsPerSecond {
		t.Errorf("%d of 1000 refusals are written", n)
	}
	if l.refused.Value() != 1000 {
		t.Errorf("%d are counted", l.refused.Value())
	}
	l.mu.second = time.Time{}
	l.tell(auth.Event{Door: "pg", Err: errors.New("no")})
	if !strings.Contains(log.String(), "more logins were refused") {
		t.Errorf("nothing tells how many:\n%s", &log)
	}
}

// get asks for a page of a host by name and returns the status.
func get(t *testing.T, n *Node, host, path string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, "GET", "http://"+n.HTTPAddr().String()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = host
	defer http.DefaultClient.CloseIdleConnections()
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}
