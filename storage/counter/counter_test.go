package counter

import (
	"context"
	"errors"
	"math"
	"testing"

	"github.com/siltstone-db/siltstone/storage/errs"
)

func TestStep(t *testing.T) {
	up := &Rule{Name: "s", From: 1, Increment: 1, Least: 1, Most: 5}
	for _, c := range []struct {
		what string
		r    *Rule
		at   State
		n    int64
		want Run
		then State
		code errs.Code
	}{
		{"the first", up, State{Last: 1}, 1, Run{1, 1}, State{1, true}, ""},
		{"up to the end", up, State{3, true}, 9, Run{4, 2}, State{5, true}, ""},
		{"behind the end", up, State{5, true}, 1, Run{}, State{5, true}, errs.SequenceLimit},
		{"again", &Rule{From: 1, Increment: 2, Least: 1, Most: 6, Cycle: true}, State{5, true}, 9, Run{1, 3}, State{5, true}, ""},
		{"down", &Rule{From: -1, Increment: -3, Least: -9, Most: -1}, State{-4, true}, 9, Run{-7, 1}, State{-7, true}, ""},
		{"behind the end, down", &Rule{Increment: -3, Least: -9, Most: -1}, State{-7, true}, 1, Run{}, State{-7, true}, errs.SequenceLimit},
		{"again, down", &Rule{Increment: -3, Least: -9, Most: -1, Cycle: true}, State{-9, true}, 1, Run{-1, 1}, State{-1, true}, ""},
		{"all numbers", &Rule{Increment: 1, Least: math.MinInt64, Most: math.MaxInt64}, State{Last: math.MinInt64}, math.MaxInt64,
			Run{math.MinInt64, math.MaxInt64}, State{-2, true}, ""},
		{"a step too far", &Rule{Increment: math.MaxInt64, Least: 1, Most: math.MaxInt64}, State{2, true}, 1, Run{}, State{2, true}, errs.SequenceLimit},
		{"the last of all", &Rule{Increment: 1, Least: 1, Most: math.MaxInt64}, State{math.MaxInt64 - 1, true}, 5, Run{math.MaxInt64, 1}, State{math.MaxInt64, true}, ""},
		{"the least of all", &Rule{Increment: math.MinInt64, Least: math.MinInt64, Most: 5}, State{-1, true}, 5, Run{}, State{-1, true}, errs.SequenceLimit},
		{"down to the least of all", &Rule{Increment: math.MinInt64, Least: math.MinInt64, Most: 5}, State{0, true}, 5, Run{math.MinInt64, 1}, State{math.MinInt64, true}, ""},
	} {
		run, then, err := c.r.Step(c.at, c.n)
		if run != c.want || then != c.then || (err != nil) != (c.code != "") || err != nil && !errs.Is(err, c.code) {
			t.Errorf("%s: %+v, %+v, %v", c.what, run, then, err)
		}
	}
}

// TestReserve: what is in the log is never behind what was given out, and few records are for many numbers.
func TestReserve(t *testing.T) {
	s := New(nil)
	var logged State
	records := 0
	fails := false
	log := func(_ context.Context, m Move) error {
		if fails {
			return errors.New("no")
		}
		logged = m.State
		records++
		s.Commit([]Move{m})
		return nil
	}
	r := &Rule{Name: "s", Counter: 1, From: 1, Increment: 1, Least: 1, Most: 1 << 40}
	take := func(n int64) Run {
		t.Helper()
		run, err := s.Take(t.Context(), r, n, log)
		if err != nil {
			t.Fatal(err)
		}
		if last := run.First + (run.N-1)*r.Increment; r.Increment > 0 && logged.Last < last || r.Increment < 0 && logged.Last > last {
			t.Fatalf("%d is given out, the log has %+v", last, logged)
		}
		return run
	}
	for i := range int64(320) {
		if run := take(1); run != (Run{i + 1, 1}) {
			t.Fatalf("%+v, want %d", run, i+1)
		}
	}
	if records != 10 {
		t.Errorf("%d records for 320 numbers", records)
	}
	records = 0
	for range 100 {
		take(2048)
	}
	if records > 100/reserveTimes+1 {
		t.Errorf("%d records for 100 batches", records)
	}
	take(1)
	// What was reserved in another direction is worth nothing.
	r.Increment = -1
	records = 0
	if take(1); records != 1 {
		t.Error("a number was given out that was not reserved")
	}
	// A record that fails gives nothing out, and takes nothing away.
	before := take(1)
	if err := s.Put(t.Context(), r, State{100, true}, log); err != nil {
		t.Fatal(err)
	}
	fails = true
	if _, err := s.Take(t.Context(), r, 1, log); err == nil {
		t.Fatal("there is no log, and a number")
	}
	if err := s.Put(t.Context(), r, State{7, true}, log); err == nil {
		t.Fatal("set without a log")
	}
	fails = false
	if run := take(1); run.First != 99 || before.First == 99 {
		t.Errorf("%+v after a failure", run)
	}
	// A wait for one who is in there ends with its context.
	c, _ := s.enter(t.Context(), r)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Take(ctx, r, 1, log); !errors.Is(err, context.Canceled) {
		t.Errorf("a wait that was cancelled: %v", err)
	}
	c.leave()
	s.Drop(1)
	if _, err := s.Take(t.Context(), r, 1, log); !errs.Is(err, errs.UndefinedTable) {
		t.Errorf("a counter that is gone: %v", err)
	}
	if s.Commit([]Move{{1, State{5, true}}}); len(s.Changed())+len(s.Stopped()) > 0 {
		t.Error("a counter that is gone comes back")
	}
}
