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
	in, err := newInsertion(ctx, env, b)
	if err != nil {
		return "", err
	}
	defer in.close()
	if err := env.run(ctx, c.Plan, in.add); err != nil {
		return "", err
	}
	if err := in.finish(); err != nil {
		return "", err
	}
	return fmt.Sprintf("INSERT 0 %d", in.w.rows()), in.returned.send(env)
}

// insertion is what an INSERT does with the rows of its plan.
type insertion struct {
	ctx       context.Context
	env       *Env
	bound     *bind.Insert
	w         *writer
	conflicts *conflicts // nil without ON CONFLICT
	returned  returned
}

func newInsertion(ctx context.Context, env *Env, b *bind.Insert) (*insertion, error) {
	t, err := env.Tx.written(b.Table)
	if err != nil {
		return nil, err
	}
	in := &insertion{ctx: ctx, env: env, bound: b}
	if in.w, err = newWriter(ctx, env, t); err != nil {
		return nil, err
	}
	if b.Conflict != nil {
		if in.conflicts, err = newConflicts(ctx, env, b, t, in); err != nil {
			in.close()
			return nil, err
		}
	}
	return in, nil
}

func (in *insertion) close() {
	in.returned.close()
	in.w.close()
	if in.conflicts != nil {
		in.conflicts.close()
	}
}

// add takes a batch of the plan.
func (in *insertion) add(b *batch.Batch) error {
	b, err := in.w.appender.Generate(b)
	if err != nil {
		return err
	}
	if in.conflicts == nil {
		return in.store(b)
	}
	if err := in.w.appender.Check(b); err != nil { // before anybody asks whether the row is there
		return err
	}
	return in.conflicts.add(b)
}

// store takes rows that the table gets.
func (in *insertion) store(rows *batch.Batch) error {
	if err := in.w.add(rows); err != nil || in.bound.Returning == nil {
		return err
	}
	exprs := make([]expr.Expr, len(in.bound.Returning))
	copy(exprs, in.bound.Returning)
	n := len(in.bound.Table.Columns)
	rows = withIdentities(rows, n)
	p, err := compile.Rows(in.bound.Inserted, source.NewValues(typesOf(in.bound.Table, n+1), []*batch.Batch{rows}), exprs, in.env.Params,
		&compile.Env{Relations: in.env.Tx, Virtual: in.env.Virtual, Fn: in.env.Fn})
	if err != nil {
		return err
	}
	return in.env.execute(in.ctx, p, func(b *batch.Batch) error { return in.returned.add(in.env, b) })
}

// finish hands everything to the transaction.
func (in *insertion) finish() error {
	if in.conflicts != nil {
		if err := in.env.Tx.Delete(in.w.table.ID, in.conflicts.gone, true); err != nil {
			return err
		}
	}
	return in.w.end()
}
