package agg

import (
	"sync/atomic"

	"github.com/siltstone-db/siltstone/engine/aggstate"
	"github.com/siltstone-db/siltstone/engine/hashtable"
	"github.com/siltstone-db/siltstone/engine/op"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/mem"
)

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
