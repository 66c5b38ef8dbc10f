package agg

import (
	"github.com/siltstone-db/siltstone/engine/op"
	"github.com/siltstone-db/siltstone/engine/profile"
	"github.com/siltstone-db/siltstone/engine/spill"
)

// spiller is what a Group has in temporary files: records of groups, divided by the hash of the key, and records of
// distinct values, divided by the hash of key and value.
type spiller struct {
	space  *spill.Space // nil: nothing may be spilled
	level  int          // how often the records of this group were divided before
	groups *spill.Partitions
	pairs  *spill.Partitions
	stats  *profile.Spill
}

// started tells whether anything was spilled.
func (s *spiller) started() bool { return s.groups != nil }

// may tells whether records may be divided once more.
func (s *spiller) may() bool { return s.space != nil && s.level < spill.LevelMax }

func (s *spiller) start() {
	if s.groups == nil {
		s.groups, s.pairs = s.space.NewPartitions(s.level), s.space.NewPartitions(s.level)
	}
}

func (s *spiller) close() {
	s.groups.Close()
	s.pairs.Close()
	s.groups, s.pairs = nil, nil
}

// finish ends the writing to partitions, and counts them.
func (s *spiller) finish(p *spill.Partitions) error {
	if err := p.Finish(); err != nil {
		return err
	}
	for i := range spill.Ways {
		s.stats.Add(p.Run(i).Bytes())
	}
	return nil
}

// Spilled returns the counters of what was written to temporary files.
func (g *Group) Spilled() *profile.Spill { return &g.spilled }

// combineSpilled writes what is left, gives all memory back, counts the distinct values, and leaves the groups in
// their partitions.
func (g *Group) combineSpilled(t *op.Task) error {
	if err := g.flush(); err != nil {
		return err
	}
	if len(g.cfg.Keys) == 0 { // a group even without rows
		f := flusher{g: g, out: writer{g: g}}
		if err := f.group(nil, 0, make([]uint64, g.prog.words)); err != nil {
			return err
		}
	}
	g.releaseMemory()
	if err := g.spill.finish(g.spill.pairs); err != nil {
		return err
	}
	for range t.Workers {
		g.reading.join()
	}
	if err := g.settle(t, g.spill.pairs, g.spill.level+1); err != nil {
		return err
	}
	g.reading.mu.active = 0
	g.spill.pairs.Close()
	return g.spill.finish(g.spill.groups)
}

// spillCombined writes groups that are combined, since they would leave too little to those above.
func (g *Group) spillCombined() error {
	g.spill.start()
	f := flusher{g: g, out: writer{g: g}}
	for _, b := range g.out.blocks {
		if err := f.block(b); err != nil {
			return err
		}
	}
	g.releaseMemory()
	g.spill.pairs.Close()
	return g.spill.finish(g.spill.groups)
}
