package fn

import (
	"strconv"

	"github.com/siltstone-db/siltstone/storage/batch"
)

func init() {
	register(&Overload{Name: "pg_size_pretty", Args: list(tInt8), Result: returns(tText), Total: true,
		Eval: rowText(tText, func(_ *Context, r *row, dst []byte) ([]byte, error) { return sizePretty(notNil(dst), r.int8(0)), nil })},
		&Overload{Name: "pg_size_pretty", Args: list(tNumeric), Result: returns(tText),
			Eval: func(_ *Context, args []*batch.Vector, n int, valid batch.Bitmap, out *batch.Vector) error {
				a := viewDecimal(args[0])
				out.Reset(tText, n)
				for i := range n {
					if !live(valid, i) {
						out.AppendBytes(nil)
						continue
					}
					d, err := a.at(i)
					if err != nil {
						return err
					}
					v, err := d.Int64()
					if err != nil {
						return err
					}
					out.Data = sizePretty(out.Data, v)
					out.EndString()
				}
				return nil
			}})
}

// sizePretty halves, rounding, from unit to unit as PostgreSQL does: a unit is left when 10 of the next are reached.
func sizePretty(dst []byte, v int64) []byte {
	units := []string{" bytes", " kB", " MB", " GB", " TB", " PB"}
	const limit = 10 * 1024
	abs := func(x int64) int64 { return max(x, -x) }
	if abs(v) < limit {
		return append(strconv.AppendInt(dst, v, 10), units[0]...)
	}
	v /= 512 // one bit more than the unit, for rounding
	half := func(x int64) int64 {
		if x < 0 {
			return (x - 1) / 2
		}
		return (x + 1) / 2
	}
	i := 1
	for ; i < len(units)-1 && abs(v) >= 2*limit-1; i++ {
		v /= 1024
	}
	return append(strconv.AppendInt(dst, half(v), 10), units[i]...)
}
