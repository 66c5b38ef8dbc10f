package suite

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Server is a Siltstone process of this benchmark's own.
type Server struct {
	PG, HTTP string // addresses
	Dir      string // data directory
	program  string
	threads  int
	cmd      *exec.Cmd
}

// Build compiles the server into dir and returns the program's path. It needs the module's source, which a benchmark
// run by "go run ./bench/siltbench" has.
func Build(ctx context.Context, dir string) (string, error) {
	program := filepath.Join(dir, "siltstone")
	cmd := exec.CommandContext(ctx, "go", "build", "-o", program, "github.com/siltstone-db/siltstone/server/siltstone")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the server: %w\n%s", err, out)
	}
	return program, nil
}

// Start runs the program on free loopback ports with its data in dir, limited to threads, and waits until it answers.
func Start(ctx context.Context, program, dir string, threads int) (*Server, error) {
	s := &Server{Dir: dir, program: program, threads: threads}
	return s, s.start(ctx)
}

// start starts the program.
func (s *Server) start(ctx context.Context) error {
	var err error
	if s.PG, err = freeAddress(); err != nil {
		return err
	}
	if s.HTTP, err = freeAddress(); err != nil {
		return err
	}
	s.cmd = exec.Command(s.program, "serve", "--data", s.Dir, "--pg", s.PG, "--http", s.HTTP)
	s.cmd.Env = append(os.Environ(), "GOMAXPROCS="+strconv.Itoa(s.threads))
	log, err := os.Create(s.Dir + ".log")
	if err != nil {
		return err
	}
	defer log.Close()
	s.cmd.Stdout, s.cmd.Stderr = log, log
	if err := s.cmd.Start(); err != nil {
		return err
	}
	for start := time.Now(); time.Since(start) < 30*time.Second; time.Sleep(20 * time.Millisecond) {
		if c, err := net.Dial("tcp", s.PG); err == nil {
			c.Close()
			return nil
		}
		if ctx.Err() != nil {
			break
		}
	}
	_ = s.Stop()
	out, _ := os.ReadFile(s.Dir + ".log")
	return fmt.Errorf("the server did not answer on %s: %s", s.PG, out)
}

// Restart ends the process, drops the page cache where that is possible, and starts the program again.
func (s *Server) Restart(ctx context.Context) error {
	if err := s.Stop(); err != nil {
		return err
	}
	DropPageCache()
	return s.start(ctx)
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// Stop asks the process to end and waits for it.
func (s *Server) Stop() error {
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	return s.cmd.Wait()
}

// Memory returns the process's resident bytes: now, and the highest so far.
func (s *Server) Memory() (now, peak int64) { return ProcessMemory(s.cmd.Process.Pid) }

// ProcessMemory returns the resident bytes of a process: now, and the highest so far (Linux; 0 elsewhere).
func ProcessMemory(pid int) (now, peak int64) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, 0
	}
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line)
		if len(f) < 2 {
			continue
		}
		kib, _ := strconv.ParseInt(f[1], 10, 64)
		switch f[0] {
		case "VmRSS:":
			now = kib << 10
		case "VmHWM:":
			peak = kib << 10
		}
	}
	return now, peak
}

// DiskBytes returns the size of all files below a directory.
func DiskBytes(dir string) int64 {
	var n int64
	_ = filepath.Walk(dir, func(_ string, info os.FileInfo, err error) error {
		if err == nil && info.Mode().IsRegular() {
			n += info.Size()
		}
		return nil
	})
	return n
}
