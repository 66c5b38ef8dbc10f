package fn

import (
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/types"
)

// GREATEST and LEAST take any number of arguments of one type and leave NULLs out. Package expr converts the arguments.
var (
	Greatest = &Overload{Name: "GREATEST", Args: list(tAny), Variadic: true, Result: firstType, NotStrict: true, Total: true, Eval: extreme(1)}
	Least    = &Overload{Name: "LEAST", Args: list(tAny), Variadic: true, Result: firstType, NotStrict: true, Total: true, Eval: extreme(-1)}
)

func firstType(ts []types.Type) types.Type { return ts[0] }

func extreme(sign int) Eval {
	return func(_ *Context, args []*batch.Vector, n int, valid batch.Bitmap, out *batch.Vector) error {
		t := out.Type
		if t.Physical() == types.PhysInt64 {
			extreme64(sign, args, n, out)
			return nil
		}
		out.Reset(t, 0)
		for i := range n {
			best := types.NullOf(t)
			for _, v := range args {
				if !live(valid, i) || v.IsNull(i) {
					continue
				}
				if d := v.Datum(i); best.Null || types.Compare(d, best)*sign > 0 {
					best = d
				}
			}
			out.AppendDatum(best)
		}
		return nil
	}
}

func extreme64(sign int, args []*batch.Vector, n int, out *batch.Vector) {
	out.Reset(out.Type, n)
	r := batch.Values[int64](out)
	for i := range n {
		some := false
		for _, v := range args {
			if v.IsNull(i) {
				continue
			}
			if x := view[int64](v).at(i); !some || (x > r[i]) == (sign > 0) && x != r[i] {
				r[i], some = x, true
			}
		}
		if !some {
			out.Nulls(n).Clear(i)
		}
	}
}
