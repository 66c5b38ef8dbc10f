package order

import (
	"sync"

	"github.com/siltstone-db/siltstone/engine/op"
	"github.com/siltstone-db/siltstone/engine/profile"
	"github.com/siltstone-db/siltstone/storage/types"
)

// sorted is what sorts and top-ks share: sorted runs of rows, in memory or in files, merged while they are read.
type sorted struct {
	cfg     Config
	files   *files // nil: nothing may be spilled
	spilled profile.Spill
	mu      struct {
		sync.Mutex
		runs []*rows // of the workers
	}
}

// Types returns the types of the rows.
func (s *sorted) Types() []types.Type { return s.cfg.In }

// Spilled returns the counters of what was written to temporary files.
func (s *sorted) Spilled() *profile.Spill { return &s.spilled }

// Open gets ready to spill.
func (s *sorted) Open(t *op.Task) error {
	if t.Spill != nil {
		s.files = &files{cfg: &s.cfg, space: t.Spill, ctx: t.Ctx, spilled: &s.spilled}
	}
	return nil
}

// rows returns an empty run for one worker.
func (s *sorted) rows(t *op.Task) *rows {
	r := &rows{acc: t.Account}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.runs = append(s.mu.runs, r)
	return r
}

// crowded tells that a worker's rows should go to a file without having been refused memory: when those of all workers,
// if they have as many, are much of what is gone.
func (s *sorted) crowded(r *rows) bool {
	return s.files.space.Force() || r.acc.Tight(r.charged*int64(len(s.mu.runs))) // all consumers were made before the first row
}

// Combine writes what is left once anything was written, or when little memory is left for those who read. Runs are
// merged while they are read, a few at a time.
func (s *sorted) Combine(t *op.Task) error {
	if s.files == nil || len(s.files.runs) == 0 && !t.Account.Tight(s.bytes()) {
		return nil
	}
	for _, r := range s.mu.runs {
		if err := s.files.write(r); err != nil {
			return err
		}
	}
	return s.files.reduce(mergeWays)
}

// bytes returns what the rows take.
func (s *sorted) bytes() (n int64) {
	for _, r := range s.mu.runs {
		n += r.charged
	}
	return n
}

// Producer hands out the rows in order: to worker 0.
func (s *sorted) Producer(t *op.Task, worker int) (op.Producer, error) {
	if s.files == nil || len(s.files.runs) == 0 {
		return newMerge(s.cfg, memoryCursors(s.mu.runs), t, worker), nil
	}
	if worker > 0 {
		return newMerge(s.cfg, nil, t, worker), nil
	}
	cursors, err := s.files.cursors(s.files.runs)
	return newMerge(s.cfg, cursors, t, worker), err
}

// Rows returns the number of rows, at most.
func (s *sorted) Rows() (n int64) {
	for _, r := range s.mu.runs {
		n += int64(len(r.entries))
	}
	if s.files != nil {
		for _, r := range s.files.runs {
			n += r.Records()
		}
	}
	return n
}

// Ordered tells package exec that one worker must read the rows.
func (s *sorted) Ordered() bool { return true }

// Close releases the memory and the files.
func (s *sorted) Close() {
	for _, r := range s.mu.runs {
		r.release()
	}
	s.mu.runs = nil
	if s.files != nil {
		s.files.close()
		s.files = nil
	}
}
