package session_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/siltstone-db/siltstone/sql/session"
	"github.com/siltstone-db/siltstone/storage"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/mem/memtest"
	"github.com/siltstone-db/siltstone/storage/vfs"
	"github.com/siltstone-db/siltstone/storage/vfs/errorfs"
)

// small opens a database whose sessions share a pool of some bytes, and whose live rows may take 4 MiB.
func small(t *testing.T, bytes int64) *fixture {
	t.Helper()
	f := openWith(t, storage.Options{LiveBytes: 4 << 20, SealRows: 40_000, LogFileMin: 1 << 20, LogFileMax: 1 << 20})
	f.pool, f.engine = pooled(t, f.db, bytes)
	return f
}

// pooled returns an engine whose sessions share a pool of some bytes.
func pooled(t *testing.T, db *storage.DB, bytes int64) (*mem.Pool, *session.Engine) {
	t.Helper()
	pool := memtest.Pool(t, bytes)
	engine, err := session.NewEngine(db, session.Options{Pool: pool, Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	return pool, engine
}

// lines returns n rows of 30 bytes as COPY text.
func lines(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "%d\tsome text of row %09d\n", i, i)
	}
	return b.String()
}

// TestCopyInBoundedMemory: a load many times larger than the memory for it goes through, outside a block and inside, and
// becomes visible as a whole.
func TestCopyInBoundedMemory(t *testing.T) {
	f := small(t, 16<<20)
	s, other := f.session(), f.session()
	if got := run(s, "CREATE TABLE t (a int, b text)"); got != "tag CREATE TABLE" {
		t.Fatal(got)
	}
	const n = 300_000
	totals := "SELECT count(*), sum(a), max(a) FROM t"
	for k, begin := range []string{"", "BEGIN"} {
		run(s, begin)
		c := &client{input: lines(n)}
		c.reads = func() {
			if got := run(other, "SELECT count(*) FROM t"); got != fmt.Sprintf("columns count; %d; tag SELECT 1", k*n) {
				t.Errorf("in the middle of load %d others see %s", k, got)
			}
		}
		if err := s.Simple(ctx, "COPY t FROM STDIN", c); err != nil || c.lines[0] != fmt.Sprintf("tag COPY %d", n) {
			t.Fatal(c.lines, err)
		}
		want := fmt.Sprintf("columns count,sum,max; %d,%d,%d; tag SELECT 1", (k+1)*n, (k+1)*(n*(n-1)/2), n-1)
		if got := run(s, totals); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		if begin != "" {
			run(s, "COMMIT")
		}
		if got := run(other, totals); got != want {
			t.Errorf("others got %s, want %s", got, want)
		}
	}
	if peak := f.pool.Peak(); peak > 4<<20 {
		t.Errorf("%d bytes were charged at once", peak)
	}
}

