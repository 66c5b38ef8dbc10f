package pgwire

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgproto3/v2"

	"github.com/siltstone-db/siltstone/server/auth"
	"github.com/siltstone-db/siltstone/storage/errs"
)

// startupPacket is that of user a.
var startupPacket = []byte("\x00\x00\x00\x10\x00\x03\x00\x00user\x00a\x00\x00")

// dialReady connects and logs in.
func dialReady(t testing.TB, dial func() (net.Conn, error)) net.Conn {
	t.Helper()
	nc, err := dial()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	nc.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := nc.Write(startupPacket); err != nil {
		t.Fatal(err)
	}
	if _, err := readUntil(nc, 'Z'); err != nil {
		t.Fatal(err)
	}
	return nc
}

// readUntil reads messages up to one of type typ and returns their types.
func readUntil(r io.Reader, typ byte) (string, error) {
	var types []byte
	for {
		var head [5]byte
		if _, err := io.ReadFull(r, head[:]); err != nil {
			return string(types), err
		}
		types = append(types, head[0])
		if _, err := io.CopyN(io.Discard, r, int64(binary.BigEndian.Uint32(head[1:]))-4); err != nil {
			return string(types), err
		}
		if head[0] == typ {
			return string(types), nil
		}
	}
}

func query(sql string) []byte {
	b, err := (&pgproto3.Query{String: sql}).Encode(nil)
	if err != nil {
		panic(err)
	}
	return b
}

// TestStateTypeMatrix sends each of the 256 types, empty, in each state, and looks at what the server does: go on, end
// the session, and never anything else.
func TestStateTypeMatrix(t *testing.T) {
	_, trusting := start(t, nil)
	rules, err := auth.New(auth.Options{User: "a", Password: "p"})
	if err != nil {
		t.Fatal(err)
	}
	_, asking := start(t, func(o *Options) { o.Auth = rules; o.PendingMax = 1000 })
	for _, state := range []struct {
		name  string
		dial  func() (net.Conn, error)
		login bool
		first []byte // brings a ready session into the state
		wait  byte   // the message that shows that it is there
		legal string // types that do not end the session
	}{
		{"login", asking, false, startupPacket, 'R', ""},
		{"ready", trusting, true, nil, 0, "QPBDECHSFdcf"},
		{"failed", trusting, true, append([]byte("D\x00\x00\x00\x06Sx"), "H\x00\x00\x00\x04"...), 'E', "QPBDECHSFdcf"},
		{"copy", trusting, true, query("copyin"), 'G', "dcfHS"},
	} {
		t.Run(state.name, func(t *testing.T) {
			t.Parallel()
			for typ := range 256 {
				nc, err := state.dial()
				if err != nil {
					t.Fatal(err)
				}
				nc.SetDeadline(time.Now().Add(20 * time.Second))
				if state.login {
					nc.Write(startupPacket)
					if _, err := readUntil(nc, 'Z'); err != nil {
						t.Fatal(err)
					}
				}
				nc.Write(state.first)
				if state.wait != 0 {
					if _, err := readUntil(nc, state.wait); err != nil {
						t.Fatalf("type %d: %v", typ, err)
					}
				}
				nc.Write([]byte{byte(typ), 0, 0, 0, 4})
				// Whatever it was, these lead a living session to ReadyForQuery.
				nc.Write([]byte("c\x00\x00\x00\x04S\x00\x00\x00\x04"))
				got, err := readUntil(nc, 'Z')
				alive := err == nil
				if want := bytes.IndexByte([]byte(state.legal), byte(typ)) >= 0; alive != want {
					t.Errorf("type %q: session lives: %v, want %v (%q, %v)", rune(typ), alive, want, got, err)
				}
				nc.Close()
			}
		})
	}
}

// TestClaimedLengths: a header that claims much makes the server allocate little.
func TestClaimedLengths(t *testing.T) {
	_, dial := start(t, nil)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	const conns = 40
	for range conns {
		nc := dialReady(t, dial)
		var head [5]byte
		head[0] = 'Q'
		binary.BigEndian.PutUint32(head[1:], messageMaxBytes)
		nc.Write(append(head[:], "some bytes"...))
	}
	time.Sleep(50 * time.Millisecond)
	runtime.ReadMemStats(&after)
	if grown := int64(after.TotalAlloc-before.TotalAlloc) / conns; grown > 64<<10 {
		t.Errorf("%d bytes allocated for each connection, want at most 64 KiB", grown)
	}
}

