// Package suite runs a workload against databases over their own interfaces: create, load, run every query several
// times, and compare answers before times. A Workload says what to ask, a Target is a database that can be asked, and
// a Run is what came out.
//
// Targets run one after the other, never at the same time, and each query runs on an otherwise idle machine.
package suite

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// Query is one query of a workload.
type Query struct {
	Name string // "Q1"
	SQL  string // what is timed
	// Check is a variant of SQL whose answer is the same in every correct database, ties broken; "" when SQL is that
	// itself.
	Check string
	// Proof judges the timed answer itself; nil when it has to be the checked one.
	Proof *Proof
}

// Table is a table with its data.
type Table struct {
	Name   string
	Schema string   // CREATE TABLE in PostgreSQL's dialect, a column a line
	Files  []string // CSV files without a header, loaded in order
	Order  string   // the columns by which databases sort that have to be told
}

// Workload is tables and the queries over them.
type Workload struct {
	Name    string
	Tables  []Table
	Rows    int64 // of all tables; 0: not known before they are loaded
	Queries []Query
}

// Answer is the rows of a result as text; a NULL is Null.
type Answer [][]string

// Null stands for NULL in an Answer.
const Null = "\x00NULL"

// LoadResult tells how loading went.
type LoadResult struct {
	Elapsed   time.Duration // 0: the data was there
	DiskBytes int64
	LiveBytes int64 // of rows that are in memory only, their log aside
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
	// Cold is the one run after a restart, Unreckoned the best of those without answers from statistics; 0: not run.
	Cold       time.Duration `json:"cold,omitempty"`
	Unreckoned time.Duration `json:"unreckoned,omitempty"`
	Equal      bool          `json:"equal"` // the checked answer equals that of the first target
	Diff       string        `json:"diff,omitempty"`
	// Wrong is what is wrong with an answer that was timed (see Proof), "" for nothing.
	Wrong string `json:"wrong,omitempty"`
	Error string `json:"error,omitempty"`
}

// judge keeps the first thing that is wrong with an answer.
func (t *Timing) judge(which, wrong string) {
	if wrong != "" && t.Wrong == "" {
		t.Wrong = which + ": " + wrong
	}
}

// Run is what one target made of a workload.
type Run struct {
	Target    string        `json:"target"`
	Version   string        `json:"version"`
	Load      time.Duration `json:"load"`
	DiskBytes int64         `json:"disk_bytes"`
	LiveBytes int64         `json:"live_bytes,omitempty"`
	Memory    int64         `json:"memory_bytes,omitempty"` // 0: unknown
	Timings   []Timing      `json:"timings"`
	// ColdFromDisk tells that the page cache was dropped before each cold run, and not only the process ended.
	ColdFromDisk bool `json:"cold_from_disk,omitempty"`

	answers []Answer
}

// Options say how to run.
type Options struct {
	Runs int // hot runs per query, of which the best counts; one cold run comes before
	// HotTime is how long the hot runs of a query take together at least, up to hotRunsMax of them: what takes less than
	// a millisecond needs more than a few runs to meet a quiet moment.
	HotTime time.Duration
	// Cold runs each query once more after a restart, Unreckoned without answers from statistics, on targets that can.
	Cold, Unreckoned bool
	Log              func(format string, args ...any)
}

// hotRunsMax bounds the runs for the sake of HotTime.
const hotRunsMax = 200

// Execute loads and runs a workload on one target. Compare judges the answers afterwards.
func Execute(ctx context.Context, t Target, w *Workload, opt Options) (*Run, error) {
	runs, err := Alternate(ctx, []Target{t}, w, opt)
	if err != nil {
		return nil, err
	}
	return runs[0], nil
}

// Alternate loads a workload on each target and then asks them in turn: one run of a query on each, then the next run
// on each. All have the same number of runs, and whatever else the machine does meets all of them alike, so that the
// ratio of their times is a property of the targets. They must not take each other's memory or processor between
// queries.
func Alternate(ctx context.Context, targets []Target, w *Workload, opt Options) ([]*Run, error) {
	var runs []*Run
	for _, t := range targets {
		run, err := load(ctx, t, w, opt)
		if err != nil {
			return nil, err
		}
		runs = append(runs, run)
	}
	for _, q := range w.Queries {
		timings, answers := measure(ctx, targets, q, opt)
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		for i, run := range runs {
			run.Timings = append(run.Timings, timings[i])
			run.answers = append(run.answers, answers[i])
		}
	}
	for i, t := range targets {
		runs[i].Memory = t.Memory()
		if err := cold(ctx, t, w, runs[i], opt); err != nil {
			return nil, fmt.Errorf("%s: cold run: %w", t.Name(), err)
		}
	}
	return runs, nil
}

