package agg

import (
	"github.com/siltstone-db/siltstone/engine/hashtable"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
)

// flush writes the groups and the distinct values of all workers. The memory stays as it was.
func (g *Group) flush() error {
	g.spill.start()
	f := flusher{g: g, out: writer{g: g}}
	return f.all()
}

// flusher writes what workers have.
type flusher struct {
	g       *Group
	out     writer
	to      func(record []byte) error // nil: the files of the group
	records int64
}

// all writes the groups and the distinct values of all workers.
func (f *flusher) all() error {
	for _, w := range f.g.workers {
		if err := f.worker(w); err != nil {
			return err
		}
	}
	return nil
}

// count counts a record, and looks at the context now and then.
func (f *flusher) count() error {
	if f.records++; f.records&(1<<14-1) == 0 && f.g.task.Ctx.Err() != nil {
		return errs.From(f.g.task.Ctx.Err())
	}
	return nil
}

// group writes the states of a group.
func (f *flusher) group(key []uint64, rows uint64, words []uint64) error {
	if err := f.count(); err != nil {
		return err
	}
	record := f.out.group(key, rows, words)
	if f.to != nil {
		return f.to(record)
	}
	return f.g.spill.groups.Append(f.g.way.hashKey(key), record)
}

// pair writes a distinct value.
func (f *flusher) pair(s *setPlan, pair []uint64) error {
	if err := f.count(); err != nil {
		return err
	}
	record := f.out.pair(s, pair)
	if f.to != nil {
		return f.to(record)
	}
	return f.g.spill.pairs.Append(f.g.hashPair(s, pair), record)
}

// worker writes the groups and the distinct values of one worker.
func (f *flusher) worker(w *worker) error {
	if err := f.g.way.flush(f, w); err != nil {
		return err
	}
	for _, s := range w.sets {
		if err := f.set(s); err != nil {
			return err
		}
	}
	return nil
}

// table writes the groups of a table; of fixed groups only these, since others were not counted to the end.
func (f *flusher) table(tab *hashtable.Table, only *fixed) error {
	base := 1 + f.g.lay.Words
	for at := 0; at < len(tab.Rows); at += tab.Width {
		row := tab.Rows[at : at+tab.Width]
		if row[0] == 0 || only != nil && only.keys.Row(row[1:base]) == nil {
			continue
		}
		if err := f.group(row[1:base], row[0], row[base:]); err != nil {
			return err
		}
	}
	return nil
}

// block writes groups that are combined.
func (f *flusher) block(b block) error {
	base, width := 1+f.g.lay.Words, f.g.out.width
	for at := 0; at < len(b.rows); at += width {
		row := b.rows[at : at+width]
		if row[0] == 0 && !b.always {
			continue
		}
		if err := f.group(row[1:base], row[0], row[base:]); err != nil {
			return err
		}
	}
	return nil
}

// flushLog is the size of the table through which partitioned rows go: room for one batch of different groups.
const flushLog = 12

// partitioned writes rows that wait in partitions, grouped as far as a small table goes.
func (f *flusher) partitioned(w *worker) error {
	b, err := f.g.newWorker(nil)
	if err != nil && b == nil {
		return err
	}
	b.release()
	acc := f.g.acc
	if f.g.spill.space != nil {
		acc = f.g.spill.space.Account()
	}
	b.tab = hashtable.NewTable(acc, f.g.lay.Words, f.g.prog.words)
	defer b.release()
	if err := b.tab.Reset(flushLog); err != nil {
		return err
	}
	add := func(words []uint64, stride, n int, flags bool) error {
		for at := 0; at < n; at += batch.MaxRows {
			m := min(batch.MaxRows, n-at)
			if !b.tab.Fits(m) {
				if err := f.table(b.tab, nil); err != nil {
					return err
				}
				if err := b.tab.Reset(flushLog); err != nil {
					return err
				}
			}
			if err := b.addRows(words[at*stride:], stride, m, flags); err != nil {
				return err
			}
		}
		return nil
	}
	for p := range hashtable.Partitions {
		for i, sc := range [2]*hashtable.Scatter{w.clean, w.flagged} {
			if sc == nil {
				continue
			}
			if err := sc.Read(p, func(words []uint64, n int) error { return add(words, sc.Stride, n, i == 1) }); err != nil {
				return err
			}
		}
	}
	return f.table(b.tab, nil)
}

// set writes distinct values.
func (f *flusher) set(s *setWorker) error {
	write := func(pair []uint64) error { return f.pair(s.plan, pair) }
	if err := s.tab.Each(write); err != nil || s.parts == nil {
		return err
	}
	k := s.plan.lay.Words
	for p := range hashtable.Partitions {
		if err := s.parts.Read(p, func(words []uint64, n int) error {
			for at := 0; at < n*k; at += k {
				if err := write(words[at : at+k]); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			return err
		}
	}
	return nil
}
