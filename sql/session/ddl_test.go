package session_test

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/siltstone-db/siltstone/storage"
	"github.com/siltstone-db/siltstone/storage/vfs"
	"github.com/siltstone-db/siltstone/storage/vfs/errorfs"
)

// script runs texts by several sessions in turn and holds what each of them sees against what it should: lines are
// session, text, want.
func script(t *testing.T, f *fixture, lines [][3]string) {
	t.Helper()
	sessions := map[string]func(string) string{}
	for i, l := range lines {
		if sessions[l[0]] == nil {
			s := f.session()
			sessions[l[0]] = func(sql string) string { return run(s, sql) }
		}
		if got := sessions[l[0]](l[1]); got != l[2] {
			t.Errorf("line %d, %s: %s\n got %s\nwant %s", i, l[0], l[1], got, l[2])
		}
	}
}

// TestTablesOfOpenTransactions: transactions that make tables at the same time see their own, with numbers that stay, and
// the first to commit a name wins.
func TestTablesOfOpenTransactions(t *testing.T) {
	f := open(t)
	a := f.session()
	must(t, a, "BEGIN; CREATE TABLE own (a int); INSERT INTO own VALUES (1), (2), (3)")
	oid := run(a, "SELECT 'own'::regclass::oid::int8")
	script(t, f, [][3]string{
		{"b", "BEGIN; CREATE TABLE other (a text); INSERT INTO other VALUES ('x')", "tag BEGIN; tag CREATE TABLE; tag INSERT 0 1"},
		{"b", "SELECT * FROM other", "columns a; x; tag SELECT 1"},
		{"b", "SELECT * FROM own", "error 42P01"},
		{"b", "ROLLBACK; SELECT * FROM other", "tag ROLLBACK; error 42P01"},
		{"b", "BEGIN; CREATE SCHEMA s; CREATE TABLE s.t AS SELECT 7 AS a; SAVEPOINT one; DROP TABLE s.t", "tag BEGIN; tag CREATE SCHEMA; tag SELECT 1; tag SAVEPOINT; tag DROP TABLE"},
		{"b", "CREATE TABLE s.u AS SELECT 8 AS a; ROLLBACK TO one; CREATE TABLE s.v AS SELECT 9 AS a", "tag SELECT 1; tag ROLLBACK; tag SELECT 1"},
		{"b", "SELECT * FROM s.u", "error 42P01"},
		{"b", "ROLLBACK TO one; CREATE TABLE s.w AS SELECT 10 AS a; SELECT t.a, w.a FROM s.t, s.w", "tag ROLLBACK; tag SELECT 1; columns a,a; 7,10; tag SELECT 1"},
		{"b", "COMMIT", "tag COMMIT"},
		{"c", "SELECT t.a, w.a FROM s.t, s.w", "columns a,a; 7,10; tag SELECT 1"},
		{"c", "BEGIN; CREATE TABLE own (b int); INSERT INTO own VALUES (9)", "tag BEGIN; tag CREATE TABLE; tag INSERT 0 1"},
	})
	must(t, a, "COMMIT")
	if got := run(f.session(), "SELECT 'own'::regclass::oid::int8"); got != oid {
		t.Errorf("in its transaction %s, then %s", oid, got)
	}
	script(t, f, [][3]string{
		{"c", "BEGIN; CREATE TABLE x (b int); INSERT INTO x VALUES (9)", "tag BEGIN; tag CREATE TABLE; tag INSERT 0 1"},
		{"d", "CREATE TABLE x AS SELECT 1 AS a", "tag SELECT 1"},
		{"c", "COMMIT", "error 42P07"},
		{"c", "SELECT * FROM x", "columns a; 1; tag SELECT 1"},
		{"c", "BEGIN; INSERT INTO x VALUES (2); CREATE TABLE y AS SELECT 1 AS a", "tag BEGIN; tag INSERT 0 1; tag SELECT 1"},
		{"d", "DROP TABLE x", "tag DROP TABLE"},
		{"c", "COMMIT", "error 42P01"},
		{"c", "SELECT * FROM y", "error 42P01"},
		{"c", "BEGIN; DROP TABLE own; CREATE TABLE own AS SELECT 'new' AS b; SELECT * FROM own", "tag BEGIN; tag DROP TABLE; tag SELECT 1; columns b; new; tag SELECT 1"},
		{"d", "INSERT INTO own VALUES (4); SELECT sum(a) FROM own", "tag INSERT 0 1; columns sum; 10; tag SELECT 1"},
		{"c", "COMMIT", "tag COMMIT"},
		{"d", "SELECT * FROM own", "columns b; new; tag SELECT 1"},
		{"c", "BEGIN; DROP TABLE own; CREATE TABLE own AS SELECT 2 AS c", "tag BEGIN; tag DROP TABLE; tag SELECT 1"},
		{"d", "DROP TABLE own; CREATE TABLE own AS SELECT 3 AS c", "tag DROP TABLE; tag SELECT 1"},
		{"c", "COMMIT", "error 42P01"},
		{"d", "SELECT * FROM own", "columns c; 3; tag SELECT 1"},
	})
}

