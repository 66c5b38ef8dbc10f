// Package order sorts rows.
package order

import (
	"github.com/siltstone-db/siltstone/engine/op"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Sort orders all its rows.
type Sort struct{ cfg Config }

// NewSort returns a sort.
func NewSort(cfg Config) *Sort { return &Sort{cfg: cfg} }

// Types returns the types of the rows.
func (s *Sort) Types() []types.Type { return s.cfg.In }

// Open prepares the sort.
func (s *Sort) Open(t *op.Task) error { return errs.Unsupported("sort") }

// Consumer makes the state of one worker.
func (s *Sort) Consumer(t *op.Task, worker int) (op.Consumer, error) {
	return nil, errs.Unsupported("sort")
}

// Combine merges the workers' rows.
func (s *Sort) Combine(t *op.Task) error { return errs.Unsupported("sort") }

// Producer hands out the rows in order: to one worker.
func (s *Sort) Producer(t *op.Task, worker int) (op.Producer, error) {
	return nil, errs.Unsupported("sort")
}

// Ordered tells package exec that the rows must be read by one worker.
func (s *Sort) Ordered() bool { return true }

// Close releases the memory.
func (s *Sort) Close() {}

// TopK keeps the first rows of an order.
type TopK struct{ cfg Config }

// NewTopK returns a top-k.
func NewTopK(cfg Config) *TopK { return &TopK{cfg: cfg} }

// Types returns the types of the rows.
func (s *TopK) Types() []types.Type { return s.cfg.In }

// Open prepares the sort.
func (s *TopK) Open(t *op.Task) error { return errs.Unsupported("sort") }

// Consumer makes the state of one worker.
func (s *TopK) Consumer(t *op.Task, worker int) (op.Consumer, error) {
	return nil, errs.Unsupported("sort")
}

// Combine merges the workers' rows.
func (s *TopK) Combine(t *op.Task) error { return errs.Unsupported("sort") }

// Producer hands out the rows in order: to one worker.
func (s *TopK) Producer(t *op.Task, worker int) (op.Producer, error) {
	return nil, errs.Unsupported("sort")
}

// Ordered tells package exec that the rows must be read by one worker.
func (s *TopK) Ordered() bool { return true }

// Close releases the memory.
func (s *TopK) Close() {}

