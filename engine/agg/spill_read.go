package agg

import (
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