// TestRefusedRowsLeaveNoTable: when the rows of a transaction are refused, what it did to the catalog is, too: a table that
// it made is not there, and one that it swapped is the old one.
func TestRefusedRowsLeaveNoTable(t *testing.T) {
	for _, rows := range []int{200, 60_000} { // in the log, and in files of a load
		t.Run(fmt.Sprint(rows), func(t *testing.T) {
			m := vfs.NewMem()
			o := storage.Options{FS: m, LiveBytes: 4 << 20, SealRows: 20_000, LogFileMin: 1 << 20, LogFileMax: 1 << 20}
			f := openWith(t, o)
			f.pool, f.engine = pooled(t, f.db, 16<<20)
			s := f.session()
			must(t, s, "CREATE TABLE filler (a text); CREATE TABLE t AS SELECT 1 AS a")
			fill := "INSERT INTO filler VALUES ('" + noise(4096) + "')"
			m.SetCapacity(m.Used())
			for i := 0; run(s, fill) != "error 53100"; i++ {
				if i == 10_000 {
					t.Fatal("the disk does not fill up")
				}
			}
			many := fmt.Sprintf("SELECT md5(i::text) AS a FROM generate_series(1, %d) i", rows)
			for _, sql := range []string{"CREATE TABLE u AS " + many, "BEGIN; CREATE TABLE u (a text); INSERT INTO u " + many + "; COMMIT",
				"BEGIN; DROP TABLE t; CREATE TABLE t AS " + many + "; COMMIT"} {
				if got := run(s, sql); !strings.HasSuffix(got, "error 53100") {
					t.Fatalf("%s: %s", sql, got)
				}
				run(s, "ROLLBACK")
				if got := run(s, "SELECT * FROM u"); got != "error 42P01" {
					t.Errorf("%s: %s", sql, got)
				}
				if got := run(s, "SELECT * FROM t"); got != "columns a; 1; tag SELECT 1" {
					t.Errorf("%s: %s", sql, got)
				}
			}
			m.SetCapacity(0)
			for i := 0; ; i++ {
				if got := run(s, "CREATE TABLE u AS "+many); got == fmt.Sprintf("tag SELECT %d", rows) {
					break
				} else if i == 100 || got != "error 53100" {
					t.Fatal(got)
				}
			}
			if got := run(f.session(), "SELECT count(*) FROM u"); got != fmt.Sprintf("columns count; %d; tag SELECT 1", rows) {
				t.Error(got)
			}
		})
	}
}

// noise returns a text that does not compress.
func noise(n int) string {
	b := make([]byte, n)
	x := uint32(1)
	for i := range b {
		x = x*1664525 + 1013904223
		b[i] = 'a' + byte(x>>24)%26
	}
	return string(b)
}

// TestSwap: while a table is swapped for another again and again, with few rows and with many, readers always find one of
// them, whole.
func TestSwap(t *testing.T) {
	f := small(t, 16<<20)
	w := f.session()
	must(t, w, "CREATE TABLE t AS SELECT 1 AS n, i FROM generate_series(1, 1) i")
	var done atomic.Bool
	var wg sync.WaitGroup
	for range 2 {
		r := f.session()
		wg.Go(func() {
			for !done.Load() {
				if got := run(r, "SELECT count(*) = max(n), min(n) = max(n) FROM t"); got != "columns ?column?,?column?; 1,1; tag SELECT 1" {
					t.Error(got)
					return
				}
			}
		})
	}
	for i := range 24 {
		n := 1 + i
		if i%8 == 7 {
			n = 50_000
		}
		must(t, w, fmt.Sprintf("BEGIN; DROP TABLE t; CREATE TABLE t AS SELECT %d AS n, i FROM generate_series(1, %d) i; COMMIT", n, n))
	}
	done.Store(true)
	wg.Wait()
}

// A column with a default costs a log record, however many rows there are: no segment and no manifest is read or written.
func TestAddColumnTouchesNoRows(t *testing.T) {
	fsys := errorfs.New(vfs.NewMem(), errorfs.All)
	var mu sync.Mutex
	var seen []string
	armed := false
	arm := func(now bool) {
		mu.Lock()
		defer mu.Unlock()
		armed = now
	}
	fsys.Before = func(_ int, _ errorfs.Kind, name string) {
		mu.Lock()
		defer mu.Unlock()
		if armed && (strings.Contains(name, "/segments/") || strings.Contains(name, "/manifest-")) {
			seen = append(seen, name)
		}
	}
	f := openWith(t, storage.Options{FS: fsys, NoMerge: true, SealAge: 1 << 50})
	s := f.session()
	must(t, s, "CREATE TABLE t (a int, b text) WITH (seal_rows = 5000); INSERT INTO t SELECT i, i::text FROM generate_series(1, 20000) i")
	must(t, s, "CHECKPOINT") // by itself: the transaction has ended
	arm(true)
	must(t, s, "ALTER TABLE t ADD COLUMN c int NOT NULL DEFAULT 7")
	arm(false)
	if len(seen) > 0 {
		t.Errorf("the column has touched %q", seen)
	}
	if got := run(s, "SELECT count(*), sum(c) FROM t"); got != "columns count,sum; 20000,140000; tag SELECT 1" {
		t.Error(got)
	}
}
