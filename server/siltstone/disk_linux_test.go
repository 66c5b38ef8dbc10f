package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// volume mounts a file system of some bytes; ok is false where the test may not mount.
func volume(t *testing.T, bytes int) (dir string, ok bool) {
	t.Helper()
	dir = t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d", bytes)); err != nil {
		t.Logf("no volume of its own for this test: %v", err)
		return "", false
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir, true
}

// TestDiskFull fills the disk: writes by every door answer 53100, queries go on, /healthz tells, and when there is
// space again writes resume by themselves; a start on a full disk serves what is there. (Package storage has the same on a file
// system in memory, at every operation.)
func TestDiskFull(t *testing.T) {
	root, ok := volume(t, 48<<20)
	if !ok {
		return
	}
	dir, ballast := filepath.Join(root, "data"), filepath.Join(root, "ballast")
	p := mustLaunch(t, dir)
	c := mustConnect(t, p)
	ctx := context.Background()
	mustExec(t, c, "CREATE TABLE t (n bigint NOT NULL, s text)", "INSERT INTO t SELECT i, 'x' FROM generate_series(0, 999) g(i)")
	// 8 MB that do not compress: more than the log has room for.
	rnd := rand.New(rand.NewPCG(5, 31))
	var noise, pushed []string
	for range 10_000 {
		b := make([]byte, 400)
		for i := range b {
			b[i] = byte(rnd.Uint32())
		}
		noise = append(noise, fmt.Sprintf("7\t%x\n", b))
		pushed = append(pushed, fmt.Sprintf("{\"n\":7,\"s\":\"%x\"}\n", b))
	}
	n := int64(1000)
	for round := range 3 {
		fill(t, ballast)
		var err error
		for i := 0; i < 100_000 && err == nil; i++ { // the space that the log has already is used first
			_, err = c.Exec(ctx, "INSERT INTO t VALUES ($1, $2)", n, strings.Join(noise[i%100:i%100+80], ""))
			if err == nil {
				n++
			}
		}
		wantFull(t, "INSERT", err)
		_, err = c.PgConn().CopyFrom(ctx, strings.NewReader(strings.Join(noise, "")), "COPY t FROM STDIN")
		wantFull(t, "COPY", err)
		resp, err := http.Post(p.http+"/v1/tables/t/rows", "application/x-ndjson", strings.NewReader(strings.Join(pushed, "")))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != 507 && resp.StatusCode != 503 {
			t.Errorf("push: %s", resp.Status)
		}
		mustTotal(t, c, "t", fmt.Sprint(n, " ", n*(n-1)/2))
		if resp, err := http.Get(p.http + "/healthz"); err != nil || resp.StatusCode != 503 {
			t.Errorf("healthz: %v, %v", resp, err)
		} else {
			resp.Body.Close()
		}
		if round == 1 { // and after a crash, on the full disk
			p.kill()
			p = mustLaunch(t, dir)
			c = mustConnect(t, p)
			mustTotal(t, c, "t", fmt.Sprint(n, " ", n*(n-1)/2))
		}
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
		freed := time.Now()
		for end := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
			if _, err = c.Exec(ctx, "INSERT INTO t VALUES ($1, 'again')", n); err == nil {
				n++
				t.Logf("writes resume %s after there is space", time.Since(freed))
				break
			}
			if time.Now().After(end) {
				t.Fatalf("writes do not resume: %v", err)
			}
		}
		mustTotal(t, c, "t", fmt.Sprint(n, " ", n*(n-1)/2))
		mustExec(t, c, "CHECKPOINT")
	}
	stop(t, p)
	out, err := program("check", "--data", dir).CombinedOutput()
	if err != nil {
		t.Errorf("check: %v, %s", err, out)
	}
}

func wantFull(t *testing.T, what string, err error) {
	t.Helper()
	var e *pgconn.PgError
	if !errors.As(err, &e) || e.Code != "53100" {
		t.Fatalf("%s on a full disk: %v, want 53100", what, err)
	}
}

// fill writes a file until the disk is full.
func fill(t *testing.T, name string) {
	t.Helper()
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for b := make([]byte, 64<<10); len(b) > 0; {
		if _, err := f.Write(b); err != nil {
			if !errors.Is(err, syscall.ENOSPC) {
				t.Fatal(err)
			}
			b = b[:len(b)/2]
		}
	}
}
