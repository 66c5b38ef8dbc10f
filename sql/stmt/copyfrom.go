package stmt

import (
	"context"
	"fmt"

	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/sql/bind"
	"github.com/siltstone-db/siltstone/sql/parse"
	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/table"
	"github.com/siltstone-db/siltstone/storage/types"
)

// copyRows is the most rows of a batch of COPY: one that is still in the processor's cache is encoded faster.
const copyRows = 8192

// copyFrom runs COPY ... FROM STDIN, in batches.
func copyFrom(ctx context.Context, env *Env, b *bind.Copy) (string, error) {
	t := b.Table.Table
	if t == nil {
		return "", errs.New(errs.WrongObjectType, "cannot copy to view %q", b.Table.Name)
	}
	fill, err := newFiller(ctx, env, t, b.Ordinals)
	if err != nil {
		return "", err
	}
	var where *expr.Evaluator
	if b.Where != nil {
		if where, err = whereEvaluator(env, b, t); err != nil {
			return "", err
		}
	}
	src, err := env.Out.CopyIn(wireFormat(&b.Options), len(b.Ordinals))
	if err != nil {
		return "", err
	}
	o := columnFlags(b.Options, b.Ordinals)
	account := env.Pool.Intake("copy", 0) // of rows that are very long
	defer account.Close()
	r, err := newRowReader(o.Encoding.Reader(src), t.Name, &o, copyColumns(t.Columns, b.Ordinals), env.Session.TypeSettings(), account)
	if err != nil {
		return "", err
	}
	rows, err := copyIn(ctx, env, t.ID, r, fill, where)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("COPY %d", rows), nil
}

// copyIn reads all rows and gives them to the transaction.
func copyIn(ctx context.Context, env *Env, id catalog.TableID, r rowReader, fill *filler, where *expr.Evaluator) (rows int64, err error) {
	for more := true; more; {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		in := env.Tx.Spare()
		if more, err = r.Read(in, copyRows); err != nil {
			return 0, err
		}
		out, err := fill.batch(in)
		if err != nil {
			return 0, err
		}
		if where != nil && out.Len > 0 {
			if out, err = keep(where, out); err != nil {
				return 0, err
			}
		}
		if err := fill.guard.Check(out); err != nil {
			return 0, err
		}
		rows += int64(out.Len)
		if err := env.Tx.Insert(ctx, id, out); err != nil {
			return 0, err
		}
	}
	return rows, env.Tx.Await()
}

// filler turns rows of the listed columns into rows of the whole table.
type filler struct {
	table    *catalog.Table
	ordinals []int
	whole    bool              // the list is the table's columns in their order
	defaults []*expr.Evaluator // by table ordinal, nil for NULL
	written  []bool
	guard    *table.Guard
}

func newFiller(ctx context.Context, env *Env, t *catalog.Table, ordinals []int) (*filler, error) {
	g, err := newGuard(env, t)
	if err != nil {
		return nil, err
	}
	f := &filler{table: t, ordinals: ordinals, whole: len(ordinals) == len(t.Columns), written: make([]bool, len(t.Columns)), guard: g}
	for i, o := range ordinals {
		f.whole = f.whole && i == o
		f.written[o] = true
	}
	if f.whole {
		return f, nil
	}
	f.defaults = make([]*expr.Evaluator, len(t.Columns))
	for i, c := range t.Columns {
		if f.written[i] || c.Default == "" {
			continue
		}
		e, err := defaultExpr(env, c)
		if err != nil {
			return nil, err
		}
		if f.defaults[i], err = expr.NewEvaluator(e, nil, env.Fn); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// defaultExpr binds the DEFAULT of a column, converted to its type.
func defaultExpr(env *Env, c catalog.Column) (expr.Expr, error) {
	sts, err := parse.Parse("SELECT " + c.Default)
	if err != nil || len(sts) != 1 {
		return nil, errs.Internal("default of column %q: %w", c.Name, err)
	}
	bound, err := bind.New(env.Resolver, nil, bind.Env{Fn: env.Fn}).Statement(sts[0])
	if err != nil {
		return nil, err
	}
	q, ok := bound.(*bind.Query)
	if !ok {
		return nil, errs.Internal("default of column %q is not an expression", c.Name)
	}
	var e expr.Expr
	switch p := q.Plan.(type) {
	case *plan.Project:
		e = p.Exprs[0]
	case *plan.Values:
		e = p.Rows[0][0]
	default:
		return nil, errs.Unsupported("this default of column %q in COPY", c.Name)
	}
	if e.Type() == c.Type {
		return e, nil
	}
	return &expr.Cast{Arg: e, T: c.Type, Assignment: true}, nil
}

func (f *filler) batch(in *batch.Batch) (*batch.Batch, error) {
	if f.whole {
		return in, nil
	}
	out := &batch.Batch{Len: in.Len, Cols: make([]*batch.Vector, len(f.table.Columns))}
	for i, o := range f.ordinals {
		out.Cols[o] = in.Cols[i]
	}
	for i, c := range f.table.Columns {
		if f.written[i] {
			continue
		}
		v := batch.New([]types.Type{c.Type}).Cols[0]
		v.Reset(c.Type, 0)
		out.Cols[i] = v
		if in.Len == 0 {
			continue
		}
		if err := f.fill(i, v, in.Len); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// fill appends n defaults of column i to v.
func (f *filler) fill(i int, v *batch.Vector, n int) error {
	if f.defaults[i] == nil {
		null := &batch.Vector{}
		null.ResetConstant(types.NullOf(v.Type), n)
		v.AppendVector(null)
		return nil
	}
	d, err := f.defaults[i].Eval(&batch.Batch{Len: n})
	if err != nil {
		return err
	}
	v.AppendVector(d)
	return nil
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

// keep returns the rows for which a condition is true.
func keep(cond *expr.Evaluator, b *batch.Batch) (*batch.Batch, error) {
	bits := make(batch.Bitmap, batch.Words(b.Len))
	if err := cond.EvalBool(b, bits); err != nil {
		return nil, err
	}
	b.Sel = batch.SelectBits(bits)
	out := batch.New(b.Types())
	b.Compact(out)
	return out, nil
}