func TestLongMessages(t *testing.T) {
	_, dial := start(t, nil)
	nc := dialReady(t, dial)
	for _, n := range []int{readBufferBytes - 6, readBufferBytes, readBufferBytes + 1, 1 << 20, 16 << 20} {
		sql := bytes.Repeat([]byte(" "), n)
		copy(sql, "rows 1")
		nc.Write(query(string(sql)))
		if got, err := readUntil(nc, 'Z'); err != nil || got != "TDCZ" {
			t.Errorf("%d bytes: %q, %v", n, got, err)
		}
	}
}

func TestRandomBytes(t *testing.T) {
	s, dial := start(t, func(o *Options) { o.LoginTimeout = 300 * time.Millisecond })
	rnd := rand.New(rand.NewPCG(1, 2))
	good := dialReady(t, dial)
	var wg sync.WaitGroup
	for i := range 200 {
		b := make([]byte, rnd.IntN(3000))
		for j := range b {
			b[j] = byte(rnd.Uint32())
		}
		if i%2 == 0 {
			b = append(append([]byte{}, startupPacket...), b...)
		}
		wg.Go(func() {
			nc, err := dial()
			if err != nil {
				t.Error(err)
				return
			}
			defer nc.Close()
			nc.SetDeadline(time.Now().Add(20 * time.Second))
			nc.Write(b)
			nc.(*net.TCPConn).CloseWrite()
			io.Copy(io.Discard, nc)
		})
	}
	wg.Wait()
	good.Write(query("rows 1"))
	if got, err := readUntil(good, 'Z'); err != nil || got != "TDCZ" {
		t.Errorf("a good session met %q, %v", got, err)
	}
	if n := s.metrics.Panics.Value(); n != 0 {
		t.Errorf("%d panics", n)
	}
}

// TestLengthLimits meets each limit of a message with real bytes, and exceeds it by one.
func TestLengthLimits(t *testing.T) {
	padded := func(typ byte, body string, length uint32) []byte {
		b := append([]byte{typ, 0, 0, 0, 0}, body...)
		b = append(b, make([]byte, int(length)+1-len(b))...)
		binary.BigEndian.PutUint32(b[1:], length)
		return b
	}
	spaces := func(head string, length uint32) string {
		return head + strings.Repeat(" ", int(length)-4-len(head)-1)
	}
	for _, tc := range []struct {
		name  string
		limit uint32
		send  func(length uint32) []byte
		want  string // types of the answers, the last one being what is waited for
	}{
		{"Query", messageMaxBytes, func(n uint32) []byte { return padded('Q', spaces("rows 1", n), n) }, "TDCZ"},
		{"Parse", messageMaxBytes, func(n uint32) []byte {
			return append(padded('P', "\x00"+spaces("rows 1", n-3), n), "S\x00\x00\x00\x04"...)
		}, "1Z"},
		{"Describe", smallMaxBytes, func(n uint32) []byte {
			return append(padded('D', "S"+spaces("x", n-1), n), "S\x00\x00\x00\x04"...)
		}, "EZ"},
		{"CopyFail", smallMaxBytes, func(n uint32) []byte {
			return append(query("copyin"), padded('f', spaces("x", n), n)...)
		}, "GEZ"},
	} {
		for _, over := range []uint32{0, 1} {
			_, dial := start(t, nil)
			nc := dialReady(t, dial)
			nc.SetDeadline(time.Now().Add(60 * time.Second))
			go nc.Write(tc.send(tc.limit + over))
			got, err := readUntil(nc, 'Z')
			if over == 0 && (err != nil || got != tc.want) {
				t.Errorf("%s of %d bytes: %q, %v, want %q", tc.name, tc.limit, got, err, tc.want)
			}
			if over == 1 && (err == nil || strings.HasSuffix(got, "Z")) {
				t.Errorf("%s of %d bytes is taken: %q", tc.name, tc.limit+1, got)
			}
			nc.Close()
		}
	}
}

// TestLongCopyData: a message longer than every buffer comes whole, in bounded memory, and is dropped when its COPY fails
// in its middle.
func TestLongCopyData(t *testing.T) {
	const n = 200 << 20
	_, dial := start(t, nil)
	nc := dialReady(t, dial)
	nc.SetDeadline(time.Now().Add(60 * time.Second))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	var sending sync.WaitGroup
	for _, tc := range []struct{ sql, want string }{{"copyin", "GCZ"}, {"copyin 1000000", "GEZ"}, {"rows 1", "TDCZ"}} {
		nc.Write(query(tc.sql))
		if tc.sql != "rows 1" {
			sending.Go(func() {
				nc.Write(binary.BigEndian.AppendUint32([]byte{'d'}, n+4))
				piece := make([]byte, 1<<20)
				for range n >> 20 {
					nc.Write(piece)
				}
				nc.Write([]byte("c\x00\x00\x00\x04"))
			})
		}
		if got, err := readUntil(nc, 'Z'); err != nil || got != tc.want {
			t.Errorf("%s: %q, %v, want %q", tc.sql, got, err, tc.want)
		}
		sending.Wait() // a COPY that failed is answered before all of its rows were sent
	}
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 32<<20 {
		t.Errorf("%d bytes were allocated", grown)
	}
}

