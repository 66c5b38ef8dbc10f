package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// TestMain makes the test's binary the program itself when it is told so: a process that can be killed, without a
// build.
func TestMain(m *testing.M) {
	if os.Getenv("SILTSTONE_TEST_PROGRAM") != "" {
		os.Exit(run(os.Args[1:]))
	}
	os.Exit(m.Run())
}

// process is a running server.
type process struct {
	cmd    *exec.Cmd
	pg     string
	http   string // base URL
	mu     sync.Mutex
	stderr bytes.Buffer
	done   chan struct{}
	err    error
}

// Write keeps what the process says, for a test that fails.
func (p *process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stderr.Write(b)
}

// cpu returns how long the processor has worked for the process; always 0 where the system does not tell.
func (p *process) cpu(t *testing.T) time.Duration {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if errors.Is(err, fs.ErrNotExist) {
		return 0
	}
	_, rest, ok := strings.Cut(string(b), ") ") // behind the program's name
	fields := strings.Fields(rest)
	if err != nil || !ok || len(fields) < 13 {
		t.Fatalf("%q: %v", b, err)
	}
	ticks := 0
	for _, f := range fields[11:13] { // of the program, and of the system for it, in hundredths of a second
		n, err := strconv.Atoi(f)
		if err != nil {
			t.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

func (p *process) said() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stderr.String()
}

var (
	psqlLine = regexp.MustCompile(`psql -h (\S+) -p (\d+)`)
	httpLine = regexp.MustCompile(`(http://\S+)/v1/query`)
)

// program returns the program with arguments, not started.
func program(args ...string) *exec.Cmd {
	self, err := os.Executable()
	if err != nil {
		panic(err)
	}
	cmd := exec.Command(self, args...)
	cmd.Env = append(os.Environ(), "SILTSTONE_TEST_PROGRAM=1")
	return cmd
}

// launch starts a server on free ports and waits until it says that it is ready.
func launch(t *testing.T, dir string, args ...string) (*process, error) {
	t.Helper()
	p := &process{done: make(chan struct{})}
	p.cmd = program(append([]string{"serve", "--data", dir, "--pg", "127.0.0.1:0", "--http", "127.0.0.1:0", "--memory", "512MiB"}, args...)...)
	p.cmd.Stderr = p
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.kill() })
	ready := make(chan struct{})
	go func() {
		said := false
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if m := psqlLine.FindStringSubmatch(lines.Text()); m != nil {
				p.pg = net.JoinHostPort(m[1], m[2])
			}
			if m := httpLine.FindStringSubmatch(lines.Text()); m != nil {
				p.http = m[1]
			}
			if strings.HasPrefix(lines.Text(), "Stop with") && !said {
				said = true
				close(ready)
			}
		}
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	select {
	case <-ready:
		return p, nil
	case <-p.done:
		return p, fmt.Errorf("%w: %s", p.err, p.said())
	case <-time.After(60 * time.Second):
		p.kill()
		return p, fmt.Errorf("not ready in time: %s", p.said())
	}
}

