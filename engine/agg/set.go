package agg

import (
	"sync"
	"sync/atomic"

	"github.com/siltstone-db/siltstone/engine/op"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/types"
)

// setPlan is a distinct set: the packed key of the group, then the value.
type setPlan struct {
	set
	index int
	lay   layout
	value field
	mu    sync.Mutex // guards the groups' states other than counts while values are counted in
}

// setWorker collects the pairs of one worker: in a table until it is full, then in partitions.
type setWorker struct {
	plan   *setPlan
	col    *column
	keys   []uint64
	tab    *table
	parts  *scatter
	absorb bool
	tried  int
	hits   int
	slots  []uint32
	hit    []uint16
	miss   []uint16
}

// openSets lays out the pairs of each distinct set.
func (g *Group) openSets(t *op.Task) error {
	g.sets = make([]setPlan, len(g.prog.sets))
	g.side.sets = make([]*interner, len(g.prog.sets))
	for i := range g.sets {
		s := &g.sets[i]
		s.set, s.index = g.prog.sets[i], i
		typ := g.cfg.In[s.column]
		in, entries, err := g.internKey(t, typ, g.value(s.column))
		if err != nil {
			return err
		}
		f := newField(g.value(s.column), typ, entries)
		f.nullWord, f.notNull = -1, false // NULLs do not get here
		g.side.sets[i], f.strings = in, in
		s.lay = g.lay.extend(f)
		s.value = s.lay.fields[len(s.lay.fields)-1]
	}
	return nil
}

func (g *Group) newSetWorker(s *setPlan) *setWorker {
	return &setWorker{
		plan: s, col: newColumn(s.value.typ, s.value.strings), tab: newTable(g.acc, s.lay.words, 0),
		keys: make([]uint64, s.lay.words*batch.MaxRows), slots: make([]uint32, batch.MaxRows),
		hit: make([]uint16, 0, batch.MaxRows), miss: make([]uint16, 0, batch.MaxRows),
	}
}

func (s *setWorker) release() {
	s.tab.release()
	s.parts.release()
}

// consume adds the pairs of a batch whose keys w has packed.
func (s *setWorker) consume(w *worker, b *batch.Batch) error {
	n := b.Len
	v := b.Cols[s.plan.column]
	if err := s.col.load(v, n); err != nil {
		return err
	}
	k, k2 := w.g.lay.words, s.plan.lay.words
	keys := s.keys[:n*k2]
	only := k == 0 && k2 == 1 && s.plan.value.phys != types.PhysFloat32 && s.plan.value.phys != types.PhysFloat64
	if !only {
		clear(keys)
		for i := range n {
			copy(keys[i*k2:i*k2+k], w.packed[i*k:i*k+k])
		}
	}
	s.plan.value.pack(s.col, keys, k2, n, only)
	if s.plan.filter >= 0 || s.col.nulls != nil {
		n = s.compress(w, b, keys, n)
	}
	return s.add(n)
}

// compress drops the pairs of rows that are NULL or filtered out.
func (s *setWorker) compress(w *worker, b *batch.Batch, keys []uint64, n int) int {
	var pass batch.Bitmap
	if s.plan.filter >= 0 {
		pass = w.passes(b.Cols[s.plan.filter], n)
	}
	out, k2 := 0, s.plan.lay.words
	for i := range n {
		if pass != nil && !pass.Get(i) || s.col.nulls != nil && s.col.nulls.Get(i) {
			continue
		}
		copy(keys[out*k2:out*k2+k2], keys[i*k2:i*k2+k2])
		out++
	}
	return out
}

// add adds the first n pairs.
func (s *setWorker) add(n int) error {
	if n == 0 {
		return nil
	}
	if s.parts == nil {
		if err := s.tab.reserve(n); err != nil {
			return err
		}
		s.tab.find(s.keys, s.plan.lay.words, n, s.slots)
		if len(s.tab.rows)*8 > tableBytes && s.tab.used > 1<<12 {
			s.parts = newScatter(s.tab.acc, s.plan.lay.words)
			s.absorb = true
		}
		return nil
	}
	if s.absorb {
		n = s.addUnknown(n)
	}
	switch s.plan.lay.words {
	case 1:
		return s.parts.add1(s.keys, n)
	case 2:
		return s.parts.add2(s.keys, n)
	}
	return s.parts.addN(s.keys, n)
}

// addUnknown moves the pairs that the table does not have to the front, and returns their number.
func (s *setWorker) addUnknown(n int) int {
	s.hit, s.miss = s.tab.known(s.keys, n, s.hit, s.miss, s.slots)
	s.tried += n
	s.hits += len(s.hit)
	if s.tried > 16*batch.MaxRows {
		s.absorb = 3*s.hits > s.tried
		s.tried, s.hits = 0, 0
	}
	k := s.plan.lay.words
	for out, i := range s.miss {
		copy(s.keys[out*k:out*k+k], s.keys[int(i)*k:int(i)*k+k])
	}
	return len(s.miss)
}

