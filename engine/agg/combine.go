package agg

import (
	"github.com/siltstone-db/siltstone/engine/op"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
)

// builderLog is the size of a partition's first table: 32 Ki slots, so that a partition full of duplicates does not
// pay for clearing memory that it never uses. Tables grow when they have to.
const builderLog = 15

// Combine merges the workers' groups, in memory or, when that is refused or was before, through files.
func (g *Group) Combine(t *op.Task) error {
	if !g.spill.started() && !(g.spill.space.Force() && g.spill.level == 0) {
		err := g.combine(t)
		if err == nil {
			g.releaseInputs()
			return nil
		}
		if !errs.Is(err, errs.OutOfMemory) || !g.spill.may() {
			return err
		}
		g.abandon()
	}
	return g.combineSpilled(t)
}

// releaseInputs gives back what the groups do not need once they are combined.
func (g *Group) releaseInputs() {
	g.releaseBuilders()
	for _, w := range g.workers {
		w.clean.release()
		w.flagged.release()
		for _, s := range w.sets {
			s.release()
		}
	}
}

// combine merges the workers' groups in memory.
func (g *Group) combine(t *op.Task) (err error) {
	g.out.width = 1 + g.lay.words + g.prog.words
	switch {
	case len(g.workers) == 0:
		w, err := g.newWorker(g.sets)
		if err != nil {
			return err
		}
		g.workers = append(g.workers, w)
		return g.combine(t)
	case g.mode == modeOne || g.mode == modeDirect:
		err = g.combineArrays()
	case g.mode == modeDict:
		err = g.combineDicts(t)
	case g.fixed.Load() != nil:
		err = g.combineFixed(g.fixed.Load())
	case g.scattered():
		err = g.combinePartitions(t)
	default:
		err = g.combineTables()
	}
	if err != nil {
		return err
	}
	for i := range g.sets {
		if err := g.combineSet(t, &g.sets[i]); err != nil {
			return err
		}
	}
	return nil
}

func (g *Group) scattered() bool {
	for _, w := range g.workers {
		if w.clean != nil {
			return true
		}
	}
	return false
}

// combineArrays adds up rows that stand at the same place.
func (g *Group) combineArrays() error {
	into := g.workers[0].tab
	for _, w := range g.workers[1:] {
		for at := 0; at < len(into.rows); at += into.width {
			if err := g.mergeRow(into.rows[at:at+into.width], w.tab.rows[at:at+into.width]); err != nil {
				return err
			}
		}
		w.tab.release()
	}
	if g.mode == modeDirect { // a fresh row of an array has no key yet
		for k, at := uint64(0), 0; at < len(into.rows); k, at = k+1, at+into.width {
			into.rows[at+1] = k
		}
	}
	g.out.blocks = []block{{rows: into.rows, always: g.mode == modeOne}}
	return nil
}

// mergeRow adds a group's row to another with the same key.
func (g *Group) mergeRow(dst, src []uint64) error {
	if src[0] == 0 {
		return nil
	}
	base := 1 + g.lay.words
	if dst[0] == 0 {
		copy(dst, src)
		return nil
	}
	dst[0] += src[0]
	return g.prog.merge(&g.side, dst[base:], src[base:])
}

// combineTables merges tables that stayed small.
func (g *Group) combineTables() error {
	into, more := g.workers[0].tab, 0
	for _, w := range g.workers[1:] {
		more += w.tab.used
	}
	// At once: rows come in the order of their hashes, and would pile up in the first part of a table that is too small.
	if err := into.reserve(more); err != nil {
		return err
	}
	for _, w := range g.workers[1:] {
		for at := 0; at < len(w.tab.rows); at += w.tab.width {
			src := w.tab.rows[at : at+w.tab.width]
			if src[0] == 0 {
				continue
			}
			dst, _, err := into.upsert(src[1 : 1+into.keys])
			if err != nil {
				return err
			}
			if err := g.mergeRow(dst, src); err != nil {
				return err
			}
		}
		w.tab.release()
	}
	var keep keeper
	if keep.init(g); keep.top != nil {
		keep.top.take(into.rows, into.width)
		g.out.blocks = keep.blocks()
		return nil
	}
	g.out.tables = []*table{into}
	g.out.blocks = []block{{rows: into.rows}}
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
