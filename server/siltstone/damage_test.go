package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// stop ends a server in order.
func stop(t *testing.T, p *process) {
	t.Helper()
	p.cmd.Process.Signal(syscall.SIGTERM)
	<-p.done
	if p.err != nil {
		t.Fatalf("stop: %v: %s", p.err, p.said())
	}
}

func mustExec(t *testing.T, c *pgx.Conn, statements ...string) {
	t.Helper()
	for _, s := range statements {
		if _, err := c.Exec(context.Background(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// total returns the count and sum of column n of a table, from its rows: of whole segments the metadata would do.
func total(c *pgx.Conn, table string) (string, error) {
	var n, sum int64
	err := c.QueryRow(context.Background(), "SELECT count(*), coalesce(sum(n), 0) FROM "+table+" WHERE n::text <> ''").Scan(&n, &sum)
	return fmt.Sprint(n, " ", sum), err
}

func mustTotal(t *testing.T, c *pgx.Conn, table, want string) {
	t.Helper()
	if got, err := total(c, table); err != nil || got != want {
		t.Errorf("%s: %s, %v, want %s", table, got, err, want)
	}
}

// damagedDirectory makes a stopped data directory with two tables: a of two segments, b of one, both with live rows in
// the log. It returns the segment files in order.
func damagedDirectory(t *testing.T) (dir string, segments []string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "data")
	p := mustLaunch(t, dir)
	c := mustConnect(t, p)
	mustExec(t, c, "CREATE TABLE a (n bigint NOT NULL, s text)", "CREATE TABLE b (n bigint NOT NULL)",
		"INSERT INTO a SELECT i, 'text ' || i FROM generate_series(1, 1000) g(i)", "CHECKPOINT",
		"INSERT INTO a SELECT i, 'text ' || i FROM generate_series(1001, 3000) g(i)", "CHECKPOINT", "INSERT INTO b SELECT i FROM generate_series(1, 10) g(i)", "CHECKPOINT",
		"INSERT INTO a VALUES (3001, 'live')", "INSERT INTO b VALUES (11)")
	stop(t, p)
	segments, err := filepath.Glob(filepath.Join(dir, "segments", "*.seg"))
	if err != nil || len(segments) != 3 {
		t.Fatalf("segments: %v, %v", segments, err)
	}
	slices.Sort(segments)
	return dir, segments
}

// wantQuarantine checks that reading table a names its first segment as damaged, and that table b answers.
func wantQuarantine(t *testing.T, c *pgx.Conn, when string) {
	t.Helper()
	_, err := total(c, "a")
	var e *pgconn.PgError
	if !errors.As(err, &e) || e.Code != "XX001" || !strings.Contains(e.Message, `"a"`) && !strings.Contains(e.Message, "0000000001.seg") {
		t.Errorf("%s: %v, want XX001 that names the segment", when, err)
	}
	mustTotal(t, c, "b", "11 66")
}

// TestDamagedSegment: one byte of a segment changes while the server is down, or under a running one. The error names
// the segment, it is set aside, everything else is served, and what is left of the table too when that is asked for.
func TestDamagedSegment(t *testing.T) {
	for _, running := range []bool{false, true} {
		t.Run(fmt.Sprintf("running=%v", running), func(t *testing.T) {
			dir, segments := damagedDirectory(t)
			var p *process
			if running {
				p = mustLaunch(t, dir)
			}
			flip(t, segments[0], 100)
			if !running {
				out, err := program("check", "--data", dir).CombinedOutput()
				if err == nil || !strings.Contains(string(out), "0000000001.seg: 1000 rows of table public.a") {
					t.Errorf("check: %v, %s", err, out)
				}
				p = mustLaunch(t, dir)
			}
			c := mustConnect(t, p)
			wantQuarantine(t, c, "the first read")
			aside := filepath.Join(dir, "quarantine", filepath.Base(segments[0]))
			for end := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
				if _, err := os.Stat(aside); err == nil {
					break
				} else if time.Now().After(end) {
					t.Fatalf("not set aside: %v: %s", err, p.said())
				}
			}
			wantQuarantine(t, c, "once it is set aside")
			mustExec(t, c, "INSERT INTO a VALUES (3002, 'after')", "INSERT INTO b VALUES (12)", "CHECKPOINT")
			mustTotal(t, c, "b", "12 78")
			if resp, err := http.Get(p.http + "/healthz"); err != nil || resp.StatusCode != 503 {
				t.Errorf("healthz: %v, %v", resp, err)
			} else {
				resp.Body.Close()
			}
			stop(t, p)
			out, err := program("check", "--data", dir).CombinedOutput()
			if err == nil || !strings.Contains(string(out), "1000 rows of table public.a, set aside") {
				t.Errorf("check: %v, %s", err, out)
			}
			c = mustConnect(t, mustLaunch(t, dir, "--serve-damaged"))
			mustTotal(t, c, "a", fmt.Sprint(2002, " ", 3002*3003/2-1000*1001/2))
			mustTotal(t, c, "b", "12 78")
		})
	}
}

// TestDamagedAnywhere flips bytes all over a segment: a wrong answer is never given.
func TestDamagedAnywhere(t *testing.T) {
	dir, segments := damagedDirectory(t)
	whole, err := os.ReadFile(segments[1])
	if err != nil {
		t.Fatal(err)
	}
	n := 12
	if testing.Short() {
		n = 3
	}
	for i := range n {
		flip(t, segments[1], int64(i*(len(whole)-1)/(n-1)))
		if out, err := program("check", "--data", dir).CombinedOutput(); err == nil || !strings.Contains(string(out), "0000000002.seg: 2000 rows of table public.a") {
			t.Errorf("byte %d: check: %v, %s", i*(len(whole)-1)/(n-1), err, out)
		}
		if err := os.WriteFile(segments[1], whole, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	mustTotal(t, mustConnect(t, mustLaunch(t, dir)), "a", "3001 4504501")
}

// TestTornLog leaves zeros, or garbage, in the last file of the log from many places on, as a crash in the middle of a
// write does: the server starts, has every row up to there, and none twice. A file that is shorter than it was made is
// none that a crash leaves: the start names it, and goes on when the loss is accepted.
func TestTornLog(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	p := mustLaunch(t, dir)
	c := mustConnect(t, p)
	mustExec(t, c, "CREATE TABLE t (n bigint NOT NULL, s text)")
	const rows = 40
	for i := range rows {
		mustExec(t, c, fmt.Sprintf("INSERT INTO t VALUES (%d, 'a text, so that no record ends with zeros')", i))
	}
	p.kill()
	files, err := filepath.Glob(filepath.Join(dir, "wal", "*.wal"))
	if err != nil || len(files) == 0 {
		t.Fatalf("log: %v, %v", files, err)
	}
	slices.Sort(files)
	log := files[0]
	whole, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	used := len(strings.TrimRight(string(whole), "\x00"))
	garbage := []byte(strings.Repeat("\xde\xad\xbe\xef garbage", 500))
	cuts := map[string][]byte{"whole": whole, "garbage behind": append(whole[:(used+7)&^7:(used+7)&^7], garbage...)}
	steps := 8
	if testing.Short() {
		steps = 3
	}
	for i := range steps {
		at := used - 1 - i*used/2/steps
		cuts[fmt.Sprintf("cut at %d", at)] = whole[:at]
		cuts[fmt.Sprintf("zeros from %d", at)] = whole[:at]
		cuts[fmt.Sprintf("garbage from %d", at)] = append(whole[:at:at], garbage...)
	}
	image := t.TempDir()
	if err := os.CopyFS(image, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	for name, b := range cuts {
		at := filepath.Join(t.TempDir(), "data")
		if err := os.CopyFS(at, os.DirFS(image)); err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(at, "wal", filepath.Base(log))
		if err := os.WriteFile(file, b, 0o600); err != nil {
			t.Fatal(err)
		}
		var flags []string
		if strings.HasPrefix(name, "cut") {
			if _, err := launch(t, at); err == nil || !strings.Contains(err.Error(), file) || !strings.Contains(err.Error(), "--accept-loss") {
				t.Errorf("%s: %v", name, err)
			}
			flags = append(flags, "--accept-loss")
		} else if err := os.Truncate(file, int64(len(whole))); err != nil {
			t.Fatal(err)
		}
		p, err := launch(t, at, flags...)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		c := mustConnect(t, p)
		var n, sum int64
		if err := c.QueryRow(context.Background(), "SELECT count(*), coalesce(sum(n), 0) FROM t").Scan(&n, &sum); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if complete := name == "whole" || name == "garbage behind"; sum != n*(n-1)/2 || complete && n != rows || n > rows || n < rows/4 {
			t.Errorf("%s: %d rows, sum %d", name, n, sum)
		}
		mustExec(t, c, fmt.Sprintf("INSERT INTO t VALUES (%d)", n))
		p.kill()
		c = mustConnect(t, mustLaunch(t, at))
		mustTotal(t, c, "t", fmt.Sprint(n+1, " ", n*(n+1)/2))
	}
}
