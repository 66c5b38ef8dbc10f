package wire

import (
	"encoding/binary"
	"math"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/types/datetime"
	"github.com/siltstone-db/siltstone/storage/types/decimal"
)

// LeftoverBinary is the text of PostgreSQL's 22P03 for a value with bytes behind its end. Bind adds the parameter to it.
const LeftoverBinary = "incorrect binary data format"

// errWidth is PostgreSQL's error for a value of the wrong width, which it reads as a message of its own.
func errWidth(got, want int) error {
	switch {
	case got > want:
		return errs.New(errs.InvalidBinaryRepresentation, LeftoverBinary)
	case want == 1:
		return errs.New(errs.ProtocolViolation, "no data left in message")
	}
	return errs.New(errs.ProtocolViolation, "insufficient data left in message")
}

// DecodeText reads the text form of a value that is not NULL, as a Bind parameter brings it. set may be nil.
func DecodeText(t types.Type, b []byte, set *types.Settings) (types.Datum, error) {
	if err := types.CheckUTF8(b); err != nil {
		return types.Datum{}, err
	}
	return types.ParseWith(t, b, set)
}

// DecodeBinary reads the binary form of a value that is not NULL.
func DecodeBinary(t types.Type, b []byte) (types.Datum, error) {
	want := 0
	switch t.Kind {
	case types.Bool:
		if want = 1; len(b) == want {
			return types.BoolOf(b[0] != 0), nil
		}
	case types.Int2:
		if want = 2; len(b) == want {
			return types.IntOf(t, int64(int16(binary.BigEndian.Uint16(b)))), nil
		}
	case types.Int4:
		if want = 4; len(b) == want {
			return types.IntOf(t, int64(int32(binary.BigEndian.Uint32(b)))), nil
		}
	case types.Oid, types.Regclass, types.Regtype, types.Regproc, types.Regnamespace:
		if want = 4; len(b) == want {
			return types.IntOf(t, int64(binary.BigEndian.Uint32(b))), nil
		}
	case types.Int8:
		if want = 8; len(b) == want {
			return types.IntOf(t, int64(binary.BigEndian.Uint64(b))), nil
		}
	case types.Float4:
		if want = 4; len(b) == want {
			return types.FloatOf(t, float64(math.Float32frombits(binary.BigEndian.Uint32(b)))), nil
		}
	case types.Float8:
		if want = 8; len(b) == want {
			return types.FloatOf(t, math.Float64frombits(binary.BigEndian.Uint64(b))), nil
		}
	case types.Numeric:
		d, err := DecodeNumeric(b)
		if err != nil {
			return types.Datum{}, err
		}
		return types.NumericDatum(t, d)
	case types.Date, types.Time, types.Timestamp, types.Timestamptz:
		v, err := DecodeClock(t, b)
		return types.IntOf(t, v), err
	case types.Interval:
		if want = 16; len(b) == want {
			return types.IntervalDatum(DecodeInterval(b)), nil
		}
	case types.UUID:
		if want = 16; len(b) == want {
			return types.StringOf(t, string(b)), nil
		}
	case types.InternalChar:
		if want = 1; len(b) == want {
			return DecodeText(t, b, nil)
		}
	case types.Bytea:
		return types.StringOf(t, string(b)), nil
	case types.JSONB, types.JSONPath:
		switch {
		case len(b) == 0:
			return types.Datum{}, errWidth(0, 1)
		case b[0] != jsonVersion:
			return types.Datum{}, errs.New(errs.InternalError, "unsupported %s version number %d", t, b[0])
		}
		return DecodeText(t, b[1:], nil)
	case types.Array:
		text, err := decodeArray(t, b)
		return types.StringOf(t, string(text)), err
	default:
		return DecodeText(t, b, nil)
	}
	return types.Datum{}, errWidth(len(b), want)
}

// DecodeInterval reads 16 bytes.
func DecodeInterval(b []byte) datetime.Interval {
	return datetime.Interval{
		Micros: int64(binary.BigEndian.Uint64(b)),
		Days:   int32(binary.BigEndian.Uint32(b[8:])),
		Months: int32(binary.BigEndian.Uint32(b[12:])),
	}
}

