package stmt

import (
	"context"
	"fmt"
	"slices"

	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/sql/bind"
	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/format"
	"github.com/siltstone-db/siltstone/storage/table"
)

// copyFrom runs COPY ... FROM STDIN.
func copyFrom(ctx context.Context, env *Env, b *bind.Copy) (string, error) {
	t := b.Table.Table
	if t == nil {
		return "", errs.New(errs.WrongObjectType, "cannot copy to view %q", b.Table.Name)
	}
	account := env.Pool.Intake("copy", 0)
	defer account.Close()
	into, err := copyInto(env, b, t)
	if err != nil {
		return "", err
	}
	src, err := env.Out.CopyIn(wireFormat(&b.Options), len(b.Ordinals))
	if err != nil {
		return "", err
	}
	o := columnFlags(b.Options, b.Ordinals)
	bad := &badRows{how: o.OnError, most: o.RejectLimit, table: t}
	if o.Verbose {
		bad.verbose = env.Out
	}
	bad.set(&into, env.Tx)
	into.Meter = format.NewMeter(o.Encoding.Reader(src), account)
	if env.Session.InTransaction() {
		env.Tx.TellKeys()
	}
	to := table.NewAppender(into)
	r, err := newRowReader(into.Meter, t.Name, &o, to, env.Session.TypeSettings(), account)
	if err != nil {
		return "", err
	}
	if err := to.Read(ctx, r); err != nil {
		return "", err
	}
	if err := env.Tx.Await(); err != nil {
		return "", err
	}
	if err := env.Tx.told(); err != nil {
		return "", err
	}
	return fmt.Sprintf("COPY %d", to.Rows()), bad.notice(env.Out)
}

// copyInto says what becomes of the rows.
func copyInto(env *Env, b *bind.Copy, t *catalog.Table) (o table.AppenderOptions, err error) {
	lacking := func(column int) bool { return !slices.Contains(b.Ordinals, column) }
	terms, err := Terms(env.Fn, env.Session.TypeSettings(), t, lacking)
	if err != nil {
		return o, err
	}
	o = table.AppenderOptions{Table: t, Terms: terms, Sink: env.Tx, Columns: b.Ordinals}
	if b.Where != nil {
		where, err := whereEvaluator(env, b, t)
		if err != nil {
			return o, err
		}
		o.Where = where.EvalBool
	}
	return o, nil
}

// whereEvaluator compiles COPY ... WHERE over the table's columns.
func whereEvaluator(env *Env, b *bind.Copy, t *catalog.Table) (*expr.Evaluator, error) {
	cond := expr.Transform(b.Where, func(e expr.Expr) expr.Expr {
		c, ok := e.(*expr.Column)
		if !ok {
			return e
		}
		for _, col := range b.Columns {
			if col.ID == plan.ID(c.Index) {
				return &expr.Column{Index: col.Ordinal, Name: c.Name, T: c.T}
			}
		}
		return e
	})
	return expr.NewEvaluator(cond, t.Types(), env.Fn)
}
