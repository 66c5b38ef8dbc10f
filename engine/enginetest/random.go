package enginetest

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/types/decimal"
)

// Column says what random values a column gets.
type Column struct {
	Type     types.Type
	Distinct int     // about how many different values
	Nulls    float64 // share of NULLs
	Skew     bool    // half of the rows have the same value
}

// AllTypes has one type of each physical form, and those that compare in their own way.
var AllTypes = []types.Type{
	types.T(types.Bool), types.T(types.Int2), types.T(types.Int4), types.T(types.Int8), types.T(types.Float4),
	types.T(types.Float8), types.NumericOf(10, 2), types.NumericOf(30, 4), types.T(types.Numeric), types.T(types.Text),
	types.T(types.Date), types.T(types.Timestamp), types.T(types.Interval), types.T(types.UUID),
}

// Random returns n random rows.
func Random(rng *rand.Rand, cols []Column, n int) []Row {
	rows := make([]Row, n)
	for i := range rows {
		rows[i] = make(Row, len(cols))
		for c, col := range cols {
			k := rng.IntN(max(1, col.Distinct))
			if col.Skew && rng.IntN(2) == 0 {
				k = 0
			}
			if rng.Float64() < col.Nulls {
				rows[i][c] = types.NullOf(col.Type)
			} else {
				rows[i][c] = Value(col.Type, k)
			}
		}
	}
	return rows
}

// Types returns the types of columns.
func Types(cols []Column) []types.Type {
	ts := make([]types.Type, len(cols))
	for i, c := range cols {
		ts[i] = c.Type
	}
	return ts
}

// Value returns the k-th of a type's values: small and large, of both signs.
func Value(t types.Type, k int) types.Datum {
	x := int64(k)
	if k%2 == 1 {
		x = -x
	}
	switch t.Physical() {
	case types.PhysBool:
		return types.IntOf(t, int64(k%2))
	case types.PhysInt16:
		return types.IntOf(t, int64(int16(x*7)))
	case types.PhysInt32:
		return types.IntOf(t, int64(int32(x*31)))
	case types.PhysInt64:
		if k%5 == 4 {
			x *= 1 << 32
		}
		return types.IntOf(t, x*1001)
	case types.PhysFloat32, types.PhysFloat64:
		switch k {
		case 3:
			return types.FloatOf(t, math.NaN())
		case 5:
			return types.FloatOf(t, math.Copysign(0, -1))
		}
		return types.FloatOf(t, float64(x)/4)
	case types.PhysInt128:
		v := decimal.MulInt64(x*1_000_000_007, 1_000_000_009)
		return types.Int128Of(t, v.Lo, v.Hi)
	case types.PhysInterval:
		d := types.IntervalOf(int32(k%3), int32(x%40), x*1_000_000)
		if k%7 == 6 {
			d = types.IntervalOf(0, int32(k%3)*30, 0) // equal to k%3 months
		}
		return d
	case types.PhysUUID:
		return types.StringOf(t, fmt.Sprintf("%016x", uint64(x)*0x9e3779b97f4a7c15))
	}
	if t.Kind == types.Numeric {
		d, err := decimal.Parse(fmt.Appendf(nil, "%d.%d", x, k%10*10))
		if err != nil {
			panic(err)
		}
		return types.StringOf(t, string(decimal.AppendEncoded(nil, d)))
	}
	if k == 0 {
		return types.StringOf(t, "")
	}
	return types.StringOf(t, fmt.Sprintf("value %d of a string column", x))
}