func mustLaunch(t *testing.T, dir string, args ...string) *process {
	t.Helper()
	p, err := launch(t, dir, args...)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// kill ends the process as a power failure would, and waits for its end.
func (p *process) kill() {
	p.cmd.Process.Kill()
	<-p.done
}

func (p *process) connect(ctx context.Context) (*pgx.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	return pgx.Connect(ctx, "postgres://siltstone@"+p.pg+"/siltstone?sslmode=disable")
}

func mustConnect(t *testing.T, p *process) *pgx.Conn {
	t.Helper()
	c, err := p.connect(context.Background())
	if err != nil {
		t.Fatalf("%v\n%s", err, p.said())
	}
	t.Cleanup(func() { c.Close(context.Background()) })
	return c
}

func TestSecondProcessIsRefused(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	p := mustLaunch(t, dir)
	_, err := launch(t, dir)
	if err == nil || !strings.Contains(err.Error(), "in use by another process") {
		t.Errorf("a second process on the directory: %v", err)
	}
	var one int
	if err := mustConnect(t, p).QueryRow(context.Background(), "SELECT 1").Scan(&one); err != nil || one != 1 {
		t.Errorf("the first process: %d, %v", one, err)
	}
}

// TestStopBySignal: a client that is connected is told, and what was stored is there again.
func TestStopBySignal(t *testing.T) {
	for _, sig := range []os.Signal{syscall.SIGTERM, syscall.SIGINT} {
		dir := filepath.Join(t.TempDir(), "data")
		p := mustLaunch(t, dir)
		ctx := context.Background()
		c := mustConnect(t, p)
		if _, err := c.Exec(ctx, "CREATE TABLE t (n integer)"); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Exec(ctx, "INSERT INTO t VALUES (1), (2), (3)"); err != nil {
			t.Fatal(err)
		}
		p.cmd.Process.Signal(sig)
		select {
		case <-p.done:
		case <-time.After(30 * time.Second):
			t.Fatalf("%s: the process goes on: %s", sig, p.said())
		}
		if p.err != nil {
			t.Errorf("%s: %v: %s", sig, p.err, p.said())
		}
		if err := c.Ping(ctx); err == nil {
			t.Error("the connection outlives the server")
		}
		var n int
		if err := mustConnect(t, mustLaunch(t, dir)).QueryRow(ctx, "SELECT count(*) FROM t").Scan(&n); err != nil || n != 3 {
			t.Errorf("%s: %d rows after the restart, %v", sig, n, err)
		}
	}
}

// TestSecondSignal ends a process that waits for a running statement.
func TestSecondSignal(t *testing.T) {
	p := mustLaunch(t, filepath.Join(t.TempDir(), "data"), "--grace", "1m")
	nc, err := net.Dial("tcp", p.pg)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	c := mustConnect(t, p)
	ctx := context.Background()
	if _, err := c.Exec(ctx, "CREATE TABLE t (n integer)"); err != nil {
		t.Fatal(err)
	}
	copying := make(chan error, 1)
	in, out := net.Pipe()
	defer func() { // the driver may not be closed while its COPY still runs
		out.Close()
		<-copying
	}()
	go func() { // a COPY whose client never ends it
		_, err := c.PgConn().CopyFrom(ctx, in, "COPY t FROM STDIN")
		copying <- err
	}()
	fmt.Fprintf(out, "1\n")
	p.cmd.Process.Signal(syscall.SIGTERM)
	for !strings.Contains(p.said(), "stopping") {
		time.Sleep(5 * time.Millisecond)
	}
	p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(30 * time.Second):
		t.Fatal("the process goes on")
	}
	if p.err == nil {
		t.Error("a stop in a hurry says that all went well")
	}
}

func TestRandomBytesOnThePort(t *testing.T) {
	p := mustLaunch(t, filepath.Join(t.TempDir(), "data"))
	for _, addr := range []string{p.pg, strings.TrimPrefix(p.http, "http://")} {
		for i := range 50 {
			nc, err := net.Dial("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			b := bytes.Repeat([]byte{byte(i), 0, byte(7 * i), 255, 'Q', 'p'}, 1+50*i)
			nc.Write(b)
			nc.Close()
		}
	}
	var one int
	if err := mustConnect(t, p).QueryRow(context.Background(), "SELECT 1").Scan(&one); err != nil || one != 1 {
		t.Errorf("after random bytes: %d, %v: %s", one, err, p.said())
	}
	if strings.Contains(p.said(), "panic") {
		t.Error(p.said())
	}
}

func TestDemo(t *testing.T) {
	p := mustLaunch(t, filepath.Join(t.TempDir(), "data"), "--demo")
	c := mustConnect(t, p)
	var n int
	for end := time.Now().Add(20 * time.Second); n < 500; time.Sleep(20 * time.Millisecond) {
		if err := c.QueryRow(context.Background(), "SELECT count(*) FROM clicks").Scan(&n); err != nil {
			t.Fatal(err)
		}
		if time.Now().After(end) {
			t.Fatalf("only %d events came: %s", n, p.said())
		}
	}
}

func TestWrongOptions(t *testing.T) {
	for _, args := range [][]string{{"serve", "--pg", "nowhere"}, {"serve", "--nonsense"}, {"load", "x"}, {"dump", "/does/not/exist"}} {
		out, err := program(args...).CombinedOutput()
		if err == nil || !strings.Contains(string(out), "siltstone:") {
			t.Errorf("%q: %v, %s", args, err, out)
		}
	}
}
