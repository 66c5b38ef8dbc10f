// Package positions remembers how far sources have been read, partition by partition: the position of a partition moves in
// the log record of the rows that were read up to it, so that both happen or neither.
//
// A write claims its moves with Begin, which holds each against the position that is known (compare and set), and ends the
// claims with Commit or Abort; meanwhile others with a move of the same partition wait for the outcome. A Set is safe for
// concurrent use. What a position says is the source's affair; it is never empty, and no position is written as "".
package positions

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/siltstone-db/siltstone/storage/errs"
)

// Key names a partition of a source.
type Key struct {
	Source    uint64 // id of the object that describes it
	Partition string
}

// Compare orders keys.
func (k Key) Compare(o Key) int {
	return cmp.Or(cmp.Compare(k.Source, o.Source), strings.Compare(k.Partition, o.Partition))
}

// Move is a step of a partition from one position to the next; "" is none: before the first, or behind the last, which
// forgets the partition.
type Move struct {
	Key
	From, To string
}

// Set is the positions of a database.
type Set struct {
	mu      sync.Mutex
	known   map[Key]string
	pending map[Key]chan struct{} // claimed by a write on its way
	changed map[Key]string        // since the last edit of the manifest
	dropped map[uint64]bool       // sources, since the start: no number of one comes again
}

// New returns a set that knows positions.
func New(known map[Key]string) *Set {
	s := &Set{known: make(map[Key]string, len(known)), pending: map[Key]chan struct{}{}, changed: map[Key]string{}, dropped: map[uint64]bool{}}
	for k, p := range known {
		s.known[k] = p
	}
	return s
}

// Begin claims moves, of different partitions, after writes on their way that move the same ones. It fails with 40001, and
// claims nothing, when a partition is not where a move begins.
func (s *Set) Begin(ctx context.Context, moves []Move) error {
	order := slices.Clone(moves) // in one order, so that writes do not wait for each other
	slices.SortFunc(order, func(a, b Move) int { return a.Key.Compare(b.Key) })
	for i := range order {
		if i > 0 && order[i].Key == order[i-1].Key {
			s.Abort(order[:i])
			return errs.Internal("partition %q of source %d moves twice in one write", order[i].Partition, order[i].Source)
		}
		if err := s.claim(ctx, &order[i]); err != nil {
			s.Abort(order[:i])
			return err
		}
	}
	return nil
}

func (s *Set) claim(ctx context.Context, m *Move) error {
	for {
		s.mu.Lock()
		wait := s.pending[m.Key]
		if wait == nil {
			defer s.mu.Unlock()
			if at := s.known[m.Key]; at != m.From {
				return errs.New(errs.SerializationFailure, "partition %q of source %d is at %q, and the write goes on from %q", m.Partition, m.Source, at, m.From).
					WithHint("Somebody else has read it meanwhile. Go on from the position that is stored.")
			}
			s.pending[m.Key] = make(chan struct{})
			return nil
		}
		s.mu.Unlock()
		select {
		case <-wait:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Abort gives claims back.
func (s *Set) Abort(moves []Move) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range moves {
		s.endLocked(moves[i].Key)
	}
}

func (s *Set) endLocked(k Key) {
	if wait := s.pending[k]; wait != nil {
		delete(s.pending, k)
		close(wait)
	}
}

// Commit notes moves whose record is durable, claimed before or replayed.
func (s *Set) Commit(moves []Move) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range moves {
		m := &moves[i]
		if to := m.To; to == "" || s.dropped[m.Source] {
			s.changed[m.Key] = ""
			delete(s.known, m.Key)
		} else {
			s.changed[m.Key] = to
			s.known[m.Key] = m.To
		}
		s.endLocked(m.Key)
	}
}

// Drop forgets all partitions of a source whose object has been dropped. A move of one that comes all the same is forgotten,
// too.
func (s *Set) Drop(source uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dropped[source] = true
	for k := range s.known {
		if k.Source == source {
			s.changed[k] = ""
			delete(s.known, k)
		}
	}
}

// Of returns the positions of a source by partition.
func (s *Set) Of(source uint64) map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	of := map[string]string{}
	for k, p := range s.known {
		if k.Source == source {
			of[k.Partition] = p
		}
	}
	return of
}

// Changed returns the positions that have moved since the last edit of the manifest; "" where there is none any more.
func (s *Set) Changed() map[Key]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.changed) == 0 {
		return nil
	}
	c := make(map[Key]string, len(s.changed))
	for k, p := range s.changed {
		c[k] = p
	}
	return c
}

// Saved notes that an edit has stored what Changed returned.
func (s *Set) Saved(stored map[Key]string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for k, p := range stored {
		if s.changed[k] == p {
			delete(s.changed, k)
		}
	}
}
