package types

import (
	"strconv"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types/ascii"
	"github.com/siltstone-db/siltstone/storage/types/datetime"
	"github.com/siltstone-db/siltstone/storage/types/decimal"
	"github.com/siltstone-db/siltstone/storage/types/jsonb"
	"github.com/siltstone-db/siltstone/storage/types/jsonpath"
	"github.com/siltstone-db/siltstone/storage/types/jsontext"
)

// Parse reads a value as its type's input function does, with default settings. Errors are PostgreSQL's.
func Parse(t Type, s string) (Datum, error) { return ParseWith(t, []byte(s), nil) }

// ParseWith is Parse with the session's settings. The Datum keeps nothing of s.
func ParseWith(t Type, s []byte, set *Settings) (Datum, error) {
	switch t.Kind {
	case Bool:
		b, err := ParseBool(s)
		return BoolOf(b), err
	case Int2:
		v, err := ParseInt16(s)
		return IntOf(t, int64(v)), err
	case Int4:
		v, err := ParseInt32(s)
		return IntOf(t, int64(v)), err
	case Int8:
		v, err := ParseInt64(s)
		return IntOf(t, v), err
	case Float4:
		v, err := ParseFloat32(s)
		return FloatOf(t, float64(v)), err
	case Float8:
		v, err := ParseFloat64(s)
		return FloatOf(t, v), err
	case Numeric:
		if t.Precision <= 0 {
			enc, err := decimal.AppendParsed(nil, s)
			return StringOf(t, string(enc)), err
		}
		d, err := decimal.Parse(s)
		if err != nil {
			return Datum{}, err
		}
		return NumericDatum(t, d)
	case Date:
		v, err := datetime.ParseDate(s, set.clock())
		return IntOf(t, int64(v)), err
	case Time:
		v, err := datetime.ParseTime(s, set.clock())
		return IntOf(t, v), err
	case Timestamp:
		v, err := datetime.ParseTimestamp(s, set.clock())
		return IntOf(t, v), err
	case Timestamptz:
		v, err := datetime.ParseTimestamptz(s, set.clock())
		return IntOf(t, v), err
	case Interval:
		v, err := datetime.ParseInterval(s)
		return IntervalDatum(v), err
	case UUID:
		u, err := ParseUUID(s)
		return StringOf(t, string(u[:])), err
	case Oid, Regclass, Regtype, Regproc, Regnamespace:
		v, err := ParseOid(s)
		return IntOf(t, int64(v)), err
	}
	return parseBytes(t, s)
}

func parseBytes(t Type, s []byte) (Datum, error) {
	switch t.Kind {
	case Bytea:
		b, err := ParseBytea(nil, s)
		return StringOf(t, string(b)), err
	case Varchar, Char:
		fit, pad, err := FitChars(s, t.Kind, int(t.Width))
		if err != nil {
			return Datum{}, err
		}
		b := append(make([]byte, 0, len(fit)+pad), fit...)
		for range pad {
			b = append(b, ' ')
		}
		return StringOf(t, string(b)), nil
	case Name:
		return StringOf(t, string(cutName(s))), nil
	case InternalChar:
		return StringOf(t, string(s[:min(len(s), 1)])), nil
	case Array:
		text, err := canonicalArray(t.Elem, s)
		return StringOf(t, string(text)), err
	case Text, Unknown:
		return StringOf(t, string(s)), nil
	case JSON:
		var p jsontext.Parser
		return StringOf(t, string(s)), p.Check(s)
	case JSONPath:
		p, err := jsonpath.Parse(string(s))
		if err != nil {
			return Datum{}, err
		}
		return StringOf(t, string(p.Append(nil))), nil
	case JSONB:
		var b jsonb.Builder
		enc, err := b.AppendParsed(nil, s)
		return StringOf(t, string(enc)), err
	case Void:
		return StringOf(t, ""), nil
	}
	return Datum{}, errs.Internal("no input function for type %s", t)
}

// Append appends a value's text form with default settings. NULL appends nothing.
func Append(dst []byte, d Datum) []byte { return AppendWith(dst, d, nil) }

// AppendWith is Append with the session's settings.
func AppendWith(dst []byte, d Datum, set *Settings) []byte {
	if d.Null {
		return dst
	}
	switch d.Type.Kind {
	case Bool:
		if d.I != 0 {
			return append(dst, 't')
		}
		return append(dst, 'f')
	case Float4:
		return set.AppendFloat(dst, d.F, 32)
	case Float8:
		return set.AppendFloat(dst, d.F, 64)
	case Numeric:
		switch d.Type.Physical() {
		case PhysInt64:
			return decimal.Append64(dst, d.I, int(d.Type.Scale))
		case PhysInt128:
			return decimal.Append128(dst, d.Int128(), int(d.Type.Scale))
		}
		return decimal.AppendText(dst, []byte(d.S))
	case Date:
		return datetime.AppendDate(dst, int32(d.I))
	case Time:
		return datetime.AppendTime(dst, d.I)
	case Timestamp:
		return datetime.AppendTimestamp(dst, d.I)
	case Timestamptz:
		return datetime.AppendTimestamptz(dst, d.I, set.clock().Zone())
	case Interval:
		return datetime.AppendInterval(dst, d.IntervalValue())
	case UUID:
		if len(d.S) < 16 {
			return dst
		}
		return AppendUUID(dst, []byte(d.S))
	case Bytea:
		if set != nil && set.ByteaEscape {
			return AppendByteaEscape(dst, []byte(d.S))
		}
		return AppendBytea(dst, []byte(d.S))
	case JSONB:
		return jsonb.AppendText(dst, []byte(d.S))
	case Regclass, Regtype, Regproc, Regnamespace:
		if d.I == 0 {
			return append(dst, '-')
		}
		if set != nil && set.Names != nil {
			if name, ok := set.Names.RegName(d); ok {
				return append(dst, name...)
			}
		}
		return strconv.AppendUint(dst, uint64(uint32(d.I)), 10)
	}
	if d.Type.Physical() == PhysBytes {
		return append(dst, d.S...)
	}
	return ascii.AppendInt(dst, d.I)
}

// String returns the value's text form, NULL for NULL.
func (d Datum) String() string {
	if d.Null {
		return "NULL"
	}
	return string(Append(nil, d))
}
