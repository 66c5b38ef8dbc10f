package agg

import (
	"errors"

	"github.com/siltstone-db/siltstone/engine/op"
	"github.com/siltstone-db/siltstone/engine/profile"
	"github.com/siltstone-db/siltstone/engine/spill"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
)

// spiller is what a Group has in temporary files: records of groups, divided by the hash of the key, and records of
// distinct values, divided by the hash of key and value.
type spiller struct {
	space  *spill.Space // nil: nothing may be spilled
	level  int          // how often the records of this group were divided before
	groups *spill.Partitions
	pairs  *spill.Partitions
	stats  *profile.Spill
}

// started tells whether anything was spilled.
func (s *spiller) started() bool { return s.groups != nil }

// may tells whether records may be divided once more.
func (s *spiller) may() bool { return s.space != nil && s.level < spill.LevelMax }

func (s *spiller) start() {
	if s.groups == nil {
		s.groups, s.pairs = s.space.NewPartitions(s.level), s.space.NewPartitions(s.level)
	}
}

func (s *spiller) close() {
	s.groups.Close()
	s.pairs.Close()
	s.groups, s.pairs = nil, nil
}

// finish ends the writing to partitions, and counts them.
func (s *spiller) finish(p *spill.Partitions) error {
	if err := p.Finish(); err != nil {
		return err
	}
	for i := range spill.Ways {
		s.stats.Add(p.Run(i).Bytes())
	}
	return nil
}

// Spilled returns the counters of what was written to temporary files.
func (g *Group) Spilled() *profile.Spill { return &g.spilled }

// consumer is a worker's place, which stays when its state is made again: only who holds the group's world may look at
// the worker.
type consumer struct {
	g *Group
	w *worker
}

// Finish does nothing: Combine does the rest.
func (c *consumer) Finish() error { return nil }

// Consume takes a batch. Where the account refuses memory, all workers' groups go to temporary files, and the batch is
// tried again: everything that may be refused comes before the first change that must not be made twice.
func (c *consumer) Consume(b *batch.Batch) error {
	g, w := c.g, c.w
	for tries := 0; ; tries++ {
		g.world.RLock()
		err := w.consume(b)
		generation := g.generation
		if err == nil {
			err = w.short()
			g.world.RUnlock()
			if err == nil {
				return nil
			}
			return g.relieve(generation, err)
		}
		g.world.RUnlock()
		if !errs.Is(err, errs.OutOfMemory) || !g.spill.may() {
			return err
		}
		if err := g.relieve(generation, err); err != nil {
			return err
		}
		if tries == triesMax {
			return tooLarge(err)
		}
	}
}

// triesMax is how often a batch is tried. Another try fails when other workers take the memory that was given back,
// which they do for one batch each; it fails for ever when a batch alone is too large.
const triesMax = 100

// short returns the refusal that a worker met in this batch and got around with what it had in reserve.
func (w *worker) short() error {
	if w.g.spill.space.Force() || w.g.acc.Tight(w.g.acc.Used()) && w.g.acc.Tight(w.bytes()) {
		return errForced
	}
	for _, sc := range [2]*scatter{w.clean, w.flagged} {
		if sc != nil && sc.refused != nil {
			return sc.refused
		}
	}
	for _, s := range w.sets {
		if s.parts != nil && s.parts.refused != nil {
			return s.parts.refused
		}
	}
	return nil
}

// errForced stands for a refusal when none was met, but a test wants one or others need the memory.
var errForced = errs.New(errs.OutOfMemory, "spilling is forced")

// bytes returns about what this worker's share of the groups takes, times the workers: another's tables may change.
func (w *worker) bytes() int64 {
	n := len(w.tab.rows)
	for _, s := range w.sets {
		n += len(s.tab.words)
		if s.parts != nil {
			n += s.parts.words()
		}
	}
	for _, sc := range [2]*scatter{w.clean, w.flagged} {
		if sc != nil {
			n += sc.words()
		}
	}
	return int64(n) * 8 * int64(len(w.g.workers))
}