// TestStartupLimit: the longest start-up packet logs in, one byte more is no start-up packet.
func TestStartupLimit(t *testing.T) {
	_, dial := start(t, nil)
	for over := range 2 {
		nc, err := dial()
		if err != nil {
			t.Fatal(err)
		}
		nc.SetDeadline(time.Now().Add(20 * time.Second))
		head := "\x00\x00\x00\x00\x00\x03\x00\x00user\x00a\x00application_name\x00"
		packet := []byte(head + strings.Repeat("x", startupMaxBytes+over-len(head)-2) + "\x00\x00")
		binary.BigEndian.PutUint32(packet, uint32(len(packet)))
		nc.Write(packet)
		if _, err := readUntil(nc, 'Z'); (err == nil) != (over == 0) {
			t.Errorf("%d bytes: %v", len(packet), err)
		}
		nc.Close()
	}
}

// TestHalfOpen: connections that never log in do not keep others out, and are closed in time.
func TestHalfOpen(t *testing.T) {
	_, dial := start(t, func(o *Options) { o.PendingMax = 10; o.LoginTimeout = 500 * time.Millisecond })
	var slow []net.Conn
	for i := range 100 {
		nc, err := dial()
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		if i%2 == 0 {
			nc.Write(startupPacket[:i%16])
		}
		slow = append(slow, nc)
	}
	began := time.Now()
	dialReady(t, dial)
	if d := time.Since(began); d > time.Second {
		t.Errorf("a good client needed %s", d)
	}
	for i, nc := range slow {
		nc.SetReadDeadline(time.Now().Add(20 * time.Second))
		if _, err := io.Copy(io.Discard, nc); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("connection %d is still open", i)
		}
	}
}

func TestTooManySessions(t *testing.T) {
	_, dial := start(t, func(o *Options) { o.SessionsMax = 2 })
	first := dialReady(t, dial)
	dialReady(t, dial)
	nc, err := dial()
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	nc.SetDeadline(time.Now().Add(20 * time.Second))
	nc.Write(startupPacket)
	b, err := io.ReadAll(nc)
	if err != nil || !bytes.Contains(b, []byte(errs.TooManyConnections)) {
		t.Errorf("the third session met %q, %v", b, err)
	}
	first.Close()
	for range 200 { // the place is free as soon as the server has seen the end
		nc, err := dial()
		if err != nil {
			t.Fatal(err)
		}
		nc.SetDeadline(time.Now().Add(20 * time.Second))
		nc.Write(startupPacket)
		_, err = readUntil(nc, 'Z')
		nc.Close()
		if err == nil {
			return
		}
	}
	t.Error("no place after a session ended")
}

// scarceListener has no descriptor for some of the clients that knock.
type scarceListener struct {
	net.Listener
	fail atomic.Int32 // so many times from now
}

func (l *scarceListener) Accept() (net.Conn, error) {
	nc, err := l.Listener.Accept()
	if err == nil && l.fail.Add(-1) >= 0 { // the client is still in the queue
		nc.Close()
		return nil, &net.OpError{Op: "accept", Err: os.NewSyscallError("accept4", syscall.EMFILE)}
	}
	return nc, err
}

// TestNoDescriptor: a client that comes when there is no descriptor is told 53300, time and again; later ones get in.
func TestNoDescriptor(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &scarceListener{Listener: inner}
	rules, err := auth.New(auth.Options{TrustLoopback: true})
	if err != nil {
		t.Fatal(err)
	}
	s, err := NewServer(Options{Open: newFake, Auth: rules})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() { s.Serve(l) })
	defer wg.Wait()
	defer s.Shutdown(t.Context())
	knock := func() string {
		nc, err := net.Dial("tcp", inner.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		nc.SetDeadline(time.Now().Add(20 * time.Second))
		nc.Write(startupPacket)
		b := make([]byte, 8192)
		n, _ := io.ReadAtLeast(nc, b, 50)
		return string(b[:n])
	}
	for range 5 {
		l.fail.Store(1)
		knock() // what stands in the queue is closed by the test
		if got := knock(); !strings.Contains(got, string(errs.TooManyConnections)) || !strings.Contains(got, "descriptor") {
			t.Fatalf("without descriptors: %q", got)
		}
		for kept := false; !kept; { // the refused client's goroutine keeps one back again
			s.reserve.mu.Lock()
			kept = s.reserve.mu.f != nil
			s.reserve.mu.Unlock()
		}
		if got := knock(); !strings.Contains(got, "server_version") {
			t.Fatalf("with descriptors again: %q", got)
		}
	}
}

