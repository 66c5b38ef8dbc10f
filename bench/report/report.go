// Package report prints what benchmark runs found: a plain-text table for people, JSON for machines.
package report

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/siltstone-db/siltstone/bench/suite"
)

// Report is the runs of one workload; the first run is the one that others are compared with in the ratio columns.
type Report struct {
	Workload string       `json:"workload"`
	Rows     int64        `json:"rows"`
	Threads  int          `json:"threads"`
	CPU      int          `json:"cpus"`
	Date     time.Time    `json:"date"`
	Runs     []*suite.Run `json:"runs"`
}

// New returns a report on runs of w.
func New(w *suite.Workload, threads int, runs []*suite.Run) *Report {
	return &Report{Workload: w.Name, Rows: w.Rows, Threads: threads, CPU: runtime.NumCPU(), Date: time.Now().UTC(), Runs: runs}
}

// WriteJSON writes the report with every single run.
func (r *Report) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", " ")
	return e.Encode(r)
}

// WriteText writes the table: milliseconds per query, the ratio of each rival to the first target (above 1: the first
// is faster), the run after a restart, the one without answers from statistics, and what is wrong with an answer that was
// timed or checked; below it the sums, geometric means and the number of equal answers.
func (r *Report) WriteText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %d rows, %d threads, best of the hot runs, ms\n\n", r.Workload, r.Rows, r.Threads)
	fmt.Fprintf(&b, "%-6s", "query")
	for i, run := range r.Runs {
		fmt.Fprintf(&b, " %12s", run.Target)
		for _, x := range extras {
			if x.any(run) {
				fmt.Fprintf(&b, " %9s", x.title)
			}
		}
		if i > 0 {
			fmt.Fprintf(&b, " %8s", "ratio")
		}
	}
	b.WriteString("  answer\n")
	for q := range r.Runs[0].Timings {
		r.writeQuery(&b, q)
	}
	r.writeTotals(&b)
	for _, run := range r.Runs {
		fmt.Fprintf(&b, "%s %s: ", run.Target, run.Version)
		if run.Load > 0 {
			fmt.Fprintf(&b, "loaded in %.1f s (%.0f rows/s), ", run.Load.Seconds(), float64(r.Rows)/run.Load.Seconds())
		}
		if extras[0].any(run) && !run.ColdFromDisk {
			b.WriteString("cold runs met the page cache, which only root can drop, ")
		}
		fmt.Fprintf(&b, "%.0f MB on disk", float64(run.DiskBytes)/1e6)
		if run.LiveBytes > 0 {
			fmt.Fprintf(&b, ", %.0f MB live", float64(run.LiveBytes)/1e6)
		}
		if run.Memory > 0 {
			fmt.Fprintf(&b, ", %.0f MB memory at most", float64(run.Memory)/1e6)
		}
		b.WriteString("\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// extra is a column that a run has beside its best time.
type extra struct {
	title string
	of    func(*suite.Timing) time.Duration
}

var extras = []extra{
	{"cold", func(t *suite.Timing) time.Duration { return t.Cold }},
	{"cache off", func(t *suite.Timing) time.Duration { return t.Unreckoned }},
}

// any tells whether a run has the column.
func (x *extra) any(run *suite.Run) bool {
	return slices.ContainsFunc(run.Timings, func(t suite.Timing) bool { return x.of(&t) > 0 })
}

func (r *Report) writeQuery(b *strings.Builder, q int) {
	first := r.Runs[0].Timings[q]
	fmt.Fprintf(b, "%-6s", first.Query)
	verdict := ""
	for i, run := range r.Runs {
		t := run.Timings[q]
		if t.Error != "" {
			fmt.Fprintf(b, " %12s", "error")
			verdict += fmt.Sprintf(" %s: %.100s", run.Target, t.Error)
		} else {
			fmt.Fprintf(b, " %12.2f", milliseconds(t.Best))
		}
		if t.Wrong != "" {
			verdict += fmt.Sprintf(" %s: %s", run.Target, t.Wrong)
		}
		for _, x := range extras {
			if x.any(run) {
				fmt.Fprintf(b, " %9.2f", milliseconds(x.of(&t)))
			}
		}
		if i > 0 {
			fmt.Fprintf(b, " %8s", ratio(t, first))
			if t.Diff != "" {
				verdict += fmt.Sprintf(" %s: %s", run.Target, t.Diff)
			}
		}
	}
	if verdict == "" {
		verdict = " right"
		if len(r.Runs) > 1 {
			verdict = " equal"
		}
	}
	fmt.Fprintf(b, " %s\n", verdict)
}

func ratio(rival, first suite.Timing) string {
	if rival.Best == 0 || first.Best == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", float64(rival.Best)/float64(first.Best))
}

func (r *Report) writeTotals(b *strings.Builder) {
	b.WriteString("\n")
	for i, run := range r.Runs {
		var sum time.Duration
		for _, t := range run.Timings {
			sum += t.Best
		}
		fmt.Fprintf(b, "%s: sum %.1f ms", run.Target, milliseconds(sum))
		if i > 0 {
			s := Compare(r.Runs[0], run)
			fmt.Fprintf(b, "; against %s: %d of %d equal, sum %.2fx, geometric mean %.2fx, smallest %.2fx (%s)", r.Runs[0].Target,
				s.Equal, len(run.Timings), s.Sum, s.GeometricMean, s.Smallest, s.SmallestQuery)
		}
		b.WriteString("\n")
	}
}

// Summary compares one run with another over the queries that both answered.
type Summary struct {
	Equal         int
	Sum           float64 // time of the rival / time of the first, summed over the queries
	GeometricMean float64 // of the ratios
	Smallest      float64
	SmallestQuery string
}

// Compare summarises how rival did against first.
func Compare(first, rival *suite.Run) Summary {
	s := Summary{Smallest: math.Inf(1)}
	var a, b time.Duration
	logs, n := 0.0, 0
	for q, t := range rival.Timings {
		if t.Equal {
			s.Equal++
		}
		f := first.Timings[q]
		if t.Best == 0 || f.Best == 0 {
			continue
		}
		a, b = a+f.Best, b+t.Best
		ratio := float64(t.Best) / float64(f.Best)
		logs, n = logs+math.Log(ratio), n+1
		if ratio < s.Smallest {
			s.Smallest, s.SmallestQuery = ratio, t.Query
		}
	}
	if n > 0 {
		s.Sum, s.GeometricMean = float64(b)/float64(a), math.Exp(logs/float64(n))
	}
	return s
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
