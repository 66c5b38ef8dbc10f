package session_test

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/siltstone-db/siltstone/sql/session"
	"github.com/siltstone-db/siltstone/storage"
	"github.com/siltstone-db/siltstone/storage/errs"
)

// must runs a text that must not fail.
func must(t testing.TB, s *session.Session, sql string) []string {
	c := &client{}
	if err := s.Simple(ctx, sql, c); err != nil {
		t.Errorf("%s: %v", sql, err)
	}
	return c.lines
}

// extended runs one statement by the extended protocol, with its Sync.
func extended(s *session.Session, sql string) ([]string, error) {
	c := &client{}
	err := s.Parse(ctx, "", sql, nil)
	if err == nil {
		err = s.Bind(ctx, "", "", nil)
	}
	if err == nil {
		_, err = s.Execute(ctx, "", 0, c)
	}
	failed := err != nil
	if e := s.Sync(ctx, failed); err == nil {
		err = e
	}
	return c.lines, err
}

// Statements of their own that change the same row, by both protocols: none is lost and none fails, and what they
// return are all numbers once.
func TestStatementsRunAgain(t *testing.T) {
	f := open(t)
	must(t, f.session(), "CREATE TABLE counter (id int, n int); INSERT INTO counter VALUES (1, 0), (2, 0)")
	const writers, rounds = 4, 30
	var seen [writers*rounds + 1]atomic.Int32
	var wg sync.WaitGroup
	for w := range writers {
		s := f.session()
		wg.Go(func() {
			for range rounds {
				lines := must(t, s, "UPDATE counter SET n = n + 1 WHERE id = 1 RETURNING n")
				var n int
				if len(lines) != 3 || lines[2] != "tag UPDATE 1" {
					t.Errorf("%v", lines)
					return
				}
				if _, err := fmt.Sscan(lines[1], &n); err != nil || n < 1 || n >= len(seen) {
					t.Errorf("%v: %v", lines, err)
					return
				}
				seen[n].Add(1)
				if lines, err := extended(s, "UPDATE counter SET n = n + 1 WHERE id = 2"); err != nil || lines[0] != "tag UPDATE 1" {
					t.Errorf("%v: %v", lines, err)
				}
				if w == 0 {
					must(t, s, "CHECKPOINT")
				}
			}
		})
	}
	wg.Wait()
	for n := 1; n < len(seen); n++ {
		if seen[n].Load() != 1 {
			t.Errorf("%d was returned %d times", n, seen[n].Load())
		}
	}
	lines := must(t, f.session(), "SELECT id, n FROM counter ORDER BY id")
	if lines[1] != "1,120" || lines[2] != "2,120" {
		t.Errorf("%v", lines)
	}
}

// A statement whose answer the client has seen already is not run again when the answer would be another.
func TestToldTagStands(t *testing.T) {
	f := open(t)
	a, b := f.session(), f.session()
	must(t, a, "CREATE TABLE t (a int); INSERT INTO t VALUES (1), (2)")
	told := func(sql, meanwhile string) (string, error) {
		c := &client{}
		for _, err := range []error{a.Parse(ctx, "", sql, nil), a.Bind(ctx, "", "", nil)} {
			if err != nil {
				t.Fatal(err)
			}
		}
		if _, err := a.Execute(ctx, "", 0, c); err != nil {
			t.Fatal(err)
		}
		must(t, b, meanwhile)
		return c.lines[len(c.lines)-1], a.Sync(ctx, false)
	}
	if tag, err := told("DELETE FROM t WHERE a = 1", "DELETE FROM t WHERE a = 1"); !errs.Is(err, errs.SerializationFailure) {
		t.Errorf("%s, then %v", tag, err)
	}
	if tag, err := told("UPDATE t SET a = a + 10", "UPDATE t SET a = a + 100"); err != nil {
		t.Errorf("%s, then %v", tag, err)
	}
	if tag, err := told("UPDATE t SET a = a + 1000 RETURNING a", "UPDATE t SET a = a + 1"); !errs.Is(err, errs.SerializationFailure) {
		t.Errorf("%s, then %v", tag, err)
	}
	if got := run(b, "SELECT a FROM t"); !strings.Contains(got, "113") {
		t.Error(got)
	}
}

// Transfers between accounts, in blocks that are repeated after a conflict and in statements that need not be, while
// rows are sealed: no reader ever sees another total.
func TestTransfers(t *testing.T) {
	f := openWith(t, storage.Options{SealRows: 300})
	const accounts, total = 40, 40 * 1000
	setup := f.session()
	must(t, setup, fmt.Sprintf("CREATE TABLE account (id int, amount int, note text) WITH (sort_key = 'note'); "+
		"INSERT INTO account SELECT g, 1000, 'n' || g %% 7 FROM generate_series(1, %d) g", accounts))
	rounds := 60
	if testing.Short() {
		rounds = 15
	}
	var done atomic.Bool
	var readers, writers sync.WaitGroup
	want := fmt.Sprintf("%d,%d,%d", accounts, total, accounts)
	for range 2 {
		s := f.session()
		readers.Go(func() {
			for !done.Load() {
				for _, sql := range []string{"SELECT count(*), sum(amount), count(DISTINCT id) FROM account",
					"SELECT sum(c), sum(s), sum(c) FROM (SELECT note, count(*) AS c, sum(amount) AS s FROM account GROUP BY note) x"} {
					if lines := must(t, s, sql); len(lines) < 2 || lines[1] != want {
						t.Errorf("%s: %v, want %s", sql, lines, want)
						return
					}
				}
			}
		})
	}
	var conflicts atomic.Int64
	for w := range 3 {
		s := f.session()
		writers.Go(func() {
			for i := range rounds {
				from, to := 1+(w*13+i*7)%accounts, 1+(w*5+i*11+1)%accounts
				if from == to {
					continue
				}
				must(t, s, fmt.Sprintf("UPDATE account SET amount = amount + CASE id WHEN %d THEN -%d ELSE %d END WHERE id IN (%d, %d)", from, i, i, from, to))
				for {
					err := block(s, fmt.Sprintf("UPDATE account SET amount = amount - 1 WHERE id = %d", from),
						fmt.Sprintf("UPDATE account SET amount = amount + 1, note = note || '.' WHERE id = %d RETURNING amount", to))
					if err == nil {
						break
					}
					if !errs.Is(err, errs.SerializationFailure) {
						t.Error(err)
						return
					}
					conflicts.Add(1)
				}
				if i%20 == 9 {
					must(t, s, "CHECKPOINT")
				}
			}
		})
	}
	writers.Wait()
	done.Store(true)
	readers.Wait()
	t.Logf("%d conflicts, %d seals", conflicts.Load(), f.db.Metrics().Seals.Value())
}

// block runs statements in a transaction block.
func block(s *session.Session, statements ...string) error {
	for _, sql := range append(append([]string{"BEGIN"}, statements...), "COMMIT") {
		if err := s.Simple(ctx, sql, &client{}); err != nil {
			_ = s.Simple(ctx, "ROLLBACK", &client{})
			return err
		}
	}
	return nil
}
