package storage

import (
	"cmp"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/siltstone-db/siltstone/storage/shelf"
	"github.com/siltstone-db/siltstone/storage/table"
)

// A group of records is applied by tables: what it does to one is a lane, in the order of the log, and lanes know nothing
// of each other. When there is enough to do several goroutines take lanes, while who applies the group holds mu and waits
// for them: nobody else meets a shelf that changes, and one store shows the group as before.

// lanes are what records of a group do that was not done yet, and its memory, which the next group uses again.
type lanes struct {
	steps  []laneStep
	list   []lane
	values int // of all rows
}

// laneStep is what one record does to one table: it deletes rows, or brings some.
type laneStep struct {
	table   *shelf.Shelf
	deleted *table.Deletion // nil: rows
	rows    shelf.Rows
}

// lane is the steps of one table.
type lane struct {
	steps                 []laneStep
	changed, frozen, gone bool // other parts than its picture has; some wait for the sealer, or for an edit of the manifest
	cut                   bool // parts have gone that somebody may wait for
	err                   error
}

// parallelFrom is how many values rows must have to be appended by several goroutines: about a fifth of a millisecond's
// work, ten times of what it takes to start and to await them.
const parallelFrom = 16 << 10

// laneDeletions notes what a record deletes.
func (db *DB) laneDeletions(list []table.Deletion) {
	for i := range list {
		if t := db.tables[list[i].Table]; t != nil { // else it was dropped later, in a catalog newer than the record
			db.lanes.steps = append(db.lanes.steps, laneStep{table: t, deleted: &list[i]})
		}
	}
}

// laneRows notes the rows of a record.
func (db *DB) laneRows(sequence uint64, sections []table.Section) {
	for i := range sections {
		s := &sections[i]
		if t := db.tables[s.Table]; t != nil {
			db.lanes.steps = append(db.lanes.steps, laneStep{table: t, rows: shelf.Rows{Batch: s.Batch, Hashes: s.Hashes, Sequence: sequence}})
			db.lanes.values += s.Batch.Len * len(s.Batch.Cols)
		}
	}
}

// runLanesLocked does what was noted, and returns the first error; what other lanes do is done then, too.
func (db *DB) runLanesLocked() (err error) {
	l := &db.lanes
	if len(l.steps) == 0 {
		return nil
	}
	l.divide()
	l.run(min(len(l.list), runtime.GOMAXPROCS(0)))
	for i := range l.list {
		n := &l.list[i]
		err = cmp.Or(err, n.err)
		if t := n.steps[0].table; n.changed {
			db.changedLocked(t)
		}
		if n.frozen || n.gone {
			db.wake()
		}
		if n.cut {
			db.cond.Broadcast()
		}
	}
	clear(l.steps)
	clear(l.list)
	l.steps, l.list, l.values = l.steps[:0], l.list[:0], 0
	return err
}

// divide makes lanes of the steps.
func (l *lanes) divide() {
	slices.SortStableFunc(l.steps, func(a, b laneStep) int { return cmp.Compare(a.table.Table.ID, b.table.Table.ID) })
	from := 0
	for i := range l.steps {
		s := &l.steps[i]
		if s.table != l.steps[from].table {
			l.list = append(l.list, lane{steps: l.steps[from:i]})
			from = i
		}
		// Rows are counted through the record: a position tells how many of those that it has for a table are sealed.
		if i > from && s.deleted == nil {
			if p := &l.steps[i-1]; p.deleted == nil && p.rows.Sequence == s.rows.Sequence {
				s.rows.At = p.rows.At + uint64(p.rows.Batch.Len)
			}
		}
	}
	l.list = append(l.list, lane{steps: l.steps[from:]})
}

// run runs the lanes on so many goroutines at most.
func (l *lanes) run(workers int) {
	if workers < 2 || l.values < parallelFrom {
		for i := range l.list {
			l.list[i].run()
		}
		return
	}
	var next atomic.Int64
	var all sync.WaitGroup
	take := func() {
		for i := next.Add(1) - 1; i < int64(len(l.list)); i = next.Add(1) - 1 {
			l.list[i].run()
		}
	}
	for range workers - 1 {
		all.Go(take)
	}
	take()
	all.Wait()
}

// run does the steps of a lane.
func (n *lane) run() {
	for i := range n.steps {
		s := &n.steps[i]
		if s.deleted != nil {
			n.delete(s.table, s.deleted)
		} else {
			opened, frozen, err := s.table.Append(s.rows)
			n.changed, n.frozen, n.err = n.changed || opened || frozen, n.frozen || frozen, err
		}
		if n.err != nil {
			return
		}
	}
}

// delete takes rows away from a table.
func (n *lane) delete(t *shelf.Shelf, d *table.Deletion) {
	n.changed = true
	if d.Below > 0 {
		if n.err = t.Cut(d.Below); n.err != nil {
			return
		}
		n.cut = true
	}
	if d.Rows != nil {
		n.err = t.Delete(d.Rows)
	}
	n.gone = n.gone || len(t.Dropped) > 0 // their files go
}
