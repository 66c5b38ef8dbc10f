package batch

import "github.com/siltstone-db/siltstone/storage/types"

// Gather makes v the rows idx of src, in that order. Constant and dictionary forms stay; packed becomes flat.
func (v *Vector) Gather(src *Vector, idx []uint16) {
	n := len(idx)
	switch {
	case src.Form == Constant:
		v.Lend(src)
		v.Len = n
		return
	case src.Form == Dict:
		v.ResetDict(src.Type, src.Dict, n)
		gather(v.Codes, src.Codes, idx)
	case src.Form == Packed:
		v.Reset(src.Type, n)
		for i, j := range idx {
			v.putInt(i, src.Unpack(int(j)))
		}
	default:
		v.gatherFlat(src, idx)
	}
	if src.Valid != nil {
		v.own.valid = resize(v.own.valid, n)
		v.Valid = v.own.valid
		for i, j := range idx {
			if src.Valid.Get(int(j)) {
				v.Valid.Set(i)
			}
		}
	}
}

func (v *Vector) gatherFlat(src *Vector, idx []uint16) {
	v.Reset(src.Type, len(idx))
	if src.Type.Physical() != types.PhysBytes {
		v.GatherAt(0, src, idx)
		return
	}
	size := 0
	for _, j := range idx {
		size += int(src.Offsets[j+1] - src.Offsets[j])
	}
	v.grow(size)
	for _, j := range idx {
		v.AppendBytes(src.Data[src.Offsets[j]:src.Offsets[j+1]])
	}
}

// GatherAt writes the rows idx of src as rows at and following of v, which has room for them and the same type. Both
// have codes of the same dictionary, or are flat and no strings; booleans of v are false so far. Validity is not
// touched.
func (v *Vector) GatherAt(at int, src *Vector, idx []uint16) {
	if v.Form == Dict {
		gather(v.Codes[at:], src.Codes, idx)
		return
	}
	switch src.Type.Physical() {
	case types.PhysBool:
		from, to := src.Bools(), v.Bools()
		for i, j := range idx {
			k := uint(at + i)
			to[k>>6] |= (from[j>>6] >> (j & 63) & 1) << (k & 63)
		}
	case types.PhysInt16:
		gather(Values[int16](v)[at:], Values[int16](src), idx)
	case types.PhysInt32, types.PhysFloat32:
		gather(Values[int32](v)[at:], Values[int32](src), idx)
	case types.PhysInt64, types.PhysFloat64:
		gather(Values[int64](v)[at:], Values[int64](src), idx)
	case types.PhysInt128, types.PhysInterval, types.PhysUUID:
		gather(Values[Int128](v)[at:], Values[Int128](src), idx)
	}
}

func gather[T any](dst, src []T, idx []uint16) {
	dst = dst[:len(idx)]
	for i, j := range idx {
		dst[i] = src[j]
	}
}
