package session_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/siltstone-db/siltstone/sql/session"
	"github.com/siltstone-db/siltstone/storage"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/mem/memtest"
)

// poor opens a session of a server with little memory.
func poor(t *testing.T, limit int64) (*session.Session, *mem.Pool) {
	db, err := storage.Open(ctx, t.TempDir(), storage.Options{Pool: memtest.Pool(t, 0)})
	if err != nil {
		t.Fatal(err)
	}
	pool := memtest.Pool(t, limit)
	e, err := session.NewEngine(db, session.Options{Pool: pool, Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	s, err := e.Connect(ctx, session.Startup{User: "ann", Database: "siltstone", Port: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Close()
		if n := pool.Used(); n != 0 {
			t.Errorf("%d bytes are still charged", n)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return s, pool
}

// TestHugeStatements: trees and plans of huge texts are charged before they are made: what does not fit is refused at
// once, by all doors, and the session goes on.
func TestHugeStatements(t *testing.T) {
	s, pool := poor(t, 100<<20)
	run(s, "CREATE TABLE v (a int)")
	insert := "INSERT INTO v VALUES (1)" + strings.Repeat(",(1)", 800_000)
	in := "SELECT count(*) FROM v WHERE a IN (1" + strings.Repeat(",2", 1_000_000) + ")"
	for _, text := range []string{insert, in, "PREPARE x AS " + insert} {
		start := time.Now()
		if got := run(s, text); got != "error 53200" {
			t.Errorf("%.30s: %.80s", text, got)
		}
		if err := s.Parse(ctx, "p", text, nil); !errs.Is(err, errs.OutOfMemory) {
			t.Errorf("parse of %.30s: %v", text, err)
		}
		if d := time.Since(start); d > 5*time.Second { // some milliseconds; making them took 3 s and a GB
			t.Errorf("%.30s is refused after %v", text, d)
		}
		if err := s.Sync(ctx, true); err != nil {
			t.Error(err)
		}
	}
	if got := run(s, "INSERT INTO v VALUES (1)"+strings.Repeat(",(1)", 50_000)); got != "tag INSERT 0 50001" {
		t.Errorf("what fits: %.80s", got)
	}
	if n := pool.Peak(); n > 100<<20 {
		t.Errorf("%d bytes at most", n)
	}
}

// TestManyPreparedStatements: each is charged until it is dropped, by whatever drops it.
func TestManyPreparedStatements(t *testing.T) {
	s, pool := poor(t, 32<<20)
	fill := func() (n int) {
		for ; ; n++ {
			err := s.Parse(ctx, fmt.Sprintf("p%d", n), fmt.Sprintf("SELECT %d", n), nil)
			if errs.Is(err, errs.OutOfMemory) {
				return n
			}
			if err != nil || n > 100_000 {
				t.Fatalf("statement %d: %v", n, err)
			}
		}
	}
	most := fill()
	if most < 1000 || most > 32<<20/3000 {
		t.Errorf("%d statements fit", most)
	}
	for _, drop := range []string{"DEALLOCATE ALL", "DISCARD ALL"} {
		if err := s.Sync(ctx, true); err != nil {
			t.Fatal(err)
		}
		run(s, drop)
		if n := pool.Used(); n != 0 {
			t.Errorf("%d bytes are charged after %s", n, drop)
		}
		if n := fill(); n != most {
			t.Errorf("%d statements after %s, %d before", n, drop, most)
		}
	}
	if err := s.CloseStatement("p7"); err != nil {
		t.Error(err)
	}
	for range 100 { // the unnamed one, those that fail, and those that are replaced leave nothing
		if err := s.Parse(ctx, "", "SELECT 1", nil); err != nil {
			t.Fatal(err)
		}
		if err := s.Parse(ctx, "", "SELECT nope", nil); err == nil {
			t.Fatal("SELECT nope")
		}
		if err := s.Sync(ctx, true); err != nil {
			t.Fatal(err)
		}
	}
}
