package fn

import (
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/types"
)

// fixed sees a flat or constant vector as a function from row to value: a constant has mask 0, so that the same loop
// serves both without a branch.
type fixed[T any] struct {
	v    []T
	mask int
}

func view[T any](v *batch.Vector) fixed[T] {
	f := fixed[T]{v: batch.Values[T](v), mask: -1}
	if v.Form == batch.Constant {
		f.mask = 0
	}
	return f
}

func (f fixed[T]) at(i int) T { return f.v[i&f.mask] }

// text sees a flat or constant string vector the same way.
type text struct {
	data []byte
	off  []uint32
	mask int
}

func viewText(v *batch.Vector) text {
	t := text{data: v.Data, off: v.Offsets, mask: -1}
	if v.Form == batch.Constant {
		t.mask = 0
	}
	return t
}

func (t text) at(i int) []byte {
	i &= t.mask
	return t.data[t.off[i]:t.off[i+1]]
}

// viewBool sees a boolean vector.
type boolean struct {
	bits batch.Bitmap
	mask int
}

func viewBool(v *batch.Vector) boolean {
	b := boolean{bits: v.Bools(), mask: -1}
	if v.Form == batch.Constant {
		b.mask = 0
	}
	return b
}

func (b boolean) at(i int) bool { return b.bits.Get(i & b.mask) }

// live tells whether row i must be computed.
func live(valid batch.Bitmap, i int) bool { return valid == nil || valid.Get(i) }

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

// Functions from rows of any arguments to a string: f appends to dst. They see the argument list by views made once
// per batch, in a row.
type row struct {
	i    int
	args []*batch.Vector
}

func (r *row) index(a int) int {
	if r.args[a].Form == batch.Constant {
		return 0
	}
	return r.i
}

func (r *row) bytes(a int) []byte {
	v, i := r.args[a], r.index(a)
	return v.Data[v.Offsets[i]:v.Offsets[i+1]]
}

func (r *row) null(a int) bool  { return r.args[a].IsNull(r.i) }
func (r *row) int4(a int) int   { return int(batch.Values[int32](r.args[a])[r.index(a)]) }
func (r *row) int8(a int) int64 { return batch.Values[int64](r.args[a])[r.index(a)] }
func (r *row) bool(a int) bool  { return r.args[a].Bools().Get(r.index(a)) }
func (r *row) f8(a int) float64 { return batch.Values[float64](r.args[a])[r.index(a)] }

// rowText makes an Eval whose result is a string; f appends it to dst, and returns nil for NULL.
func rowText(result types.Type, f func(c *Context, r *row, dst []byte) ([]byte, error)) Eval {
	return func(c *Context, args []*batch.Vector, n int, valid batch.Bitmap, out *batch.Vector) error {
		out.Reset(result, n)
		r := row{args: args}
		for i := range n {
			if !live(valid, i) {
				out.AppendBytes(nil)
				continue
			}
			r.i = i
			dst, err := f(c, &r, out.Data)
			if err != nil {
				return err
			}
			if dst == nil {
				out.AppendBytes(nil)
				out.Nulls(n).Clear(i)
				continue
			}
			out.Data = dst
			out.EndString()
		}
		return nil
	}
}

// rowFixed makes an Eval whose result has fixed width; ok false is NULL.
func rowFixed[R any](result types.Type, f func(c *Context, r *row) (v R, ok bool, err error)) Eval {
	return func(c *Context, args []*batch.Vector, n int, valid batch.Bitmap, out *batch.Vector) error {
		out.Reset(result, n)
		vals := batch.Values[R](out)
		r := row{args: args}
		for i := range n {
			if !live(valid, i) {
				continue
			}
			r.i = i
			v, ok, err := f(c, &r)
			if err != nil {
				return err
			}
			if !ok {
				out.Nulls(n).Clear(i)
				continue
			}
			vals[i] = v
		}
		return nil
	}
}

// rowBool makes an Eval whose result is a boolean; ok false is NULL.
func rowBool(f func(c *Context, r *row) (v, ok bool, err error)) Eval {
	return func(c *Context, args []*batch.Vector, n int, valid batch.Bitmap, out *batch.Vector) error {
		out.Reset(tBool, n)
		bits := out.Bools()
		r := row{args: args}
		for i := range n {
			if !live(valid, i) {
				continue
			}
			r.i = i
			v, ok, err := f(c, &r)
			switch {
			case err != nil:
				return err
			case !ok:
				out.Nulls(n).Clear(i)
			case v:
				bits.Set(i)
			}
		}
		return nil
	}
}
