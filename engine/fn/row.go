package fn

import (
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Functions from rows of any arguments to a string: f appends to dst. They see the argument list by views made once
// per batch, in a row.
type row struct {
	i    int
	args []*batch.Vector

	// Of a result of strings, see memory.go.
	c       *Context
	out     *batch.Vector
	strings []int // arguments whose bytes count
	start   int   // of the value in the buffer of out
	cap     int   // of that buffer when the value was begun
	work    int   // bytes since the last look at the context
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

// rowText makes an Eval whose result is a string; f appends it to dst, and returns nil for NULL. dst has room for the bytes
// of all arguments: a value that may become much longer asks for more (row.Room).
func rowText(result types.Type, f func(c *Context, r *row, dst []byte) ([]byte, error)) Eval {
	return func(c *Context, args []*batch.Vector, n int, valid batch.Bitmap, out *batch.Vector) error {
		r := row{args: args, c: c, out: out}
		r.begin(result, n)
		for i := range n {
			if !live(valid, i) {
				out.AppendBytes(nil)
				continue
			}
			dst, err := r.open(i)
			if err != nil {
				return err
			}
			if dst, err = f(c, &r, dst); err != nil {
				return err
			}
			if dst == nil {
				out.AppendBytes(nil)
				out.Nulls(n).Clear(i)
				continue
			}
			if err := r.close(dst); err != nil {
				return err
			}
		}
		return nil
	}
}

// rowFixed makes an Eval whose result has fixed width; ok false is NULL.
func rowFixed[R any](result types.Type, f func(c *Context, r *row) (v R, ok bool, err error)) Eval {
	return func(c *Context, args []*batch.Vector, n int, valid batch.Bitmap, out *batch.Vector) error {
		out.Reset(result, n)
		vals := batch.Values[R](out)
		r := row{args: args, c: c}
		for i := range n {
			if !live(valid, i) {
				continue
			}
			r.i = i
			v, ok, err := f(c, &r)
			if err == nil {
				err = r.Worked(64)
			}
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
		r := row{args: args, c: c}
		for i := range n {
			if !live(valid, i) {
				continue
			}
			r.i = i
			v, ok, err := f(c, &r)
			if err == nil {
				err = r.Worked(64)
			}
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
