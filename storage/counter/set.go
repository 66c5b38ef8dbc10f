package counter

import (
	"context"
	"maps"
	"sync"

	"github.com/siltstone-db/siltstone/storage/errs"
)

// Log makes a move durable and hands it to Commit of the set.
type Log func(ctx context.Context, m Move) error

// reserveLeast is how many numbers a record of the log is for at least: as many as in PostgreSQL, so that a crash costs no
// larger gap. Who asks for many at a time reserves reserveTimes of them: a load of rows writes few records, and a crash
// costs as many numbers as some of its batches.
const (
	reserveLeast = 32
	reserveTimes = 16
)

// Set is the counters of a database.
type Set struct {
	mu       sync.Mutex
	counters map[uint32]*counter
	durable  map[uint32]State // as of the log
	changed  map[uint32]State // since the last edit of the manifest
	dropped  map[uint32]bool  // since the start: no number of one comes again
}

// counter is one that somebody has asked.
type counter struct {
	turn chan struct{} // holds one token: who takes it uses the rest
	at   State
	// until is what was reserved, in steps of by; 0: nothing is.
	until State
	by    int64
	left  int64 // numbers from at to until
}

// New returns a set that knows what is durable.
func New(known map[uint32]State) *Set {
	s := &Set{counters: map[uint32]*counter{}, durable: maps.Clone(known), changed: map[uint32]State{}, dropped: map[uint32]bool{}}
	if s.durable == nil {
		s.durable = map[uint32]State{}
	}
	return s
}

// enter returns the counter of a rule, which is the caller's until leave.
func (s *Set) enter(ctx context.Context, r *Rule) (*counter, error) {
	s.mu.Lock()
	c := s.counters[r.Counter]
	if c == nil {
		at, known := s.durable[r.Counter]
		if !known {
			at = r.Begin()
		}
		c = &counter{turn: make(chan struct{}, 1), at: at}
		c.turn <- struct{}{}
		s.counters[r.Counter] = c
	}
	s.mu.Unlock()
	select {
	case <-c.turn:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	s.mu.Lock()
	gone := s.dropped[r.Counter]
	if gone {
		delete(s.counters, r.Counter)
	}
	s.mu.Unlock()
	if gone {
		c.leave()
		return nil, errs.New(errs.UndefinedTable, "relation %q does not exist", r.Name)
	}
	return c, nil
}

func (c *counter) leave() { c.turn <- struct{}{} }

// Take gives out up to n numbers, one at least.
func (s *Set) Take(ctx context.Context, r *Rule, n int64, log Log) (Run, error) {
	c, err := s.enter(ctx, r)
	if err != nil {
		return Run{}, err
	}
	defer c.leave()
	run, at, err := r.Step(c.at, n)
	if err != nil {
		return Run{}, err
	}
	if c.by != r.Increment || c.left < run.N || c.wraps(r) {
		if err := c.reserve(ctx, r, run, log); err != nil {
			return Run{}, err
		}
	}
	c.at, c.left = at, c.left-run.N
	return run, nil
}

// wraps tells that the next number is not among those that were reserved: the sequence begins again, or has other bounds.
func (c *counter) wraps(r *Rule) bool {
	next, err := r.after(c.at)
	return err != nil || c.at.Called && next != c.at.Last+r.Increment
}

// reserve makes numbers durable that begin with a run.
func (c *counter) reserve(ctx context.Context, r *Rule, run Run, log Log) error {
	n := min(max(reserveLeast, run.N*reserveTimes), r.left(run.First))
	if run.N == 1 {
		n = min(reserveLeast, r.left(run.First))
	}
	until := State{run.First + (n-1)*r.Increment, true}
	c.left = 0 // until it is known what became of it
	if err := log(ctx, Move{r.Counter, until}); err != nil {
		return err
	}
	c.until, c.by, c.left = until, r.Increment, n
	return nil
}

// Put sets a counter.
func (s *Set) Put(ctx context.Context, r *Rule, at State, log Log) error {
	c, err := s.enter(ctx, r)
	if err != nil {
		return err
	}
	defer c.leave()
	c.left = 0
	if err := log(ctx, Move{r.Counter, at}); err != nil {
		return err
	}
	c.at = at
	return nil
}

// At returns how far a counter has come.
func (s *Set) At(ctx context.Context, r *Rule) (State, error) {
	c, err := s.enter(ctx, r)
	if err != nil {
		return State{}, err
	}
	defer c.leave()
	return c.at, nil
}

// Commit notes moves whose record is durable, or replayed.
func (s *Set) Commit(moves []Move) {
	if len(moves) == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range moves {
		if !s.dropped[m.Counter] {
			s.durable[m.Counter], s.changed[m.Counter] = m.State, m.State
		}
	}
}

// Drop forgets a counter that no sequence has any more.
func (s *Set) Drop(number uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dropped[number] = true
	delete(s.durable, number)
	delete(s.changed, number)
	delete(s.counters, number)
}

// Keep forgets all counters but some.
func (s *Set) Keep(wanted func(number uint32) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	gone := func(n uint32, _ State) bool { return !wanted(n) }
	maps.DeleteFunc(s.durable, gone)
	maps.DeleteFunc(s.changed, gone)
}

// Changed returns the states that have become durable since the last edit of the manifest.
func (s *Set) Changed() map[uint32]State {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.changed) == 0 {
		return nil
	}
	return maps.Clone(s.changed)
}

// Saved notes that an edit has stored what Changed returned.
func (s *Set) Saved(stored map[uint32]State) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for n, at := range stored {
		if s.changed[n] == at {
			delete(s.changed, n)
		}
	}
}

// Stopped returns where all counters stand that the manifest has not so, when nobody takes numbers any more: a stop in order
// leaves no gaps.
func (s *Set) Stopped() map[uint32]State {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := maps.Clone(s.changed)
	for n, c := range s.counters {
		select {
		case <-c.turn:
		default: // somebody is in there all the same
			continue
		}
		if d, ok := s.durable[n]; ok && d != c.at {
			at[n] = c.at
		}
		c.turn <- struct{}{}
	}
	return at
}