// TestLoadsBeyondLiveMemory: loads wait for sealing and never for themselves. Each of them starts while live rows of the
// one before are there, which its own transaction sees, and a cursor of somebody else holds all that was sealed since.
func TestLoadsBeyondLiveMemory(t *testing.T) {
	f := openWith(t, storage.Options{LiveBytes: 4 << 20, SealBytes: 2 << 20, LogFileMin: 1 << 20, LogFileMax: 1 << 20})
	f.pool, f.engine = pooled(t, f.db, 16<<20)
	limited, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	s, reader := f.session(), f.session()
	run(s, "CREATE TABLE t (a int, b text)")
	const n = 60_000
	for i := range 5 {
		if err := s.Simple(limited, "COPY t FROM STDIN", &client{input: lines(n)}); err != nil {
			t.Fatalf("load %d: %v", i, err)
		}
		if i == 1 {
			run(reader, "BEGIN; DECLARE c CURSOR FOR SELECT a FROM t; FETCH 1 FROM c")
		}
	}
	run(reader, "COMMIT")
	if got, want := run(s, "SELECT count(*) FROM t"), fmt.Sprintf("columns count; %d; tag SELECT 1", 5*n); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestBadLastLine: a load of any size whose last line is refused leaves nothing, neither rows nor memory nor files.
func TestBadLastLine(t *testing.T) {
	for _, tc := range []struct {
		name, before string
		rows         int
	}{{"large", "", 200_000}, {"small", "", 1000}, {"large in a block", "BEGIN", 200_000}, {"small in a block", "BEGIN", 1000}} {
		t.Run(tc.name, func(t *testing.T) {
			f := small(t, 16<<20)
			s := f.session()
			run(s, "CREATE TABLE t (a int, b text)")
			run(s, tc.before)
			err := s.Simple(ctx, "COPY t FROM STDIN", &client{input: lines(tc.rows) + "x\ty\n"})
			if !errs.Is(err, errs.InvalidTextRepresentation) || errs.From(err).Detail != "" {
				t.Fatal(err, errs.From(err).Detail)
			}
			run(s, "ROLLBACK")
			if got := run(s, "SELECT count(*) FROM t"); got != "columns count; 0; tag SELECT 1" {
				t.Error(got)
			}
			// What was being sealed goes as soon as its writer looks up.
			deadline := time.Now().Add(20 * time.Second)
			for {
				files, err := os.ReadDir(f.dir + "/segments")
				live := f.db.Health().LiveBytes
				if err == nil && len(files) == 0 && live == 0 {
					break
				}
				if time.Now().After(deadline) {
					t.Fatalf("%d files and %d bytes of live rows are left: %v", len(files), live, err)
				}
				time.Sleep(time.Millisecond)
			}
		})
	}
}

// TestSavepointsInLargeBlocks: ROLLBACK TO goes back into the middle of what was loaded, and of what was sealed since;
// the block sees its own rows at every step.
func TestSavepointsInLargeBlocks(t *testing.T) {
	for _, options := range []string{"", "WITH (sort_key = 'b')"} {
		f := small(t, 16<<20)
		s := f.session()
		run(s, "CREATE TABLE old (a int, b text)")
		load := func(table string, n int) {
			t.Helper()
			if err := s.Simple(ctx, "COPY "+table+" FROM STDIN", &client{input: lines(n)}); err != nil {
				t.Fatal(err)
			}
		}
		want := func(table string, n, sum int) {
			t.Helper()
			got := run(s, "SELECT count(*), coalesce(sum(a), 0) FROM "+table)
			if got != fmt.Sprintf("columns count,coalesce; %d,%d; tag SELECT 1", n, sum) {
				t.Errorf("%s: %s, want %d rows, sum %d", table, got, n, sum)
			}
		}
		sum := func(n int) int { return n * (n - 1) / 2 }
		run(s, "BEGIN; CREATE TABLE t (a int, b text) "+options)
		load("t", 50_000)
		run(s, "SAVEPOINT one")
		load("t", 30_000)
		want("t", 80_000, sum(50_000)+sum(30_000))
		run(s, "SAVEPOINT two; INSERT INTO t SELECT a, b FROM t")
		want("t", 160_000, 2*(sum(50_000)+sum(30_000)))
		load("old", 100_000)
		run(s, "ROLLBACK TO two")
		want("t", 80_000, sum(50_000)+sum(30_000))
		want("old", 0, 0)
		load("t", 45_000)
		if err := s.Simple(ctx, "COPY t FROM STDIN", &client{input: lines(100_000) + "bad\n"}); err == nil {
			t.Fatal("a bad line is taken")
		}
		run(s, "ROLLBACK TO one")
		want("t", 50_000, sum(50_000))
		load("old", 60_000)
		load("t", 20_000)
		want("t", 70_000, sum(50_000)+sum(20_000))
		run(s, "COMMIT")
		s = f.session()
		want("t", 70_000, sum(50_000)+sum(20_000))
		want("old", 60_000, sum(60_000))
	}
}

// TestCopyAllocatesNothingPerRow: a load of sixteen times the rows makes hardly more allocations.
func TestCopyAllocatesNothingPerRow(t *testing.T) {
	f := open(t)
	s := f.session()
	run(s, "CREATE TABLE t (a int, b text)")
	count := func(rows int) float64 {
		c := &client{input: lines(rows)}
		return testing.AllocsPerRun(3, func() {
			if err := s.Simple(ctx, "COPY t FROM STDIN", c); err != nil {
				t.Fatal(err)
			}
		})
	}
	count(8000)
	if few, many := count(500), count(8000); many > few+100 {
		t.Errorf("%.0f allocations for 500 rows, %.0f for 8,000", few, many)
	}
}

// TestCancelWhileWaiting: a load that waits for room in memory ends with its cancel, though sealing does not go on.
func TestCancelWhileWaiting(t *testing.T) {
	stuck := make(chan struct{})
	fsys := errorfs.New(vfs.Disk, errorfs.Create)
	fsys.Before = func(_ int, _ errorfs.Kind, name string) {
		if strings.Contains(name, "/segments/") {
			<-stuck
		}
	}
	o := storage.Options{FS: fsys, LiveBytes: 4 << 20, SealRows: 20_000, LogFileMin: 1 << 20, LogFileMax: 1 << 20}
	f := openWith(t, o)
	defer close(stuck)
	f.pool = memtest.Pool(t, 16<<20)
	engine, err := session.NewEngine(f.db, session.Options{Pool: f.pool, Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	f.engine = engine
	s := f.session()
	run(s, "CREATE TABLE t (a int, b text)")
	done := make(chan error)
	go func() { done <- s.Simple(ctx, "COPY t FROM STDIN", &client{input: lines(500_000)}) }()
	for f.db.Health().LiveBytes <= o.LiveBytes {
		select {
		case err := <-done:
			t.Fatalf("the load does not wait: %v", err)
		case <-time.After(time.Millisecond):
		}
	}
	s.Cancel()
	select {
	case err := <-done:
		if !errs.Is(err, errs.QueryCanceled) {
			t.Error(err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("the load still waits")
	}
	if got := run(s, "SELECT count(*) FROM t"); got != "columns count; 0; tag SELECT 1" {
		t.Error(got)
	}
}