// TestClientGone: a statement whose client went away is cancelled.
func TestClientGone(t *testing.T) {
	s, dial := start(t, nil)
	nc := dialReady(t, dial)
	nc.Write(append(query("wait"), query("rows 1")...)) // unread bytes stand before the end
	nc.Close()
	waitFor(t, "the session ends", func() bool { return s.metrics.Sessions.Load() == 0 })
}

func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waiting in vain: %s", what)
		}
	}
}

// TestSlowReader: a client that reads nothing loses its session, and the server a bounded amount of memory.
func TestSlowReader(t *testing.T) {
	s, dial := start(t, func(o *Options) { o.WriteTimeout = 100 * time.Millisecond })
	nc := dialReady(t, dial)
	nc.Write(query("rows 10000000 some-text-to-fill-the-socket"))
	waitFor(t, "the session ends", func() bool { return s.metrics.Sessions.Load() == 0 })
}

func TestShutdownIdle(t *testing.T) {
	s, dial := start(t, nil)
	nc := dialReady(t, dial)
	s.Shutdown(context.Background())
	b, err := io.ReadAll(nc)
	if err != nil || !bytes.Contains(b, []byte(errs.AdminShutdown)) {
		t.Errorf("an idle session read %q, %v", b, err)
	}
	if _, err := dial(); err == nil {
		t.Error("the port is still open")
	}
}

// TestShutdownRunning: a short statement ends as it should, a long one is cancelled when the grace is over.
func TestShutdownRunning(t *testing.T) {
	s, dial := start(t, nil)
	short, long, copying := dialReady(t, dial), dialReady(t, dial), dialReady(t, dial)
	short.Write(query("sleep 100"))
	long.Write(query("wait"))
	copying.Write(query("copyin"))
	if _, err := readUntil(copying, 'G'); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "all run", func() bool { return s.metrics.Statements.Value() == 3 })
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	s.Shutdown(ctx)
	if got, err := readUntil(short, 'E'); err != nil || got != "CZE" {
		t.Errorf("the short statement: %q, %v, want its completion and then 57P01", got, err)
	}
	if b, _ := io.ReadAll(long); !bytes.Contains(b, []byte(errs.QueryCanceled)) {
		t.Errorf("the long statement: %q", b)
	}
	if b, _ := io.ReadAll(copying); !bytes.Contains(b, []byte(errs.AdminShutdown)) {
		t.Errorf("the copy: %q", b)
	}
}

// TestManyMessages: a pipeline of 100,000 messages, written while the answers are read.
func TestManyMessages(t *testing.T) {
	_, dial := start(t, nil)
	nc := dialReady(t, dial)
	n := 100000
	if testing.Short() {
		n = 10000
	}
	go func() {
		one := []byte("C\x00\x00\x00\x06Px")
		one[5] = 0 // subtype 0: an error, and the rest is skipped
		ok := []byte("C\x00\x00\x00\x06P\x00H\x00\x00\x00\x04S\x00\x00\x00\x04")
		nc.Write(bytes.Repeat(ok, n))
		nc.Write(one)
		nc.Write([]byte("S\x00\x00\x00\x04"))
	}()
	for i := range n {
		if got, err := readUntil(nc, 'Z'); err != nil || got != "3Z" {
			t.Fatalf("answer %d: %q, %v", i, got, err)
		}
	}
	if got, err := readUntil(nc, 'Z'); err != nil || got != "EZ" {
		t.Fatalf("%q, %v", got, err)
	}
}

func TestCancelStorm(t *testing.T) {
	_, dial := start(t, func(o *Options) { o.PendingMax = 1000 })
	victim := dialReady(t, dial)
	victim.Write(query("sleep 300"))
	for i := range 200 {
		nc, err := dial()
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(nc, "\x00\x00\x00\x10\x04\xd2\x16\x2e\x00\x00\x00\x01%04d", i)
		nc.Close()
	}
	if got, err := readUntil(victim, 'Z'); err != nil || got != "CZ" {
		t.Errorf("%q, %v: a wrong key reached a session", got, err)
	}
}
