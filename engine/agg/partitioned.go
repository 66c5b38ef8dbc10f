package agg

import (
	"unsafe"

	"github.com/siltstone-db/siltstone/engine/op"
	"github.com/siltstone-db/siltstone/storage/batch"
)

// consumePartitioned sends rows to their partitions. Rows of groups that the table has already are added there as
// long as that catches one row in three: a frequent key then does not make one partition huge.
func (w *worker) consumePartitioned(n int) error {
	if w.flagged == nil && w.flags() {
		sc, err := newScatter(w.g.acc, w.g.lay.words+w.g.payload+w.g.flagWords)
		if err != nil {
			return err
		}
		w.flagged = sc
	}
	if !w.absorb {
		return w.scatter(n, nil)
	}
	w.hit, w.miss = w.tab.known(w.packed, n, w.hit, w.miss, w.slots)
	w.tried += n
	w.hits += len(w.hit)
	if w.tried > 16*batch.MaxRows {
		w.absorb = 3*w.hits > w.tried
		w.tried, w.hits = 0, 0
	}
	if len(w.hit) > 0 {
		if err := w.apply(w.tab.rows, w.tab.width, 1+w.g.lay.words, n, w.hit, w.slots); err != nil {
			return err
		}
	}
	if len(w.miss) == 0 {
		return nil
	}
	return w.scatter(n, w.miss)
}

// scatter appends rows idx (nil: all n) to the partitions of their keys.
func (w *worker) scatter(n int, idx []uint16) error {
	if w.flags() {
		return w.scatterRows(w.flagged, n, idx, true)
	}
	k := w.g.lay.words
	if w.g.payload == 0 && idx == nil {
		switch k {
		case 1:
			return w.clean.add1(w.packed, n)
		case 2:
			return w.clean.add2(w.packed, n)
		}
	}
	return w.scatterRows(w.clean, n, idx, false)
}

// flags tells whether an input skips rows of the batch.
func (w *worker) flags() bool {
	for i, s := range w.skips {
		if s != nil && w.g.inputFlag[i] {
			return true
		}
	}
	return false
}

func (w *worker) scatterRows(sc *scatter, n int, idx []uint16, flags bool) error {
	k := w.g.lay.words
	if idx != nil {
		n = len(idx)
	}
	for j := range n {
		i := j
		if idx != nil {
			i = int(idx[j])
		}
		key := w.packed[i*k : i*k+k]
		at, err := sc.next(int(hashKey(key) >> (64 - partitionBits)))
		if err != nil {
			return err
		}
		row := unsafe.Slice((*uint64)(at), sc.stride)
		copy(row, key)
		pos := k
		for x := range w.cols {
			c := w.cols[x]
			if !w.g.columns[x].words {
				continue
			}
			row[pos] = c.words[i*c.wide]
			if c.wide == 2 {
				row[pos+1] = c.words[2*i+1]
			}
			pos += c.wide
		}
		if flags {
			clear(row[pos:])
			for x, s := range w.skips {
				if s != nil && s.Get(i) {
					row[pos+x>>6] |= 1 << (uint(x) & 63)
				}
			}
		}
	}
	return nil
}

// combinePartitions builds the table of each partition.
func (g *Group) combinePartitions(t *op.Task) error {
	lists := make([][]uint32, len(g.workers))
	starts := make([][partitions + 1]uint32, len(g.workers))
	for i, w := range g.workers {
		lists[i], starts[i] = w.tab.byPartition()
	}
	g.builders = make([]*worker, max(1, t.Workers))
	keep := make([]keeper, len(g.builders))
	for i := range keep {
		keep[i].init(g)
	}
	defer func() { // kept rows are given back by Group.Close
		for i := range keep {
			g.out.blocks = append(g.out.blocks, keep[i].blocks()...)
			g.out.slabs = append(g.out.slabs, keep[i].slabs...)
		}
	}()
	if len(g.sets) > 0 {
		g.out.tables = make([]*table, partitions)
	}
	return op.Parallel(t, partitions, func(wk, p int) error {
		if g.builders[wk] == nil {
			b, err := g.newWorker(nil)
			if err != nil {
				return err
			}
			g.builders[wk] = b
		}
		b := g.builders[wk]
		if err := b.build(lists, starts, p); err != nil {
			return err
		}
		if len(g.sets) > 0 {
			return g.keepTable(b.tab, p)
		}
		return keep[wk].take(b.tab.rows, b.tab.width, b.tab.used)
	})
}

