package session_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/siltstone-db/siltstone/sql/session"
	"github.com/siltstone-db/siltstone/storage"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/mem"
)

// small opens a database whose sessions share a pool of some bytes.
func small(t *testing.T, bytes int64) *fixture {
	t.Helper()
	f := open(t)
	f.pool = mem.NewPool(bytes)
	engine, err := session.NewEngine(f.db, session.Options{Pool: f.pool, Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	f.engine = engine
	return f
}

// lines returns n rows of 30 bytes as COPY text.
func lines(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "%d\tsome text of row %09d\n", i, i)
	}
	return b.String()
}

// TestCopyInBoundedMemory: a load many times larger than the memory for it goes through, in parts.
func TestCopyInBoundedMemory(t *testing.T) {
	f := small(t, 16<<20)
	s := f.session()
	if got := run(s, "CREATE TABLE t (a int, b text)"); got != "tag CREATE TABLE" {
		t.Fatal(got)
	}
	const n = 300_000
	c := &client{input: lines(n)}
	if err := s.Simple(ctx, "COPY t FROM STDIN", c); err != nil || c.lines[0] != fmt.Sprintf("tag COPY %d", n) {
		t.Fatal(c.lines, err)
	}
	if peak := f.pool.Peak(); peak > 4<<20 {
		t.Errorf("%d bytes were charged at once", peak)
	}
	want := fmt.Sprintf("columns count,sum,max; %d,%d,some text of row %09d; tag SELECT 1", n, n*(n-1)/2, n-1)
	if got := run(s, "SELECT count(*), sum(a), max(b) FROM t"); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestLoadsBeyondLiveMemory: loads wait for sealing and never for themselves. Each of them starts while live rows of the
// one before are there, which its own transaction sees, and a cursor of somebody else holds all that was sealed since.
func TestLoadsBeyondLiveMemory(t *testing.T) {
	f := openWith(t, storage.Options{LiveBytes: 4 << 20, SealBytes: 2 << 20, LogFileMin: 1 << 20, LogFileMax: 1 << 20})
	f.pool = mem.NewPool(16 << 20)
	engine, err := session.NewEngine(f.db, session.Options{Pool: f.pool, Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	f.engine = engine
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

// TestCopyTellsWhatStays: when a late row of a large load is refused, the error says how many rows stay, and they do.
func TestCopyTellsWhatStays(t *testing.T) {
	for _, tc := range []struct {
		name, before string
		rows         int
		stays        bool
	}{
		{"large", "", 200_000, true},
		{"small", "", 1000, false},
		{"in a block", "BEGIN", 1000, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := small(t, 16<<20)
			s := f.session()
			run(s, "CREATE TABLE t (a int, b text)")
			run(s, tc.before)
			err := s.Simple(ctx, "COPY t FROM STDIN", &client{input: lines(tc.rows) + "x\ty\n"})
			if !errs.Is(err, errs.InvalidTextRepresentation) {
				t.Fatal(err)
			}
			run(s, "ROLLBACK")
			c := &client{}
			if err := s.Simple(ctx, "SELECT count(*) FROM t", c); err != nil {
				t.Fatal(err)
			}
			var stay int
			fmt.Sscan(c.lines[1], &stay)
			if (stay > 0) != tc.stays {
				t.Errorf("%d rows stay", stay)
			}
			if told := strings.HasPrefix(errs.From(err).Detail, fmt.Sprintf("%d rows of this COPY were stored", stay)); told != tc.stays {
				t.Errorf("%d rows stay; the error's detail is %q", stay, errs.From(err).Detail)
			}
		})
	}
}

// TestCopyInBlockIsAllOrNothing: a transaction block keeps its rows in memory, and is refused when that is full.
func TestCopyInBlockIsAllOrNothing(t *testing.T) {
	s := small(t, 4<<20).session()
	run(s, "CREATE TABLE t (a int, b text)")
	run(s, "BEGIN")
	if err := s.Simple(ctx, "COPY t FROM STDIN", &client{input: lines(200_000)}); !errs.Is(err, errs.OutOfMemory) {
		t.Fatal(err)
	}
	if got := run(s, "ROLLBACK; SELECT count(*) FROM t"); got != "tag ROLLBACK; columns count; 0; tag SELECT 1" {
		t.Error(got)
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
