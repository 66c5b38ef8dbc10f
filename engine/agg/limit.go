package agg

import "github.com/siltstone-db/siltstone/engine/hashtable"

// limitMax is the largest limit for which groups are fixed early: it keeps their keys in the first-level cache, and
// below the number of groups at which a worker's rows would be partitioned.
const limitMax = 1 << 10

// fixed are the groups that an aggregation with a limit returns: the first ones that one worker met. From then on all
// workers count only these. What they counted before is complete, so nothing is missing.
type fixed struct {
	keys *hashtable.Table
	seen [64]uint64 // a bit per 12 bits of hash: most other keys end here
}

// fixes tells whether the groups may be fixed early.
func (g *Group) fixes() bool {
	return g.cfg.Limit > 0 && g.cfg.Limit <= limitMax && g.cfg.Top == nil && len(g.prog.sets) == 0 && !g.inOrder
}

// fix makes the first groups of a worker's table those of the result, unless another worker was faster.
func (h *hashed) fix(tab *hashtable.Table) error {
	f := &fixed{keys: hashtable.NewTable(h.acc, tab.Keys, 0)}
	if err := f.keys.Reset(hashtable.LogFor(int(h.cfg.Limit))); err != nil {
		return err
	}
	for at := 0; at < len(tab.Rows) && f.keys.Used < int(h.cfg.Limit); at += tab.Width {
		if tab.Rows[at] == 0 {
			continue
		}
		key := tab.Rows[at+1 : at+1+tab.Keys]
		row, _, err := f.keys.Upsert(key)
		if err != nil {
			f.keys.Release()
			return err
		}
		row[0] = 1
		hash := hashtable.HashKey(key)
		f.seen[hash>>6&63] |= 1 << (hash & 63)
	}
	if !h.fixed.CompareAndSwap(nil, f) {
		f.keys.Release()
	}
	return nil
}

// consumeFixed counts the rows of the fixed groups.
func (w *worker) consumeFixed(f *fixed, n int) error {
	k := w.g.lay.Words
	w.hit = w.hit[:0]
	for i := range n {
		key := w.packed[i*k : i*k+k]
		h := hashtable.HashKey(key)
		if f.seen[h>>6&63]>>(h&63)&1 == 0 {
			continue
		}
		if _, ok := f.keys.Slot(key); ok {
			w.hit = append(w.hit, uint16(i))
		}
	}
	if len(w.hit) == 0 {
		return nil
	}
	if err := w.tab.Reserve(len(w.hit)); err != nil {
		return err
	}
	for j, i := range w.hit {
		w.tab.Find(w.packed[int(i)*k:int(i)*k+k], k, 1, w.slots[j:])
	}
	w.addWeights(w.tab.Rows, w.tab.Width, n, w.hit, w.slots)
	return w.apply(w.tab.Rows, w.tab.Width, 1+k, n, w.hit, w.slots)
}

// combineFixed adds up the fixed groups and drops all others.
func (g *Group) combineFixed(f *fixed) error {
	out := hashtable.NewTable(g.acc, g.lay.Words, g.prog.words)
	g.out.tables = []*hashtable.Table{out}
	if err := out.Reset(hashtable.LogFor(f.keys.Used)); err != nil {
		return err
	}
	for at := 0; at < len(f.keys.Rows); at += f.keys.Width {
		if f.keys.Rows[at] == 0 {
			continue
		}
		key := f.keys.Rows[at+1 : at+1+f.keys.Keys]
		dst, _, err := out.Upsert(key)
		if err != nil {
			return err
		}
		for _, w := range g.workers {
			if src := w.tab.Row(key); src != nil {
				if err := g.mergeRow(dst, src); err != nil {
					return err
				}
			}
		}
	}
	g.out.blocks = []block{{rows: out.Rows}}
	return nil
}
