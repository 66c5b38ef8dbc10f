package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestLoad loads files of every format with the command; an NDJSON file that was loaded before stores nothing and says so.
func TestLoad(t *testing.T) {
	p := mustLaunch(t, filepath.Join(t.TempDir(), "data"))
	c := mustConnect(t, p)
	ctx := context.Background()
	if _, err := c.Exec(ctx, `CREATE TABLE t (n integer, "a, ""b""" text)`); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, step := range []struct{ name, content, says, rows string }{
		{"head.csv", "\"a, \"\"b\"\"\",n\r\nx,1\r\n", "1 rows in ", "1|x"},
		{"text.tsv", "2\t\\N\n", "1 rows in ", "1|x 2|-"},
		{"push.ndjson", "{\"n\":3}\n{\"n\":4}\n", "2 rows in ", "1|x 2|- 3|- 4|-"},
		{"push.ndjson", "{\"n\":3}\n{\"n\":4}\n", "2 more rows were stored by an earlier run", "1|x 2|- 3|- 4|-"},
		{"wrong.csv", "n\nx\n", `invalid input syntax for type integer: "x"`, "1|x 2|- 3|- 4|-"},
		{"quote.csv", "\"n\n", "read the names of the columns", "1|x 2|- 3|- 4|-"},
	} {
		file := filepath.Join(dir, step.name)
		if err := os.WriteFile(file, []byte(step.content), 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := program("load", "--table", "t", "--pg", p.pg, "--http", strings.TrimPrefix(p.http, "http://"), file)
		out, _ := cmd.CombinedOutput()
		if !strings.Contains(string(out), step.says) {
			t.Errorf("%s: %s, want %q", step.name, out, step.says)
		}
		var rows string
		if err := c.QueryRow(ctx, `SELECT string_agg(n || '|' || coalesce("a, ""b""", '-'), ' ' ORDER BY n) FROM t`).Scan(&rows); err != nil {
			t.Fatal(err)
		}
		if rows != step.rows {
			t.Errorf("%s: rows %s, want %s", step.name, rows, step.rows)
		}
	}
}
