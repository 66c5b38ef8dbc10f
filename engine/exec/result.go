package exec

import (
	"sync"

	"github.com/siltstone-db/siltstone/engine/op"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/types"
)

// NewResult returns a Sink that hands each batch to f: one at a time, in the order of the source when that is Ordered.
// f runs on a worker's goroutine (the caller's when the plan runs inline), never twice at once; the batch is lent for
// the call. A slow f slows the workers down: nothing is queued. An error of f ends the plan; op.ErrDone ends it
// without an error.
func NewResult(ts []types.Type, f func(*batch.Batch) error) *Result { return &Result{types: ts, f: f} }

// Result is the last sink of a plan.
type Result struct {
	types []types.Type
	f     func(*batch.Batch) error
	mu    struct {
		sync.Mutex
		err error // the first error of f: it is not called again
	}
}

// Types returns the types that the caller expects.
func (r *Result) Types() []types.Type { return r.types }

// Open does nothing.
func (r *Result) Open(*op.Task) error { return nil }

// Consumer returns the sink itself: workers take turns.
func (r *Result) Consumer(*op.Task, int) (op.Consumer, error) { return r, nil }

// Consume calls f.
func (r *Result) Consume(b *batch.Batch) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.mu.err == nil {
		r.mu.err = r.f(b)
	}
	return r.mu.err
}

// Finish does nothing.
func (r *Result) Finish() error { return nil }

// Combine does nothing.
func (r *Result) Combine(*op.Task) error { return nil }

// Close does nothing.
func (r *Result) Close() {}
