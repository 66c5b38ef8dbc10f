package stmt

import (
	"context"
	"fmt"

	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/engine/source"
	"github.com/siltstone-db/siltstone/sql/bind"
	"github.com/siltstone-db/siltstone/sql/compile"
	"github.com/siltstone-db/siltstone/storage/batch"
)

// insert runs INSERT. RETURNING rows are computed batch by batch from what is stored, and kept until all of it is.
func (c *Command) insert(ctx context.Context, env *Env, b *bind.Insert) (string, error) {
	t, err := env.Tx.written(b.Table)
	if err != nil {
		return "", err
	}
	w, err := newWriter(ctx, env, t)
	if err != nil {
		return "", err
	}
	emit := w.add
	var kept returned
	defer kept.close()
	if b.Returning != nil {
		emit = func(rows *batch.Batch) error {
			if err := w.add(rows); err != nil {
				return err
			}
			return c.returning(ctx, env, b, rows, &kept)
		}
	}
	if err := env.run(ctx, c.Plan, emit); err != nil {
		return "", err
	}
	if err := w.end(); err != nil {
		return "", err
	}
	return fmt.Sprintf("INSERT 0 %d", w.rows), kept.send(env)
}

func (c *Command) returning(ctx context.Context, env *Env, b *bind.Insert, rows *batch.Batch, kept *returned) error {
	exprs := make([]expr.Expr, len(b.Returning))
	copy(exprs, b.Returning)
	p, err := compile.Rows(b.Inserted, source.NewValues(b.Table.Types(), []*batch.Batch{rows}), exprs, env.Params,
		&compile.Env{Relations: env.Tx, Virtual: env.Virtual, Fn: env.Fn})
	if err != nil {
		return err
	}
	return env.execute(ctx, p, func(b *batch.Batch) error { return kept.add(env, b) })
}
