package agg

import (
	"github.com/siltstone-db/siltstone/engine/aggstate"
	"github.com/siltstone-db/siltstone/engine/spill"
	"github.com/siltstone-db/siltstone/storage/errs"
)

// States hands out all groups in binary form, in place of Combine: any number of records per group, in no order. A
// record is valid until f returns.
func (g *Group) States(f func(record []byte) error) error {
	out := flusher{g: g, out: writer{g: g}, to: f}
	if err := out.all(); err != nil || !g.spill.started() {
		return err
	}
	for _, p := range [2]*spill.Partitions{g.spill.groups, g.spill.pairs} {
		if err := p.Finish(); err != nil {
			return err
		}
		for i := range spill.Ways {
			if err := each(p.Run(i), f); err != nil {
				return err
			}
		}
	}
	return nil
}

// Merge adds a record that another aggregation of the same configuration wrote, with states, distinct values, or both.
// One goroutine may call it, between Open and Combine, and no rows come then. A damaged record is XX001, and the
// aggregation is worth nothing afterwards.
func (g *Group) Merge(record []byte) error {
	if len(g.workers) == 0 {
		if !g.lean {
			g.releaseMemory()
			g.lean = true
			if err := g.plan(g.task); err != nil {
				return err
			}
		}
		if _, err := g.Consumer(g.task, 0); err != nil {
			return err
		}
	}
	for tries := 0; ; tries++ {
		err := g.merge(g.workers[0], record)
		if !errs.Is(err, errs.OutOfMemory) {
			g.merged += 1 + len(record)>>10
			if err == nil && g.merged >= crowdedMin && g.spill.may() && g.crowded() && g.divisible() {
				return g.makeRoom(g.generation, errForced)
			}
			return err
		}
		if tries == 2 || g.generation > 0 && g.merged < mergedMin {
			return tooLarge(err) // others have taken what there is
		}
		if err := g.makeRoom(g.generation, err); err != nil {
			return err
		}
	}
}

// mergedMin is how many records, or KiB of them, must fit between two times that everything is spilled. To start again
// costs about as much as a thousand of them: only where memory is short it is done for fewer.
const (
	mergedMin  = 64
	crowdedMin = 1 << 10
)

// divisible tells whether there is more than one group, or distinct value, to be divided.
func (g *Group) divisible() bool {
	w := g.workers[0]
	for _, s := range w.sets {
		if s.tab.Len() > 1 {
			return true
		}
	}
	return w.tab.Used > 1
}

// merge adds a record to the groups of a worker. What may be refused memory comes first.
func (g *Group) merge(w *worker, record []byte) error {
	if err := g.store.Charge(g.acc); err != nil {
		return err
	}
	x := reader{aggstate.NewReader(record), g}
	flags := x.Byte()
	if flags == 0 || flags > hasStates|hasSets {
		return aggstate.ErrDamaged()
	}
	k := g.lay.Words
	row := w.row()
	x.key(row[1 : 1+k])
	if flags&hasStates != 0 {
		row[0] = x.states(row[1+k:])
	}
	if flags&hasSets != 0 {
		for _, s := range w.sets {
			if err := x.set(s, row[1:1+k]); err != nil {
				return err
			}
		}
	}
	if err := x.Done(); err != nil {
		return err
	}
	if flags&hasStates == 0 {
		return nil
	}
	return g.mergeGroup(w, row, record)
}

// mergeGroup adds a row to its group. One without rows is of a group that is known already, be it in a file.
func (g *Group) mergeGroup(w *worker, row []uint64, record []byte) error {
	k := g.lay.Words
	if len(g.cfg.Keys) == 0 {
		dst := w.tab.Rows
		dst[0] += row[0]
		return g.prog.merge(dst[1:], row[1:])
	}
	if row[0] == 0 {
		dst := w.tab.Row(row[1 : 1+k])
		switch {
		case dst != nil:
			return g.prog.merge(dst[1+k:], row[1+k:])
		case g.spill.started():
			return g.spill.groups.Append(g.way.hashKey(row[1:1+k]), record)
		}
		return aggstate.ErrDamaged()
	}
	dst, _, err := w.tab.Upsert(row[1 : 1+k])
	if err != nil {
		return err
	}
	return g.mergeRow(dst, row)
}

// row returns the worker's scratch row: count, key, states.
func (w *worker) row() []uint64 {
	if w.scratch == nil {
		w.scratch = make([]uint64, 1+w.g.lay.Words+w.g.prog.words)
	}
	clear(w.scratch)
	return w.scratch
}

// set reads the values of a set and adds them.
func (x *reader) set(s *setWorker, key []uint64) error {
	pair := s.keys[:s.plan.lay.Words]
	for n := x.Uvarint(); n > 0 && !x.Failed(); n-- {
		clear(pair)
		copy(pair, key)
		w := x.keyValue(&s.plan.value)
		if x.Failed() {
			break
		}
		if !s.plan.value.Put(pair, w, false) {
			return aggstate.ErrDamaged()
		}
		if err := s.tab.Reserve(1); err != nil {
			return err
		}
		s.tab.Add(pair, 1)
	}
	return nil // what failed is seen by Done
}
