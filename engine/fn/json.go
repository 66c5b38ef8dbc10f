package fn

import (
	"bytes"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/types/jsonb"
	"github.com/siltstone-db/siltstone/storage/types/jsontext"
)

// jsonKeep is what an evaluator keeps for the next value it builds.
const jsonKeep = 1 << 20

// jsonScratch is what functions over json and jsonb need to compute a value: memory that lives from one to the next, which
// the statement pays for beyond jsonKeep.
type jsonScratch struct {
	b      jsonb.Builder
	parser jsontext.Parser
	path   jsonb.Path
	heap   []byte // of path
	c      *Context
	paid   int
}

// pay is the builder's Limit.
func (j *jsonScratch) pay(bytes int) error {
	if bytes <= jsonKeep || bytes <= j.paid || j.c == nil {
		return nil
	}
	if err := j.c.canceled(); err != nil {
		return err
	}
	if err := j.c.Shared.Reserve(int64(bytes - j.paid)); err != nil {
		return err
	}
	j.paid = bytes
	return nil
}

// settle gives back what a large value took.
func (j *jsonScratch) settle() {
	if j.paid > 0 {
		j.c.Shared.Shrink(int64(j.paid))
		j.paid = 0
	}
	j.b.Trim(jsonKeep)
}

// begin starts a value of the builder.
func (j *jsonScratch) begin(c *Context) *jsonb.Builder {
	j.c = c
	j.b.Reset()
	if j.b.Limit == nil {
		j.b.Limit = j.pay
	}
	return &j.b
}

// end appends what was built.
func (j *jsonScratch) end(r *row, dst []byte) ([]byte, error) {
	dst, err := r.Room(notNil(dst), j.b.Size())
	if err == nil {
		dst, err = j.b.Append(dst)
	}
	j.settle()
	return dst, err
}

// jsonFunc is a function of a row whose result is bytes; nil is NULL.
type jsonFunc func(j *jsonScratch, c *Context, r *row, dst []byte) ([]byte, error)

// withScratch gives an overload an Eval with scratch memory, its own in each evaluator.
func withScratch(o *Overload, f jsonFunc) *Overload {
	make1 := func(result types.Type) Eval {
		j := &jsonScratch{}
		return rowText(result, func(c *Context, r *row, dst []byte) ([]byte, error) { return f(j, c, r, dst) })
	}
	o.Prepare = func(_ *Context, _ []types.Type, result types.Type, _ []*types.Datum) (Eval, error) {
		return make1(result), nil
	}
	o.Eval = func(c *Context, args []*batch.Vector, n int, valid batch.Bitmap, out *batch.Vector) error {
		return make1(out.Type)(c, args, n, valid, out)
	}
	return o
}

// jsonb sees an argument as a value.
func (r *row) jsonb(a int) jsonb.Value { return jsonb.Open(r.bytes(a)) }

// value appends a part of a jsonb as one of its own.
func (r *row) part(dst []byte, v jsonb.Value) ([]byte, error) {
	dst, err := r.Room(notNil(dst), v.Size()+16)
	if err != nil {
		return dst, err
	}
	return v.AppendTo(dst), nil
}

// scalarText appends a part as ->> does; nil for null.
func (r *row) scalarText(dst []byte, v jsonb.Value) ([]byte, error) {
	if v.Kind() == jsonb.Null {
		return nil, nil
	}
	dst, err := r.Room(notNil(dst), v.Size())
	if err != nil {
		return dst, err
	}
	return v.AppendScalar(dst), r.Worked(v.Size())
}

// array reads an argument of text[] into the path; ok is false when an element is NULL.
func (j *jsonScratch) array(s []byte) (ok bool, err error) {
	j.path, j.heap, ok = j.path[:0], j.heap[:0], true
	e := types.ReadArray(s)
	for e.Next() {
		if e.Null {
			j.path, ok = append(j.path, nil), false
			continue
		}
		j.step(e.Text)
	}
	return ok, e.Err
}

// step appends an element to the path.
func (j *jsonScratch) step(s []byte) {
	from := len(j.heap)
	j.heap = append(j.heap, s...)
	j.path = append(j.path, j.heap[from:len(j.heap):len(j.heap)])
}

// variadic reads the arguments from one on into the path.
func (j *jsonScratch) variadic(r *row, from int) (ok bool) {
	j.path, j.heap, ok = j.path[:0], j.heap[:0], true
	for a := from; a < len(r.args); a++ {
		if r.null(a) {
			j.path, ok = append(j.path, nil), false
			continue
		}
		j.step(r.bytes(a))
	}
	return ok
}

// follow walks a path of keys and indexes.
func follow(v jsonb.Value, path jsonb.Path) (jsonb.Value, bool) {
	for _, p := range path {
		ok := false
		switch v.Kind() {
		case jsonb.Object:
			v, ok = v.Get(p)
		case jsonb.Array:
			if i, number := jsonb.Index(p); number {
				v, ok = v.At(i)
			}
		}
		if !ok {
			return v, false
		}
	}
	return v, true
}

func badJSON(format string, args ...any) *errs.Error {
	return errs.New(errs.InvalidParameterValue, format, args...)
}

// compareJSONB compares in the order of btrees; equal values have equal bodies.
func compareJSONB(c comparison) Eval {
	return rowBool(func(_ *Context, r *row) (bool, bool, error) {
		if c.equality() {
			return c.holds(bytes.Compare(jsonb.Key(r.bytes(0)), jsonb.Key(r.bytes(1)))), true, nil
		}
		return c.holds(jsonb.Compare(r.jsonb(0), r.jsonb(1))), true, r.Worked(len(r.bytes(0)))
	})
}
