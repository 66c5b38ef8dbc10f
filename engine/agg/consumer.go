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
	g := c.g
	g.world.RLock()
	generation := g.generation
	err := g.way.consume(c.w, b)
	var short error
	if err == nil {
		short = c.w.short()
	}
	g.world.RUnlock()
	switch {
	case err == nil && short == nil:
		return nil
	case err == nil:
		return g.makeRoom(generation, short)
	case !errs.Is(err, errs.OutOfMemory) || !g.spill.may():
		return err
	}
	return c.alone(b, generation)
}

// alone takes a batch that was refused, while no other worker takes one: in a race for what was given back none may
// get enough. When there is too little even for the batch alone, no division helps.
func (c *consumer) alone(b *batch.Batch, generation int) error {
	g := c.g
	g.world.Lock()
	defer g.world.Unlock()
	for {
		empty := g.generation == generation // others may have made room since the refusal
		if empty {
			if err := g.empty(); err != nil {
				return err
			}
		}
		err := g.way.consume(c.w, b)
		switch {
		case err == nil && c.w.short() != nil:
			return g.empty()
		case !errs.Is(err, errs.OutOfMemory):
			return err
		case empty:
			return tooLarge(err)
		}
		generation = g.generation
	}
}
