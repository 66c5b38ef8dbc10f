package batch

import (
	"testing"

	"github.com/siltstone-db/siltstone/storage/types"
)

func TestWiden(t *testing.T) {
	dict := func(typ types.Type) *Vector {
		v := &Vector{}
		d := &Dictionary{Len: 2, Offsets: []uint32{0, 1, 3}, Heap: []byte("abb")}
		v.ResetDict(typ, d, 3)
		copy(v.Codes, []uint32{1, 0, 1})
		return v
	}
	flat := func(typ types.Type, ds ...types.Datum) *Vector {
		v := &Vector{}
		v.Reset(typ, 0)
		for _, d := range ds {
			d.Type = typ
			v.AppendDatum(d)
		}
		return v
	}
	constant := func(d types.Datum) *Vector {
		v := &Vector{}
		v.ResetConstant(d, 3)
		return v
	}
	packed := func(typ types.Type) *Vector {
		v := &Vector{}
		v.ResetPacked(typ, -5, 4, []byte{0x21, 0x03, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 3)
		return v
	}
	null := types.Datum{Null: true}
	ints := []types.Datum{{I: -3}, null, {I: 7}}
	for name, c := range map[string]struct {
		v  *Vector
		to types.Type
	}{
		"int2 to int4":              {flat(types.T(types.Int2), ints...), types.T(types.Int4)},
		"int2 to int8":              {flat(types.T(types.Int2), ints...), types.T(types.Int8)},
		"int4 to int8":              {flat(types.T(types.Int4), ints...), types.T(types.Int8)},
		"float4 to float8":          {flat(types.T(types.Float4), types.Datum{F: 1.5}, null, types.Datum{F: -0.1}), types.T(types.Float8)},
		"numeric":                   {flat(types.NumericOf(9, 2), ints...), types.NumericOf(30, 2)},
		"same form":                 {flat(types.NumericOf(9, 2), ints...), types.NumericOf(18, 2)},
		"dictionary":                {dict(types.Type{Kind: types.Varchar, Width: 3}), types.T(types.Text)},
		"constant":                  {constant(types.Datum{Type: types.T(types.Int2), I: -9}), types.T(types.Int8)},
		"constant null":             {constant(types.NullOf(types.T(types.Int2))), types.T(types.Int8)},
		"packed":                    {packed(types.T(types.Int2)), types.T(types.Int8)},
		"packed numeric":            {packed(types.NumericOf(9, 2)), types.NumericOf(30, 2)},
		"nothing to do, still lent": {flat(types.T(types.Int4), ints...), types.T(types.Int4)},
	} {
		var v Vector
		v.Widen(c.v, c.to)
		if v.Type != c.to || v.Len != c.v.Len {
			t.Errorf("%s: %d rows of %s", name, v.Len, v.Type)
			continue
		}
		for i := range v.Len {
			got, want := v.Datum(i), c.v.Datum(i)
			if got.Null != want.Null || !got.Null && (got.I != want.I || got.F != want.F || got.S != want.S || got.Hi != want.Hi && want.I >= 0) || got.Type != c.to {
				t.Errorf("%s, row %d: %v, want %v", name, i, got, want)
			}
			if want.I < 0 && !got.Null && c.to.Physical() == types.PhysInt128 && got.Hi != -1 {
				t.Errorf("%s, row %d: %v loses its sign", name, i, got)
			}
		}
	}
}
