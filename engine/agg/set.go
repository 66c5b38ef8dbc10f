package agg

import (
	"sync"
	"sync/atomic"

	"github.com/siltstone-db/siltstone/engine/aggstate"
	"github.com/siltstone-db/siltstone/engine/hashtable"
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
	lay   hashtable.Layout
	value hashtable.Field
	large bool       // many distinct values are expected: partitions pay from the start
	mu    sync.Mutex // guards the groups' states other than counts while values are counted in
}

// setWorker collects the pairs of one worker: in a table until it is full, then in partitions.
type setWorker struct {
	plan   *setPlan
	col    *hashtable.Column
	keys   []uint64
	tab    *hashtable.KeySet
	parts  *hashtable.Scatter
	rows   int // pairs seen while there were no partitions
	absorb bool
	tried  int
	hits   int
}

// openSets lays out the pairs of each distinct set.
func (g *Group) openSets(t *op.Task) error {
	g.sets = make([]setPlan, len(g.prog.sets))
	for i := range g.sets {
		s := &g.sets[i]
		s.set, s.index = g.prog.sets[i], i
		typ := g.cfg.In[s.column]
		in, entries, err := g.internKey(t, typ, g.value(s.column), true)
		if err != nil {
			return err
		}
		k := g.value(s.column)
		f := hashtable.NewField(s.column, &k.Stats, typ, entries)
		f.NullWord, f.NotNull = -1, false // NULLs do not get here
		f.Strings = in
		for _, x := range s.states {
			g.prog.states[x].Args[0].Strings = in
		}
		s.lay = g.lay.Extend(f)
		s.large = k.Stats.Distinct > largeGroups
		s.value = s.lay.Fields[len(s.lay.Fields)-1]
	}
	return nil
}

func (g *Group) newSetWorker(s *setPlan) *setWorker {
	return &setWorker{
		plan: s, col: hashtable.NewColumn(s.value.Typ, s.value.Strings), tab: hashtable.NewKeySet(g.acc, s.lay.Words),
		keys: make([]uint64, s.lay.Words*batch.MaxRows),
	}
}

func (s *setWorker) release() {
	s.tab.Release()
	s.parts.Release()
}

