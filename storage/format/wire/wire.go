// Package wire owns PostgreSQL's text and binary forms of single values, as they travel in DataRow, Bind and COPY
// messages (PostgreSQL manual, "Formats and Format Codes"; the binary forms are those of the types' send and receive
// functions). An Encoder appends one row of a vector, a decoder makes a Datum or appends to a vector.
//
// Encoders are made once per column and do not allocate per value. They hold no state, so any number of goroutines may
// use one. Lengths and NULLs are the caller's business. Decoders refuse wrong widths with 22P03 and bad characters
// with 22021.
//
// Package pgtype of the SQL layer adds names and catalog facts of the types; COPY binary uses this one directly.
package wire

import (
	"encoding/binary"
	"math"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/types/datetime"
	"github.com/siltstone-db/siltstone/storage/types/decimal"
)

// Encoder appends the bytes of row of v, which is not NULL, to dst. v may have any form.
type Encoder func(dst []byte, v *batch.Vector, row int) []byte

// Days and microseconds between 1970, where our clock starts, and 2000, where PostgreSQL's does.
const (
	epochDays   = 10957
	epochMicros = int64(epochDays) * datetime.MicrosPerDay
)

// fixed returns row of a fixed-width vector, flat or constant.
func fixed[T any](v *batch.Vector, row int) T {
	if v.Form == batch.Constant {
		row = 0
	}
	return batch.Values[T](v)[row]
}

func int16At(v *batch.Vector, row int) int64 {
	if v.Form == batch.Packed {
		return v.Unpack(row)
	}
	return int64(fixed[int16](v, row))
}

func int32At(v *batch.Vector, row int) int64 {
	if v.Form == batch.Packed {
		return v.Unpack(row)
	}
	return int64(fixed[int32](v, row))
}

func int64At(v *batch.Vector, row int) int64 {
	if v.Form == batch.Packed {
		return v.Unpack(row)
	}
	return fixed[int64](v, row)
}

func boolAt(v *batch.Vector, row int) bool {
	if v.Form == batch.Constant {
		row = 0
	}
	return v.Bools().Get(row)
}

// uuidAt returns the 16 bytes of a uuid.
func uuidAt(v *batch.Vector, row int) []byte {
	if v.Form == batch.Constant {
		row = 0
	}
	return v.Data[row*16 : row*16+16]
}

// decimalAt returns a numeric of any physical form.
func decimalAt(v *batch.Vector, row int, t types.Type) decimal.Decimal {
	switch t.Physical() {
	case types.PhysInt64:
		return decimal.FromInt128(decimal.Int128From64(int64At(v, row)), int(t.Scale))
	case types.PhysInt128:
		return decimal.FromInt128(fixed[decimal.Int128](v, row), int(t.Scale))
	}
	d, err := decimal.Decode(v.BytesAt(row))
	if err != nil {
		return decimal.NaN
	}
	return d
}

func dateToWire(days int32) int32 {
	if days == datetime.DateInf || days == datetime.DateNegInf {
		return days
	}
	return days - epochDays
}

func stampToWire(us int64) int64 {
	if !datetime.IsFiniteTimestamp(us) {
		return us
	}
	return us - epochMicros
}

// AppendNumeric appends the binary form of a numeric: number of digits, weight, sign, display scale, digits.
func AppendNumeric(dst []byte, d decimal.Decimal) []byte {
	const positive, negative, nan, inf, negInf = 0x0000, 0x4000, 0xC000, 0xD000, 0xF000
	const infScale = 0x20 // what PostgreSQL sends; readers ignore it
	switch {
	case d.IsNaN():
		return appendU16(dst, 0, 0, nan, 0)
	case d.IsInf() && d.Sign() > 0:
		return appendU16(dst, 0, 0, inf, infScale)
	case d.IsInf():
		return appendU16(dst, 0, 0, negInf, infScale)
	}
	var buf [12]int16
	g := d.Base10000(buf[:0])
	sign := uint16(positive)
	if g.Negative {
		sign = negative
	}
	dst = appendU16(dst, uint16(len(g.Digits)), uint16(g.Weight), sign, uint16(d.Scale()))
	for _, x := range g.Digits {
		dst = binary.BigEndian.AppendUint16(dst, uint16(x))
	}
	return dst
}

func appendU16(dst []byte, a, b, c, d uint16) []byte {
	return append(dst, byte(a>>8), byte(a), byte(b>>8), byte(b), byte(c>>8), byte(c), byte(d>>8), byte(d))
}

func appendInterval(dst []byte, v datetime.Interval) []byte {
	dst = binary.BigEndian.AppendUint64(dst, uint64(v.Micros))
	dst = binary.BigEndian.AppendUint32(dst, uint32(v.Days))
	return binary.BigEndian.AppendUint32(dst, uint32(v.Months))
}

func appendFloat32(dst []byte, f float32) []byte {
	return binary.BigEndian.AppendUint32(dst, math.Float32bits(f))
}

func appendFloat64(dst []byte, f float64) []byte {
	if f != f {
		return binary.BigEndian.AppendUint64(dst, 0x7ff8<<48) // PostgreSQL's one NaN
	}
	return binary.BigEndian.AppendUint64(dst, math.Float64bits(f))
}
