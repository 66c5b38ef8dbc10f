// Package counter gives out the numbers of sequences. A Set has a counter for each sequence that was ever asked; what is
// durable of a counter is a State in the log and in the manifest, beyond which no number was given out. Numbers are
// reserved in the log some at a time, so most of them cost no record, and a crash costs the rest of what was reserved:
// gaps, and never a number twice.
//
// Counters know nothing of transactions, as in PostgreSQL: who rolls back does not give numbers back. A sequence that is
// started anew has another counter from then on, whose number is part of the catalog, so that RESTART is undone with its
// transaction. The counter of a sequence that no other transaction knows yet is not in a Set: its transaction keeps the
// State and steps it itself (Step).
//
// A Set is safe for concurrent use: who waits for a counter waits with a context. Numbers reach the caller when what they
// were taken from is durable.
package counter

import (
	"math"

	"github.com/siltstone-db/siltstone/storage/errs"
)

// State is how far a counter has come: Called says that Last was given out, else it is what comes first.
type State struct {
	Last   int64
	Called bool
}

// Move is a state of a counter that a record of the log makes durable.
type Move struct {
	Counter uint32
	State
}

// Rule is how a sequence counts.
type Rule struct {
	Name        string // for errors
	Counter     uint32
	From        int64 // where the counter begins
	Increment   int64 // never 0
	Least, Most int64
	Cycle       bool
}

// Run is numbers that follow each other by the increment of their rule, N of them, at least one.
type Run struct {
	First int64
	N     int64
}

// Begin is the state of a counter that nobody has asked.
func (r *Rule) Begin() State { return State{Last: r.From} }

// Step takes up to n numbers, one at least, and returns the state behind them. It is 2200H when there are none any more.
func (r *Rule) Step(s State, n int64) (Run, State, error) {
	first, err := r.after(s)
	if err != nil {
		return Run{}, s, err
	}
	n = min(n, r.left(first))
	return Run{first, n}, State{first + (n-1)*r.Increment, true}, nil
}

// after returns the number that follows a state.
func (r *Rule) after(s State) (int64, error) {
	if !s.Called {
		return s.Last, nil
	}
	up := r.Increment > 0
	if up && s.Last <= math.MaxInt64-r.Increment && s.Last+r.Increment <= r.Most {
		return max(s.Last+r.Increment, r.Least), nil
	}
	if !up && s.Last >= math.MinInt64-r.Increment && s.Last+r.Increment >= r.Least {
		return min(s.Last+r.Increment, r.Most), nil
	}
	switch {
	case r.Cycle && up:
		return r.Least, nil
	case r.Cycle:
		return r.Most, nil
	case up:
		return 0, errs.New(errs.SequenceLimit, "nextval: reached maximum value of sequence %q (%d)", r.Name, r.Most)
	}
	return 0, errs.New(errs.SequenceLimit, "nextval: reached minimum value of sequence %q (%d)", r.Name, r.Least)
}

// left returns how many numbers there are from one on, itself included, before the end of the range.
func (r *Rule) left(first int64) int64 {
	var span, step uint64
	if r.Increment > 0 {
		span, step = uint64(r.Most)-uint64(first), uint64(r.Increment)
	} else {
		span, step = uint64(first)-uint64(r.Least), -uint64(r.Increment)
	}
	return int64(min(span/step, math.MaxInt64-1)) + 1
}
