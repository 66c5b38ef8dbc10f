package storage

import (
	"time"

	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/compact"
	"github.com/siltstone-db/siltstone/storage/event"
)

// Compaction is a merge that is on its way or was done, for the system view siltstone.compactions.
type Compaction struct {
	Started           time.Time
	Schema, Table     string
	Reason            compact.Reason
	State             string // running, done, failed
	Files             int
	RowsIn, BytesIn   int64
	FilesOut          int
	RowsOut, BytesOut int64
	Took              time.Duration
	Detail            string // why it failed
}

// compactionsKept is how many merges are remembered.
const compactionsKept = 256

// Compactions lists the merges of late, the oldest first.
func (db *DB) Compactions() []Compaction {
	db.mu.Lock()
	defer db.mu.Unlock()
	list := make([]Compaction, len(db.compactions))
	for i, c := range db.compactions {
		list[i] = *c
	}
	return list
}

// beginMerge notes that a merge runs.
func (db *DB) beginMerge(m *merging) {
	db.mu.Lock()
	defer db.mu.Unlock()
	m.info = db.beganLocked(m.table.Table, m.plan)
}

func (db *DB) beganLocked(t *catalog.Table, p compact.Plan) *Compaction {
	c := &Compaction{Started: db.o.Now(), Schema: t.Schema, Table: t.Name, Reason: p.Reason, State: "running", Files: len(p.Files)}
	for _, f := range p.Files {
		c.RowsIn, c.BytesIn = c.RowsIn+f.Rows, c.BytesIn+f.Bytes
	}
	if len(db.compactions) == compactionsKept {
		db.compactions = append(db.compactions[:0:0], db.compactions[1:]...)
	}
	db.compactions = append(db.compactions, c)
	return c
}

// endedLocked counts a merge and tells of it. The background tries again after a while what has failed.
func (db *DB) endedLocked(m *merging, err error) {
	c := m.info
	c.Took, c.State = db.o.Now().Sub(c.Started), "done"
	if err != nil {
		c.State, c.Detail = "failed", err.Error()
		if m.gone {
			return
		}
		db.mergeFailures++
		db.mergeRetry = db.o.Now().Add(min(time.Minute, db.o.SealRetry<<min(db.mergeFailures-1, 10)))
		db.metrics.MergeFailures.Add(1)
		db.o.Events(event.Event{Kind: event.MergeFailed, Table: c.Table, Rows: c.RowsIn, Err: err})
		return
	}
	db.mergeFailures = 0
	for _, o := range m.merge.Outputs {
		c.FilesOut, c.RowsOut, c.BytesOut = c.FilesOut+1, c.RowsOut+o.File.Meta.Rows, c.BytesOut+o.File.Meta.Bytes
	}
	if m.plan.Reason == compact.Retain {
		db.expiredLocked(m)
		return
	}
	db.metrics.Merges.Add(1)
	db.metrics.MergedRows.Add(c.RowsOut)
	db.metrics.MergedBytes.Add(c.BytesOut)
	db.o.Events(event.Event{Kind: event.Merged, Table: c.Table, Rows: c.RowsOut, Bytes: c.BytesOut, Took: c.Took})
}
