package fn

import (
	"cmp"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/kernel"
	"github.com/siltstone-db/siltstone/storage/types"
)

// compareArrays compares element by element, NULL last, then by length.
func compareArrays(c comparison) Eval {
	return func(_ *Context, args []*batch.Vector, n int, valid batch.Bitmap, out *batch.Vector) error {
		a, b := viewText(args[0]), viewText(args[1])
		elem := types.T(args[0].Type.Elem)
		out.Reset(tBool, n)
		bits := out.Bools()
		for i := range n {
			if !live(valid, i) {
				continue
			}
			r, err := compareElements(elem, a.at(i), b.at(i))
			if err != nil {
				return err
			}
			if c.holds(r) {
				bits.Set(i)
			}
		}
		return nil
	}
}

// compareElements orders two arrays in text form.
func compareElements(t types.Type, a, b []byte) (int, error) {
	x, y := types.ReadArray(a), types.ReadArray(b)
	for order := 0; ; {
		more, other := x.Next(), y.Next()
		switch {
		case x.Err != nil:
			return 0, x.Err
		case y.Err != nil:
			return 0, y.Err
		case order != 0 && (more || other): // to the end: the rest may be malformed
			continue
		case order != 0 || !more && !other:
			return order, nil
		case !more:
			order = -1
		case !other:
			order = 1
		case x.Null || y.Null:
			order = cmp.Compare(kernel.Bit(x.Null), kernel.Bit(y.Null))
		default:
			p, err := types.ParseWith(t, x.Text, nil)
			if err != nil {
				return 0, err
			}
			q, err := types.ParseWith(t, y.Text, nil)
			if err != nil {
				return 0, err
			}
			order = types.Compare(p, q)
		}
	}
}
