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
		"SELECT count(*), max(y.b) FROM t x JOIN t y ON x.a = y.a",
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
	if got := run(s, "SELECT length(string_agg(b, ',' ORDER BY a)), count(DISTINCT b) FROM t"); !strings.Contains(got, "error 53200") {
		t.Errorf("one value with 64 kB: %s", got)
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
		"SELECT count(*), max(y.b) FROM t x JOIN t y ON x.a = y.a",
		"WITH x AS MATERIALIZED (SELECT a, b || b || b AS b FROM t) SELECT (SELECT count(*) FROM x), (SELECT min(b) FROM x), (SELECT sum(a) FROM x)",
	}
	var want []string
	for _, q := range queries {
		want = append(want, run(s, q))
	}
	for _, kb := range []int{64, 9 << 10, 12 << 10, 16 << 10, 24 << 10} {
		run(s, fmt.Sprintf("SET work_mem = %d", kb))
		for i, q := range queries {
			if got := run(s, q); got != want[i] {
				t.Errorf("%s\nwith %d kB got %.200s\nwant %.200s", q, kb, got, want[i])
			}
		}
	}
}

// TestLeastMemory runs queries with the smallest work_mem, on few and on many workers: each has enough to start with,
// and SHOW tells what was set.
func TestLeastMemory(t *testing.T) {
	s := open(t).session()
	run(s, "CREATE TABLE t (a bigint, b text)")
	if got := run(s, "INSERT INTO t SELECT i::bigint * 7919 % 70001, 'text ' || i FROM generate_series(1, 70000) i"); got != "tag INSERT 0 70000" {
		t.Fatal(got)
	}
	queries := []string{
		"SELECT a % 1000 k, count(DISTINCT b), sum(DISTINCT a), stddev(a::numeric) FROM t GROUP BY 1 ORDER BY 1 LIMIT 3",
		"WITH x AS MATERIALIZED (SELECT a, b || b || b AS b FROM t) SELECT (SELECT count(*) FROM x), (SELECT min(b) FROM x), (SELECT sum(a) FROM x)",
		"SELECT count(*), max(x.b) FROM t x JOIN t y ON x.a = y.a JOIN t z ON z.b = y.b LEFT JOIN t w ON w.a = z.a",
	}
	long := "(SELECT repeat(v.s, 30000) FROM (VALUES (0, 'x'), (1, 'y')) v(k, s) WHERE v.k >= t.a % 2 AND v.k > -t.a ORDER BY v.k LIMIT 1)"
	queries = append(queries, "SELECT sum(length(x)), min(y), max(z) FROM (SELECT "+long+" x, "+long+" y, "+long+" z FROM t WHERE a BETWEEN 1 AND 200) q")
	var want []string
	for _, q := range queries {
		want = append(want, run(s, q))
	}
	run(s, "SET work_mem = 64")
	for _, workers := range []int{1, 32} {
		run(s, fmt.Sprintf("SET siltstone.workers = %d", workers))
		for i, q := range queries {
			if got := run(s, q); got != want[i] {
				t.Errorf("%s\non %d workers got %.200s\nwant %.200s", q, workers, got, want[i])
			}
		}
	}
	if got := run(s, "SHOW work_mem"); !strings.Contains(got, "64kB") {
		t.Errorf("SHOW work_mem: %s", got)
	}
}
