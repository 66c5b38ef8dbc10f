// Package suite runs a workload against databases over their own interfaces: create, load, run every query several
// times, and compare answers before times. A Workload says what to ask, a Target is a database that can be asked, and
// a Run is what came out.
//
// Targets run one after the other, never at the same time, and each query runs on an otherwise idle machine.
package suite

import (
	"context"
	"fmt"
	"time"
)

// Query is one query of a workload.
type Query struct {
	Name string // "Q1"
	SQL  string // what is timed
	// Check is a variant of SQL whose answer is the same in every correct database, ties broken; "" when SQL is that
	// itself.
	Check string
}

// Workload is a table, its data and the queries.
type Workload struct {
	Name    string
	Table   string
	Schema  string   // CREATE TABLE in PostgreSQL's dialect
	Files   []string // CSV files without a header, loaded in order
	Rows    int64
	Queries []Query
}

// Answer is the rows of a result as text; a NULL is Null.
type Answer [][]string

// Null stands for NULL in an Answer.
const Null = "\x00NULL"

// LoadResult tells how loading went.
type LoadResult struct {
	Elapsed   time.Duration
	DiskBytes int64
}

// Target is a database under test.
type Target interface {
	// Name identifies the database, Version its version as it reports it.
	Name() string
	Version() string
	// Load creates the table and loads the files.
	Load(ctx context.Context, w *Workload) (LoadResult, error)
	// Query runs one query and fetches its whole answer; elapsed covers both.
	Query(ctx context.Context, sql string) (answer Answer, elapsed time.Duration, err error)
	// Memory returns the highest resident bytes so far, 0 when unknown.
	Memory() int64
	Close() error
}

// Timing is what one target made of one query.
type Timing struct {
	Query string          `json:"query"`
	Runs  []time.Duration `json:"runs"` // all runs, in order
	Best  time.Duration   `json:"best"`
	Equal bool            `json:"equal"` // the checked answer equals that of the first target
	Diff  string          `json:"diff,omitempty"`
	Error string          `json:"error,omitempty"`
}

// Run is what one target made of a workload.
type Run struct {
	Target    string        `json:"target"`
	Version   string        `json:"version"`
	Load      time.Duration `json:"load"`
	DiskBytes int64         `json:"disk_bytes"`
	Memory    int64         `json:"memory_bytes"`
	Timings   []Timing      `json:"timings"`

	answers []Answer
}

// Options say how to run.
type Options struct {
	Runs int // hot runs per query, of which the best counts; one cold run comes before
	Log  func(format string, args ...any)
}

// Execute loads and runs a workload on one target. Compare judges the answers afterwards.
func Execute(ctx context.Context, t Target, w *Workload, opt Options) (*Run, error) {
	opt.Log("%s: loading %d rows", t.Name(), w.Rows)
	load, err := t.Load(ctx, w)
	if err != nil {
		return nil, fmt.Errorf("%s: load: %w", t.Name(), err)
	}
	run := &Run{Target: t.Name(), Version: t.Version(), Load: load.Elapsed, DiskBytes: load.DiskBytes}
	opt.Log("%s: loaded in %.1f s (%.0f rows/s), %.1f MB on disk", t.Name(), load.Elapsed.Seconds(),
		float64(w.Rows)/load.Elapsed.Seconds(), float64(load.DiskBytes)/1e6)
	for _, q := range w.Queries {
		timing, answer := measure(ctx, t, q, opt.Runs)
		run.Timings = append(run.Timings, timing)
		run.answers = append(run.answers, answer)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	run.Memory = t.Memory()
	return run, nil
}

func measure(ctx context.Context, t Target, q Query, runs int) (Timing, Answer) {
	timing := Timing{Query: q.Name}
	check := q.Check
	if check == "" {
		check = q.SQL
	}
	answer, _, err := t.Query(ctx, check)
	if err != nil {
		timing.Error = err.Error()
		return timing, nil
	}
	for i := range runs + 1 {
		_, d, err := t.Query(ctx, q.SQL)
		if err != nil {
			timing.Error = err.Error()
			return timing, answer
		}
		if i == 0 {
			continue // not hot yet
		}
		timing.Runs = append(timing.Runs, d)
		if timing.Best == 0 || d < timing.Best {
			timing.Best = d
		}
	}
	return timing, answer
}
