package session_test

import (
	"strings"
	"testing"
)

// TestExplainAnalyzeOfWrites: what EXPLAIN ANALYZE runs is refused where it would be without EXPLAIN, also row by row.
func TestExplainAnalyzeOfWrites(t *testing.T) {
	f := open(t)
	s := f.session()
	run(s, "CREATE TABLE t (a int); INSERT INTO t VALUES (1)")
	for _, c := range []struct{ text, want string }{
		{"INSERT INTO t VALUES (2)", "error 25006"},
		{"DELETE FROM t", "error 25006"},
	} {
		run(s, "BEGIN READ ONLY")
		if got := run(s, "EXPLAIN ANALYZE "+c.text); !strings.Contains(got, c.want) {
			t.Errorf("%s: %s", c.text, got)
		}
		run(s, "ROLLBACK; BEGIN READ ONLY")
		if got := run(s, "EXPLAIN "+c.text); !strings.HasSuffix(got, "tag EXPLAIN") {
			t.Errorf("without ANALYZE, %s: %s", c.text, got)
		}
		run(s, "ROLLBACK")
	}
	if got := run(s, "EXPLAIN ANALYZE CREATE TABLE made AS SELECT * FROM t"); !strings.HasSuffix(got, "error 0A000") {
		t.Error(got)
	}
	run(s, "BEGIN")
	if err := s.Parse(ctx, "p", "EXPLAIN ANALYZE INSERT INTO t VALUES (3)", nil); err != nil {
		t.Fatal(err)
	}
	if err := s.Bind(ctx, "x", "p", nil); err != nil {
		t.Fatal(err)
	}
	c := &client{}
	if suspended, err := s.Execute(ctx, "x", 1, c); err != nil || !suspended {
		t.Fatal(suspended, err)
	}
	if suspended, err := s.Execute(ctx, "x", 0, c); err != nil || suspended || c.lines[len(c.lines)-1] != "tag EXPLAIN" {
		t.Error(suspended, err, c.lines)
	}
	run(s, "COMMIT")
	if got := run(s, "SELECT sum(a) FROM t"); got != "columns sum; 4; tag SELECT 1" {
		t.Error(got)
	}
}