// tooLarge is the error when spilling does not help.
func tooLarge(cause error) error {
	e := *errs.From(cause)
	return e.WithHint("One group, or a batch of rows, needs more memory than the query may have: raise work_mem.")
}

// relieve makes room unless another worker has done so since the refusal: it writes all groups and starts with empty
// tables.
func (g *Group) relieve(generation int, cause error) error {
	if !g.spill.may() {
		if errors.Is(cause, errForced) {
			return nil
		}
		return cause
	}
	g.world.Lock()
	defer g.world.Unlock()
	if g.generation != generation {
		return nil
	}
	n, err := g.flush()
	if err != nil {
		return err
	}
	if n == 0 && !errors.Is(cause, errForced) {
		return tooLarge(cause)
	}
	return g.restart()
}

// restart releases the memory of all groups and makes the workers' states again, without the dictionaries of the scan:
// numbers of strings are counted from 1 again.
func (g *Group) restart() error {
	keys := g.fixedKeys()
	g.releaseMemory()
	g.generation++
	g.plain, g.limited = true, false
	if err := g.plan(g.task); err != nil {
		return err
	}
	for _, w := range g.workers {
		fresh, err := g.newWorker(g.sets)
		if fresh != nil {
			*w = *fresh
		}
		if err != nil {
			return err
		}
	}
	return g.fixAgain(keys)
}

// fixedKeys returns the keys of groups that were fixed, in binary form.
func (g *Group) fixedKeys() (keys [][]byte) {
	f := g.fixed.Load()
	if f == nil {
		return nil
	}
	for at := 0; at < len(f.keys.rows); at += f.keys.width {
		if f.keys.rows[at] != 0 {
			keys = append(keys, g.appendKey(nil, f.keys.rows[at+1:at+1+f.keys.keys]))
		}
	}
	return keys
}

// fixAgain fixes the groups of these keys.
func (g *Group) fixAgain(keys [][]byte) error {
	if len(keys) == 0 {
		return nil
	}
	tab := newTable(g.acc, g.lay.words, 0)
	defer tab.release()
	key := make([]uint64, g.lay.words)
	for _, b := range keys {
		x := reader{g: g, rest: b}
		x.key(key)
		if err := x.done(); err != nil {
			return err
		}
		row, _, err := tab.upsert(key)
		if err != nil {
			return err
		}
		row[0] = 1
	}
	g.limited = true
	return g.fix(tab)
}

// flush writes the groups and the distinct values of all workers, and returns how many they were. The memory stays as
// it was.
func (g *Group) flush() (records int64, err error) {
	g.spill.start()
	f := flusher{g: g, out: writer{g: g}}
	err = f.all()
	return f.records, err
}

// flusher writes what workers have.
type flusher struct {
	g       *Group
	out     writer
	to      func(record []byte) error // nil: the files of the group
	fixed   *fixed
	records int64
}

