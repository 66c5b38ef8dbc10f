// Package opt makes plans better: an ordered list of passes, each named, timed and switchable, over immutable plans.
// There is no search space kept (no memo): every pass takes a tree and returns a better or equal one. The rules stand in
// package rule, one per file. Optimize has no state and may run many times at once; it refuses nothing of its own.
package opt

import (
	"context"
	"fmt"
	"time"

	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/sql/opt/rule"
	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/sql/stats"
)

// Env is what optimising may know besides the plan.
type Env struct {
	// Stats finds what is known of stored columns; nil: nothing.
	Stats stats.Source
	// Fn is the context for folding constants. Stable functions fold too when it has a Session; nil folds only
	// immutable ones.
	Fn *fn.Context
	// Disable lists passes, by name, that are skipped.
	Disable map[string]bool
}

// Trace tells what one pass did.
type Trace struct {
	Pass    string
	Elapsed time.Duration
	Changed bool
}

// Optimize runs all passes, on each shared subplan by itself and then on the plan, which thereby knows their estimates.
// Nothing moves between them but the list of the columns that are wanted. The result has the same output columns (numbers, names, types, order) as the input. Passes
// that the engine depends on (rule.Rule.Required) run even when they are disabled.
func Optimize(ctx context.Context, n plan.Node, env Env) (plan.Node, []Trace, error) {
	re := &rule.Env{Fn: env.Fn, Stats: stats.New(env.Stats, env.Fn), NextID: plan.MaxID(n) + 1}
	traces := make([]Trace, 0, len(passes))
	if !env.Disable[rule.PruneColumns.Name] {
		n = rule.PruneShared(n)
	}
	n, err := plan.MapShared(n, func(n plan.Node) (plan.Node, error) {
		return run(ctx, re, n, env.Disable, &traces)
	})
	if err != nil {
		return nil, traces, err
	}
	n, err = run(ctx, re, n, env.Disable, &traces)
	return n, traces, err
}

// run runs the passes on a plan or a shared subplan.
func run(ctx context.Context, re *rule.Env, n plan.Node, disable map[string]bool, traces *[]Trace) (plan.Node, error) {
	for _, p := range passes {
		if disable[p.Name] && !p.Required {
			continue
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		start := time.Now()
		out, err := p.Apply(re, n)
		if err != nil {
			return nil, fmt.Errorf("pass %s: %w", p.Name, err)
		}
		*traces = append(*traces, Trace{Pass: p.Name, Elapsed: time.Since(start), Changed: out != n})
		n = out
	}
	return n, nil
}