func load(ctx context.Context, t Target, w *Workload, opt Options) (*Run, error) {
	opt.Log("%s: loading %s", t.Name(), w.Name)
	r, err := t.Load(ctx, w)
	if err != nil {
		return nil, fmt.Errorf("%s: load: %w", t.Name(), err)
	}
	if w.Rows == 0 {
		if w.Rows, err = countRows(ctx, t, w.Tables); err != nil {
			return nil, fmt.Errorf("%s: count rows: %w", t.Name(), err)
		}
	}
	if r.Elapsed > 0 {
		opt.Log("%s: loaded in %.1f s (%.0f rows/s), %.1f MB on disk", t.Name(), r.Elapsed.Seconds(),
			float64(w.Rows)/r.Elapsed.Seconds(), float64(r.DiskBytes)/1e6)
	}
	return &Run{Target: t.Name(), Version: t.Version(), Load: r.Elapsed, DiskBytes: r.DiskBytes, LiveBytes: r.LiveBytes}, nil
}

func countRows(ctx context.Context, t Target, tables []Table) (total int64, err error) {
	for _, tab := range tables {
		answer, _, err := t.Query(ctx, "SELECT COUNT(*) FROM "+tab.Name)
		if err != nil {
			return 0, err
		}
		if len(answer) != 1 || len(answer[0]) != 1 {
			return 0, fmt.Errorf("the answer is %q", answer)
		}
		n, err := strconv.ParseInt(answer[0][0], 10, 64)
		if err != nil {
			return 0, err
		}
		total += n
	}
	return total, nil
}

// measure asks for the answer that is compared, then runs the query: once to warm up, and hot as often as the options say.
// What the timed runs answer is judged, too. A target that fails is not asked again.
func measure(ctx context.Context, targets []Target, q Query, opt Options) ([]Timing, []Answer) {
	timings, answers := make([]Timing, len(targets)), make([]Answer, len(targets))
	timed := make([][]Answer, len(targets)) // the different answers of timed runs
	check := q.Check
	if check == "" {
		check = q.SQL
	}
	for i, t := range targets {
		timings[i].Query = q.Name
		var err error
		if answers[i], _, err = t.Query(ctx, check); err != nil {
			timings[i].Error = err.Error()
		}
	}
	var spent time.Duration
	for n := 0; n <= opt.Runs || n <= hotRunsMax && spent < opt.HotTime*time.Duration(len(targets)); n++ {
		asked := 0
		for i, t := range targets {
			if timings[i].Error != "" {
				continue
			}
			asked++
			answer, d, err := t.Query(ctx, q.SQL)
			if err != nil {
				timings[i].Error = err.Error()
				continue
			}
			if n > 0 { // the first is not hot
				spent += d
				timings[i].add(d)
				timed[i] = note(timed[i], answer)
			}
		}
		if asked == 0 {
			break
		}
	}
	for i, t := range targets {
		for _, answer := range timed[i] {
			timings[i].judge("timed answer", judge(ctx, t, q, answers[i], answer))
		}
		unreckoned(ctx, t, q, answers[i], &timings[i], opt)
	}
	return timings, answers
}

// add notes a hot run.
func (t *Timing) add(d time.Duration) {
	t.Runs = append(t.Runs, d)
	if t.Best == 0 || d < t.Best {
		t.Best = d
	}
}

// timedMax bounds the different answers of one query that are judged.
const timedMax = 10

// note keeps an answer that differs from all before.
func note(timed []Answer, answer Answer) []Answer {
	same := func(a Answer) bool { return slices.EqualFunc(a, answer, slices.Equal[[]string]) }
	if len(timed) == timedMax || slices.ContainsFunc(timed, same) {
		return timed
	}
	return append(timed, answer)
}