// consume adds the pairs of a batch whose keys w has packed.
func (s *setWorker) consume(w *worker, b *batch.Batch) error {
	n := b.Len
	v := b.Cols[s.plan.column]
	if err := s.col.Load(v, n); err != nil {
		return err
	}
	k, k2 := w.g.lay.Words, s.plan.lay.Words
	keys := s.keys[:n*k2]
	only := k == 0 && k2 == 1 && s.plan.value.Phys != types.PhysFloat32 && s.plan.value.Phys != types.PhysFloat64
	if !only {
		spreadKeys(keys, w.packed, k2, k, n)
	}
	if !s.plan.value.Pack(s.col, keys, k2, n, only) {
		return errs.Internal("a distinct value of column %d is outside of its statistics", s.plan.column)
	}
	if s.plan.filter >= 0 || s.col.Nulls != nil {
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
	out, k2 := 0, s.plan.lay.Words
	for i := range n {
		if pass != nil && !pass.Get(i) || s.col.Nulls != nil && s.col.Nulls.Get(i) {
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
		if err := s.tab.Reserve(n); err != nil {
			return err
		}
		s.tab.Add(s.keys, n)
		s.rows += n
		if s.full() {
			s.parts, _ = hashtable.NewScatter(s.tab.Acc, s.plan.lay.Words) // refused: the set goes on until it is refused too
		}
		return nil
	}
	if s.absorb {
		n = s.addUnknown(n)
	}
	switch s.plan.lay.Words {
	case 1:
		return s.parts.Add1(s.keys, n)
	case 2:
		return s.parts.Add2(s.keys, n)
	}
	return s.parts.AddN(s.keys, n)
}

// full tells whether the set should not grow further. Pairs that it has stay out of the partitions if they are many.
func (s *setWorker) full() bool {
	many := 2*s.rows > 3*s.tab.Used
	s.absorb = many
	return s.tab.Used > 1<<12 && (len(s.tab.Words)*8 > tableBytes/2 || !many && s.plan.large)
}

// addUnknown moves the pairs that the set does not have to the front, and returns their number.
func (s *setWorker) addUnknown(n int) int {
	k, out := s.plan.lay.Words, 0
	for i := range n {
		key := s.keys[i*k : i*k+k]
		if s.tab.Has(key) {
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
	tabs := make([]*hashtable.KeySet, max(1, t.Workers))
	defer func() {
		for _, tab := range tabs {
			if tab != nil {
				tab.Release()
			}
		}
	}()
	counters := make([]setCounter, len(tabs))
	defer func() {
		for i := range counters {
			counters[i].release()
		}
	}()
	if err := op.Parallel(t, hashtable.Partitions, func(wk, p int) error {
		if tabs[wk] == nil {
			tabs[wk] = hashtable.NewKeySet(g.acc, s.lay.Words)
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
		if s.parts, err = hashtable.NewScatter(g.acc, s.plan.lay.Words); err != nil {
			return err
		}
	}
	if err := s.tab.Each(func(key []uint64) error { return s.parts.AddN(key, 1) }); err != nil {
		return err // some keys are in both: they are a set
	}
	s.tab.Release()
	return nil
}

// fillSet makes the set of the pairs of one partition.
func fillSet(tab *hashtable.KeySet, from []*setWorker, p int) error {
	n := 0
	for _, f := range from {
		n += f.parts.Count(p)
	}
	if err := tab.Reset(min(hashtable.LogFor(n), builderLog)); err != nil {
		return err
	}
	for _, f := range from {
		if err := f.parts.Read(p, func(words []uint64, n int) error {
			for at := 0; at < n; at += batch.MaxRows {
				m := min(batch.MaxRows, n-at)
				if err := tab.Reserve(m); err != nil {
					return err
				}
				tab.Add(words[at*tab.Keys:], m)
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
		more += f.tab.Len()
	}
	if err := into.Reserve(more); err != nil { // at once: keys come in the order of their hashes
		return err
	}
	for _, f := range from[1:] {
		if err := f.tab.Each(func(key []uint64) error {
			if err := into.Reserve(1); err != nil {
				return err
			}
			into.Add(key, 1)
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
	n       uint64   // without keys
	direct  []uint64 // of an array: counts by packed key
	countAt int
	more    []*state // states besides the count
}

func (c *setCounter) init(g *Group, s *setPlan) (err error) {
	c.g, c.s = g, s
	c.countAt = 1 + g.lay.Words + g.prog.states[s.states[0]].at
	if _, ok := g.way.(array); ok {
		if c.direct, err = mem.Slice[uint64](g.acc, 1<<g.lay.Bits); err != nil {
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
func (c *setCounter) count(tab *hashtable.KeySet) error {
	k := c.g.lay.Words
	if len(c.more) == 0 && len(c.g.cfg.Keys) == 0 {
		c.n += uint64(tab.Len())
		return nil
	}
	if len(c.more) == 0 && c.direct != nil {
		tab.CountLow(c.direct, 1<<c.g.lay.Bits-1) // the key is in the low bits of the pair
		return nil
	}
	key := make([]uint64, k)
	return tab.Each(func(pair []uint64) error {
		copy(key, pair)
		if k > 0 && c.g.lay.Bits < 64 {
			key[k-1] &= 1<<c.g.lay.Bits - 1
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

// addMore adds a value to the other states of its group.
func (c *setCounter) addMore(row, pair []uint64) error {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	var w [2]uint64
	c.s.value.Unpack(pair, w[:])
	d := aggstate.Rows{Slots: []uint32{0}, Words: w[:hashtable.Wide(c.s.value.Typ)]}
	for _, s := range c.more {
		if err := s.update(aggstate.Memory{Words: row, Width: len(row), At: 1 + c.g.lay.Words + s.at}, d); err != nil {
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
