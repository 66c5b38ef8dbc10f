package agg

import (
	"unsafe"

	"github.com/siltstone-db/siltstone/engine/hashtable"
	"github.com/siltstone-db/siltstone/engine/op"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/mem"
)

// consumePartitioned sends rows to their partitions. Rows of groups that the table has already are added there as
// long as that catches one row in three: a frequent key then does not make one partition huge.
func (w *worker) consumePartitioned(n int) error {
	if w.flagged == nil && w.flags() {
		sc, err := hashtable.NewScatter(w.g.acc, w.g.lay.Words+w.g.payload+w.g.flagWords)
		if err != nil {
			return err
		}
		w.flagged = sc
	}
	if !w.absorb {
		return w.scatter(n, nil)
	}
	w.hit, w.miss = w.tab.Known(w.packed, n, w.hit, w.miss, w.slots)
	// The table is looked up for every row, so that it must catch some: it is asked again and again whether it does, since
	// a table sorted by time meets other keys later.
	w.tried += n
	w.hits += len(w.hit)
	if w.tried > 16*batch.MaxRows {
		w.absorb = 3*w.hits > w.tried
		w.tried, w.hits = 0, 0
	}
	if len(w.hit) > 0 {
		w.addWeights(w.tab.Rows, w.tab.Width, n, w.hit, w.slots)
		if err := w.apply(w.tab.Rows, w.tab.Width, 1+w.g.lay.Words, n, w.hit, w.slots); err != nil {
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
	k := w.g.lay.Words
	if w.g.payload == 0 && idx == nil {
		switch k {
		case 1:
			return w.clean.Add1(w.packed, n)
		case 2:
			return w.clean.Add2(w.packed, n)
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

func (w *worker) scatterRows(sc *hashtable.Scatter, n int, idx []uint16, flags bool) error {
	k := w.g.lay.Words
	if idx != nil {
		n = len(idx)
	}
	for j := range n {
		i := j
		if idx != nil {
			i = int(idx[j])
		}
		// Row by row, and not column by column: a row goes to one of 256 places, which is a write of whole lines when
		// all its words are written together, and as many partial ones as it has words when they are not.
		key := w.packed[i*k : i*k+k]
		at, err := sc.Next(int(hashtable.HashKey(key) >> (64 - hashtable.PartitionBits)))
		if err != nil {
			return err
		}
		row := unsafe.Slice((*uint64)(at), sc.Stride)
		copy(row, key)
		pos := k
		for x := range w.cols {
			c := w.cols[x]
			if !w.g.columns[x].words {
				continue
			}
			row[pos] = c.Words[i*c.Wide]
			if c.Wide == 2 {
				row[pos+1] = c.Words[2*i+1]
			}
			pos += c.Wide
		}
		if w.weight != nil {
			row[pos] = 1
			if w.weights != nil {
				row[pos] = uint64(w.weights[i])
			}
			pos++
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
	starts := make([][hashtable.Partitions + 1]uint32, len(g.workers))
	for i, w := range g.workers {
		lists[i], starts[i] = w.tab.ByPartition()
	}
	g.builders = make([]*worker, max(1, t.Workers))
	collect := make([]collector, len(g.builders))
	for i := range collect {
		collect[i].init(g)
	}
	defer func() { // kept rows are given back by Group.Close
		for i := range collect {
			g.out.blocks = append(g.out.blocks, collect[i].blocks()...)
			g.out.slabs = append(g.out.slabs, collect[i].slabs...)
		}
	}()
	if len(g.sets) > 0 {
		g.out.tables = make([]*hashtable.Table, hashtable.Partitions)
	}
	return op.Parallel(t, hashtable.Partitions, func(wk, p int) error {
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
			return g.copyTable(b.tab, p)
		}
		return collect[wk].take(b.tab.Rows, b.tab.Width, b.tab.Used)
	})
}

// build makes the table of partition p from what all workers have of it.
func (w *worker) build(lists [][]uint32, starts [][hashtable.Partitions + 1]uint32, p int) error {
	n := 0
	for i, o := range w.g.workers {
		n += int(starts[i][p+1] - starts[i][p])
		for _, sc := range [2]*hashtable.Scatter{o.clean, o.flagged} {
			if sc != nil {
				n += sc.Count(p)
			}
		}
	}
	// n is the number of rows, not of groups: a table for all of them would be cleared for nothing where keys repeat.
	if err := w.tab.Reset(min(hashtable.LogFor(n), builderLog)); err != nil {
		return err
	}
	for i, o := range w.g.workers {
		for _, r := range lists[i][starts[i][p]:starts[i][p+1]] {
			src := o.tab.Rows[int(r)*o.tab.Width:][:o.tab.Width]
			dst, _, err := w.tab.Upsert(src[1 : 1+o.tab.Keys])
			if err != nil {
				return err
			}
			if err := w.g.mergeRow(dst, src); err != nil {
				return err
			}
		}
	}
	for _, o := range w.g.workers {
		for i, sc := range [2]*hashtable.Scatter{o.clean, o.flagged} {
			if sc == nil {
				continue
			}
			if err := sc.Read(p, func(words []uint64, n int) error { return w.addRows(words, sc.Stride, n, i == 1) }); err != nil {
				return err
			}
		}
	}
	return nil
}

// addRows adds partitioned rows to the table.
func (w *worker) addRows(words []uint64, stride, n int, flags bool) error {
	k := w.g.lay.Words
	for at := 0; at < n; at += batch.MaxRows {
		m := min(batch.MaxRows, n-at)
		rows := words[at*stride : (at+m)*stride]
		if err := w.tab.Reserve(m); err != nil {
			return err
		}
		w.tab.Find(rows, stride, m, w.slots)
		pos := k
		for i, c := range w.cols {
			if !w.g.columns[i].words {
				continue
			}
			c.LoadRows(rows, stride, pos, m)
			pos += c.Wide
		}
		if w.weights = nil; w.weight != nil {
			w.weight.LoadRows(rows, stride, pos, m)
			w.weights = mem.View[int64](mem.Bytes(w.weight.Words))
			w.addWeights(w.tab.Rows, w.tab.Width, m, nil, w.slots)
			pos++
		}
		w.readFlags(rows, stride, pos, m, flags)
		if err := w.apply(w.tab.Rows, w.tab.Width, 1+k, m, nil, w.slots); err != nil {
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

// copyTable keeps a copy of a partition's table, at its own size, so that groups can be looked up.
func (g *Group) copyTable(tab *hashtable.Table, p int) error {
	kept := hashtable.NewTable(g.acc, g.lay.Words, g.prog.words)
	g.out.tables[p] = kept
	if err := kept.Reset(hashtable.LogFor(tab.Used)); err != nil {
		return err
	}
	for at := 0; at < len(tab.Rows); at += tab.Width {
		if tab.Rows[at] == 0 {
			continue
		}
		to := kept.Place(hashtable.HashKey(tab.Rows[at+1 : at+1+tab.Keys]))
		copy(kept.Rows[to:to+tab.Width], tab.Rows[at:at+tab.Width])
	}
	kept.Used = tab.Used
	g.out.addBlock(block{rows: kept.Rows})
	return nil
}
