package agg

import (
	"sync"
	"sync/atomic"

	"github.com/siltstone-db/siltstone/engine/op"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/types"
)

// setPlan is a distinct set: the packed key of the group, then the value.
type setPlan struct {
	set
	index int
	lay   layout
	value field
	large bool       // many distinct values are expected: partitions pay from the start
	mu    sync.Mutex // guards the groups' states other than counts while values are counted in
}

// setWorker collects the pairs of one worker: in a table until it is full, then in partitions.
type setWorker struct {
	plan   *setPlan
	col    *column
	keys   []uint64
	tab    *keySet
	parts  *scatter
	rows   int // pairs seen while there were no partitions
	absorb bool
	tried  int
	hits   int
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
		s.large = g.value(s.column).Stats.Distinct > largeGroups
		s.value = s.lay.fields[len(s.lay.fields)-1]
	}
	return nil
}

func (g *Group) newSetWorker(s *setPlan) *setWorker {
	return &setWorker{
		plan: s, col: newColumn(s.value.typ, s.value.strings), tab: newKeySet(g.acc, s.lay.words),
		keys: make([]uint64, s.lay.words*batch.MaxRows),
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
		spreadKeys(keys, w.packed, k2, k, n)
	}
	if !s.plan.value.pack(s.col, keys, k2, n, only) {
		return errs.Internal("a distinct value of column %d is outside of its statistics", s.plan.column)
	}
	if s.plan.filter >= 0 || s.col.nulls != nil {
		n = s.compress(w, b, keys, n)
	}
	return s.add(n)
}

