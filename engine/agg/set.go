package agg

import (
	"sync"

	"github.com/siltstone-db/siltstone/engine/hashtable"
	"github.com/siltstone-db/siltstone/engine/op"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
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
