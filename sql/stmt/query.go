package stmt

import (
	"context"
	"fmt"

	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/storage/batch"
)

// query runs SELECT, VALUES or TABLE.
func (c *Command) query(ctx context.Context, env *Env) (string, error) {
	var rows int64
	err := env.run(ctx, c.Plan, func(b *batch.Batch) error {
		rows += int64(b.Len)
		return env.Out.Rows(b)
	})
	return fmt.Sprintf("SELECT %d", rows), err
}

// Query runs a plan that was bound elsewhere and hands its rows to emit.
func (e *Env) Query(ctx context.Context, n plan.Node, emit func(*batch.Batch) error) error {
	n, err := e.optimize(ctx, n)
	if err != nil {
		return err
	}
	return e.run(ctx, n, emit)
}
