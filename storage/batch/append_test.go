package batch

import (
	"fmt"
	"testing"

	"github.com/siltstone-db/siltstone/storage/types"
)

func TestAppendVector(t *testing.T) {
	kinds := []types.Type{types.T(types.Bool), types.T(types.Int2), types.T(types.Int4), types.T(types.Int8),
		types.T(types.Float4), types.T(types.Float8), types.T(types.Text), types.T(types.UUID), types.T(types.Interval),
		types.NumericOf(30, 2)}
	for _, ty := range kinds {
		for _, nulls := range []bool{false, true} {
			t.Run(fmt.Sprint(ty, nulls), func(t *testing.T) {
				var want []types.Datum
				dst := &Vector{}
				dst.Reset(ty, 0)
				for round := range 7 {
					src := &Vector{}
					src.Reset(ty, 0)
					for i := range 37 * round {
						d := types.Datum{Type: ty, I: int64(i % 2)}
						switch ty.Physical() {
						case types.PhysFloat32, types.PhysFloat64:
							d = types.FloatOf(ty, float64(i))
						case types.PhysBytes:
							d = types.StringOf(ty, fmt.Sprint("s", i))
						case types.PhysUUID:
							d = types.StringOf(ty, fmt.Sprintf("%016d", i))
						}
						if nulls && round%3 == 1 && i%5 == 0 {
							d = types.NullOf(ty)
						}
						src.AppendDatum(d)
						want = append(want, d)
					}
					if round == 5 {
						src.ResetConstant(want[1], 9)
						for range 9 {
							want = append(want[:len(want):len(want)], want[1])
						}
						want = append(want[:len(want)-9-37*5], want[len(want)-9:]...)
					}
					dst.AppendVector(src)
				}
				if dst.Len != len(want) {
					t.Fatalf("%d rows, want %d", dst.Len, len(want))
				}
				for i, w := range want {
					if got := dst.Datum(i); got != w {
						t.Fatalf("row %d: %+v, want %+v", i, got, w)
					}
				}
			})
		}
	}
}
