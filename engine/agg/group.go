// Package agg groups rows and computes aggregates.
package agg

import (
	"github.com/siltstone-db/siltstone/engine/op"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Group is an aggregation: a Sink for the rows and, once combined, a Source of the groups.
type Group struct{ cfg Config }

// New returns an aggregation. Errors of the configuration come from Open.
func New(cfg Config) *Group { return &Group{cfg: cfg} }

// Types returns the types of the groups: the keys, then the calls.
func (g *Group) Types() []types.Type { return g.cfg.Types() }

// Open prepares the aggregation.
func (g *Group) Open(t *op.Task) error { return errs.Unsupported("aggregation") }

// Consumer makes the state of one worker.
func (g *Group) Consumer(t *op.Task, worker int) (op.Consumer, error) {
	return nil, errs.Unsupported("aggregation")
}

// Combine merges what the workers have.
func (g *Group) Combine(t *op.Task) error { return errs.Unsupported("aggregation") }

// Producer hands out the groups, after Combine.
func (g *Group) Producer(t *op.Task, worker int) (op.Producer, error) {
	return nil, errs.Unsupported("aggregation")
}

// Close releases the memory.
func (g *Group) Close() {}

var (
	_ op.Sink   = (*Group)(nil)
	_ op.Source = (*Group)(nil)
)
