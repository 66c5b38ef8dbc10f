// Package order sorts: all rows (Sort) or only the first ones of an order (TopK).
//
// Both are the sink of one pipeline and, once that was combined, the source of a later one, which hands the rows out
// in order to one worker. Rows are copied as batches, in whatever form they came, and charged to the task's account;
// what is sorted are entries of a normalised key and a row number, per worker, and the runs of the workers are merged
// while they are read. Equal rows come in any order.
package order

import (
	"context"
	"sync"

	"github.com/siltstone-db/siltstone/engine/op"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Sort orders all its rows.
type Sort struct {
	cfg  Config
	mu   sync.Mutex
	runs []*rows
}

// NewSort returns a sort.
func NewSort(cfg Config) *Sort { return &Sort{cfg: cfg} }

// Types returns the types of the rows.
func (s *Sort) Types() []types.Type { return s.cfg.In }

// Open does nothing.
func (s *Sort) Open(*op.Task) error { return nil }

// Consumer makes the state of one worker.
func (s *Sort) Consumer(t *op.Task, _ int) (op.Consumer, error) {
	r := &rows{acc: t.Account}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.runs = append(s.runs, r)
	return &sorting{s, r}, nil
}

// sorting collects the rows of one worker, and sorts them when the last one came.
type sorting struct {
	s *Sort
	r *rows
}

func (c *sorting) Consume(b *batch.Batch) error { return c.r.add(c.s.cfg.Keys, b) }

func (c *sorting) Finish() error {
	c.r.sort()
	return nil
}

// Combine does nothing: runs are merged while they are read.
func (s *Sort) Combine(*op.Task) error { return nil }

// Producer hands out the rows in order: to worker 0.
func (s *Sort) Producer(t *op.Task, worker int) (op.Producer, error) {
	return newMerge(s.cfg, s.runs, t, worker), nil
}

// Rows returns the number of rows.
func (s *Sort) Rows() int64 { return countRows(s.runs) }

func countRows(runs []*rows) int64 {
	n := int64(0)
	for _, r := range runs {
		n += int64(len(r.entries))
	}
	return n
}

// Ordered tells package exec that one worker must read the rows.
func (s *Sort) Ordered() bool { return true }

// Close releases the memory.
func (s *Sort) Close() {
	for _, r := range s.runs {
		r.release()
	}
	s.runs = nil
}

// merge reads sorted runs in order. There are as many runs as workers, so the smallest head is found by looking at
// each.
type merge struct {
	runs       []*rows
	pos        []int
	skip, take int64 // take -1: all
	refs       []ref
	out        *batch.Batch
}

func newMerge(cfg Config, runs []*rows, t *op.Task, worker int) *merge {
	m := &merge{runs: runs, pos: make([]int, len(runs)), skip: max(0, cfg.Offset), take: cfg.Limit, out: batch.New(cfg.In)}
	if worker > 0 {
		m.take = 0
	}
	m.refs = make([]ref, 0, max(1, min(t.BatchRows, batch.MaxRows)))
	return m
}

// head returns the run with the smallest row left, or -1.
func (m *merge) head() int {
	best := -1
	for i, r := range m.runs {
		if m.pos[i] == len(r.entries) {
			continue
		}
		if best < 0 || compare(r, &r.entries[m.pos[i]], m.runs[best], &m.runs[best].entries[m.pos[best]]) < 0 {
			best = i
		}
	}
	return best
}

// Next returns the next rows.
func (m *merge) Next(context.Context) (*batch.Batch, error) {
	m.refs = m.refs[:0]
	for len(m.refs) < cap(m.refs) && m.take != 0 {
		i := m.head()
		if i < 0 {
			break
		}
		e := &m.runs[i].entries[m.pos[i]]
		m.pos[i]++
		if m.skip > 0 {
			m.skip--
			continue
		}
		m.refs = append(m.refs, ref{m.runs[i], e.row})
		if m.take > 0 {
			m.take--
		}
	}
	if len(m.refs) == 0 {
		return nil, nil
	}
	gather(m.out, m.refs)
	return m.out, nil
}

// Close does nothing: the sink owns the rows.
func (m *merge) Close() {}

var (
	_ op.Sink   = (*Sort)(nil)
	_ op.Source = (*Sort)(nil)
)