// build makes the table of partition p from what all workers have of it.
func (w *worker) build(lists [][]uint32, starts [][partitions + 1]uint32, p int) error {
	n := 0
	for i, o := range w.g.workers {
		n += int(starts[i][p+1] - starts[i][p])
		for _, sc := range [2]*scatter{o.clean, o.flagged} {
			if sc != nil {
				n += sc.count(p)
			}
		}
	}
	if err := w.tab.reset(min(logFor(n), builderLog)); err != nil {
		return err
	}
	for i, o := range w.g.workers {
		for _, r := range lists[i][starts[i][p]:starts[i][p+1]] {
			src := o.tab.rows[int(r)*o.tab.width:][:o.tab.width]
			dst, _, err := w.tab.upsert(src[1 : 1+o.tab.keys])
			if err != nil {
				return err
			}
			if err := w.g.mergeRow(dst, src); err != nil {
				return err
			}
		}
	}
	for _, o := range w.g.workers {
		for i, sc := range [2]*scatter{o.clean, o.flagged} {
			if sc == nil {
				continue
			}
			if err := sc.read(p, func(words []uint64, n int) error { return w.addRows(words, sc.stride, n, i == 1) }); err != nil {
				return err
			}
		}
	}
	return nil
}

// addRows adds partitioned rows to the table.
func (w *worker) addRows(words []uint64, stride, n int, flags bool) error {
	k := w.g.lay.words
	for at := 0; at < n; at += batch.MaxRows {
		m := min(batch.MaxRows, n-at)
		rows := words[at*stride : (at+m)*stride]
		if err := w.tab.reserve(m); err != nil {
			return err
		}
		w.tab.find(rows, stride, m, w.slots)
		pos := k
		for i, c := range w.cols {
			if !w.g.columns[i].words {
				continue
			}
			c.words = c.own[:m*c.wide]
			if c.wide == 1 {
				for j := range c.words {
					c.words[j] = rows[j*stride+pos]
				}
			} else {
				for j := range m {
					c.words[2*j], c.words[2*j+1] = rows[j*stride+pos], rows[j*stride+pos+1]
				}
			}
			pos += c.wide
		}
		w.readFlags(rows, stride, pos, m, flags)
		if err := w.apply(w.tab.rows, w.tab.width, 1+k, m, nil, w.slots); err != nil {
			return err
		}
	}
	return nil
}

// readFlags makes the inputs' skips from the bits behind partitioned rows.
func (w *worker) readFlags(rows []uint64, stride, pos, n int, flags bool) {
	for i := range w.skips {
		w.skips[i] = nil
		if !flags || !w.g.inputFlag[i] {
			continue
		}
		if w.own[i] == nil {
			w.own[i] = make(batch.Bitmap, batch.Words(batch.MaxRows))
		}
		s := w.own[i][:batch.Words(n)]
		clear(s)
		for j := range n {
			s[j>>6] |= rows[j*stride+pos+i>>6] >> (uint(i) & 63) & 1 << (uint(j) & 63)
		}
		w.skips[i] = s
	}
}

// keepTable keeps a copy of a partition's table, at its own size, so that groups can be looked up.
func (g *Group) keepTable(tab *table, p int) error {
	kept := newTable(g.acc, g.lay.words, g.prog.words)
	g.out.tables[p] = kept
	if err := kept.reset(logFor(tab.used)); err != nil {
		return err
	}
	for at := 0; at < len(tab.rows); at += tab.width {
		if tab.rows[at] == 0 {
			continue
		}
		to := kept.place(hashKey(tab.rows[at+1 : at+1+tab.keys]))
		copy(kept.rows[to:to+tab.width], tab.rows[at:at+tab.width])
	}
	kept.used = tab.used
	g.out.addBlock(block{rows: kept.rows})
	return nil
}
