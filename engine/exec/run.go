package exec

import (
	"context"
	"errors"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/siltstone-db/siltstone/engine/op"
	"github.com/siltstone-db/siltstone/engine/profile"
	"github.com/siltstone-db/siltstone/storage/errs"
)

// inlineRows is the size of a source below which its pipeline runs on the calling goroutine alone: 50,000 rows take
// about 0.1 ms per operator, which is what starting workers and merging their states costs.
const inlineRows = 50_000

// Run runs a plan to its end, and closes every piece of it whatever happens. It returns the first error of any worker;
// a panic in one becomes XX000, its stack goes to the log, and the process lives on.
func Run(t *op.Task, p *Plan) error {
	ctx, cancel := context.WithCancel(t.Ctx)
	defer cancel()
	task := *t
	task.Ctx = ctx
	l := newLifetimes(p)
	defer l.closeAll()
	for i, pl := range p.Pipelines {
		for _, d := range pl.DependsOn {
			if d >= i {
				return errs.Internal("pipeline %d depends on pipeline %d, which comes later", i, d)
			}
		}
		if err := runPipeline(&task, pl, l, cancel); err != nil {
			return err
		}
		l.closeAfter(i)
	}
	return nil
}

// runPipeline opens what is not open yet, runs the workers, and combines the sink.
func runPipeline(t *op.Task, pl *Pipeline, l *lifetimes, cancel context.CancelFunc) (err error) {
	defer op.Recover(&err)
	start := time.Now()
	if err := openPipeline(t, pl, l); err != nil {
		return err
	}
	chains, err := makeChains(t, pl, workers(t, pl))
	defer func() {
		for _, c := range chains {
			c.producer.Close()
		}
	}()
	if err != nil {
		return err
	}
	if err := runChains(t.Ctx, chains, cancel); err != nil {
		return err
	}
	if err := combine(t, pl); err != nil {
		return err
	}
	if pl.Profile != nil {
		pl.Profile.Workers, pl.Profile.Wall = len(chains), time.Since(start)
	}
	return nil
}

func openPipeline(t *op.Task, pl *Pipeline, l *lifetimes) error {
	if err := l.openSource(t, pl.Source); err != nil {
		return err
	}
	for _, o := range pl.Operators {
		if err := l.open(o, func() error { return o.Open(t) }); err != nil {
			return err
		}
	}
	return l.open(pl.Sink, func() error { return pl.Sink.Open(t) })
}

// workers tells how many workers a pipeline is worth.
func workers(t *op.Task, pl *Pipeline) int {
	if o, ok := pl.Source.(Ordered); ok && o.Ordered() {
		return 1
	}
	for _, x := range pl.Operators {
		if o, ok := x.(Ordered); ok && o.Ordered() {
			return 1
		}
	}
	if z, ok := pl.Source.(Sized); ok && z.Rows() < inlineRows {
		return 1
	}
	return max(1, t.Workers)
}

func combine(t *op.Task, pl *Pipeline) error {
	start := time.Now()
	err := pl.Sink.Combine(t)
	if pl.Profile != nil {
		pl.Profile.Sink.Combine.Store(int64(time.Since(start)))
	}
	return err
}

// chain is what one worker runs.
type chain struct {
	producer op.Producer
	consumer op.Consumer
}

// makeChains makes the states of all workers before any of them starts, so that pieces know how many there are. It
// returns the chains it made also when it fails.
func makeChains(t *op.Task, pl *Pipeline, n int) ([]chain, error) {
	chains := make([]chain, 0, n)
	for w := range n {
		c, err := makeConsumers(t, pl, w)
		if err != nil {
			return chains, err
		}
		p, err := pl.Source.Producer(t, w)
		if err != nil {
			return chains, err
		}
		if pl.Profile != nil {
			p = &timedProducer{p, &pl.Profile.Source}
		}
		chains = append(chains, chain{p, c})
	}
	return chains, nil
}

func makeConsumers(t *op.Task, pl *Pipeline, w int) (op.Consumer, error) {
	c, err := pl.Sink.Consumer(t, w)
	if err != nil {
		return nil, err
	}
	if pl.Profile != nil {
		c = &timedConsumer{c, &pl.Profile.Sink, lastPiece(pl.Profile, len(pl.Operators)-1)}
	}
	for i := len(pl.Operators) - 1; i >= 0; i-- {
		if c, err = pl.Operators[i].Consumer(t, w, c); err != nil {
			return nil, err
		}
		if pl.Profile != nil {
			c = &timedConsumer{c, &pl.Profile.Operators[i], lastPiece(pl.Profile, i-1)}
		}
	}
	return c, nil
}

func lastPiece(p *profile.Pipeline, i int) *profile.Piece {
	if i < 0 {
		return &p.Source
	}
	return &p.Operators[i]
}

// runChains runs each chain, on the calling goroutine when there is only one. The first error cancels the others.
func runChains(ctx context.Context, chains []chain, cancel context.CancelFunc) error {
	var stop atomic.Bool
	if len(chains) == 1 {
		return runWorker(ctx, chains[0], &stop)
	}
	var (
		wg    sync.WaitGroup
		once  sync.Once
		first error
	)
	for _, c := range chains {
		wg.Go(func() {
			if err := runWorker(ctx, c, &stop); err != nil {
				once.Do(func() { first = err; cancel() })
			}
		})
	}
	wg.Wait()
	return first
}

// runWorker moves batches until the source ends, a consumer of any worker needs no more, or something fails.
func runWorker(ctx context.Context, c chain, stop *atomic.Bool) (err error) {
	defer op.Recover(&err)
	// A fault in mapped memory (a file that shrank under us) fails the query, not the process.
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	for !stop.Load() {
		if err := ctx.Err(); err != nil {
			return errs.From(err)
		}
		b, err := c.producer.Next(ctx)
		if err != nil {
			return err
		}
		if b == nil {
			break
		}
		if err := c.consumer.Consume(b); errors.Is(err, op.ErrDone) {
			stop.Store(true)
		} else if err != nil {
			return err
		}
	}
	if err := c.consumer.Finish(); err != nil && !errors.Is(err, op.ErrDone) {
		return err
	}
	return nil
}
