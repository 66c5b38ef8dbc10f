package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// try runs the tests with each fault and returns for each how many packages were asked until one found it, 0 when none did.
func try(ctx context.Context, asked testers, faults []*fault, c config) ([]int, error) {
	found, errs := make([]int, len(faults)), make([]error, c.workers)
	next := make(chan int)
	var wg sync.WaitGroup
	for w := range c.workers {
		wg.Go(func() {
			for i := range next {
				start := time.Now()
				if errs[w] == nil {
					found[i], errs[w] = asked.find(ctx, faults[i])
				}
				if c.verbose {
					f := faults[i]
					fmt.Printf("%d/%d %s:%d:%d %s: %d, %v\n", i, len(faults), f.file.name, f.line, f.column, f.kind, found[i], time.Since(start).Round(time.Millisecond))
				}
			}
		})
	}
	for i := range faults {
		next <- i
	}
	close(next)
	wg.Wait()
	return found, errors.Join(append(errs, ctx.Err())...)
}

// find asks one package after the other.
func (t testers) find(ctx context.Context, f *fault) (int, error) {
	for i, b := range t {
		if failed, err := b.notices(ctx, f); failed || err != nil {
			return i + 1, err
		}
	}
	return 0, nil
}

// quick is how much processor time the tests take that are asked first, all in one process: most faults are found by them.
const quick = 500 * time.Millisecond

// notices runs the tests that reach the fault, the quickest ones first.
func (b *binary) notices(ctx context.Context, f *fault) (bool, error) {
	var names []string
	var wall, cpu time.Duration
	run := func() (bool, error) {
		if len(names) == 0 {
			return false, nil
		}
		failed, err := b.fails(ctx, f, names, wall, cpu)
		names, wall, cpu = nil, 0, 0
		return failed, err
	}
	first := true
	for _, t := range b.tests {
		if t.reaches[f.id] == 0 {
			continue
		}
		below := strings.Contains(t.name, "/") // such names cannot be joined
		if below || first && cpu+t.cpu > quick {
			if failed, err := run(); failed || err != nil {
				return failed, err
			}
			first = false
		}
		names, wall, cpu = append(names, t.name), wall+t.wall, cpu+t.cpu
		if below {
			if failed, err := run(); failed || err != nil {
				return failed, err
			}
		}
	}
	return run()
}

// fails runs tests with a fault. A loop without end is ended by a limit of processor time, a wait without end by one of
// time, and one that takes all memory by one of that.
func (b *binary) fails(ctx context.Context, f *fault, names []string, wall, cpu time.Duration) (bool, error) {
	within, cancel := context.WithTimeout(ctx, 10*time.Second+5*wall)
	defer cancel()
	pattern := names[0]
	if len(names) > 1 {
		pattern = "^(" + strings.ReplaceAll(strings.ReplaceAll(strings.Join(names, "|"), "^", ""), "$", "") + ")$"
	}
	limits := fmt.Sprintf(`ulimit -v 16000000; ulimit -t %d; exec nice -n 10 "$0" "$@"`, int((5*time.Second+5*cpu)/time.Second))
	cmd := exec.CommandContext(within, "bash", "-c", limits, b.file, "-test.short", "-test.failfast", "-test.timeout=0", "-test.run", pattern)
	cmd.Dir, cmd.WaitDelay = b.dir, time.Second
	cmd.Env = append(cmd.Environ(), fmt.Sprintf("SILTSTONE_FAULT=%d", f.id))
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return false, ctx.Err()
	case err == nil, errors.As(err, &exit), within.Err() != nil:
		return err != nil, nil
	}
	return false, err
}