// spreadKeys puts n packed keys of k words at the front of pairs of k2 words, and zeros behind them.
func spreadKeys(pairs, packed []uint64, k2, k, n int) {
	if k == 1 && k2 == 2 { // most often
		packed = packed[:n]
		pairs = pairs[:2*n]
		for i, x := range packed {
			pairs[2*i], pairs[2*i+1] = x, 0
		}
		return
	}
	clear(pairs)
	for i := range n {
		copy(pairs[i*k2:i*k2+k], packed[i*k:i*k+k])
	}
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
		for x := range k2 {
			keys[out*k2+x] = keys[i*k2+x]
		}
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
		s.tab.add(s.keys, n)
		s.rows += n
		if s.full() {
			s.parts, _ = newScatter(s.tab.acc, s.plan.lay.words) // refused: the set goes on until it is refused too
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

// full tells whether the set should not grow further. Pairs that it has stay out of the partitions if they are many.
func (s *setWorker) full() bool {
	many := 2*s.rows > 3*s.tab.used
	s.absorb = many
	return s.tab.used > 1<<12 && (len(s.tab.words)*8 > tableBytes/2 || !many && s.plan.large)
}

// addUnknown moves the pairs that the set does not have to the front, and returns their number.
func (s *setWorker) addUnknown(n int) int {
	k, out := s.plan.lay.words, 0
	for i := range n {
		key := s.keys[i*k : i*k+k]
		if s.tab.has(key) {
			continue
		}
		copy(s.keys[out*k:out*k+k], key)
		out++
	}
	s.tried += n
	s.hits += n - out
	if s.tried > 16*batch.MaxRows {
		s.absorb = 3*s.hits > s.tried
		s.tried, s.hits = 0, 0
	}
	return out
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
	for _, f := range from { // what the sets kept goes where the rest is
		if err := f.spread(g); err != nil {
			return err
		}
	}
	tabs := make([]*keySet, max(1, t.Workers))
	defer func() {
		for _, tab := range tabs {
			if tab != nil {
				tab.release()
			}
		}
	}()
	counters := make([]setCounter, len(tabs))
	defer func() {
		for i := range counters {
			counters[i].release()
		}
	}()
	if err := op.Parallel(t, partitions, func(wk, p int) error {
		if tabs[wk] == nil {
			tabs[wk] = newKeySet(g.acc, s.lay.words)
			if err := counters[wk].init(g, s); err != nil {
				return err
			}
		}
		if err := fillSet(tabs[wk], from, p); err != nil {
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

// spread moves the keys of the set to the partitions.
func (s *setWorker) spread(g *Group) error {
	if s.parts == nil {
		var err error
		if s.parts, err = newScatter(g.acc, s.plan.lay.words); err != nil {
			return err
		}
	}
	if err := s.tab.each(func(key []uint64) error { return s.parts.addN(key, 1) }); err != nil {
		return err // some keys are in both: they are a set
	}
	s.tab.release()
	return nil
}

// fillSet makes the set of the pairs of one partition.
func fillSet(tab *keySet, from []*setWorker, p int) error {
	n := 0
	for _, f := range from {
		n += f.parts.count(p)
	}
	if err := tab.reset(min(logFor(n), builderLog)); err != nil {
		return err
	}
	for _, f := range from {
		if err := f.parts.read(p, func(words []uint64, n int) error {
			for at := 0; at < n; at += batch.MaxRows {
				m := min(batch.MaxRows, n-at)
				if err := tab.reserve(m); err != nil {
					return err
				}
				tab.add(words[at*tab.keys:], m)
			}
			return nil
		}); err != nil {
			return err
		}
	}
	return nil
}

// mergeSets merges small sets.
func (g *Group) mergeSets(s *setPlan, from []*setWorker) error {
	if len(from) == 0 {
		return nil
	}
	into, more := from[0].tab, 0
	for _, f := range from[1:] {
		more += f.tab.len()
	}
	if err := into.reserve(more); err != nil { // at once: keys come in the order of their hashes
		return err
	}
	for _, f := range from[1:] {
		if err := f.tab.each(func(key []uint64) error {
			if err := into.reserve(1); err != nil {
				return err
			}
			into.add(key, 1)
			return nil
		}); err != nil {
			return err
		}
	}
	var c setCounter
	defer c.release()
	if err := c.init(g, s); err != nil {
		return err
	}
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

func (c *setCounter) init(g *Group, s *setPlan) (err error) {
	c.g, c.s = g, s
	c.countAt = 1 + g.lay.words + g.prog.states[s.states[0]].at
	if g.mode == modeDirect {
		if c.direct, err = mem.Slice[uint64](g.acc, 1<<g.lay.bits); err != nil {
			return err
		}
	}
	for _, x := range s.states[1:] {
		c.more = append(c.more, &g.prog.states[x])
	}
	return nil
}

func (c *setCounter) release() {
	if c.g != nil {
		mem.ReleaseSlice(c.g.acc, c.direct)
		c.direct = nil
	}
}

// count goes over the pairs of a set.
func (c *setCounter) count(tab *keySet) error {
	k := c.g.lay.words
	if len(c.more) == 0 && c.g.mode == modeOne {
		c.n += uint64(tab.len())
		return nil
	}
	if len(c.more) == 0 && c.g.mode == modeDirect {
		c.countDirect(tab)
		return nil
	}
	key := make([]uint64, k)
	return tab.each(func(pair []uint64) error {
		copy(key, pair)
		if k > 0 && c.g.lay.bits < 64 {
			key[k-1] &= 1<<c.g.lay.bits - 1
		}
		row := c.g.out.group(key)
		if row == nil {
			return errs.Corrupt("states of an aggregation: a distinct value has no group") // rows bring both
		}
		atomic.AddUint64(&row[c.countAt], 1)
		if len(c.more) == 0 {
			return nil
		}
		return c.addMore(row, pair)
	})
}

// countDirect counts pairs by the packed key of their group, which is in the low bits of the first word.
func (c *setCounter) countDirect(tab *keySet) {
	mask := uint64(1)<<c.g.lay.bits - 1
	if tab.zero {
		c.direct[0]++
	}
	switch tab.keys {
	case 1:
		for _, w := range tab.words {
			if w != 0 {
				c.direct[w&mask]++
			}
		}
	default:
		for at := 0; at < len(tab.words); at += tab.keys {
			if pair := tab.words[at : at+tab.keys]; !isZero(pair) {
				c.direct[pair[0]&mask]++
			}
		}
	}
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
