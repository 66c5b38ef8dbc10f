package batch

import "github.com/siltstone-db/siltstone/storage/types"

// ResetConstant makes v a constant of n rows.
func (v *Vector) ResetConstant(d types.Datum, n int) {
	v.Reset(d.Type, 1)
	v.setDatum(0, d)
	v.Form, v.Len = Constant, n
	if d.Null {
		v.Valid = nil
		v.Nulls(1).Clear(0)
	}
}

// setDatum writes row i of a flat vector; for strings, row i must be the one that is next to append.
func (v *Vector) setDatum(i int, d types.Datum) {
	switch d.Type.Physical() {
	case types.PhysBool:
		v.Bools().SetTo(i, d.I != 0)
	case types.PhysInt16:
		Values[int16](v)[i] = int16(d.I)
	case types.PhysInt32:
		Values[int32](v)[i] = int32(d.I)
	case types.PhysInt64:
		Values[int64](v)[i] = d.I
	case types.PhysFloat32:
		Values[float32](v)[i] = float32(d.F)
	case types.PhysFloat64:
		Values[float64](v)[i] = d.F
	case types.PhysInt128:
		Values[Int128](v)[i] = Int128{Lo: uint64(d.I), Hi: d.Hi}
	case types.PhysInterval:
		m, days, us := d.IntervalParts()
		Values[Interval](v)[i] = Interval{Months: m, Days: days, Micros: us}
	case types.PhysUUID:
		clear(v.Data[i*16 : i*16+16])
		copy(v.Data[i*16:i*16+16], d.S)
	case types.PhysBytes:
		v.AppendString(d.S)
	}
}

// AppendDatum appends one value to a flat vector; d's type must have v's physical form. A slow path: constants, VALUES, tests.
func (v *Vector) AppendDatum(d types.Datum) {
	i, phys := v.Len, v.Type.Physical()
	if phys != types.PhysBytes {
		v.extend(i + 1)
	}
	d.Type = v.Type
	v.setDatum(i, d)
	if v.Valid != nil || d.Null {
		v.growValid(i + 1)
		v.Valid.SetTo(i, !d.Null)
	}
}

// extend makes a flat fixed-width vector n rows long, keeping the rows it has.
func (v *Vector) extend(n int) {
	size := n * v.Type.Physical().Width()
	if v.Type.Physical() == types.PhysBool {
		size = Words(n) * 8
	}
	old := len(v.Data)
	v.grow(size - old)
	v.Data = v.Data[:size]
	clear(v.Data[old:])
	v.Len = n
}

func (v *Vector) growValid(n int) {
	if v.Valid == nil {
		v.Valid = resize(v.own.valid, n)
		v.Valid.Fill(n)
	}
	for len(v.Valid) < Words(n) {
		v.Valid = append(v.Valid, 0)
	}
	v.own.valid = v.Valid
}

// Datum returns row i as a Datum. A slow path: results, statistics, tests.
func (v *Vector) Datum(i int) types.Datum {
	if v.IsNull(i) {
		return types.NullOf(v.Type)
	}
	d := types.Datum{Type: v.Type}
	if v.Form == Packed {
		d.I = v.Unpack(i)
		return d
	}
	phys := v.Type.Physical()
	if v.Form == Constant && phys != types.PhysBytes {
		i = 0
	}
	switch phys {
	case types.PhysBool:
		if v.Bools().Get(i) {
			d.I = 1
		}
	case types.PhysInt16:
		d.I = int64(Values[int16](v)[i])
	case types.PhysInt32:
		d.I = int64(Values[int32](v)[i])
	case types.PhysInt64:
		d.I = Values[int64](v)[i]
	case types.PhysFloat32:
		d.F = float64(Values[float32](v)[i])
	case types.PhysFloat64:
		d.F = Values[float64](v)[i]
	case types.PhysInt128:
		x := Values[Int128](v)[i]
		d.I, d.Hi = int64(x.Lo), x.Hi
	case types.PhysInterval:
		x := Values[Interval](v)[i]
		d = types.IntervalOf(x.Months, x.Days, x.Micros)
	case types.PhysUUID:
		d.S = string(v.Data[i*16 : i*16+16])
	case types.PhysBytes:
		d.S = string(v.BytesAt(i))
	}
	return d
}
