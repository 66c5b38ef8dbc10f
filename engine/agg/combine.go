package agg

import (
	"github.com/siltstone-db/siltstone/engine/hashtable"
	"github.com/siltstone-db/siltstone/engine/op"
	"github.com/siltstone-db/siltstone/storage/errs"
)

// builderLog is the size of a partition's first table: 32 Ki slots, so that a partition full of duplicates does not
// pay for clearing memory that it never uses. Tables grow when they have to.
const builderLog = 15

// Combine merges the workers' groups, in memory or, when that is refused or was before, through files. Groups that
// leave too little memory to those who read them go to files as well.
func (g *Group) Combine(t *op.Task) error {
	if !g.spill.started() && !(g.spill.space.Force() && g.spill.level == 0) {
		err := g.combine(t)
		if err == nil {
			g.releaseInputs()
			if g.among == nil && g.spill.may() && g.acc.Tight(g.acc.Used()) && g.Rows() > 1 {
				return g.spillCombined()
			}
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
		w.clean.Release()
		w.flagged.Release()
		for _, s := range w.sets {
			s.release()
		}
	}
}

// combine merges the workers' groups in memory.
func (g *Group) combine(t *op.Task) (err error) {
	g.out.width = 1 + g.lay.Words + g.prog.words
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
		for at := 0; at < len(into.Rows); at += into.Width {
			if err := g.mergeRow(into.Rows[at:at+into.Width], w.tab.Rows[at:at+into.Width]); err != nil {
				return err
			}
		}
		w.tab.Release()
	}
	if g.mode == modeDirect { // a fresh row of an array has no key yet
		for k, at := uint64(0), 0; at < len(into.Rows); k, at = k+1, at+into.Width {
			into.Rows[at+1] = k
		}
	}
	g.out.blocks = []block{{rows: into.Rows, always: g.mode == modeOne}}
	return nil
}

// mergeRow adds a group's row to another with the same key. A new row does not become the owner of what src refers to
// in side tables: when combining is refused memory, src must be what it was.
func (g *Group) mergeRow(dst, src []uint64) error {
	if src[0] == 0 {
		return nil
	}
	base := 1 + g.lay.Words
	if dst[0] == 0 && !g.growing {
		copy(dst, src)
		return nil
	}
	if dst[0] == 0 {
		copy(dst[:base], src[:base])
		return g.prog.merge(dst[base:], src[base:])
	}
	dst[0] += src[0]
	return g.prog.merge(dst[base:], src[base:])
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
	var keep keeper
	if keep.init(g); keep.top != nil {
		keep.top.take(into.Rows, into.Width)
		g.out.blocks = keep.blocks()
		return nil
	}
	g.out.tables = []*hashtable.Table{into}
	g.out.blocks = []block{{rows: into.Rows}}
	return nil
}
