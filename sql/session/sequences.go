package session

import (
	"context"
	"sync"

	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/counter"
	"github.com/siltstone-db/siltstone/storage/errs"
)

var _ fn.Sequences = (*Session)(nil)

// sequences is what a session knows of sequences: the numbers that it was given last, and those that it holds (CACHE).
type sequences struct {
	mu   sync.Mutex
	of   map[uint32]*taken // by OID
	last uint32            // the OID of lastval; 0: none
}

// taken is one sequence of a session.
type taken struct {
	sequence *catalog.Sequence // as it was: another one makes what is held void
	current  int64
	called   bool
	left     int64 // numbers that are held, behind current
}

// lookLocked returns what the session knows of a sequence.
func (q *sequences) lookLocked(s *catalog.Sequence) *taken {
	t := q.of[s.OID]
	if t == nil {
		if q.of == nil {
			q.of = map[uint32]*taken{}
		}
		t = &taken{sequence: s}
		q.of[s.OID] = t
	}
	if t.sequence != s {
		t.sequence, t.left = s, 0
	}
	return t
}

// NextNumbers implements fn.Sequences.
func (s *Session) NextNumbers(ctx context.Context, oid uint32, out []int64) error {
	if err := s.writesSequence("nextval"); err != nil {
		return err
	}
	q := &s.sequences
	q.mu.Lock()
	defer q.mu.Unlock()
	o, err := s.tx.Sequence(oid)
	if err != nil {
		return err
	}
	t := q.lookLocked(o)
	for len(out) > 0 {
		if t.left > 0 {
			t.current, t.left = t.current+o.Increment, t.left-1
			out[0], out = t.current, out[1:]
			continue
		}
		// What is held beyond the last number goes on from there.
		want := int64(len(out)) + (o.Cache-int64(len(out))%o.Cache)%o.Cache
		run, err := s.tx.NextNumbers(ctx, oid, want)
		if err != nil {
			return err
		}
		n := min(run.N, int64(len(out)))
		for i := range n {
			out[i] = run.First + i*o.Increment
		}
		t.current, t.called, t.left, out = out[n-1], true, run.N-n, out[n:]
	}
	q.last = oid
	return nil
}

// writesSequence refuses what changes a sequence in a transaction that reads only.
func (s *Session) writesSequence(name string) error {
	if s.settings.Raw("transaction_read_only") == "on" {
		return errs.New(errs.ReadOnlySQLTransaction, "cannot execute %s() in a read-only transaction", name)
	}
	return nil
}

// SetNumber implements fn.Sequences.
func (s *Session) SetNumber(ctx context.Context, oid uint32, number int64, called bool) error {
	if err := s.writesSequence("setval"); err != nil {
		return err
	}
	q := &s.sequences
	q.mu.Lock()
	defer q.mu.Unlock()
	o, err := s.tx.Sequence(oid)
	if err != nil {
		return err
	}
	if err := s.tx.SetNumber(ctx, oid, counter.State{Last: number, Called: called}); err != nil {
		return err
	}
	t := q.lookLocked(o)
	t.left = 0
	if called {
		t.current, t.called = number, true
	}
	return nil
}

// CurrentNumber implements fn.Sequences.
func (s *Session) CurrentNumber(oid uint32) (int64, error) {
	q := &s.sequences
	q.mu.Lock()
	defer q.mu.Unlock()
	o, err := s.tx.Sequence(oid)
	if err != nil {
		return 0, err
	}
	if t := q.of[oid]; t != nil && t.called {
		return t.current, nil
	}
	return 0, errs.New(errs.ObjectNotInPrerequisiteState, "currval of sequence %q is not yet defined in this session", o.Name)
}

// LastNumber implements fn.Sequences.
func (s *Session) LastNumber() (int64, error) {
	q := &s.sequences
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.last != 0 {
		if _, err := s.tx.Sequence(q.last); err == nil {
			return q.of[q.last].current, nil
		}
	}
	return 0, errs.New(errs.ObjectNotInPrerequisiteState, "lastval is not yet defined in this session")
}

// forgetSequences is DISCARD SEQUENCES.
func (s *Session) forgetSequences() {
	s.sequences.mu.Lock()
	defer s.sequences.mu.Unlock()
	s.sequences.of, s.sequences.last = nil, 0
}
