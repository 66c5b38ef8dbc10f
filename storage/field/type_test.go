package field

import (
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
