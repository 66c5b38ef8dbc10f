package field

import (
	"math"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Type writes a column type as a list of numbers: kind, kind of the elements, width, precision, scale (zigzag), without
// the zeros at its end.
func (w *Writer) Type(n Number, t types.Type) { w.Uints(n, AppendType(nil, t)) }

// AppendType appends a type as Type lists it.
func AppendType(dst []uint64, t types.Type) []uint64 {
	scale := uint64(t.Scale) << 1
	if t.Scale < 0 {
		scale = uint64(-int64(t.Scale))<<1 - 1
	}
	at := len(dst)
	dst = append(dst, uint64(t.Kind), uint64(t.Elem), uint64(uint32(t.Width)), uint64(uint16(t.Precision)), scale)
	for len(dst) > at+1 && dst[len(dst)-1] == 0 {
		dst = dst[:len(dst)-1]
	}
	return dst
}

// Type returns the field as a column type that values can have.
func (r *Reader) Type() types.Type {
	var b [5]uint64
	return r.TypeOf(r.Uints(b[:0]))
}

// TypeOf returns the type that AppendType lists, as a part of the field.
func (r *Reader) TypeOf(list []uint64) types.Type {
	if r.Err() != nil {
		return types.Type{}
	}
	if len(list) > 5 {
		r.fail(errs.Unsupported("a type with %d modifiers in %s, written by a newer version,", len(list)-1, r.what))
		return types.Type{}
	}
	var b [5]uint64
	copy(b[:], list)
	if b[0] > math.MaxUint8 || b[1] > math.MaxUint8 || b[2] > math.MaxInt32 || b[3] > math.MaxInt16 || b[4] > 2*math.MaxInt16 {
		r.Fail("a type of %d", list)
		return types.Type{}
	}
	t := types.Type{Kind: types.Kind(b[0]), Elem: types.Kind(b[1]), Width: int32(b[2]), Precision: int16(b[3]), Scale: int16(b[4]>>1) ^ -int16(b[4]&1)}
	if t.Physical() == types.PhysNone {
		r.fail(errs.Unsupported("type %d in %s, written by a newer version,", t.Kind, r.what))
	}
	return t
}
