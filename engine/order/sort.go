// Package order sorts: all rows (Sort) or only the first ones of an order (TopK).
//
// Both are the sink of one pipeline and, once that was combined, the source of a later one, which hands the rows out
// in order to one worker. Rows are copied as batches, in whatever form they came, and charged to the task's account;
// what is sorted are entries of a normalised key and a row number, per worker, and the runs of the workers are merged
// while they are read. Equal rows come in any order.
//
// A Sort whose account refuses memory writes the worker's rows as a sorted run (package spill) and goes on with an
// empty table; in the end all rows are in runs, which are merged while they are read, and before that into longer runs
// while there are more than mergeWays. A TopK keeps few rows and does not spill.
package order

import (
	"context"
	"sync"

	"github.com/siltstone-db/siltstone/engine/op"
	"github.com/siltstone-db/siltstone/engine/profile"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Sort orders all its rows.
type Sort struct {
	cfg     Config
	mu      sync.Mutex
	runs    []*rows // of the workers
	files   *files  // nil: nothing may be spilled
	spilled profile.Spill
}

// NewSort returns a sort.
func NewSort(cfg Config) *Sort { return &Sort{cfg: cfg} }

// Types returns the types of the rows.
func (s *Sort) Types() []types.Type { return s.cfg.In }

// Spilled returns the counters of what was written to temporary files.
func (s *Sort) Spilled() *profile.Spill { return &s.spilled }

// Open gets ready to spill.
func (s *Sort) Open(t *op.Task) error {
	if t.Spill != nil {
		s.files = &files{cfg: &s.cfg, space: t.Spill, ctx: t.Ctx, spilled: &s.spilled}
	}
	return nil
}

// Consumer makes the state of one worker.
func (s *Sort) Consumer(t *op.Task, _ int) (op.Consumer, error) {
	r := &rows{acc: t.Account}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.runs = append(s.runs, r)
	return &sorting{t.Ctx, s, r}, nil
}

// sorting collects the rows of one worker, and sorts them when the last one came.
type sorting struct {
	ctx context.Context
	s   *Sort
	r   *rows
}

func (c *sorting) Consume(b *batch.Batch) error {
	err := c.r.add(c.s.cfg.Keys, b)
	if refused := errs.Is(err, errs.OutOfMemory); err != nil && !refused || c.s.files == nil {
		return err
	} else if refused || c.s.files.space.Force() || c.r.acc.Tight(c.r.charged) {
		return c.s.files.write(c.r)
	}
	return nil
}

func (c *sorting) Finish() error { return c.r.sort(c.ctx) }

// Combine writes what is left once anything was written, or when little memory is left for those who read. Runs are
// merged while they are read, a few at a time.
func (s *Sort) Combine(t *op.Task) error {
	if s.files == nil || len(s.files.runs) == 0 && !t.Account.Tight(s.bytes()) {
		return nil
	}
	for _, r := range s.runs {
		if err := s.files.write(r); err != nil {
			return err
		}
	}
	return s.files.reduce(mergeWays)
}

// bytes returns what the rows take.
func (s *Sort) bytes() (n int64) {
	for _, r := range s.runs {
		n += r.charged
	}
	return n
}

// Producer hands out the rows in order: to worker 0.
func (s *Sort) Producer(t *op.Task, worker int) (op.Producer, error) {
	if s.files == nil || len(s.files.runs) == 0 {
		return newMerge(s.cfg, memoryCursors(s.runs), t, worker), nil
	}
	if worker > 0 {
		return newMerge(s.cfg, nil, t, worker), nil
	}
	cursors, err := s.files.cursors(s.files.runs)
	return newMerge(s.cfg, cursors, t, worker), err
}

// Rows returns the number of rows.
func (s *Sort) Rows() int64 {
	n := countRows(s.runs)
	if s.files != nil {
		for _, r := range s.files.runs {
			n += r.Records()
		}
	}
	return n
}

func countRows(runs []*rows) int64 {
	n := int64(0)
	for _, r := range runs {
		n += int64(len(r.entries))
	}
	return n
}

// Ordered tells package exec that one worker must read the rows.
func (s *Sort) Ordered() bool { return true }

// Close releases the memory and the files.
func (s *Sort) Close() {
	for _, r := range s.runs {
		r.release()
	}
	s.runs = nil
	if s.files != nil {
		s.files.close()
		s.files = nil
	}
}

var (
	_ op.Sink   = (*Sort)(nil)
	_ op.Source = (*Sort)(nil)
)
