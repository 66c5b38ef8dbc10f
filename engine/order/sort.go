// Package order sorts: all rows (Sort) or only the first ones of an order (TopK).
//
// Both are the sink of one pipeline and, once that was combined, the source of a later one, which hands the rows out
// in order to one worker. Rows are copied as batches, in whatever form they came, and charged to the task's account;
// what is sorted are entries of a normalised key and a row number, per worker, and the runs of the workers are merged
// while they are read. Equal rows come in any order.
//
// A worker whose account refuses memory writes its rows as a sorted run (package spill) and goes on with an empty
// table; in the end all rows are in runs, which are merged while they are read, and before that into longer runs
// while there are more than mergeWays. A TopK first drops what is not among its best rows.
package order

import (
	"context"

	"github.com/siltstone-db/siltstone/engine/op"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
)

// Sort orders all its rows.
type Sort struct{ sorted }

// NewSort returns a sort.
func NewSort(cfg Config) *Sort { return &Sort{sorted{cfg: cfg}} }

// Consumer makes the state of one worker.
func (s *Sort) Consumer(t *op.Task, _ int) (op.Consumer, error) {
	return &sorting{t.Ctx, s, s.rows(t)}, nil
}

// sorting collects the rows of one worker, and sorts them when the last one came.
type sorting struct {
	ctx context.Context
	s   *Sort
	r   *rows
}

func (c *sorting) Consume(b *batch.Batch) error {
	err := c.r.add(c.ctx, c.s.cfg.Keys, b)
	if refused := errs.Is(err, errs.OutOfMemory); err != nil && !refused || c.s.files == nil {
		return err
	} else if refused || c.s.crowded(c.r) {
		return c.s.files.write(c.r)
	}
	return nil
}

func (c *sorting) Finish() error { return c.r.sort(c.ctx) }

var (
	_ op.Sink   = (*Sort)(nil)
	_ op.Source = (*Sort)(nil)
)
