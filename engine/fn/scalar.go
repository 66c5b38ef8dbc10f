package fn

import (
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/types"
)

// scalar makes Evals out of functions of one row. They cost an indirect call per row: fine for what does more work
// than that in a row.

func scalar1[A, R any](result types.Type, f func(a A) (R, error)) Eval {
	return func(_ *Context, args []*batch.Vector, n int, valid batch.Bitmap, out *batch.Vector) error {
		a := view[A](args[0])
		out.Reset(result, n)
		r := batch.Values[R](out)
		for i := range n {
			if !live(valid, i) {
				continue
			}
			v, err := f(a.at(i))
			if err != nil {
				return err
			}
			r[i] = v
		}
		return nil
	}
}

func scalar2[A, B, R any](result types.Type, f func(a A, b B) (R, error)) Eval {
	return func(_ *Context, args []*batch.Vector, n int, valid batch.Bitmap, out *batch.Vector) error {
		a, b := view[A](args[0]), view[B](args[1])
		out.Reset(result, n)
		r := batch.Values[R](out)
		for i := range n {
			if !live(valid, i) {
				continue
			}
			v, err := f(a.at(i), b.at(i))
			if err != nil {
				return err
			}
			r[i] = v
		}
		return nil
	}
}

// total adapts a function that cannot fail.
func total1[A, R any](f func(a A) R) func(A) (R, error) {
	return func(a A) (R, error) { return f(a), nil }
}

func total2[A, B, R any](f func(a A, b B) R) func(A, B) (R, error) {
	return func(a A, b B) (R, error) { return f(a, b), nil }
}
