package agg

import (
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
)

// consumer is a worker's place, which stays when its state is made again: only who holds the group's world may look at
// the worker.
type consumer struct {
	g *Group
	w *worker
}

// Finish does nothing: Combine does the rest.
func (c *consumer) Finish() error { return nil }

// Consume takes a batch. Where the account refuses memory, all workers' groups go to temporary files, and the batch is
// tried again: everything that may be refused comes before the first change that must not be made twice.
func (c *consumer) Consume(b *batch.Batch) error {
	g, w := c.g, c.w
	for tries := 0; ; tries++ {
		g.world.RLock()
		err := w.consume(b)
		generation := g.generation
		if err == nil {
			err = w.short()
			g.world.RUnlock()
			if err == nil {
				return nil
			}
			return g.relieve(generation, err)
		}
		g.world.RUnlock()
		if !errs.Is(err, errs.OutOfMemory) || !g.spill.may() {
			return err
		}
		if err := g.relieve(generation, err); err != nil {
			return err
		}
		if tries == triesMax {
			return tooLarge(err)
		}
	}
}

// triesMax is how often a batch is tried. Another try fails when other workers take the memory that was given back,
// which they do for one batch each; it fails for ever when a batch alone is too large.
const triesMax = 100
