package session_test

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/siltstone-db/siltstone/storage"
)

// TestAlterTypeBesideWriters: a type is changed there and back by writing all rows anew, through a load, while others
// insert into the table, read it, and write to another one. Each reader sees a whole number of rows in one type, nobody's
// acknowledged row is lost, and who meets the change hears 40001 or nothing.
func TestAlterTypeBesideWriters(t *testing.T) {
	f := openWith(t, storage.Options{LiveBytes: 4 << 20, SealRows: 20_000, LogFileMin: 1 << 20, LogFileMax: 1 << 20})
	a := f.session()
	must(t, a, "CREATE TABLE t (k int PRIMARY KEY, v text); CREATE TABLE other (a int)")
	must(t, a, "INSERT INTO t SELECT g, 'v' || g FROM generate_series(1, 30000) AS g")
	var rows, others atomic.Int64
	rows.Store(30000)
	var done atomic.Bool
	var wg sync.WaitGroup
	work := func(step func(s int) bool) {
		wg.Go(func() {
			for i := 0; !done.Load() && step(i); i++ {
			}
		})
	}
	writer, reader, beside := f.session(), f.session(), f.session()
	work(func(i int) bool {
		switch got := run(writer, fmt.Sprintf("INSERT INTO t VALUES (%d, 'new')", 100_000+i)); got {
		case "tag INSERT 0 1":
			rows.Add(1)
		case "error 40001":
		default:
			t.Errorf("insert %d: %s", i, got)
			return false
		}
		return true
	})
	work(func(int) bool {
		low := rows.Load()
		var n, typed, sum int64
		got := run(reader, "SELECT count(*), count(DISTINCT pg_typeof(k)::text), sum((v = 'v' || k)::int) FROM t")
		high := rows.Load() + 1 // one that is not acknowledged yet
		if _, err := fmt.Sscanf(strings.TrimPrefix(got, "columns count,count,sum; "), "%d,%d,%d", &n, &typed, &sum); err != nil ||
			n < low || n > high || typed != 1 || sum != 30000 {
			t.Errorf("a reader sees %s with %d to %d rows", got, low, high)
			return false
		}
		return true
	})
	work(func(i int) bool {
		if got := run(beside, fmt.Sprintf("INSERT INTO other VALUES (%d)", i)); got != "tag INSERT 0 1" {
			t.Errorf("beside: %s", got)
			return false
		}
		others.Add(1)
		return true
	})
	for i := range 4 {
		to := []string{"bigint USING k::bigint", "int"}[i%2]
		if got := run(a, "ALTER TABLE t ALTER k TYPE "+to); got != "tag ALTER TABLE" {
			t.Errorf("to %s: %s", to, got)
		}
	}
	done.Store(true)
	wg.Wait()
	want := fmt.Sprintf("columns count,count; %d,%d; tag SELECT 1", rows.Load(), rows.Load())
	if got := run(a, "SELECT count(*), count(DISTINCT k) FROM t"); got != want {
		t.Errorf("in the end %s, want %s", got, want)
	}
	if got := run(a, "SELECT count(*) FROM other"); got != fmt.Sprintf("columns count; %d; tag SELECT 1", others.Load()) {
		t.Errorf("the other table: %s, want %d", got, others.Load())
	}
}

// TestAlterTypeFails: what fails leaves the table as it was, and holds nobody.
func TestAlterTypeFails(t *testing.T) {
	f := openWith(t, storage.Options{LiveBytes: 4 << 20, SealRows: 20_000, LogFileMin: 1 << 20, LogFileMax: 1 << 20})
	a, b := f.session(), f.session()
	must(t, a, "CREATE TABLE t (k int, v text)")
	must(t, a, "INSERT INTO t SELECT g, 'v' || g FROM generate_series(1, 50000) AS g")
	for _, c := range [][2]string{{"v TYPE int USING substr(v, 2)::int / (k - 49999)", "error 22012"}, {"k TYPE smallint", "error 22003"},
		{"v TYPE int USING v::int", "error 22P02"}} {
		if got := run(a, "ALTER TABLE t ALTER "+c[0]); got != c[1] {
			t.Errorf("%s: %s, want %s", c[0], got, c[1])
		}
		if got := run(b, "INSERT INTO t VALUES (0, 'v0'); DELETE FROM t WHERE k = 0"); got != "tag INSERT 0 1; tag DELETE 1" {
			t.Errorf("after %s: %s", c[0], got)
		}
		if got := run(b, "SELECT count(*), sum(k), min(v), pg_typeof(min(k)) FROM t"); got != "columns count,sum,min,pg_typeof; 50000,1250025000,v1,integer; tag SELECT 1" {
			t.Errorf("after %s: %s", c[0], got)
		}
	}
}
