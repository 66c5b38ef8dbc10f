package session_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/siltstone-db/siltstone/sql/session"
	"github.com/siltstone-db/siltstone/storage"
	"github.com/siltstone-db/siltstone/storage/vfs"
)

// stream is one table that a writer fills with the numbers 0, 1, 2, ... while others read and seal it.
type stream struct {
	table        string
	acked, tried atomic.Int64 // rows that a reader must see at least, and can see at most
}

// TestRunningTotals: while one writer commits and live rows are sealed all the time, each reader's count, sum,
// count(distinct) and the last row belong to one moment: never a row lost, doubled or half a commit, over thousands of
// seals. Tables are left after some hundred segments, so that reading them stays cheap.
func TestRunningTotals(t *testing.T) {
	seals, limit := int64(3000), 10*time.Second
	if testing.Short() {
		seals, limit = 1000, 4*time.Second
	}
	db, err := storage.Open(ctx, "db", storage.Options{FS: vfs.NewMem(), SealRows: 64})
	if err != nil {
		t.Fatal(err)
	}
	engine, err := session.NewEngine(db, session.Options{Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{t: t, db: db, engine: engine}
	writer := f.session()
	const width = 8 // tables at a time, which one checkpoint seals together
	var current [width]atomic.Pointer[stream]
	var done atomic.Bool
	var reads atomic.Int64
	var wg sync.WaitGroup
	next := func(round int) {
		for i := range current {
			s := &stream{table: fmt.Sprintf("t%d_%d", round, i)}
			if got := run(writer, "CREATE TABLE "+s.table+" (n bigint NOT NULL, part bigint NOT NULL, word text)"); got != "tag CREATE TABLE" {
				t.Fatal(got)
			}
			current[i].Store(s)
		}
	}
	next(0)
	for range 2 {
		reader := f.session()
		wg.Go(func() {
			for i := 0; !done.Load() && !t.Failed(); i++ {
				if err := current[i%width].Load().read(reader); err != nil {
					t.Error(err)
				}
				reads.Add(1)
			}
		})
	}
	wg.Go(func() {
		for !done.Load() && !t.Failed() {
			if err := db.Checkpoint(ctx); err != nil {
				t.Error(err)
			}
		}
	})
	began := time.Now()
	for round := int64(0); db.Metrics().Seals.Value() < seals && time.Since(began) < limit && !t.Failed(); {
		if db.Metrics().Seals.Value() > 1000*(round+1) {
			round++
			next(int(round))
		}
		for i := range current {
			current[i].Load().write(t, writer)
		}
	}
	done.Store(true)
	wg.Wait()
	for i := range current {
		if err := current[i].Load().read(writer); err != nil {
			t.Error(err)
		}
	}
	t.Logf("%d seals, %d reads", db.Metrics().Seals.Value(), reads.Load())
	writer.Close()
	if err := db.Close(); err != nil {
		t.Error(err)
	}
}

// write commits 1 to 7 rows in one statement.
func (s *stream) write(t *testing.T, c *session.Session) {
	from := s.acked.Load()
	to := from + 1 + from%7
	s.tried.Store(to)
	got := run(c, fmt.Sprintf("INSERT INTO %s SELECT i, i / 7, 'word ' || i %% 13 FROM generate_series(%d, %d) g(i)", s.table, from, to-1))
	if got != fmt.Sprintf("tag INSERT 0 %d", to-from) {
		t.Errorf("insert of rows %d to %d: %s", from, to, got)
	}
	s.acked.Store(to)
}

// read compares the totals with each other and with what is written by now.
func (s *stream) read(c *session.Session) error {
	low := s.acked.Load()
	got := run(c, "SELECT count(*), coalesce(sum(n), 0), count(DISTINCT n), count(DISTINCT part), count(DISTINCT word), coalesce(max(n), -1) FROM "+s.table)
	high := s.tried.Load()
	var n int64
	head := "columns count,coalesce,count,count,count,coalesce; "
	if _, err := fmt.Sscanf(got, head+"%d,", &n); err != nil {
		return fmt.Errorf("read of %s: %s", s.table, got)
	}
	want := fmt.Sprintf(head+"%d,%d,%d,%d,%d,%d; tag SELECT 1", n, n*(n-1)/2, n, (n+6)/7, min(n, 13), n-1)
	if got != want || n < low || n > high {
		return fmt.Errorf("read of %s with %d to %d rows written:\n got %s\nwant %s", s.table, low, high, got, want)
	}
	return nil
}
