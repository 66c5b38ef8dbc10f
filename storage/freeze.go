package storage

import (
	"math"

	"github.com/siltstone-db/siltstone/storage/shelf"
)

// freezeDue freezes the live segments whose age has come, and the largest when a commit waits for memory.
func (db *DB) freezeDue() {
	var loads []*Load
	db.mu.Lock()
	parts, owners, waiting := db.openPartsLocked()
	for _, i := range shelf.PickFrozen(parts, db.pressure.Swap(false), waiting) {
		if o := owners[i]; o.load != nil {
			loads = append(loads, o.load)
		} else {
			o.table.Close()
			db.changedLocked(o.table)
		}
	}
	db.mu.Unlock()
	for _, l := range loads { // whose lock is never waited for under mu
		l.freezeLargest()
	}
}

// owner is whose a part is that takes rows: a table's or, the largest such one, a load's.
type owner struct {
	table *shelf.Shelf
	load  *Load
}

// openPartsLocked returns the live segments of tables that take rows and have some, and the largest such one of each
// load, which has no age: its transaction ends. waiting says that others are frozen.
func (db *DB) openPartsLocked() (parts []shelf.Candidate, owners []owner, waiting bool) {
	now := db.o.Now()
	for t := range db.busy {
		waiting = waiting || t.Waiting() > 0
		if p := t.Open(); p != nil && p.Rows > 0 {
			parts = append(parts, shelf.Candidate{Bytes: p.Live.Bytes(), Age: p.Age(now), AgeMax: t.Limits.Age})
			owners = append(owners, owner{table: t})
		}
	}
	for _, l := range db.loads {
		waiting = waiting || l.frozen.Load() > 0
		if n := l.largest.Load(); n > 0 {
			parts = append(parts, shelf.Candidate{Bytes: n, AgeMax: math.MaxInt64})
			owners = append(owners, owner{load: l})
		}
	}
	return parts, owners, waiting
}
