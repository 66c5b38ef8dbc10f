package session_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/sql/session"
	"github.com/siltstone-db/siltstone/storage/errs"
)

// TestAdvisoryLocks: who holds one keeps others waiting, alone or with those who share it; a wait ends with a cancel, with
// lock_timeout, or with 40P01 where it would never end; locks of a transaction end with it, and all with their session.
func TestAdvisoryLocks(t *testing.T) {
	f := open(t)
	a, b := f.session(), f.session()
	one := fn.AdvisoryOptions{Name: fn.LockName{Number: 1}}
	try := func(s *session.Session, o fn.AdvisoryOptions) bool {
		t.Helper()
		o.Try = true
		ok, err := s.AdvisoryLock(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		return ok
	}
	shared := one
	shared.Shared = true
	first, again := try(a, one), try(a, one)
	if !first || !again || try(b, one) || try(b, shared) {
		t.Fatal("a lock is held by one session, any number of times")
	}
	if !try(b, fn.AdvisoryOptions{Name: fn.LockName{Number: 1, Pair: true}}) {
		t.Fatal("a pair is another name")
	}
	got := make(chan error, 1)
	wait := func() { _, err := b.AdvisoryLock(t.Context(), one); got <- err }
	go wait()
	// What b has, a must not wait for: as soon as b waits.
	for {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		_, err := a.AdvisoryLock(ctx, fn.AdvisoryOptions{Name: fn.LockName{Number: 1, Pair: true}})
		cancel()
		if errs.Is(err, errs.DeadlockDetected) {
			break
		}
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("a wait for what another one holds: %v", err)
		}
		select {
		case err := <-got: // a waited first, so b heard it
			if !errs.Is(err, errs.DeadlockDetected) {
				t.Fatalf("a wait in a circle, of the other one: %v", err)
			}
			go wait()
		default:
		}
	}
	if !a.AdvisoryUnlock(one.Name, false) {
		t.Fatal("it was held twice")
	}
	select {
	case err := <-got:
		t.Fatalf("somebody has what another one holds: %v", err)
	default:
	}
	if !a.AdvisoryUnlock(one.Name, false) || a.AdvisoryUnlock(one.Name, false) {
		t.Fatal("it was held once")
	}
	if err := <-got; err != nil {
		t.Fatal(err)
	}
	b.AdvisoryUnlockAll()
	if !try(a, shared) || !try(b, shared) || try(a, one) {
		t.Fatal("a shared lock keeps those out who want it alone")
	}
	must(t, b, "SET lock_timeout = 5")
	if _, err := b.AdvisoryLock(t.Context(), one); !errs.Is(err, errs.LockNotAvailable) {
		t.Fatalf("a wait beyond lock_timeout: %v", err)
	}
	b.Close()
	if !try(a, one) {
		t.Fatal("the locks of a session end with it")
	}
	a.AdvisoryUnlockAll()
	must(t, a, "BEGIN; SELECT pg_advisory_xact_lock(7), pg_advisory_lock(8); COMMIT")
	c := f.session()
	if !try(c, fn.AdvisoryOptions{Name: fn.LockName{Number: 7}}) || try(c, fn.AdvisoryOptions{Name: fn.LockName{Number: 8}}) {
		t.Fatal("the lock of a transaction ends with it, that of a session stays")
	}
	must(t, a, "DISCARD ALL")
	if !try(c, fn.AdvisoryOptions{Name: fn.LockName{Number: 8}}) {
		t.Fatal("DISCARD ALL lets go of locks")
	}
}
