package batch

import "github.com/siltstone-db/siltstone/storage/types"

// Widen makes v the values of src as a type to which theirs widens (types.Widens). Where both have one physical form v
// is lent src's memory, as it is of packed integers, else it gets a flat or constant form of its own.
func (v *Vector) Widen(src *Vector, t types.Type) {
	from, to := src.Type.Physical(), t.Physical()
	if from == to || src.Form == Packed && to != types.PhysInt128 { // a packed value has no width of its own
		v.Lend(src)
		v.Type = t
		return
	}
	rows := src.Len
	var flat Vector
	if src.Form == Packed {
		flat.Flatten(src)
		src = &flat
	}
	if src.Form == Constant {
		rows = 1
	}
	valid := src.Valid
	form, n := src.Form, src.Len
	v.Reset(t, rows)
	switch {
	case from == types.PhysInt16 && to == types.PhysInt32:
		widen[int16, int32](v, src)
	case from == types.PhysInt16 && to == types.PhysInt64:
		widen[int16, int64](v, src)
	case from == types.PhysInt32 && to == types.PhysInt64:
		widen[int32, int64](v, src)
	case from == types.PhysFloat32 && to == types.PhysFloat64:
		widen[float32, float64](v, src)
	case from == types.PhysInt64 && to == types.PhysInt128:
		out := Values[Int128](v)
		for i, x := range Values[int64](src)[:rows] {
			out[i] = Int128{Lo: uint64(x), Hi: x >> 63}
		}
	default:
		panic("batch: " + src.Type.String() + " does not widen to " + t.String())
	}
	v.Form, v.Len, v.Valid = form, n, valid
}

func widen[S int16 | int32 | float32, D int32 | int64 | float64](v, src *Vector) {
	out := Values[D](v)
	for i, x := range Values[S](src)[:len(out)] {
		out[i] = D(x)
	}
}
