package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// TestPgx uses the server as pgx does: binary parameters and results, batches, COPY in binary, portals, cancellation.
func TestPgx(t *testing.T) {
	p := mustLaunch(t, filepath.Join(t.TempDir(), "data"))
	c := mustConnect(t, p)
	ctx := context.Background()
	if _, err := c.Exec(ctx, "CREATE TABLE t (n integer NOT NULL, s text, f double precision, ts timestamptz, b boolean)"); err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 1, 2, 3, 4, 5, 678000, time.UTC)
	for i, text := range []any{"a", nil, "größer\n\"'\\"} {
		if _, err := c.Exec(ctx, "INSERT INTO t VALUES ($1, $2, $3, $4, $5)", i, text, 1.5*float64(i), now, i%2 == 0); err != nil {
			t.Fatal(err)
		}
	}
	n, err := c.CopyFrom(ctx, pgx.Identifier{"t"}, []string{"n", "s"}, pgx.CopyFromRows([][]any{{10, "x"}, {11, nil}}))
	if err != nil || n != 2 {
		t.Fatalf("COPY: %d, %v", n, err)
	}
	for _, mode := range []pgx.QueryExecMode{pgx.QueryExecModeCacheStatement, pgx.QueryExecModeCacheDescribe, pgx.QueryExecModeDescribeExec, pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol} {
		rows, err := c.Query(ctx, "SELECT n, s, f, ts, b FROM t WHERE n < $1 ORDER BY n", mode, 3)
		if err != nil {
			t.Fatalf("%s: %v", mode, err)
		}
		var got []string
		for rows.Next() {
			var n int
			var s *string
			var f float64
			var ts time.Time
			var b bool
			if err := rows.Scan(&n, &s, &f, &ts, &b); err != nil {
				t.Fatalf("%s: %v", mode, err)
			}
			text := "NULL"
			if s != nil {
				text = *s
			}
			if !ts.Equal(now) {
				t.Errorf("%s: time %s, want %s", mode, ts, now)
			}
			got = append(got, fmt.Sprintf("%d %s %g %v", n, text, f, b))
		}
		if err := rows.Err(); err != nil {
			t.Fatalf("%s: %v", mode, err)
		}
		if want := "[0 a 0 true 1 NULL 1.5 false 2 größer\n\"'\\ 3 true]"; fmt.Sprint(got) != want {
			t.Errorf("%s: got %v, want %v", mode, got, want)
		}
	}
	// A pipeline whose middle fails: what stands before it has its answer.
	b := &pgx.Batch{}
	b.Queue("SELECT 1")
	b.Queue("SELECT 1/0")
	b.Queue("SELECT 2")
	res := c.SendBatch(ctx, b)
	var one int
	if err := res.QueryRow().Scan(&one); err != nil || one != 1 {
		t.Errorf("batch: %d, %v", one, err)
	}
	var pe *pgconn.PgError
	if err := res.QueryRow().Scan(&one); !errors.As(err, &pe) || pe.Code != "22012" {
		t.Errorf("batch: %v, want 22012", err)
	}
	res.Close()
	if err := c.QueryRow(ctx, "SELECT nope FROM t").Scan(&one); !errors.As(err, &pe) || pe.Code != "42703" || pe.Position != 8 {
		t.Errorf("got %v, want 42703 at position 8", err)
	}
	if err := c.QueryRow(ctx, "SELECT count(*) FROM t").Scan(&one); err != nil || one != 5 {
		t.Errorf("count: %d, %v", one, err)
	}
}

