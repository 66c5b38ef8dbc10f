package wire

import (
	"encoding/binary"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/types/datetime"
	"github.com/siltstone-db/siltstone/storage/types/jsonb"
)

// jsonVersion begins the binary form of jsonb and jsonpath; their text follows.
const jsonVersion = 1

// BinaryEncoder returns the encoder of a type's binary form.
func BinaryEncoder(t types.Type) Encoder {
	switch t.Kind {
	case types.Bool:
		return binaryBool
	case types.Int2:
		return func(dst []byte, v *batch.Vector, row int) []byte {
			return binary.BigEndian.AppendUint16(dst, uint16(int16At(v, row)))
		}
	case types.Int4:
		return func(dst []byte, v *batch.Vector, row int) []byte {
			return binary.BigEndian.AppendUint32(dst, uint32(int32At(v, row)))
		}
	case types.Int8, types.Time:
		return func(dst []byte, v *batch.Vector, row int) []byte {
			return binary.BigEndian.AppendUint64(dst, uint64(int64At(v, row)))
		}
	case types.Oid, types.Regclass, types.Regtype, types.Regproc, types.Regnamespace:
		return func(dst []byte, v *batch.Vector, row int) []byte {
			return binary.BigEndian.AppendUint32(dst, uint32(int64At(v, row)))
		}
	case types.Float4:
		return func(dst []byte, v *batch.Vector, row int) []byte { return appendFloat32(dst, fixed[float32](v, row)) }
	case types.Float8:
		return func(dst []byte, v *batch.Vector, row int) []byte { return appendFloat64(dst, fixed[float64](v, row)) }
	case types.Numeric:
		return func(dst []byte, v *batch.Vector, row int) []byte { return AppendNumeric(dst, decimalAt(v, row, t)) }
	case types.Date:
		return func(dst []byte, v *batch.Vector, row int) []byte {
			return binary.BigEndian.AppendUint32(dst, uint32(dateToWire(int32(int32At(v, row)))))
		}
	case types.Timestamp, types.Timestamptz:
		return func(dst []byte, v *batch.Vector, row int) []byte {
			return binary.BigEndian.AppendUint64(dst, uint64(stampToWire(int64At(v, row))))
		}
	case types.Interval:
		return func(dst []byte, v *batch.Vector, row int) []byte {
			return appendInterval(dst, fixed[datetime.Interval](v, row))
		}
	case types.UUID:
		return func(dst []byte, v *batch.Vector, row int) []byte { return append(dst, uuidAt(v, row)...) }
	case types.JSONB:
		return func(dst []byte, v *batch.Vector, row int) []byte {
			return jsonb.AppendText(append(dst, jsonVersion), v.BytesAt(row))
		}
	case types.JSONPath:
		return func(dst []byte, v *batch.Vector, row int) []byte {
			return append(append(dst, jsonVersion), v.BytesAt(row)...)
		}
	case types.Array:
		return func(dst []byte, v *batch.Vector, row int) []byte { return appendArray(dst, t.Elem, v.BytesAt(row)) }
	}
	return rawBytes
}

func binaryBool(dst []byte, v *batch.Vector, row int) []byte {
	if boolAt(v, row) {
		return append(dst, 1)
	}
	return append(dst, 0)
}

// AppendBinary appends the binary form of a Datum that is not NULL: parameters, array elements.
func AppendBinary(dst []byte, d types.Datum) []byte {
	var v batch.Vector
	v.ResetConstant(d, 1)
	return BinaryEncoder(d.Type)(dst, &v, 0)
}

// appendArray turns the text form of an array into the binary one: dimensions, has-NULLs flag, element type, length and
// lower bound, elements with their lengths. The text was checked where it was made: by a cast, a parameter's decoder or
// array_agg; so neither it nor an element of it fails to parse here.
func appendArray(dst []byte, elem types.Kind, text []byte) []byte {
	elems, err := types.ParseArray(text)
	if err != nil {
		elems = nil
	}
	nulls := uint32(0)
	for _, e := range elems {
		if e.Null {
			nulls = 1
		}
	}
	dims := uint32(min(len(elems), 1))
	dst = binary.BigEndian.AppendUint32(dst, dims)
	dst = binary.BigEndian.AppendUint32(dst, nulls)
	dst = binary.BigEndian.AppendUint32(dst, OID(types.T(elem)))
	if dims == 0 {
		return dst
	}
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(elems)))
	dst = binary.BigEndian.AppendUint32(dst, 1)
	for _, e := range elems {
		d, err := types.ParseWith(types.T(elem), e.Text, nil)
		if e.Null || err != nil {
			dst = binary.BigEndian.AppendUint32(dst, 0xFFFFFFFF)
			continue
		}
		start := len(dst)
		dst = AppendBinary(append(dst, 0, 0, 0, 0), d)
		binary.BigEndian.PutUint32(dst[start:], uint32(len(dst)-start-4))
	}
	return dst
}
