package storage

import (
	"flag"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/siltstone-db/siltstone/storage/vfs"
	"github.com/siltstone-db/siltstone/storage/vfs/errorfs"
)

var fullFlag = flag.Bool("full", false, "every operation fails in every way, and every recovery crashes; takes many minutes")

// crashing is a run of steps, each of which happens as a whole or not at all. verify says what is wrong with a database
// that was opened after some of them; it may write to it.
type crashing interface {
	run(db *DB)
	sofar() *progress
	verify(db *DB, acked, tried int) error
}

// progress is how far a run has come.
type progress struct {
	acked, tried atomic.Int64 // steps
	failed       error
}

func (p *progress) sofar() *progress { return p }

// crashState is what a crash may have left of a run.
type crashState struct {
	what         string
	m            *vfs.Mem
	acked, tried int
	nested       bool // crashes during its recovery are states, too
}

// states collects crash states that differ, and checks them.
type states struct {
	w crashing

	mu     sync.Mutex
	seen   map[uint64]bool // by what the disk holds and how far the run was
	list   []crashState
	nested int // of the states, one in so many is a start of others
}

// keeps are the shares of what was not synced that survive a crash: of a kill, of a strict disk, and of others.
var keeps = []float64{0, 1, 0.5, 0.2, 0.8, 0.35, 0.65, 0.5}

// add adds the states that a crash before the n-th operation may leave. Those that are known already are left out: most
// operations have little before them that was not synced. acked is what was acknowledged before, tried what is on its way
// when the state has been taken: other goroutines go on.
func (s *states) add(what string, m *vfs.Mem, n int, acked int, tried func() int, keeps []float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, keep := range keeps {
		c := m.CrashClone(uint64(len(keeps)*n+i), keep)
		tried := tried()
		id := c.Sum()*31*31 + uint64(acked*31+tried)
		if s.seen[id] {
			continue
		}
		s.seen[id] = true
		nested := s.nested > 0 && len(s.list)%s.nested == 0
		s.list = append(s.list, crashState{fmt.Sprintf("%s, keep %v", what, keep), c, acked, tried, nested})
	}
}

// next takes a state from the list.
func (s *states) next() (c crashState, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.list) == 0 {
		return c, false
	}
	c = s.list[len(s.list)-1]
	s.list = s.list[:len(s.list)-1]
	return c, true
}

// check recovers from a state, and adds those of crashes while it does.
func (s *states) check(c crashState) error {
	e := errorfs.New(c.m, errorfs.Changes)
	if c.nested {
		e.Before = func(n int, _ errorfs.Kind, _ string) {
			s.add(fmt.Sprintf("%s, recovery %d", c.what, n), c.m, n, c.acked, func() int { return c.tried }, keeps[:3])
		}
	}
	db, err := Open(ctx, "db", testOptions(e))
	if err != nil {
		return fmt.Errorf("%s: %w", c.what, err)
	}
	if c.m.Sum()%8 == 0 {
		err = logAgrees(db)
	}
	if err == nil {
		err = s.w.verify(db, c.acked, c.tried)
	}
	if e := db.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = left(db)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", c.what, err)
	}
	return nil
}

// crashEverywhere runs w and recovers from every state that a crash before any of its changes to the disk may leave. Of
// the recoveries one in nested crashes, too, before each of its changes. There are at least so many states, or most of the
// run has gone without.
func crashEverywhere(t *testing.T, w crashing, nested int, least int64) {
	if *fullFlag {
		nested = 1
	}
	m := vfs.NewMem()
	fsys := errorfs.New(m, errorfs.Changes)
	s := &states{w: w, seen: map[uint64]bool{}, nested: nested}
	every, p := 1, w.sofar()
	if testing.Short() {
		every = 7
	}
	fsys.Before = func(n int, _ errorfs.Kind, name string) {
		if n%every != 0 {
			return
		}
		acked := int(p.acked.Load())
		s.add(fmt.Sprintf("operation %d (%s)", n, name), m, n, acked, func() int { return int(p.tried.Load()) }, keeps)
	}
	db := mustOpen(t, testOptions(fsys))
	w.run(db)
	if p.failed != nil {
		t.Fatal(p.failed)
	}
	mustClose(t, db)
	s.nested = 0 // of the recovery of a recovery the same is found
	var checked atomic.Int64
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for !t.Failed() {
				c, ok := s.next()
				if !ok { // what another one finds it checks itself
					return
				}
				checked.Add(1)
				if err := s.check(c); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if n := checked.Load(); !testing.Short() && n < least {
		t.Errorf("only %d crash states", n)
	}
	t.Logf("%d crash states of %d operations", checked.Load(), fsys.Count())
}
