// Package op is the contract of the engine's pieces and nothing else. A pipeline is one Source, some Operators and one
// Sink; each of them is shared by the workers and makes one state per worker. Batches are pushed: a worker pulls a
// batch from its source's Producer and hands it to the first Consumer, which hands what it makes of it to the next.
//
//	Source ──Producer──► Operator ──Consumer──► Operator ──Consumer──► Sink
//	           (one chain per worker)                              Combine: once, after all workers
//
// A Sink that others read from (an aggregation, a sort, a hash join's build side) is also a Source: its pipeline must
// have been combined before a pipeline that reads it starts. Package exec runs pipelines in that order.
//
// Batches follow the ownership rules of package batch: valid until the producer is asked again, or until Consume
// returns. All states of one worker are called by one goroutine at a time, by its own until its last Finish has begun
// (see Consumer); Source, Operator and Sink themselves must stand
// concurrent calls of Producer and Consumer.
package op

import (
	"context"
	"errors"

	"github.com/siltstone-db/siltstone/engine/spill"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/types"
)

// ErrDone is returned by a Consumer that needs no more rows (a satisfied LIMIT). The worker stops pulling, calls
// Finish, and the query goes on without an error.
var ErrDone = errors.New("no more rows needed")

// Task is what the pieces of one query share. It is immutable while the query runs.
type Task struct {
	Ctx       context.Context
	Workers   int          // at least 1
	Account   *mem.Account // memory of the query
	BatchRows int          // most rows of a batch, 1 to batch.MaxRows; tests use 1 and 3
	// Spill is where operators put what Account refuses to hold; nil: they fail with 53200.
	Spill *spill.Space
}

// Source hands out rows.
type Source interface {
	// Types returns the types of the columns.
	Types() []types.Type
	// Open is called once, before any worker, after the pipelines it depends on were combined.
	Open(t *Task) error
	// Producer makes the state of one worker.
	Producer(t *Task, worker int) (Producer, error)
	// Close is called once after all workers are gone, also when Open failed.
	Close()
}

// Producer hands out the batches of one worker.
type Producer interface {
	// Next returns a batch of at least one row without a selection, or nil at the end.
	Next(ctx context.Context) (*batch.Batch, error)
	Close()
}

// Consumer takes the batches of one worker.
type Consumer interface {
	// Consume takes a batch of at least one row without a selection. The batch is lent for the call.
	Consume(b *batch.Batch) error
	// Finish is called once after the last batch: flush what is held back, then call the next one's Finish, which is due
	// also when the next one has answered ErrDone. Where the task has several workers the state may instead leave the
	// next one to the state of another worker, which ends both: what was to be known of all rows becomes known there.
	Finish() error
}

// Operator turns batches into batches.
type Operator interface {
	Types() []types.Type
	Open(t *Task) error
	// Consumer makes the state of one worker, which pushes into next. Only when t has several workers may next be called
	// by another goroutine than the state is, and then only after its Finish.
	Consumer(t *Task, worker int, next Consumer) (Consumer, error)
	Close()
}

// Sink takes batches per worker and combines them at the end.
type Sink interface {
	Open(t *Task) error
	Consumer(t *Task, worker int) (Consumer, error)
	// Combine is called once, after the last worker finished without an error. It may use all workers.
	Combine(t *Task) error
	Close()
}
