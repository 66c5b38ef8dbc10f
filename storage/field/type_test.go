package field

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

func TestType(t *testing.T) {
	for _, typ := range []types.Type{
		types.T(types.Bool), types.T(types.Text), {Kind: types.Varchar, Width: 10}, types.NumericOf(38, 38), types.NumericOf(10, -3), types.NumericOf(0, 0),
		{Kind: types.Array, Elem: types.Int4},
	} {
		w := NewWriter(nil)
		w.Type(2, typ)
		r := NewReader("record", w.Record())
		if !r.Next() || r.Type() != typ || r.Err() != nil {
			t.Errorf("%s does not survive: %v", typ, r.Err())
		}
	}
	for _, list := range [][]uint64{{0}, {200}, {3, 0, 0, 0, 0, 1}} {
		w := NewWriter(nil)
		w.Uints(2, list)
		r := NewReader("record", w.Record())
		r.Next()
		if r.Type(); !errs.Is(r.Err(), errs.FeatureNotSupported) {
			t.Errorf("%d: %v", list, r.Err())
		}
	}
	for _, list := range [][]uint64{{3 + 256}, {10, 0, 1 << 31}, {8, 0, 0, 1 << 15}, {8, 0, 0, 1, 1 << 16}} {
		w := NewWriter(nil)
		w.Uints(2, list)
		r := NewReader("record", w.Record())
		r.Next()
		if r.Type(); !errs.Is(r.Err(), errs.DataCorrupted) {
			t.Errorf("%d: %v", list, r.Err())
		}
	}
}

// TestTypeLength: a type is as short as it can be, whatever stands before it, and each modifier may be as large as its
// place holds, and no larger.
func TestTypeLength(t *testing.T) {
	for _, c := range []struct {
		typ  types.Type
		want int
	}{{types.T(types.Int8), 1}, {types.Type{Kind: types.Array, Elem: types.Int4}, 2}, {types.Type{Kind: types.Varchar, Width: 10}, 3}, {types.NumericOf(10, 0), 4}, {types.NumericOf(10, 2), 5}} {
		if got := AppendType([]uint64{0, 0}, c.typ); len(got) != 2+c.want || got[0] != 0 || got[1] != 0 {
			t.Errorf("%s is %d", c.typ, got)
		}
	}
	largest := []uint64{uint64(types.Numeric), math.MaxUint8, math.MaxInt32, math.MaxInt16, 2 * math.MaxInt16}
	want := types.Type{Kind: types.Numeric, Elem: math.MaxUint8, Width: math.MaxInt32, Precision: math.MaxInt16, Scale: math.MaxInt16}
	r := NewReader("record", nil)
	if got := r.TypeOf(largest); got != want || r.Err() != nil {
		t.Errorf("%+v: %v", got, r.Err())
	}
	for i := range largest {
		list := slices.Clone(largest)
		list[i]++
		r := NewReader("record", nil)
		if r.TypeOf(list); !errs.Is(r.Err(), errs.DataCorrupted) && i > 0 {
			t.Errorf("%d: %v", list, r.Err())
		}
	}
	r = NewReader("record", nil)
	if r.TypeOf(make([]uint64, 6)); r.Err() == nil || !strings.Contains(r.Err().Error(), "a type with 5 modifiers") {
		t.Errorf("six numbers: %v", r.Err())
	}
}
