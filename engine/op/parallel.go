package op

import (
	"runtime/debug"
	"sync"
	"sync/atomic"

	"github.com/siltstone-db/siltstone/storage/errs"
)

// Parallel calls f for each part from 0 to n-1, once, on up to t.Workers goroutines: for the parts of a sink's
// Combine and of the end of an operator. worker numbers the goroutine, from 0. The first error stops the handing out of parts and is returned; a
// panic becomes XX000. The context is checked before each part. One part, or one worker, runs on the caller's goroutine.
func Parallel(t *Task, n int, f func(worker, part int) error) error {
	var (
		next  atomic.Int64
		once  sync.Once
		first error
		stop  atomic.Bool
	)
	work := func(w int) {
		err := runParts(t, w, n, &next, &stop, f)
		if err != nil {
			once.Do(func() { first = err })
			stop.Store(true)
		}
	}
	workers := min(max(1, t.Workers), n)
	if workers <= 1 {
		work(0)
		return first
	}
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() { work(w) })
	}
	wg.Wait()
	return first
}

func runParts(t *Task, w, n int, next *atomic.Int64, stop *atomic.Bool, f func(worker, part int) error) (err error) {
	defer Recover(&err)
	// As in package exec: a fault in mapped memory fails the query, not the process.
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	for !stop.Load() {
		part := int(next.Add(1)) - 1
		if part >= n {
			break
		}
		if err := t.Ctx.Err(); err != nil {
			return errs.From(err)
		}
		if err := f(w, part); err != nil {
			return err
		}
	}
	return nil
}
