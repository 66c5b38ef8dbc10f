package main

import (
	"context"
	"fmt"
	"time"

	"github.com/siltstone-db/siltstone/bench/mixed"
)

type mixedCmd struct {
	common
	Duration time.Duration `help:"How long." default:"30s"`
	Writers  int           `help:"Connections that write." default:"2"`
	Readers  int           `help:"Connections that query." default:"2"`
	Batch    int           `help:"Rows of a commit." default:"500"`
}

// Run fails when any answer was wrong.
func (c *mixedCmd) Run(ctx context.Context) error {
	server, own, err := c.start(ctx, "siltstone-mixed")
	if err != nil {
		return err
	}
	if own {
		defer func() { _ = server.Stop() }()
	}
	r, err := mixed.Run(ctx, mixed.Options{PG: server.PG, Writers: c.Writers, Readers: c.Readers, Batch: c.Batch, Duration: c.Duration})
	if err != nil {
		return err
	}
	fmt.Printf("%d rows acknowledged (%.0f rows/s), %d queries of running totals (p50 %s, p99 %s), %d wrong\n", r.Rows,
		float64(r.Rows)/r.Elapsed.Seconds(), r.Queries, r.P50.Round(time.Microsecond), r.P99.Round(time.Microsecond), r.Wrong)
	for _, e := range r.Examples {
		fmt.Println("  wrong:", e)
	}
	if r.Wrong > 0 {
		return fmt.Errorf("%d wrong totals", r.Wrong)
	}
	return nil
}
