package storage

import (
	"math"
	"time"
)

// What takes no more rows, and what is sealed next, is decided here. The work is done by seal.go and load_seal.go.

// retryMax is the longest pause between attempts to seal: a full disk that got space is noticed within it.
const retryMax = time.Minute

// openPart is a live segment that takes rows, as the policy sees it.
type openPart struct {
	bytes  int64
	age    time.Duration
	ageMax time.Duration

	live *liveState // of a table, or
	load *Load      // the one whose largest it is
}

// pickFrozen returns the parts that are to take no more rows: those whose age has come and, when memory is short, the
// largest of the others. waiting says that some are frozen already: sealing these gives room first.
func pickFrozen(parts []openPart, short, waiting bool) []openPart {
	var picked []openPart
	largest := openPart{}
	for _, p := range parts {
		switch {
		case p.age >= p.ageMax:
			picked = append(picked, p)
		case p.bytes > largest.bytes:
			largest = p
		}
	}
	if short && !waiting && largest.bytes > 0 {
		picked = append(picked, largest)
	}
	return picked
}

// freezeDue freezes the live segments whose age has come, and the largest when a commit waits for memory.
func (db *DB) freezeDue() {
	var loads []*Load
	db.mu.Lock()
	parts, waiting := db.openPartsLocked()
	for _, p := range pickFrozen(parts, db.pressure.Swap(false), waiting) {
		if p.load != nil {
			loads = append(loads, p.load)
		} else {
			p.live.frozen = true
		}
	}
	db.mu.Unlock()
	for _, l := range loads { // whose lock is never waited for under mu
		l.freezeLargest()
	}
}

// openPartsLocked returns the live segments of tables that take rows and have some, and the largest such one of each load, which has
// no age: its transaction ends. waiting says that others are frozen.
func (db *DB) openPartsLocked() (parts []openPart, waiting bool) {
	now := db.o.Now()
	for _, t := range db.tables {
		l := t.open()
		waiting = waiting || len(t.live) > 1 || len(t.live) == 1 && l == nil
		if l != nil && l.segment.Rows() > 0 {
			parts = append(parts, openPart{bytes: l.segment.Bytes(), age: l.age(now), ageMax: t.limits.age, live: l})
		}
	}
	for _, l := range db.loads {
		waiting = waiting || l.frozen.Load() > 0
		if n := l.largest.Load(); n > 0 {
			parts = append(parts, openPart{bytes: n, ageMax: math.MaxInt64, load: l})
		}
	}
	return parts, waiting
}

// nextFrozen returns the oldest frozen segment of some table that is not waiting for its next attempt. The caller gets
// a reference.
func (db *DB) nextFrozen() (*tableState, *liveState) {
	now := db.o.Now()
	db.mu.Lock()
	defer db.mu.Unlock()
	var bestTable *tableState
	var best *liveState
	for _, t := range db.tables {
		if len(t.live) == 0 || !t.live[0].frozen || now.Before(t.live[0].retry) {
			continue
		}
		if best == nil || t.live[0].segment.First() < best.segment.First() {
			bestTable, best = t, t.live[0]
		}
	}
	if best != nil {
		best.segment.Retain()
	}
	return bestTable, best
}

// retryAfter is the pause after a number of failed attempts.
func (db *DB) retryAfter(failures int) time.Duration {
	return min(retryMax, db.o.SealRetry<<min(failures-1, 10))
}