// DecodeClock reads a date, time, timestamp or timestamptz as its physical value.
func DecodeClock(t types.Type, b []byte) (int64, error) {
	if t.Kind == types.Date {
		if len(b) != 4 {
			return 0, errWidth(len(b), 4)
		}
		d := int32(binary.BigEndian.Uint32(b))
		if d == datetime.DateInf || d == datetime.DateNegInf {
			return int64(d), nil
		}
		v := int64(d) + epochDays
		if v < datetime.MinDate || v > datetime.MaxDate {
			return 0, datetime.DateOutOfRange()
		}
		return v, nil
	}
	if len(b) != 8 {
		return 0, errWidth(len(b), 8)
	}
	v := int64(binary.BigEndian.Uint64(b))
	switch {
	case t.Kind == types.Time:
		if v < 0 || v > datetime.MicrosPerDay {
			return 0, errs.New(errs.DatetimeFieldOverflow, "time out of range")
		}
		return v, nil
	case !datetime.IsFiniteTimestamp(v):
		return v, nil
	case v > datetime.MaxTimestamp-epochMicros || v+epochMicros < datetime.MinTimestamp:
		return 0, datetime.TimestampOutOfRange()
	}
	return v + epochMicros, nil
}

// DecodeNumeric reads the binary form of a numeric.
func DecodeNumeric(b []byte) (decimal.Decimal, error) {
	bad := func(what string) (decimal.Decimal, error) {
		return decimal.Decimal{}, errs.New(errs.InvalidBinaryRepresentation, "invalid %s in external \"numeric\" value", what)
	}
	if len(b) < 8 {
		return decimal.Decimal{}, errWidth(len(b), 8)
	}
	n, weight := int(binary.BigEndian.Uint16(b)), int(int16(binary.BigEndian.Uint16(b[2:])))
	sign, scale := binary.BigEndian.Uint16(b[4:]), int(binary.BigEndian.Uint16(b[6:]))
	if len(b) != 8+2*n {
		return decimal.Decimal{}, errWidth(len(b), 8+2*n)
	}
	switch sign {
	case 0xC000:
		return decimal.NaN, nil
	case 0xD000:
		return decimal.Inf, nil
	case 0xF000:
		return decimal.NegInf, nil
	case 0x0000, 0x4000:
	default:
		return bad("sign")
	}
	if scale > 16383 {
		return bad("scale")
	}
	var buf [12]int16
	g := decimal.Digits{Negative: sign != 0, Weight: weight, Digits: buf[:0]}
	for i := range n {
		x := binary.BigEndian.Uint16(b[8+2*i:])
		if x > 9999 {
			return bad("digit")
		}
		if len(g.Digits) == 0 && x == 0 { // leading zeros
			g.Weight--
			continue
		}
		g.Digits = append(g.Digits, int16(x))
	}
	for len(g.Digits) > 0 && g.Digits[len(g.Digits)-1] == 0 {
		g.Digits = g.Digits[:len(g.Digits)-1]
	}
	if len(g.Digits) == 0 {
		g.Weight, g.Negative = 0, false
	}
	// Digits far below the display scale are cut before they cost anything.
	if keep := g.Weight + 1 + (scale+7)/4; keep < len(g.Digits) {
		g.Digits = g.Digits[:max(keep, 0)]
	}
	return decimal.FromBase10000(g, scale), nil
}

// decodeArray turns the binary form of a one-dimensional array into its text form.
func decodeArray(t types.Type, b []byte) ([]byte, error) {
	if len(b) < 12 {
		return nil, errWidth(0, 4)
	}
	dims, elemOID := binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[8:])
	switch {
	case elemOID != OID(types.T(t.Elem)):
		return nil, errs.New(errs.DatatypeMismatch, "wrong element type")
	case dims == 0 && len(b) == 12:
		return []byte("{}"), nil
	case dims > 1:
		return nil, errs.Unsupported("an array of more than one dimension")
	case dims == 0 || len(b) < 20:
		return nil, errWidth(0, 4)
	}
	n := binary.BigEndian.Uint32(b[12:])
	b = b[20:]
	if uint64(n)*4 > uint64(len(b)) {
		return nil, errWidth(0, 4)
	}
	out := []byte{'{'}
	var buf []byte
	for i := range n {
		if len(b) < 4 {
			return nil, errWidth(0, 4)
		}
		size := int32(binary.BigEndian.Uint32(b))
		b = b[4:]
		if size == -1 {
			out = types.AppendElement(out, nil, true, i == 0)
			continue
		}
		if size < 0 || int(size) > len(b) {
			return nil, errWidth(0, 4)
		}
		d, err := DecodeBinary(types.T(t.Elem), b[:size])
		if err != nil {
			return nil, err
		}
		b = b[size:]
		buf = types.Append(buf[:0], d)
		out = types.AppendElement(out, buf, false, i == 0)
	}
	if len(b) != 0 {
		return nil, errWidth(len(b), 0)
	}
	return append(out, '}'), nil
}
