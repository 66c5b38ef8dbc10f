package session_test

import (
	"fmt"
	"strings"
	"testing"
)

// TestCursorBesideSettings: a query that stands still between two FETCHes reads the session's settings when it goes on,
// while statements in between change them; run with the race detector.
func TestCursorBesideSettings(t *testing.T) {
	f := open(t)
	s := f.session()
	run(s, "CREATE TABLE many (a int, ts timestamptz); INSERT INTO many SELECT g, '2020-01-01'::timestamptz FROM generate_series(1, 60000) g")
	run(s, `BEGIN; DECLARE c CURSOR FOR SELECT current_setting('application_name') || ' ' || a, date_trunc('day', ts)::text FROM many`)
	for i := range 25 {
		name := fmt.Sprintf("x%d", i)
		run(s, "SET application_name = '"+name+"'")
		run(s, "SET timezone = '"+[]string{"UTC", "Europe/Berlin"}[i%2]+"'")
		run(s, "MOVE 2047 FROM c")
		if got := run(s, "FETCH 1 FROM c"); !strings.HasSuffix(got, "tag FETCH 1") {
			t.Fatal(got)
		}
		last := run(s, "SELECT current_setting('application_name')")
		if want := "columns current_setting; " + name + "; tag SELECT 1"; last != want {
			t.Fatalf("got %s, want %s", last, want)
		}
	}
	if got := run(s, "COMMIT"); got != "tag COMMIT" {
		t.Fatal(got)
	}
}

// TestPortalOfReturning: an INSERT with RETURNING is done when its first row is handed out, however few rows the client
// takes, and its tag counts all rows.
func TestPortalOfReturning(t *testing.T) {
	f := open(t)
	s := f.session()
	run(s, "CREATE TABLE t (a int); BEGIN")
	if err := s.Parse(ctx, "p", "INSERT INTO t SELECT g FROM generate_series(1, 200000) g RETURNING a", nil); err != nil {
		t.Fatal(err)
	}
	if err := s.Bind(ctx, "x", "p", nil); err != nil {
		t.Fatal(err)
	}
	c := &client{}
	if suspended, err := s.Execute(ctx, "x", 10, c); err != nil || !suspended || c.rows != 10 {
		t.Fatal(suspended, err, c.rows)
	}
	const count = "SELECT count(*) FROM t"
	const all = "columns count; 200000; tag SELECT 1"
	if got := run(s, count); got != all {
		t.Error(got)
	}
	if suspended, err := s.Execute(ctx, "x", 0, c); err != nil || suspended || c.rows != 200000 {
		t.Error(suspended, err, c.rows)
	}
	// As in PostgreSQL, the tag counts the rows that were taken last.
	if got := c.lines[len(c.lines)-1]; got != "tag INSERT 0 199990" {
		t.Error(got)
	}
	// The end of the transaction closes a portal in the middle of its rows.
	if err := s.Bind(ctx, "z", "p", nil); err != nil {
		t.Fatal(err)
	}
	if suspended, err := s.Execute(ctx, "z", 10, c); err != nil || !suspended {
		t.Fatal(suspended, err)
	}
	run(s, "COMMIT")
	if got := run(s, count); got != "columns count; 400000; tag SELECT 1" {
		t.Error(got)
	}
	run(s, "START TRANSACTION READ ONLY")
	if err := s.Bind(ctx, "y", "p", nil); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Execute(ctx, "y", 10, &client{}); err == nil || err.Error() != "cannot execute INSERT in a read-only transaction" {
		t.Error(err)
	}
	run(s, "ROLLBACK")
}
