package exec

import (
	"github.com/siltstone-db/siltstone/engine/op"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Run runs a plan to its end, and closes every piece of it whatever happens.
func Run(t *op.Task, p *Plan) error { return errs.Unsupported("running a plan") }

// NewResult returns a Sink that hands each batch to f: one at a time, in the order of the source when that is Ordered.
// f runs on a worker's goroutine (the caller's when the plan runs inline), never twice at once; the batch is lent for
// the call. A slow f slows the workers down: nothing is queued. An error of f ends the plan; op.ErrDone ends it
// without an error.
func NewResult(ts []types.Type, f func(*batch.Batch) error) op.Sink { return nil }
