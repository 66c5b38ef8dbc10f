package httpapi

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/siltstone-db/siltstone/sql/session"
)

// listen serves on a port of this machine until the end of the test.
func listen(t *testing.T, s *Server) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := s.Serve(l); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel() // what tests leave open is closed at once
		s.Shutdown(ctx)
		wg.Wait()
	})
	return l.Addr().String()
}

func dial(t *testing.T, addr, text string) net.Conn {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	nc.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(nc, text); err != nil {
		t.Fatal(err)
	}
	return nc
}

const queryHead = "POST /v1/query HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/sql\r\n"

// ask sends a request on a connection of its own and returns the status, or why there is none.
func ask(t *testing.T, addr, text string) (int, string) {
	t.Helper()
	resp, err := http.ReadResponse(bufio.NewReader(dial(t, addr, text)), nil)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b)
}

const askHealth = "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"

// askQuery runs a statement that takes no time.
const askQuery = queryHead + "Connection: close\r\nContent-Length: 6\r\n\r\nrows 1"

// TestHalfSent: connections that keep us waiting, in every way, make room for others, the oldest first.
func TestHalfSent(t *testing.T) {
	const most = 20
	addr := listen(t, newServer(t, newStore(t), func(o *Options) { o.ConnectionsMax = most }))
	for name, half := range map[string]string{
		"nothing":        "",
		"half a header":  "POST /v1/query HTTP/1.1\r\nHost: 12",
		"half a body":    queryHead + "Content-Length: 1000\r\n\r\nselect",
		"half a chunk":   queryHead + "Transfer-Encoding: chunked\r\n\r\n400\r\nselect",
		"refused, half":  "POST /v1/query HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nselect",
		"rows, half":     "POST " + rowsPath + " HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-ndjson\r\nContent-Length: 1000\r\n\r\n{\"n\":",
		"idle":           "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
		"idle, and half": "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" + queryHead + "Content-Length: 1000\r\n\r\n",
	} {
		for range most + 5 {
			dial(t, addr, half)
		}
		for range 5 {
			if status, body := ask(t, addr, askHealth); status != 200 {
				t.Fatalf("%s: /healthz says %d %s", name, status, body)
			}
			if status, body := ask(t, addr, askQuery); status != 200 {
				t.Fatalf("%s: a query gets %d %s", name, status, body)
			}
		}
	}
}

// TestOldestGoes: the connection that is closed for another is the one that waits longest, and none when there is room.
func TestOldestGoes(t *testing.T) {
	s := newServer(t, newStore(t), func(o *Options) { o.ConnectionsMax = 2 })
	addr := listen(t, s)
	oldest := dial(t, addr, queryHead)
	waitFor(t, s, 1)
	younger := dial(t, addr, queryHead)
	waitFor(t, s, 2)
	if status, body := ask(t, addr, askQuery); status != 200 {
		t.Fatalf("the third: %d %s", status, body)
	}
	if n, err := oldest.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Errorf("the oldest got %d bytes, %v", n, err)
	}
	io.WriteString(younger, "Content-Length: 6\r\n\r\nrows 1")
	resp, err := http.ReadResponse(bufio.NewReader(younger), nil)
	if err != nil {
		t.Fatalf("the younger: %v", err)
	}
	resp.Body.Close()
	if resp.StatusCode != 200 {
		t.Errorf("the younger: %s", resp.Status)
	}
}

// waitFor waits until a server knows of n connections.
func waitFor(t *testing.T, s *Server, n int) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		s.peers.mu.Lock()
		now := len(s.peers.mu.all)
		s.peers.mu.Unlock()
		if now == n {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d connections, want %d", now, n)
		}
	}
}

// slow is a session whose statements wait.
type slow struct {
	conn
	began chan<- struct{}
	end   <-chan struct{}
}

func (c *slow) Execute(ctx context.Context, name string, n int, out session.Output) (bool, error) {
	c.began <- struct{}{}
	<-c.end
	return c.conn.Execute(ctx, name, n, out)
}

