package main

import (
	"context"

	"github.com/siltstone-db/siltstone/bench/clickbench"
	"github.com/siltstone-db/siltstone/bench/suite"
)

type clickbenchCmd struct {
	contest
	Data string `help:"A file of hits as ClickBench has it, .csv or .tsv, also .gz, in place of generated rows." type:"existingfile"`
	Rows int    `help:"Rows of hits." default:"1000000"`
	Seed uint64 `help:"Seed of the data." default:"1"`
}

// Run runs the workload on Siltstone, then on each rival, compares all answers with the first rival's, and reports.
func (c *clickbenchCmd) Run(ctx context.Context) error {
	w, err := c.workload()
	if err != nil {
		return err
	}
	return c.run(ctx, w)
}

func (c *clickbenchCmd) workload() (*suite.Workload, error) {
	if c.Data != "" {
		logf("data: %s", c.Data)
		return clickbench.FromFile(c.Dir, c.Data)
	}
	logf("data: %d rows, seed %d", c.Rows, c.Seed)
	return clickbench.Workload(c.Dir, c.Seed, c.Rows)
}
