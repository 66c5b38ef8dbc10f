package fn

import (
	"github.com/siltstone-db/siltstone/storage/batch"
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
			x, err := types.ParseArray(a.at(i))
			if err != nil {
				return err
			}
			y, err := types.ParseArray(b.at(i))
			if err != nil {
				return err
			}
			r, err := compareElements(elem, x, y)
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

func compareElements(t types.Type, a, b []types.Element) (int, error) {
	for i := range min(len(a), len(b)) {
		switch {
		case a[i].Null && b[i].Null:
			continue
		case a[i].Null:
			return 1, nil
		case b[i].Null:
			return -1, nil
		}
		x, err := types.ParseWith(t, a[i].Text, nil)
		if err != nil {
			return 0, err
		}
		y, err := types.ParseWith(t, b[i].Text, nil)
		if err != nil {
			return 0, err
		}
		if r := types.Compare(x, y); r != 0 {
			return r, nil
		}
	}
	return len(a) - len(b), nil
}
