package session_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/siltstone-db/siltstone/storage/vfs"
)

// TestSpill runs statements that need more than the session grants: the same answers, through temporary files that are
// gone afterwards.
func TestSpill(t *testing.T) {
	f := open(t)
	s := f.session()
	run(s, "CREATE TABLE t (a bigint, b text)")
	if got := run(s, "INSERT INTO t SELECT i::bigint * 7919 % 300007, 'text ' || i FROM generate_series(1, 300000) i"); got != "tag INSERT 0 300000" {
		t.Fatal(got)
	}
	queries := []string{
		"SELECT count(*), sum(n), min(m) FROM (SELECT a, b, count(*) n, max(b) m FROM t GROUP BY a, b) x",
		"SELECT count(DISTINCT b || a), count(DISTINCT a), sum(DISTINCT a) FROM t",
		"SELECT a, b FROM t ORDER BY b, a OFFSET 299990",
		"SELECT count(*), max(x.b) FROM t x JOIN t y ON x.a = y.a",
		"WITH x AS (SELECT a, b || b || b || b AS b FROM t) SELECT (SELECT count(*) FROM x), (SELECT min(b) FROM x), (SELECT sum(a) FROM x)",
		"SELECT count(*) FROM t x WHERE NOT EXISTS (SELECT 1 FROM t y WHERE y.b = x.b || '1')",
		"SELECT count(*), max(x.b) FROM (SELECT a FROM t WHERE a < 9) y LEFT JOIN (SELECT a, repeat(b, 9) b FROM t) x ON x.a < y.a",
		"SELECT count(*), max(x.b) FROM (SELECT a % 1 k, a FROM t WHERE a < 5) y LEFT JOIN (SELECT a % 1 k, repeat(b, 9) b FROM t) x ON x.k = y.k",
	}
	var want []string
	for _, q := range queries {
		want = append(want, run(s, q))
	}
	files, dir := f.db.Temporary()
	left := func(what string) {
		t.Helper()
		if l, err := files.List(dir); err != nil && !vfs.IsNotExist(err) || len(l) > 0 {
			t.Errorf("%s: %d temporary files are left, %v", what, len(l), err)
		}
	}
	run(s, "SET work_mem = '20MB'")
	for i, q := range queries {
		if got := run(s, q); got != want[i] {
			t.Errorf("%s\n got %s\nwant %s", q, got, want[i])
		}
		if plan := run(s, "EXPLAIN ANALYZE "+q); !strings.Contains(plan, "Spilled: ") {
			t.Errorf("%s did not spill:\n%s", q, strings.ReplaceAll(plan, "; ", "\n"))
		}
		left(q)
	}
	run(s, "SET temp_file_limit = '100kB'")
	if got := run(s, queries[2]); !strings.Contains(got, "error 53400") {
		t.Errorf("with a limit of files: %s", got)
	}
	left("limit")
	run(s, "SET work_mem = '64kB'")
	run(s, "RESET temp_file_limit")
	if got := run(s, queries[0]); !strings.Contains(got, "error 53200") {
		t.Errorf("with 64 kB: %s", got)
	}
	left("error")
}

// TestSpillAtEveryBudget runs pieces above and below each other with less and more memory: none may take what another
// cannot do without, while it collects rows or while it hands them out.
func TestSpillAtEveryBudget(t *testing.T) {
	s := open(t).session()
	run(s, "CREATE TABLE t (a bigint, b text)")
	if got := run(s, "INSERT INTO t SELECT i::bigint * 7919 % 60007, 'text ' || i FROM generate_series(1, 60000) i"); got != "tag INSERT 0 60000" {
		t.Fatal(got)
	}
	queries := []string{
		"SELECT count(*), sum(n), max(m), min(b) FROM (SELECT a, b, count(*) n, max(b) m FROM t GROUP BY a, b) x",
		"SELECT min(m), max(b) FROM (SELECT b, max(b || 'x') m FROM t GROUP BY b ORDER BY m) x",
		"SELECT b, m FROM (SELECT b, max(b || 'x') m FROM t GROUP BY b) x ORDER BY m, b LIMIT 3",
		"SELECT count(DISTINCT b || a), sum(DISTINCT a) FROM t",
		"SELECT count(*), max(x.b) FROM t x JOIN t y ON x.a = y.a",
		"WITH x AS MATERIALIZED (SELECT a, b || b || b AS b FROM t) SELECT (SELECT count(*) FROM x), (SELECT min(b) FROM x), (SELECT sum(a) FROM x)",
	}
	var want []string
	for _, q := range queries {
		want = append(want, run(s, q))
	}
	for _, mb := range []int{7, 9, 12, 16, 24} {
		run(s, fmt.Sprintf("SET work_mem = '%dMB'", mb))
		for i, q := range queries {
			if got := run(s, q); got != want[i] {
				t.Errorf("%s\nwith %d MB got %.200s\nwant %.200s", q, mb, got, want[i])
			}
		}
	}
}
