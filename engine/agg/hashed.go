package agg

import (
	"sync/atomic"

	"github.com/siltstone-db/siltstone/engine/hashtable"
	"github.com/siltstone-db/siltstone/engine/op"
	"github.com/siltstone-db/siltstone/storage/batch"
)

// hashed is the way of all other packed keys: a hash table per worker, and partitions from where it is large.
type hashed struct {
	packed
	limited bool // groups are fixed early
	fixed   atomic.Pointer[fixed]
}

func (h *hashed) start(*worker) error { return nil } // tables grow

func (h *hashed) release() {
	if f := h.fixed.Swap(nil); f != nil {
		f.keys.Release()
	}
}

func (h *hashed) consume(w *worker, b *batch.Batch) error {
	if err := w.prepare(b); err != nil {
		return err
	}
	if w.clean != nil {
		return w.consumePartitioned(b.Len)
	}
	if h.limited {
		if f := h.fixed.Load(); f != nil {
			return w.consumeFixed(f, b.Len)
		}
	}
	return h.consumeTable(w, b.Len)
}

// tableBytes is how large a worker's table may become before rows are partitioned instead: half of a 2 MiB
// second-level cache. A random load costs 0.6 ns from a table of 1 MiB, 1.4 from 4 MiB, 5 from 32 MiB and 8 from 256 MiB,
// and each row makes at least one: of 10 million rows, 3 million groups took 233 ms of one core in one large table, and
// take 102 of two in partitions.
const tableBytes = 1 << 20

// largeGroups is the number of expected groups from which rows are partitioned as soon as the first few thousand of
// them show that keys seldom repeat: four times what fits a worker's table.
const largeGroups = 1 << 17

func (h *hashed) consumeTable(w *worker, n int) error {
	if err := w.tab.Reserve(n); err != nil {
		return err
	}
	k := w.g.lay.Words
	w.tab.Find(w.packed, k, n, w.slots)
	w.addWeights(w.tab.Rows, w.tab.Width, n, nil, w.slots)
	if err := w.apply(w.tab.Rows, w.tab.Width, 1+k, n, nil, w.slots); err != nil {
		return err
	}
	if h.limited {
		if w.tab.Used >= int(w.g.cfg.Limit) {
			return h.fix(w.tab)
		}
		return nil
	}
	// Keys that repeat are better off in the table, however large: what it absorbs is not written to partitions, read and
	// looked up again. One and a half rows per group are many.
	w.seen += n
	many := 2*w.seen > 3*w.tab.Used
	if w.tab.Used > 1<<12 && (len(w.tab.Rows)*8 > tableBytes || !many && w.g.cfg.Expected > largeGroups) && !w.g.inOrder {
		if sc, err := hashtable.NewScatter(w.g.acc, k+w.g.payload); err == nil { // else the table goes on until it is refused too
			w.clean, w.absorb = sc, many
		}
	}
	return nil
}

func (h *hashed) combine(t *op.Task) error {
	switch f := h.fixed.Load(); {
	case f != nil:
		return h.combineFixed(f)
	case h.scattered():
		return h.combinePartitions(t)
	}
	return h.combineTables()
}

// flush writes the groups of a table, and the rows that wait in partitions.
func (h *hashed) flush(f *flusher, w *worker) error {
	if err := f.table(w.tab, h.fixed.Load()); err != nil || w.clean == nil {
		return err
	}
	return f.partitioned(w)
}

func (g *Group) scattered() bool {
	for _, w := range g.workers {
		if w.clean != nil {
			return true
		}
	}
	return false
}

// combineTables merges tables that stayed small.
func (g *Group) combineTables() error {
	into, more := g.workers[0].tab, 0
	for _, w := range g.workers[1:] {
		more += w.tab.Used
	}
	// At once: rows come in the order of their hashes, and would pile up in the first part of a table that is too small.
	if err := into.Reserve(more); err != nil {
		return err
	}
	for _, w := range g.workers[1:] {
		for at := 0; at < len(w.tab.Rows); at += w.tab.Width {
			src := w.tab.Rows[at : at+w.tab.Width]
			if src[0] == 0 {
				continue
			}
			dst, _, err := into.Upsert(src[1 : 1+into.Keys])
			if err != nil {
				return err
			}
			if err := g.mergeRow(dst, src); err != nil {
				return err
			}
		}
		w.tab.Release()
	}
	var collect collector
	if collect.init(g); collect.top != nil {
		collect.top.take(into.Rows, into.Width)
		g.out.blocks = collect.blocks()
		return nil
	}
	g.out.tables = []*hashtable.Table{into}
	g.out.blocks = []block{{rows: into.Rows}}
	return nil
}
