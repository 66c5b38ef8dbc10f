package suite

import (
	"context"
	"os"
	"syscall"
	"time"
)

// Restarter is a target that can be stopped and started again over the same data, so that a query meets neither its memory
// nor, where the page cache can be dropped, the system's.
type Restarter interface {
	Restart(ctx context.Context) error
}

// Reckoner is a target that can be told to answer nothing from what it has reckoned before.
type Reckoner interface {
	// Reckoned turns that on or off.
	Reckoned(ctx context.Context, on bool) error
}

// DropPageCache empties the system's page cache, which only root can, and tells whether it did.
func DropPageCache() bool {
	syscall.Sync()
	return os.WriteFile("/proc/sys/vm/drop_caches", []byte("3"), 0) == nil
}

// cold runs each query once, right after a restart of its target.
func cold(ctx context.Context, t Target, w *Workload, run *Run, opt Options) error {
	r, ok := t.(Restarter)
	if !ok || !opt.Cold {
		return nil
	}
	opt.Log("%s: cold runs", t.Name())
	for i, q := range w.Queries {
		timing := &run.Timings[i]
		if timing.Error != "" {
			continue
		}
		if err := r.Restart(ctx); err != nil {
			return err
		}
		answer, d, err := t.Query(ctx, q.SQL)
		if err != nil {
			timing.Error = err.Error()
			continue
		}
		timing.Cold = d
		timing.judge("cold", judge(ctx, t, q, run.answers[i], answer))
	}
	run.ColdFromDisk = DropPageCache() // as before each of them
	return ctx.Err()
}

// unreckoned runs a query on a target that answers nothing from statistics, as often as the hot runs of the options.
func unreckoned(ctx context.Context, t Target, q Query, checked Answer, timing *Timing, opt Options) {
	r, ok := t.(Reckoner)
	if !ok || !opt.Unreckoned || timing.Error != "" {
		return
	}
	err := r.Reckoned(ctx, false)
	for n := 0; n < max(opt.Runs, 1) && err == nil; n++ {
		var answer Answer
		var d time.Duration
		if answer, d, err = t.Query(ctx, q.SQL); err != nil {
			break
		}
		if n == 0 {
			timing.judge("siltstone.cache = off", judge(ctx, t, q, checked, answer))
		}
		if timing.Unreckoned == 0 || d < timing.Unreckoned {
			timing.Unreckoned = d
		}
	}
	if e := r.Reckoned(ctx, true); err == nil {
		err = e
	}
	if err != nil {
		timing.Error = err.Error()
	}
}
