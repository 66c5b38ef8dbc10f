package fn

import (
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/types"
)

func init() {
	registerOp(&Overload{Name: "||", Args: list(tAnyArr, tAnyArr), Result: sameAsFirst, NotStrict: true,
		Eval: arrayRows(concatArrays)})
	register(&Overload{Name: "array_remove", Args: list(tTextArr, tText), Result: sameAsFirst, NotStrict: true,
		Eval: arrayRows(removeElement)})
}

// arrayRows is rowText for functions whose result has the type of the call.
func arrayRows(f func(c *Context, r *row, dst []byte) ([]byte, error)) Eval {
	return func(c *Context, args []*batch.Vector, n int, valid batch.Bitmap, out *batch.Vector) error {
		return rowText(out.Type, f)(c, args, n, valid, out)
	}
}

// concatArrays is a || b; a NULL counts as an empty array unless both are.
func concatArrays(_ *Context, r *row, dst []byte) ([]byte, error) {
	if r.null(0) && r.null(1) {
		return nil, nil
	}
	dst = append(notNil(dst), '{')
	first := true
	for i := range 2 {
		if r.null(i) {
			continue
		}
		var err error
		e := types.ReadArray(r.bytes(i))
		for e.Next() {
			if dst, err = r.element(dst, e.Text, e.Null, first); err != nil {
				return dst, err
			}
			first = false
		}
		if e.Err != nil {
			return dst, e.Err
		}
	}
	return append(dst, '}'), nil
}

// removeElement leaves out the elements equal to the second argument; a NULL removes NULLs.
func removeElement(_ *Context, r *row, dst []byte) ([]byte, error) {
	if r.null(0) {
		return nil, nil
	}
	dst = append(notNil(dst), '{')
	first := true
	var err error
	e := types.ReadArray(r.bytes(0))
	for e.Next() {
		if r.null(1) && e.Null || !r.null(1) && !e.Null && string(e.Text) == string(r.bytes(1)) {
			continue
		}
		if dst, err = r.element(dst, e.Text, e.Null, first); err != nil {
			return dst, err
		}
		first = false
	}
	return append(dst, '}'), e.Err
}
