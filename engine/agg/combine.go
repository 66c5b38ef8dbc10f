package agg

import (
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
func (g *Group) combine(t *op.Task) error {
	g.out.width = 1 + g.lay.Words + g.prog.words
	if len(g.workers) == 0 {
		w, err := g.newWorker(g.sets)
		if err != nil {
			return err
		}
		g.workers = append(g.workers, w)
	}
	if err := g.way.combine(t); err != nil {
		return err
	}
	for i := range g.sets {
		if err := g.combineSet(t, &g.sets[i]); err != nil {
			return err
		}
	}
	return nil
}

// mergeRow adds a group's row to another with the same key. A new row does not become the owner of what src refers to
// in side tables: when combining is refused memory, src must be what it was.
func (g *Group) mergeRow(dst, src []uint64) error {
	if src[0] == 0 {
		return nil
	}
	base := 1 + g.lay.Words
	if dst[0] == 0 && !g.stores {
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
