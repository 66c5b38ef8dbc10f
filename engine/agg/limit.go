package agg

// limitMax is the largest limit for which groups are fixed early: it keeps their keys in the first-level cache, and
// below the number of groups at which a worker's rows would be partitioned.
const limitMax = 1 << 10

// fixed are the groups that an aggregation with a limit returns: the first ones that one worker met. From then on all
// workers count only these. What they counted before is complete, so nothing is missing.
type fixed struct {
	keys *table
	seen [64]uint64 // a bit per 12 bits of hash: most other keys end here
}

// fixes tells whether the groups may be fixed early.
func (g *Group) fixes() bool {
	return g.mode == modeTable && g.cfg.Limit > 0 && g.cfg.Limit <= limitMax && g.cfg.Top == nil && len(g.sets) == 0 && !g.tableOnly
}

// fix makes the first groups of a worker's table those of the result, unless another worker was faster.
func (g *Group) fix(tab *table) error {
	f := &fixed{keys: newTable(g.acc, tab.keys, 0)}
	if err := f.keys.reset(logFor(int(g.cfg.Limit))); err != nil {
		return err
	}
	for at := 0; at < len(tab.rows) && f.keys.used < int(g.cfg.Limit); at += tab.width {
		if tab.rows[at] == 0 {
			continue
		}
		key := tab.rows[at+1 : at+1+tab.keys]
		row, _, err := f.keys.upsert(key)
		if err != nil {
			f.keys.release()
			return err
		}
		row[0] = 1
		h := hashKey(key)
		f.seen[h>>6&63] |= 1 << (h & 63)
	}
	if !g.fixed.CompareAndSwap(nil, f) {
		f.keys.release()
	}
	return nil
}

// consumeFixed counts the rows of the fixed groups.
func (w *worker) consumeFixed(f *fixed, n int) error {
	k := w.g.lay.words
	w.hit = w.hit[:0]
	for i := range n {
		key := w.packed[i*k : i*k+k]
		h := hashKey(key)
		if f.seen[h>>6&63]>>(h&63)&1 == 0 {
			continue
		}
		if _, ok := f.keys.slot(key); ok {
			w.hit = append(w.hit, uint16(i))
		}
	}
	if len(w.hit) == 0 {
		return nil
	}
	if err := w.tab.reserve(len(w.hit)); err != nil {
		return err
	}
	for j, i := range w.hit {
		w.tab.find(w.packed[int(i)*k:int(i)*k+k], k, 1, w.slots[j:])
	}
	return w.apply(w.tab.rows, w.tab.width, 1+k, n, w.hit, w.slots)
}

// combineFixed adds up the fixed groups and drops all others.
func (g *Group) combineFixed(f *fixed) error {
	out := newTable(g.acc, g.lay.words, g.prog.words)
	g.out.tables = []*table{out}
	if err := out.reset(logFor(f.keys.used)); err != nil {
		return err
	}
	for at := 0; at < len(f.keys.rows); at += f.keys.width {
		if f.keys.rows[at] == 0 {
			continue
		}
		key := f.keys.rows[at+1 : at+1+f.keys.keys]
		dst, _, err := out.upsert(key)
		if err != nil {
			return err
		}
		for _, w := range g.workers {
			if src := w.tab.row(key); src != nil {
				if err := g.mergeRow(dst, src); err != nil {
					return err
				}
			}
		}
	}
	g.out.blocks = []block{{rows: out.rows}}
	return nil
}
