package batch

import "github.com/siltstone-db/siltstone/storage/types"

// Flatten makes v the flat form of src. A flat src is lent, not copied.
func (v *Vector) Flatten(src *Vector) {
	switch src.Form {
	case Flat:
		v.Lend(src)
		return
	case Packed:
		v.Reset(src.Type, src.Len)
		for i := range src.Len {
			v.putInt(i, src.Unpack(i))
		}
	case Dict:
		v.Reset(src.Type, src.Len)
		for _, c := range src.Codes[:src.Len] {
			v.AppendBytes(src.Dict.At(int(c)))
		}
	case Constant:
		v.Reset(src.Type, src.Len)
		d := src.Datum(0)
		if d.Null {
			v.Reset(src.Type, src.Len)
			if src.Type.Physical() == types.PhysBytes {
				for range src.Len {
					v.AppendBytes(nil)
				}
			} else {
				clear(v.Data)
			}
			clear(v.Nulls(src.Len))
			return
		}
		for i := range src.Len {
			v.setDatum(i, d)
		}
		return
	}
	if src.Valid != nil {
		v.Valid = src.Valid
	}
}

// Slice makes v see rows [from, from+n) of a flat, dictionary or constant src without copying. For boolean vectors
// and for validity, from must be a multiple of 64.
func (v *Vector) Slice(src *Vector, from, n int) {
	v.Lend(src)
	v.Len = n
	if src.Form == Constant {
		return
	}
	if src.Valid != nil {
		v.Valid = src.Valid[from>>6 : Words(from+n)]
		v.sliceTail(&v.Valid, n)
	}
	switch {
	case src.Form == Dict:
		v.Codes = src.Codes[from : from+n]
	case src.Type.Physical() == types.PhysBytes:
		v.Offsets = src.Offsets[from : from+n+1]
	case src.Type.Physical() == types.PhysBool:
		v.Data = src.Data[from>>3 : Words(from+n)*8]
	default:
		w := src.Type.Physical().Width()
		v.Data = src.Data[from*w : (from+n)*w]
	}
}

// sliceTail copies a sliced bitmap when its last word has bits past n, which must read as zero.
func (v *Vector) sliceTail(b *Bitmap, n int) {
	if r := uint(n) & 63; r != 0 && (*b)[n>>6]>>r != 0 {
		v.own.valid = append(v.own.valid[:0], *b...)
		v.own.valid.trim(n)
		*b = v.own.valid
	}
}
