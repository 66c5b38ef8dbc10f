package session

import (
	"context"
	"sync"
	"time"

	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/storage/errs"
)

var _ fn.Advisory = (*Session)(nil)

// advisory is the advisory locks of an engine: names that sessions hold, alone or with others, and that mean what clients
// agree on. A session waits for another with its context; who would wait for itself hears 40P01.
type advisory struct {
	mu    sync.Mutex
	locks map[fn.LockName]*advisoryLock
}

// advisoryLock is one that is held or waited for.
type advisoryLock struct {
	holders map[*Session]*holding
	changed chan struct{} // closed when somebody lets go
	waiting int
}

// holding is how often a session has a lock: of either mode, and how many of these end with its transaction.
type holding struct{ count, inTx [2]int }

func mode(shared bool) int {
	if shared {
		return 1
	}
	return 0
}

// freeFor tells whether a session may have a lock.
func (l *advisoryLock) freeFor(s *Session, shared bool) bool {
	for o, h := range l.holders {
		if o != s && (!shared || h.count[0] > 0) {
			return false
		}
	}
	return true
}

// AdvisoryLock implements fn.Advisory.
func (s *Session) AdvisoryLock(ctx context.Context, o fn.AdvisoryOptions) (bool, error) {
	a := &s.engine.advisory
	var late <-chan time.Time
	if ms := s.settings.Integer("lock_timeout"); ms > 0 && !o.Try {
		t := time.NewTimer(time.Duration(ms) * time.Millisecond)
		defer t.Stop()
		late = t.C
	}
	for {
		a.mu.Lock()
		l := a.locks[o.Name]
		if l == nil {
			l = &advisoryLock{holders: map[*Session]*holding{}, changed: make(chan struct{})}
			if a.locks == nil {
				a.locks = map[fn.LockName]*advisoryLock{}
			}
			a.locks[o.Name] = l
		}
		if l.freeFor(s, o.Shared) {
			h := l.holders[s]
			if h == nil {
				h = &holding{}
				l.holders[s] = h
				s.held++
			}
			h.count[mode(o.Shared)]++
			if o.InTransaction {
				h.inTx[mode(o.Shared)]++
			}
			a.mu.Unlock()
			return true, nil
		}
		if o.Try {
			a.mu.Unlock()
			return false, nil
		}
		if a.waitsForLocked(l, s, map[*Session]bool{}) {
			a.mu.Unlock()
			return false, errs.New(errs.DeadlockDetected, "deadlock detected").WithHint("See server log for query details.")
		}
		changed := l.changed
		l.waiting++
		s.waitsFor = l
		a.mu.Unlock()
		var err error
		select {
		case <-changed:
		case <-late:
			err = errs.New(errs.LockNotAvailable, "canceling statement due to lock timeout")
		case <-ctx.Done():
			err = ctx.Err()
		}
		a.mu.Lock()
		l.waiting--
		s.waitsFor = nil
		a.forgetLocked(o.Name, l)
		a.mu.Unlock()
		if err != nil {
			return false, err
		}
	}
}

// waitsForLocked tells whether a holder of a lock waits, maybe over others, for a session.
func (a *advisory) waitsForLocked(l *advisoryLock, s *Session, seen map[*Session]bool) bool {
	for o := range l.holders {
		if o == s || seen[o] || o.waitsFor == nil {
			continue
		}
		seen[o] = true
		if o.waitsFor.holders[s] != nil || a.waitsForLocked(o.waitsFor, s, seen) {
			return true
		}
	}
	return false
}

func (a *advisory) forgetLocked(name fn.LockName, l *advisoryLock) {
	if len(l.holders) == 0 && l.waiting == 0 && a.locks[name] == l {
		delete(a.locks, name)
	}
}

// releasedLocked lets those look again who wait for a lock.
func (a *advisory) releasedLocked(name fn.LockName, l *advisoryLock) {
	close(l.changed)
	l.changed = make(chan struct{})
	a.forgetLocked(name, l)
}

// AdvisoryUnlock implements fn.Advisory.
func (s *Session) AdvisoryUnlock(name fn.LockName, shared bool) bool {
	a := &s.engine.advisory
	a.mu.Lock()
	defer a.mu.Unlock()
	m := mode(shared)
	l := a.locks[name]
	if l == nil || l.holders[s] == nil || l.holders[s].count[m] == l.holders[s].inTx[m] {
		return false
	}
	h := l.holders[s]
	if h.count[m]--; h.count == [2]int{} {
		delete(l.holders, s)
		s.held--
	}
	a.releasedLocked(name, l)
	return true
}

// AdvisoryUnlockAll implements fn.Advisory.
func (s *Session) AdvisoryUnlockAll() { s.releaseAdvisory(func(h *holding) { h.count = h.inTx }) }

// releaseAdvisory takes what a session holds down to what is left of it.
func (s *Session) releaseAdvisory(lower func(*holding)) {
	a := &s.engine.advisory
	a.mu.Lock()
	defer a.mu.Unlock()
	if s.held == 0 { // as nearly always: nobody looks through the locks of others
		return
	}
	for name, l := range a.locks {
		h := l.holders[s]
		if h == nil {
			continue
		}
		before := *h
		if lower(h); *h == before {
			continue
		}
		if h.count == [2]int{} {
			delete(l.holders, s)
			s.held--
		}
		a.releasedLocked(name, l)
	}
}

// endAdvisory lets go of what was locked for the transaction.
func (s *Session) endAdvisory() {
	s.releaseAdvisory(func(h *holding) {
		for m := range h.count {
			h.count[m] -= h.inTx[m]
			h.inTx[m] = 0
		}
	})
}
