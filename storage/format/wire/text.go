package wire

import (
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/types/ascii"
	"github.com/siltstone-db/siltstone/storage/types/datetime"
	"github.com/siltstone-db/siltstone/storage/types/decimal"
	"github.com/siltstone-db/siltstone/storage/types/jsonb"
)

// TextEncoder returns the encoder of a type's text form under the session's settings. set may be nil; it is copied.
func TextEncoder(t types.Type, set *types.Settings) Encoder {
	var s types.Settings
	if set != nil {
		s = *set
	}
	switch t.Kind {
	case types.Bool:
		return textBool
	case types.Int2:
		return func(dst []byte, v *batch.Vector, row int) []byte { return ascii.AppendInt(dst, int16At(v, row)) }
	case types.Int4:
		return func(dst []byte, v *batch.Vector, row int) []byte { return ascii.AppendInt(dst, int32At(v, row)) }
	case types.Int8, types.Oid:
		return func(dst []byte, v *batch.Vector, row int) []byte { return ascii.AppendInt(dst, int64At(v, row)) }
	case types.Float4:
		return func(dst []byte, v *batch.Vector, row int) []byte {
			return s.AppendFloat(dst, float64(fixed[float32](v, row)), 32)
		}
	case types.Float8:
		return func(dst []byte, v *batch.Vector, row int) []byte {
			return s.AppendFloat(dst, fixed[float64](v, row), 64)
		}
	case types.Numeric:
		return textNumeric(t)
	case types.Date:
		return func(dst []byte, v *batch.Vector, row int) []byte {
			return datetime.AppendDate(dst, int32(int32At(v, row)))
		}
	case types.Time:
		return func(dst []byte, v *batch.Vector, row int) []byte { return datetime.AppendTime(dst, int64At(v, row)) }
	case types.Timestamp:
		return func(dst []byte, v *batch.Vector, row int) []byte {
			return datetime.AppendTimestamp(dst, int64At(v, row))
		}
	case types.Timestamptz:
		return func(dst []byte, v *batch.Vector, row int) []byte {
			return datetime.AppendTimestamptz(dst, int64At(v, row), s.Location)
		}
	case types.Interval:
		return func(dst []byte, v *batch.Vector, row int) []byte {
			return datetime.AppendInterval(dst, fixed[datetime.Interval](v, row))
		}
	case types.UUID:
		return func(dst []byte, v *batch.Vector, row int) []byte { return types.AppendUUID(dst, uuidAt(v, row)) }
	case types.JSONB:
		return func(dst []byte, v *batch.Vector, row int) []byte { return jsonb.AppendText(dst, v.BytesAt(row)) }
	case types.Bytea:
		if s.ByteaEscape {
			return func(dst []byte, v *batch.Vector, row int) []byte {
				return types.AppendByteaEscape(dst, v.BytesAt(row))
			}
		}
		return func(dst []byte, v *batch.Vector, row int) []byte { return types.AppendBytea(dst, v.BytesAt(row)) }
	case types.Regclass, types.Regtype, types.Regproc, types.Regnamespace:
		return func(dst []byte, v *batch.Vector, row int) []byte {
			return types.AppendWith(dst, types.IntOf(t, int64At(v, row)), &s)
		}
	}
	return rawBytes
}

func textBool(dst []byte, v *batch.Vector, row int) []byte {
	if boolAt(v, row) {
		return append(dst, 't')
	}
	return append(dst, 'f')
}

func textNumeric(t types.Type) Encoder {
	scale := int(t.Scale)
	switch t.Physical() {
	case types.PhysInt64:
		return func(dst []byte, v *batch.Vector, row int) []byte {
			return decimal.Append64(dst, int64At(v, row), scale)
		}
	case types.PhysInt128:
		return func(dst []byte, v *batch.Vector, row int) []byte {
			return decimal.Append128(dst, fixed[decimal.Int128](v, row), scale)
		}
	}
	return func(dst []byte, v *batch.Vector, row int) []byte {
		return decimal.AppendText(dst, v.BytesAt(row))
	}
}

func rawBytes(dst []byte, v *batch.Vector, row int) []byte { return append(dst, v.BytesAt(row)...) }