// combineSet removes the duplicates of all workers and counts the values into the groups.
func (g *Group) combineSet(t *op.Task, s *setPlan) error {
	from := make([]*setWorker, len(g.workers))
	scattered := false
	for i, w := range g.workers {
		from[i] = w.sets[s.index]
		scattered = scattered || from[i].parts != nil
	}
	if !scattered {
		return g.mergeSets(s, from)
	}
	lists := make([][]uint32, len(from))
	starts := make([][partitions + 1]uint32, len(from))
	for i, f := range from {
		lists[i], starts[i] = f.tab.byPartition()
	}
	tabs := make([]*table, max(1, t.Workers))
	defer func() {
		for _, tab := range tabs {
			if tab != nil {
				tab.release()
			}
		}
	}()
	counters := make([]setCounter, len(tabs))
	if err := op.Parallel(t, partitions, func(wk, p int) error {
		if tabs[wk] == nil {
			tabs[wk] = newTable(g.acc, s.lay.words, 0)
			counters[wk].init(g, s)
		}
		if err := fillSet(tabs[wk], from, lists, starts, p); err != nil {
			return err
		}
		return counters[wk].count(tabs[wk])
	}); err != nil {
		return err
	}
	for i := range counters {
		counters[i].flush()
	}
	return nil
}

// fillSet makes a table of the pairs of one partition.
func fillSet(tab *table, from []*setWorker, lists [][]uint32, starts [][partitions + 1]uint32, p int) error {
	n := 0
	for i, f := range from {
		n += int(starts[i][p+1] - starts[i][p])
		if f.parts != nil {
			n += f.parts.count(p)
		}
	}
	if err := tab.reset(min(logFor(n), builderLog)); err != nil {
		return err
	}
	var slots [batch.MaxRows]uint32
	for i, f := range from {
		for _, r := range lists[i][starts[i][p]:starts[i][p+1]] {
			key := f.tab.rows[int(r)*f.tab.width+1:][:f.tab.keys]
			if err := tab.reserve(1); err != nil {
				return err
			}
			tab.find(key, tab.keys, 1, slots[:])
		}
		if f.parts == nil {
			continue
		}
		if err := f.parts.read(p, func(words []uint64, n int) error {
			for at := 0; at < n; at += batch.MaxRows {
				m := min(batch.MaxRows, n-at)
				if err := tab.reserve(m); err != nil {
					return err
				}
				tab.find(words[at*tab.keys:], tab.keys, m, slots[:])
			}
			return nil
		}); err != nil {
			return err
		}
	}
	return nil
}

// mergeSets merges small tables.
func (g *Group) mergeSets(s *setPlan, from []*setWorker) error {
	if len(from) == 0 {
		return nil
	}
	into := from[0].tab
	var slot [1]uint32
	for _, f := range from[1:] {
		for at := 0; at < len(f.tab.rows); at += f.tab.width {
			if f.tab.rows[at] == 0 {
				continue
			}
			if err := into.reserve(1); err != nil {
				return err
			}
			into.find(f.tab.rows[at+1:], into.keys, 1, slot[:])
		}
	}
	var c setCounter
	c.init(g, s)
	if err := c.count(into); err != nil {
		return err
	}
	c.flush()
	return nil
}

// setCounter adds distinct values to the states of their groups, for one goroutine.
type setCounter struct {
	g       *Group
	s       *setPlan
	n       uint64   // of modeOne
	direct  []uint64 // of modeDirect: counts by packed key
	countAt int
	more    []*state // states besides the count
}

func (c *setCounter) init(g *Group, s *setPlan) {
	c.g, c.s = g, s
	c.countAt = 1 + g.lay.words + g.prog.states[s.states[0]].at
	if g.mode == modeDirect {
		c.direct = make([]uint64, 1<<g.lay.bits)
	}
	for _, x := range s.states[1:] {
		c.more = append(c.more, &g.prog.states[x])
	}
}

// count goes over the pairs of a table without duplicates.
func (c *setCounter) count(tab *table) error {
	k := c.g.lay.words
	if len(c.more) == 0 {
		switch c.g.mode {
		case modeOne:
			c.n += uint64(tab.used)
			return nil
		case modeDirect:
			mask := uint64(1)<<c.g.lay.bits - 1
			for at := 0; at < len(tab.rows); at += tab.width {
				if tab.rows[at] != 0 {
					c.direct[tab.rows[at+1]&mask]++
				}
			}
			return nil
		}
	}
	key := make([]uint64, k)
	for at := 0; at < len(tab.rows); at += tab.width {
		if tab.rows[at] == 0 {
			continue
		}
		pair := tab.rows[at+1 : at+1+tab.keys]
		copy(key, pair)
		if k > 0 && c.g.lay.bits < 64 {
			key[k-1] &= 1<<c.g.lay.bits - 1
		}
		row := c.g.out.group(key)
		if row == nil {
			continue // cannot happen: every pair came with a row of its group
		}
		atomic.AddUint64(&row[c.countAt], 1)
		if len(c.more) > 0 {
			if err := c.addMore(row, pair); err != nil {
				return err
			}
		}
	}
	return nil
}

// addMore adds a value to the other states of its group.
func (c *setCounter) addMore(row, pair []uint64) error {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	var w [2]uint64
	c.s.value.unpack(pair, w[:])
	d := dense{slots: []uint32{0}, words: w[:wideOf(c.s.value.typ)]}
	for _, s := range c.more {
		if err := s.update(&c.g.side, c.g.side.sets[c.s.index], row, len(row), 1+c.g.lay.words, d); err != nil {
			return err
		}
	}
	return nil
}

// flush adds the counts that were kept apart.
func (c *setCounter) flush() {
	if c.g == nil {
		return
	}
	if c.n > 0 {
		c.g.out.blocks[0].rows[c.countAt] += c.n
	}
	for k, n := range c.direct {
		if n > 0 {
			c.g.out.blocks[0].rows[k*c.g.out.width+c.countAt] += n
		}
	}
}