// TestLoadAndTools runs load, dump and check on files.
func TestLoadAndTools(t *testing.T) {
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	p := mustLaunch(t, data)
	c := mustConnect(t, p)
	ctx := context.Background()
	if _, err := c.Exec(ctx, "CREATE TABLE t (n integer NOT NULL, s text)"); err != nil {
		t.Fatal(err)
	}
	files := map[string]string{"a.csv": "s,n\nx,1\n\"y,z\",2\n", "b.tsv": "3\tt\n4\t\\N\n", "c.ndjson": "{\"n\":5}\n{\"n\":6,\"s\":\"six\"}\n"}
	for name, text := range files {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		want := []string{"2 rows"}
		if strings.HasSuffix(name, "ndjson") {
			want = append(want, "0 rows") // again: its keys are known, so nothing is stored twice
		}
		for _, w := range want {
			out, err := program("load", file, "--table", "t", "--pg", p.pg, "--http", strings.TrimPrefix(p.http, "http://")).CombinedOutput()
			if err != nil || !strings.HasPrefix(string(out), w) {
				t.Errorf("load %s: %v, %s", name, err, out)
			}
		}
	}
	var n, sum int
	if err := c.QueryRow(ctx, "SELECT count(*), sum(n) FROM t").Scan(&n, &sum); err != nil || n != 6 || sum != 21 {
		t.Errorf("%d rows, sum %d, %v", n, sum, err)
	}
	if out, err := program("check", "--data", data).CombinedOutput(); err == nil {
		t.Errorf("check of a directory in use: %s", out)
	}
	if _, err := c.Exec(ctx, "CHECKPOINT"); err != nil {
		t.Fatal(err)
	}
	resp, err := http.Get(p.http + "/healthz")
	if err != nil || resp.StatusCode != 200 {
		t.Errorf("healthz: %v, %v", resp, err)
	}
	resp.Body.Close()
	p.cmd.Process.Signal(os.Interrupt)
	<-p.done
	out, err := program("check", "--data", data).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "everything is sound") {
		t.Errorf("check: %v, %s", err, out)
	}
	segments, _ := filepath.Glob(filepath.Join(data, "segments", "*.seg"))
	if len(segments) == 0 {
		t.Fatal("CHECKPOINT made no segment")
	}
	if out, err := program("dump", segments[0]).CombinedOutput(); err != nil || !strings.Contains(string(out), "footer: 6 rows") {
		t.Errorf("dump: %v, %s", err, out)
	}
	flip(t, segments[0], 100)
	if out, err := program("check", "--data", data).CombinedOutput(); err == nil || !strings.Contains(string(out), "damage: "+segments[0]+": 6 rows of table public.t: ") {
		t.Errorf("check of a damaged segment: %v, %s", err, out)
	}
}

// flip changes one byte of a file.
func flip(t *testing.T, path string, at int64) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var b [1]byte
	if _, err := f.ReadAt(b[:], at); err != nil {
		t.Fatal(err)
	}
	b[0] ^= 0x40
	if _, err := f.WriteAt(b[:], at); err != nil {
		t.Fatal(err)
	}
}

// TestPsql runs psql where it is installed: connecting, \copy, \d and an error with its line.
func TestPsql(t *testing.T) {
	psql, err := exec.LookPath("psql")
	if err != nil {
		t.Logf("psql is not installed: %v", err)
		return
	}
	p := mustLaunch(t, filepath.Join(t.TempDir(), "data"))
	host, port, _ := strings.Cut(p.pg, ":")
	script := "create table t (n int, s text);\n\\copy t from stdin with (format csv)\n1,a\n2,b\n\\.\nselect sum(n) from t;\n\\d t\n\\copy (select * from t order by n) to stdout\nselec 1;\n"
	cmd := exec.Command(psql, "-X", "-h", host, "-p", port, "-U", "siltstone", "-At")
	cmd.Stdin = strings.NewReader(script)
	out, err := cmd.CombinedOutput()
	if err != nil && !errors.Is(err, io.EOF) {
		t.Logf("psql: %v", err)
	}
	for _, want := range []string{"CREATE TABLE\nCOPY 2\n3\n", "n|integer|||\n", "1\ta\n2\tb\n", "ERROR:  syntax error at or near \"selec\"\nLINE 1: selec 1;\n        ^"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}
