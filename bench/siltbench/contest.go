package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/siltstone-db/siltstone/bench/report"
	"github.com/siltstone-db/siltstone/bench/rival"
	"github.com/siltstone-db/siltstone/bench/suite"
)

// contest are the flags of workloads that run on Siltstone and on other databases.
type contest struct {
	common
	Runs    int      `help:"Hot runs of each query." default:"3"`
	Cold    bool     `help:"Also run each query right after a restart, with the page cache dropped where root can." default:"true" negatable:""`
	Rivals  []string `help:"Other databases to run: duckdb, clickhouse."`
	Queries []string `help:"Only these queries, e.g. Q5,Q16."`
	Equal   bool     `help:"Fail unless every answer is there and equal to the rivals'." name:"must-be-equal"`
	JSON    string   `help:"Write the result, every run included, to this file." type:"path"`
}

// run runs a workload on all, compares the answers, and reports.
func (c *contest) run(ctx context.Context, w *suite.Workload) error {
	if len(c.Queries) > 0 {
		w.Queries = slices.DeleteFunc(w.Queries, func(q suite.Query) bool { return !slices.Contains(c.Queries, q.Name) })
	}
	opt := suite.Options{Runs: c.Runs, Cold: c.Cold && c.PG == "", Unreckoned: true, Log: logf}
	ours, err := c.siltstone(ctx, w, opt)
	if err != nil {
		return err
	}
	runs := []*suite.Run{ours}
	for _, name := range c.Rivals {
		run, err := c.rival(ctx, name, w, opt)
		if err != nil {
			return err
		}
		suite.Compare(ours, run)
		runs = append(runs, run)
	}
	return c.report(report.New(w, c.Threads, runs))
}

// report writes a report, and fails when answers are wrong and must not be.
func (c *contest) report(r *report.Report) error {
	if c.JSON != "" {
		f, err := os.Create(c.JSON)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := r.WriteJSON(f); err != nil {
			return err
		}
	}
	if err := r.WriteText(os.Stdout); err != nil || !c.Equal {
		return err
	}
	for _, run := range r.Runs {
		for _, t := range run.Timings {
			if t.Error != "" || t.Wrong != "" {
				return fmt.Errorf("%s: %s: %s%s", run.Target, t.Query, t.Error, t.Wrong)
			}
		}
	}
	for _, run := range r.Runs[1:] {
		if n := report.Compare(r.Runs[0], run).Equal; n != len(run.Timings) {
			return fmt.Errorf("%s: %d of %d answers are equal", run.Target, n, len(run.Timings))
		}
	}
	return nil
}

func (c *contest) siltstone(ctx context.Context, w *suite.Workload, opt suite.Options) (*suite.Run, error) {
	server, own, err := c.start(ctx, "siltstone-data")
	if err != nil {
		return nil, err
	}
	if !own {
		server = &suite.Server{PG: c.PG}
	}
	target, err := connect(ctx, server, own)
	if err != nil {
		return nil, err
	}
	defer target.Close()
	run, err := suite.Execute(ctx, target, w, opt)
	if err != nil {
		return nil, err
	}
	return run, nil
}

// connect hands the server over to the target only if it is ours to stop.
func connect(ctx context.Context, server *suite.Server, own bool) (*suite.Siltstone, error) {
	if own {
		return suite.Connect(ctx, server.PG, server)
	}
	return suite.Connect(ctx, server.PG, nil)
}

func (c *contest) rival(ctx context.Context, name string, w *suite.Workload, opt suite.Options) (*suite.Run, error) {
	dir := filepath.Join(c.Dir, name+"-data")
	if err := os.RemoveAll(dir); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	target, err := rival.Open(ctx, name, filepath.Join(c.Dir, "rivals"), dir, c.Threads)
	if err != nil {
		return nil, err
	}
	defer target.Close()
	run, err := suite.Execute(ctx, target, w, opt)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return run, nil
}