// TestAllAtWork: requests that came in whole are not ended for others. One too many is told so, and health is answered.
func TestAllAtWork(t *testing.T) {
	const most = 5
	began, end := make(chan struct{}), make(chan struct{})
	addr := listen(t, newServer(t, newStore(t), func(o *Options) {
		o.ConnectionsMax = most
		o.Open = func(context.Context, string, net.Addr) (Session, error) { return &slow{began: began, end: end}, nil }
	}))
	var working []net.Conn
	for range most {
		working = append(working, dial(t, addr, askQuery))
		<-began
	}
	for range 3 {
		if status, body := ask(t, addr, askHealth); status != 200 {
			t.Errorf("/healthz says %d %s", status, body)
		}
		if status, body := ask(t, addr, askQuery); status != 503 || !strings.Contains(body, "53300") {
			t.Errorf("one too many gets %d %s", status, body)
		}
	}
	close(end)
	for i, nc := range working {
		resp, err := http.ReadResponse(bufio.NewReader(nc), nil)
		if err != nil {
			t.Fatalf("request %d: %v", i, err)
		}
		resp.Body.Close()
		if resp.StatusCode != 200 {
			t.Errorf("request %d: %s", i, resp.Status)
		}
	}
}

// TestTooLong: a body over the limit is refused before it came when its length says so, while it comes when not, and the
// client that sends all of it before it reads gets the answer, too. One at the limit is taken.
func TestTooLong(t *testing.T) {
	const limit = 4096
	addr := listen(t, newServer(t, newStore(t), func(o *Options) { o.BodyMaxBytes = limit }))
	rows := "POST " + rowsPath + " HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-ndjson\r\n"
	exact := `{"n":1}` + strings.Repeat(" ", limit-7)
	query := "rows 1" + strings.Repeat(" ", queryMaxBytes-6)
	for _, tc := range []struct {
		name, text string
		want       int
	}{
		{"at the limit", rows + fmt.Sprintf("Content-Length: %d\r\n\r\n%s", limit, exact), 200},
		{"one more, nothing sent", rows + fmt.Sprintf("Content-Length: %d\r\n\r\n", limit+1), 413},
		{"one more, waiting for a word", rows + fmt.Sprintf("Content-Length: %d\r\nExpect: 100-continue\r\n\r\n", limit+1), 413},
		{"one more, all sent", rows + fmt.Sprintf("Content-Length: %d\r\n\r\n%s ", limit+1, exact), 413},
		{"chunks, one more", rows + fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n1\r\n \r\n", limit, exact), 413},
		{"chunks at the limit", rows + fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", limit, exact), 200},
		{"far more, all sent", rows + fmt.Sprintf("Content-Length: %d\r\n\r\n%s", 8<<20, strings.Repeat(" ", 8<<20)), 413},
		{"far more in chunks", rows + "Transfer-Encoding: chunked\r\n\r\n800000\r\n" + strings.Repeat(" ", 8<<20) + "\r\n0\r\n\r\n", 413},
		{"a statement at the limit", queryHead + fmt.Sprintf("Content-Length: %d\r\n\r\n%s", queryMaxBytes, query), 200},
		{"a statement, one more", queryHead + fmt.Sprintf("Content-Length: %d\r\n\r\n", queryMaxBytes+1), 413},
		{"a header at the limit", "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + strings.Repeat("x", headerMaxBytes-1000) + "\r\n\r\n", 200},
		{"a header far over it", "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + strings.Repeat("x", headerMaxBytes+8192) + "\r\n\r\n", 431},
	} {
		began := time.Now()
		if status, body := ask(t, addr, tc.text); status != tc.want {
			t.Errorf("%s: %d %s, want %d", tc.name, status, body, tc.want)
		}
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("%s took %s", tc.name, took)
		}
	}
}

// TestRefusedWithBody: also other refusals reach a client that sends all before it reads.
func TestRefusedWithBody(t *testing.T) {
	addr := listen(t, newServer(t, newStore(t), nil))
	long := fmt.Sprintf("Content-Length: %d\r\n\r\n%s", 4<<20, strings.Repeat(" ", 4<<20))
	for name, tc := range map[string]struct {
		head string
		want int
	}{
		"foreign page": {queryHead + "Origin: https://evil.example\r\n", 403},
		"foreign host": {"POST /v1/query HTTP/1.1\r\nHost: evil.example\r\n", 421},
		"form":         {"POST /v1/query HTTP/1.1\r\nHost: 127.0.0.1\r\n", 415},
		"no path":      {"POST /v2 HTTP/1.1\r\nHost: 127.0.0.1\r\n", 404},
		"wrong token":  {queryHead + "Authorization: Bearer x\r\n", 401},
	} {
		if status, body := ask(t, addr, tc.head+long); status != tc.want {
			t.Errorf("%s: %d %s, want %d", name, status, body, tc.want)
		}
	}
}
