package relop

import (
	"context"
	"errors"
	"iter"
	"runtime/debug"
	"sync/atomic"

	"github.com/siltstone-db/siltstone/engine/op"
	"github.com/siltstone-db/siltstone/storage/batch"
)

// branchProducer makes a producer of a source and the operators behind it. Operators push and a producer is asked, so
// they run as a coroutine, which waits in the middle of a push until the next batch is wanted: what one batch of the
// source becomes, a join may make millions of rows of it, is never collected. The coroutine and the worker that asks
// never run at once.
type branchProducer struct {
	source op.Producer
	first  op.Consumer  // of the operators
	hand   hand         // behind the last of them
	done   *atomic.Bool // the branch needs no more rows, says an operator of any worker
	next   func() (*batch.Batch, bool)
	stop   func()
	err    error
}

// Next runs the operators up to their next batch.
func (p *branchProducer) Next(ctx context.Context) (*batch.Batch, error) {
	if p.next == nil {
		p.next, p.stop = iter.Pull(func(yield func(*batch.Batch) bool) {
			p.hand.yield = yield
			p.err = p.run(ctx)
		})
	}
	if b, ok := p.next(); ok {
		return b, nil
	}
	return nil, p.err
}

// run moves the source's batches through the operators.
func (p *branchProducer) run(ctx context.Context) (err error) {
	defer op.Recover(&err)
	debug.SetPanicOnFault(true) // as the workers of package exec; the coroutine's goroutine ends with it
	for !p.done.Load() {
		if err := ctx.Err(); err != nil {
			return err
		}
		b, err := p.source.Next(ctx)
		if err != nil {
			return err
		}
		if b == nil {
			break
		}
		if err := p.first.Consume(b); errors.Is(err, op.ErrDone) {
			p.done.Store(true)
		} else if err != nil {
			return err
		}
	}
	if err := p.first.Finish(); err != nil && !errors.Is(err, op.ErrDone) {
		return err
	}
	return nil
}

// Close ends the coroutine where it stands.
func (p *branchProducer) Close() {
	if p.stop != nil {
		p.stop()
	}
	p.source.Close()
}

// errClosed ends the operators of a branch whose rows nobody wants any more.
var errClosed = errors.New("the union is closed")

// hand gives what the operators push to whoever asks for the next batch, and waits until he does again.
type hand struct{ yield func(*batch.Batch) bool }

func (h *hand) Consume(b *batch.Batch) error {
	if !h.yield(b) {
		return errClosed
	}
	return nil
}

func (h *hand) Finish() error { return nil }
