package session_test

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

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

// TestAlterTypeCatchesUp: while the rows of a table are written anew others insert, update, delete and upsert rows of it, those that
// were there and those that have come since. All of it is carried over.
func TestAlterTypeCatchesUp(t *testing.T) {
	f := openWith(t, storage.Options{LiveBytes: 4 << 20, SealRows: 3_000, LogFileMin: 1 << 20, LogFileMax: 1 << 20})
	a, b := f.session(), f.session()
	must(t, a, "CREATE TABLE t (k int PRIMARY KEY, v int, w text CHECK (w <> 'bad')) WITH (sort_key = 'w', retain_log = '0')")
	must(t, a, "INSERT INTO t SELECT g, g % 100, 'w' || g * 7919 % 1000 FROM generate_series(1, 8000) g; CHECKPOINT; UPDATE t SET v = v + 1 WHERE k % 3 = 0; CREATE TABLE m AS SELECT * FROM t")
	both := func(sql string) {
		t.Helper()
		one := run(b, fmt.Sprintf(sql, "t"))
		if other := run(b, fmt.Sprintf(sql, "m")); one != other || strings.HasPrefix(one, "error") {
			t.Fatalf("%s: %s and %s", sql, one, other)
		}
	}
	begun := func(altered chan string) { // it has taken its first picture
		t.Helper()
		for len(f.db.Archive().Holders()) == 0 {
			select {
			case got := <-altered:
				t.Fatalf("it has ended: %s", got)
			case <-time.After(time.Millisecond):
			}
		}
	}
	for round, to := range []string{"numeric(12, 1)", "text", "bigint USING v::numeric::bigint"} {
		if round == 1 {
			must(t, a, "CLUSTER t")
		}
		slow := fmt.Sprintf("ALTER TABLE t ALTER w TYPE text USING CASE WHEN k = 4000 AND pg_sleep(1) IS NULL THEN '' ELSE w END, ALTER v TYPE %s", to)
		if !strings.Contains(to, "USING") {
			slow += " USING v::" + to
		}
		ids := run(b, "SELECT sum(_row_id * k) FROM t WHERE k BETWEEN 3000 AND 3500")
		altered := make(chan string, 1)
		go func() { altered <- run(a, slow) }()
		begun(altered)
		n := 100_000 * (round + 1)
		both(fmt.Sprintf("INSERT INTO %%[1]s SELECT g + %d, 5, 'new' FROM generate_series(1, 4000) g", n))
		both("UPDATE %[1]s SET v = 7 WHERE k BETWEEN 3000 AND 3500")
		both("DELETE FROM %[1]s WHERE k %% 11 = 3 AND k < 100000")
		both(fmt.Sprintf("DELETE FROM %%[1]s WHERE k BETWEEN %d AND %d", n+10, n+20))
		both(fmt.Sprintf("UPDATE %%[1]s SET w = w || 'x' WHERE k BETWEEN %d AND %d OR k = 3001", n+30, n+40))
		both("INSERT INTO %[1]s SELECT k - 100000, 1, 'again' FROM %[1]s WHERE k BETWEEN 100001 AND 100050 AND k - 100000 NOT IN (SELECT k FROM %[1]s)")
		if round == 1 {
			must(t, b, "CHECKPOINT; VACUUM FULL t")
		}
		if got := <-altered; got != "tag ALTER TABLE" {
			t.Fatalf("%s: %s", to, got)
		}
		both("SELECT count(*), sum(k), sum(v::numeric::bigint), min(w), max(w), sum(length(w)) FROM %[1]s")
		if got := run(b, "SELECT count(*) FROM t FULL JOIN m ON t.k = m.k AND t.v::numeric = m.v::numeric AND t.w = m.w WHERE t.k IS NULL OR m.k IS NULL"); got != "columns count; 0; tag SELECT 1" {
			t.Fatalf("%s: %s differ", to, got)
		}
		if got := run(b, "SELECT sum(_row_id * k) FROM t WHERE k BETWEEN 3000 AND 3500"); round > 0 && got != ids {
			t.Errorf("identities %s, were %s", got, ids)
		}
		if got := run(b, "SELECT count(*), count(DISTINCT _row_id) FROM t"); got != run(b, "SELECT count(*), count(*) FROM t") {
			t.Errorf("identities: %s", got)
		}
		if h := f.db.Archive().Holders(); len(h) != 0 {
			t.Errorf("%v hold the log", h)
		}
	}
	// What comes meanwhile and cannot be what it is to be ends the statement, and nothing else.
	altered := make(chan string, 1)
	go func() {
		altered <- run(a, "ALTER TABLE t ALTER v TYPE int USING CASE WHEN k = 4000 AND pg_sleep(1) IS NULL THEN 4 WHEN k = -5 THEN w::int END")
	}()
	begun(altered)
	both("INSERT INTO %[1]s VALUES (-5, 0, 'no number')")
	if got := <-altered; got != "error 22P02" {
		t.Errorf("a row that came: %s", got)
	}
	go func() {
		altered <- run(a, "ALTER TABLE t ALTER v TYPE int USING CASE WHEN k = 4000 AND pg_sleep(1) IS NULL THEN 4 END")
	}()
	begun(altered)
	must(t, b, "TRUNCATE t; INSERT INTO t VALUES (1, 1, 'one')")
	if got := <-altered; got != "tag ALTER TABLE" {
		t.Errorf("beside TRUNCATE: %s", got)
	}
	if got := run(b, "SELECT k, v, w FROM t"); got != "columns k,v,w; 1,NULL,one; tag SELECT 1" {
		t.Errorf("after TRUNCATE: %s", got)
	}
	go func() {
		altered <- run(a, "ALTER TABLE m ALTER v TYPE text USING CASE WHEN k = 4000 AND pg_sleep(1) IS NULL THEN '' END")
	}()
	begun(altered)
	must(t, b, "ALTER TABLE m ADD COLUMN z int")
	if got := <-altered; got != "error 40001" {
		t.Errorf("beside another ALTER: %s", got)
	}
}
