package main

import (
	"context"

	"github.com/siltstone-db/siltstone/bench/tpch"
)

type tpchCmd struct {
	contest
	SF   float64 `help:"Scale: 1 has six million lines." default:"0.1" name:"sf"`
	Seed uint64  `help:"Seed of the data." default:"1"`
}

// Run runs the workload on Siltstone, then on each rival, and compares all answers.
func (c *tpchCmd) Run(ctx context.Context) error {
	logf("data: scale %g, seed %d", c.SF, c.Seed)
	w, err := tpch.Workload(c.Dir, c.Seed, c.SF)
	if err != nil {
		return err
	}
	return c.run(ctx, w)
}
