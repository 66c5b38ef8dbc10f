package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/siltstone-db/siltstone/bench/clickbench"
	"github.com/siltstone-db/siltstone/bench/ingestrate"
)

type ingestCmd struct {
	common
	Duration time.Duration `help:"Time of each case." default:"10s"`
	JSON     string        `help:"Write the results to this file." type:"path"`
}

// Run measures every case once and prints a table.
func (c *ingestCmd) Run(ctx context.Context) error {
	server, own, err := c.start(ctx, "siltstone-ingest")
	if err != nil {
		return err
	}
	if own {
		defer func() { _ = server.Stop() }()
		idle, _ := server.Memory()
		fmt.Printf("server memory, idle: %.0f MB\n", float64(idle)/1e6)
	}
	t := ingestrate.Target{PG: server.PG, HTTP: server.HTTP}
	var results []ingestrate.Result
	add := func(r ingestrate.Result, err error) error {
		if err != nil {
			return err
		}
		results = append(results, r)
		fmt.Printf("%-45s %3d clients %12.0f rows/s %10.0f commits/s   p50 %8s   p99 %8s\n", r.Case, r.Clients, r.RowsPerSecond(),
			r.CommitsPerSecond(), r.P50.Round(10*time.Microsecond), r.P99.Round(10*time.Microsecond))
		return nil
	}
	for _, clients := range []int{1, 16, 64} {
		if err := add(t.Insert(ctx, clients, c.Duration)); err != nil {
			return err
		}
	}
	for _, clients := range []int{1, 4} {
		if err := add(t.HTTP20(ctx, clients, 5000, c.Duration)); err != nil {
			return err
		}
	}
	if err := add(t.Copy(ctx, clickbench.Schema(), 1, 100_000, c.Duration)); err != nil {
		return err
	}
	if own {
		now, peak := server.Memory()
		fmt.Printf("server memory: %.0f MB now, %.0f MB at most\n", float64(now)/1e6, float64(peak)/1e6)
	}
	if c.JSON == "" {
		return nil
	}
	b, err := json.MarshalIndent(results, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(c.JSON, b, 0o644)
}
