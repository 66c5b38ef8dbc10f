package stmt

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/siltstone-db/siltstone/sql/bind"
	"github.com/siltstone-db/siltstone/sql/compile"
	"github.com/siltstone-db/siltstone/sql/opt"
	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/sql/stats"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
)

// explain runs EXPLAIN: the tree of pieces with estimated rows; with ANALYZE the statement runs, its rows are dropped
// and the tree tells what each piece did.
func explain(ctx context.Context, env *Env, b *bind.Explain) (string, error) {
	var n plan.Node
	switch s := b.Statement.(type) {
	case *bind.Query:
		n = s.Plan
	case *bind.Insert:
		n = s.Source
	case *bind.Modify:
		n = s.Source
	case *bind.CreateTable:
		if s.As == nil {
			return "", errs.Unsupported("EXPLAIN of this statement")
		}
		if b.Analyze { // it would have to make the table
			return "", errs.Unsupported("EXPLAIN ANALYZE of CREATE TABLE AS")
		}
		n = s.As.Plan
	default:
		return "", errs.Unsupported("EXPLAIN of this statement")
	}
	start := time.Now()
	n, traces, err := opt.Optimize(ctx, n, opt.Env{Stats: env.statistics(ctx), Fn: env.Fn, Disable: env.DisablePasses})
	if err != nil {
		return "", err
	}
	if n, err = plan.Substitute(n, env.Params); err != nil {
		return "", err
	}
	if err := (&Command{unsettled: unsettled(n)}).Check(ctx, nil); err != nil {
		return "", err
	}
	estimates := stats.New(env.statistics(ctx), env.Fn)
	_, done := env.account()
	defer done()
	p, err := env.program(ctx, n, func(c *compile.Env) {
		c.Analyze = b.Analyze
		c.Estimate = func(n plan.Node) float64 { return estimates.Rows(n) }
	})
	if err != nil {
		return "", err
	}
	if b, ok := b.Statement.(*bind.Modify); ok {
		p.Root = &compile.Node{Title: modifyTitle(b), Estimate: -1, Children: []*compile.Node{p.Root}}
	}
	planned := time.Since(start)
	start = time.Now()
	if b.Analyze {
		if err := runAnalyzed(ctx, env, b.Statement, p); err != nil {
			return "", err
		}
	}
	ran := time.Since(start)
	if b.Format == "json" {
		return explainJSON(env, b, p, planned, ran)
	}
	lines := p.Root.Text(shown(b))
	if b.Verbose {
		for _, t := range traces {
			if t.Changed {
				lines = append(lines, fmt.Sprintf("Pass %s: %.3f ms", t.Pass, ms(t.Elapsed)))
			}
		}
	}
	if b.Summary {
		lines = append(lines, fmt.Sprintf("Planning Time: %.3f ms", ms(planned)))
	}
	if b.Analyze && b.Summary {
		lines = append(lines, fmt.Sprintf("Execution Time: %.3f ms", ms(ran)))
	}
	return "EXPLAIN", env.Out.Rows(textRows(lines...))
}

// shown says what the options ask to see of the tree.
func shown(b *bind.Explain) compile.Show {
	return compile.Show{Analyze: b.Analyze, Verbose: b.Verbose, Costs: b.Costs, Timing: b.Timing}
}

func modifyTitle(b *bind.Modify) string {
	if b.Update {
		return "Update on " + b.Table.Name
	}
	return "Delete on " + b.Table.Name
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// runAnalyzed runs what is explained. An INSERT really inserts, a DELETE deletes, as in PostgreSQL.
func runAnalyzed(ctx context.Context, env *Env, s bind.Statement, p *compile.Program) error {
	if mod, ok := s.(*bind.Modify); ok {
		m, err := newModification(ctx, env, mod)
		if err != nil {
			return err
		}
		defer m.close()
		if err := env.execute(ctx, p, m.add); err != nil {
			return err
		}
		return m.finish()
	}
	ins, ok := s.(*bind.Insert)
	if !ok {
		return env.execute(ctx, p, func(*batch.Batch) error { return nil })
	}
	in, err := newInsertion(ctx, env, ins)
	if err != nil {
		return err
	}
	defer in.close()
	if err := env.execute(ctx, p, in.add); err != nil {
		return err
	}
	return in.finish()
}

func explainJSON(env *Env, b *bind.Explain, p *compile.Program, planned, ran time.Duration) (string, error) {
	top := map[string]any{"Plan": p.Root.JSON(shown(b))}
	if b.Summary {
		top["Planning Time"] = ms(planned)
	}
	if b.Analyze && b.Summary {
		top["Execution Time"] = ms(ran)
	}
	text, err := json.MarshalIndent([]any{top}, "", "  ")
	if err != nil {
		return "", errs.Internal("explain: %w", err)
	}
	return "EXPLAIN", env.Out.Rows(textRows(string(text)))
}