// all writes the groups and the distinct values of all workers.
func (f *flusher) all() error {
	f.fixed = f.g.fixed.Load()
	if err := f.counted(); err != nil {
		return err
	}
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
	return f.g.spill.groups.Append(f.g.hashValues(key), record)
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

// counted writes the rows that dictionaries count.
func (f *flusher) counted() error {
	g := f.g
	for len(g.counted) > 0 {
		c := g.counted[0]
		at := uint64(g.workers[0].dict.index(c.Dict))
		for code, n := range c.Dict.Counts {
			if n == 0 {
				continue
			}
			if err := f.group([]uint64{at<<32 | uint64(code)}, uint64(n), nil); err != nil {
				return err
			}
		}
		if c.Nulls > 0 {
			if err := f.group([]uint64{uint64(len(g.dicts)) << 32}, uint64(c.Nulls), nil); err != nil {
				return err
			}
		}
		g.counted = g.counted[1:]
	}
	return nil
}

// worker writes the groups and the distinct values of one worker.
func (f *flusher) worker(w *worker) error {
	if w.dict != nil {
		return f.arrays(w.dict)
	}
	if err := f.table(w.tab); err != nil {
		return err
	}
	if w.clean != nil {
		if err := f.partitioned(w); err != nil {
			return err
		}
	}
	for _, s := range w.sets {
		if err := f.set(s); err != nil {
			return err
		}
	}
	return nil
}

// table writes the groups of a table, or of an array.
func (f *flusher) table(tab *table) error {
	g := f.g
	base := 1 + g.lay.words
	for i, at := 0, 0; at < len(tab.rows); i, at = i+1, at+tab.width {
		row := tab.rows[at : at+tab.width]
		if row[0] == 0 {
			continue
		}
		key := row[1:base]
		if g.mode == modeDirect { // the key stands nowhere else
			key = []uint64{uint64(i)}
		}
		if f.fixed != nil && f.fixed.keys.row(key) == nil {
			continue // not counted to the end
		}
		if err := f.group(key, row[0], row[base:]); err != nil {
			return err
		}
	}
	return nil
}

// arrays writes the groups of dictionaries.
func (f *flusher) arrays(d *dictWorker) error {
	for i, a := range d.arrays {
		for code, at := 0, 0; at < len(a); code, at = code+1, at+d.width {
			if a[at] == 0 {
				continue
			}
			if err := f.group([]uint64{uint64(i)<<32 | uint64(code)}, a[at], a[at+1:at+d.width]); err != nil {
				return err
			}
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
	b.tab = newTable(acc, f.g.lay.words, f.g.prog.words)
	defer b.release()
	if err := b.tab.reset(flushLog); err != nil {
		return err
	}
	add := func(words []uint64, stride, n int, flags bool) error {
		for at := 0; at < n; at += batch.MaxRows {
			m := min(batch.MaxRows, n-at)
			if !b.tab.fits(m) {
				if err := f.table(b.tab); err != nil {
					return err
				}
				if err := b.tab.reset(flushLog); err != nil {
					return err
				}
			}
			if err := b.addRows(words[at*stride:], stride, m, flags); err != nil {
				return err
			}
		}
		return nil
	}
	for p := range partitions {
		for i, sc := range [2]*scatter{w.clean, w.flagged} {
			if sc == nil {
				continue
			}
			if err := sc.read(p, func(words []uint64, n int) error { return add(words, sc.stride, n, i == 1) }); err != nil {
				return err
			}
		}
	}
	return f.table(b.tab)
}

// set writes distinct values.
func (f *flusher) set(s *setWorker) error {
	write := func(pair []uint64) error { return f.pair(s.plan, pair) }
	if err := s.tab.each(write); err != nil || s.parts == nil {
		return err
	}
	k := s.plan.lay.words
	for p := range partitions {
		if err := s.parts.read(p, func(words []uint64, n int) error {
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

// combineSpilled writes what is left, gives all memory back, counts the distinct values, and leaves the groups in
// their partitions.
func (g *Group) combineSpilled(t *op.Task) error {
	if _, err := g.flush(); err != nil {
		return err
	}
	if g.mode == modeOne { // a group even without rows
		f := flusher{g: g, out: writer{g: g}}
		if err := f.group(nil, 0, make([]uint64, g.prog.words)); err != nil {
			return err
		}
	}
	g.releaseMemory()
	if err := g.spill.finish(g.spill.pairs); err != nil {
		return err
	}
	if err := g.settle(t, g.spill.pairs, g.spill.level+1); err != nil {
		return err
	}
	g.spill.pairs.Close()
	return g.spill.finish(g.spill.groups)
}

// abandon undoes a Combine that was refused memory: the workers' tables and partitions have all rows still, or again.
func (g *Group) abandon() {
	g.releaseBuilders()
	for i, t := range g.out.tables {
		if t == g.workers[0].tab {
			g.out.tables[i] = nil
		}
	}
	g.out.release(g.acc)
	g.out = output{}
	for i := range g.sets { // values that were counted already are still in their sets
		for _, x := range g.sets[i].states {
			s := &g.prog.states[x]
			for _, w := range g.workers {
				if w.dict != nil {
					continue
				}
				for at := 1 + g.lay.words + s.at; at < len(w.tab.rows); at += w.tab.width {
					clear(w.tab.rows[at : at+stateWords[s.kind]])
				}
			}
		}
	}
}
