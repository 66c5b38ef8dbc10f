package agg

import (
	"github.com/siltstone-db/siltstone/engine/aggstate"
	"github.com/siltstone-db/siltstone/engine/hashtable"
	"github.com/siltstone-db/siltstone/engine/op"
	"github.com/siltstone-db/siltstone/engine/spill"
	"github.com/siltstone-db/siltstone/storage/errs"
)

// inner returns an empty aggregation for one partition of the records of g, which the caller closes. What it spills
// itself is divided by the bits of a deeper level.
func (g *Group) inner(t *op.Task, level int) (*Group, error) {
	in := New(g.cfg)
	in.cfg.Scan, in.cfg.Top, in.cfg.Limit = nil, nil, 0
	in.lean = true
	if in.among = g.among; in.among == nil {
		in.among = &g.reading
	}
	task := *t
	task.Workers = 1
	if err := in.Open(&task); err != nil {
		return in, err
	}
	in.spill.level, in.spill.stats = level, g.spill.stats
	_, err := in.Consumer(&task, 0)
	return in, err
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

// each calls f for each record of a run.
func each(run *spill.Run, f func(record []byte) error) error {
	r := run.Reader()
	defer r.Close()
	for {
		record, err := r.Next()
		if record == nil || err != nil {
			return err
		}
		if err := f(record); err != nil {
			return err
		}
	}
}

// settle counts the distinct values of partitions into records of their groups.
func (g *Group) settle(t *op.Task, parts *spill.Partitions, level int) error {
	return op.Parallel(t, spill.Ways, func(_, i int) error {
		if parts.Run(i).Records() == 0 {
			return nil
		}
		in, err := g.inner(t, level)
		if err != nil {
			in.Close()
			return err
		}
		defer in.Close()
		if err := each(parts.Run(i), in.Merge); err != nil {
			return err
		}
		parts.Run(i).Close()
		if !in.spill.started() {
			if err := in.settled(g); !errs.Is(err, errs.OutOfMemory) || !in.spill.may() {
				return err
			}
		}
		if err := in.flush(); err != nil {
			return err
		}
		in.releaseMemory()
		if err := in.spill.finish(in.spill.pairs); err != nil {
			return err
		}
		one := *t
		one.Workers = 1
		return g.settle(&one, in.spill.pairs, level+1)
	})
}

// settled counts the distinct values that g has, and nothing else, and writes a record without rows for each group to
// another aggregation's files. When it is refused memory nothing is written, and g has its values still.
func (g *Group) settled(to *Group) error {
	w := g.workers[0]
	g.out = output{width: w.tab.Width}
	if len(g.cfg.Keys) > 0 {
		if err := w.keysOfSets(); err != nil {
			w.tab.Release()
			return err
		}
		g.out.tables = []*hashtable.Table{w.tab}
	}
	g.out.blocks = []block{{rows: w.tab.Rows}}
	for _, set := range w.sets {
		if err := g.countSet(set); err != nil {
			return err
		}
	}
	out, k := writer{g: g}, g.lay.Words
	for at := 0; at < len(w.tab.Rows); at += w.tab.Width {
		row := w.tab.Rows[at : at+w.tab.Width]
		if row[0] == 0 && len(g.cfg.Keys) > 0 {
			continue
		}
		if err := to.spill.groups.Append(g.way.hashKey(row[1:1+k]), out.group(row[1:1+k], 0, row[1+k:])); err != nil {
			return err
		}
	}
	return nil
}

// countSet adds the distinct values of a set to the counts of their groups.
func (g *Group) countSet(set *setWorker) error {
	var c setCounter
	defer c.release()
	if err := c.init(g, set.plan); err != nil {
		return err
	}
	if err := c.count(set.tab); err != nil {
		return err
	}
	c.flush()
	return nil
}

// keysOfSets makes a group for each key of the distinct values.
func (w *worker) keysOfSets() error {
	for _, set := range w.sets {
		if err := set.tab.Each(func(pair []uint64) error {
			row, _, err := w.tab.Upsert(w.g.keyOfPair(pair))
			if err == nil {
				row[0] = 1 // it exists
			}
			return err
		}); err != nil {
			return err
		}
	}
	return nil
}
