package types

import (
	"bytes"
	"math"
	"strconv"

	"github.com/siltstone-db/siltstone/storage/errs"
)

// ParseFloat64 reads a double precision as PostgreSQL's input function does: the nearest double, NaN, Infinity.
func ParseFloat64(s []byte) (float64, error) { return parseFloat(s, 64, "double precision") }

// ParseFloat32 reads a real, rounding once, straight to single precision.
func ParseFloat32(s []byte) (float32, error) {
	f, err := parseFloat(s, 32, "real")
	return float32(f), err
}

func parseFloat(s []byte, size int, typ string) (float64, error) {
	t := trimSpace(s)
	if len(t) == 0 || bytes.IndexByte(t, '_') >= 0 {
		return 0, errSyntax(typ, s)
	}
	f, err := strconv.ParseFloat(str(t), size)
	if err != nil {
		if err.(*strconv.NumError).Err == strconv.ErrRange {
			return 0, errFloatRange(t, typ)
		}
		return 0, errSyntax(typ, s)
	}
	if f == 0 && hasNonZeroDigit(t) {
		return 0, errFloatRange(t, typ)
	}
	return f, nil
}

func errFloatRange(s []byte, typ string) error {
	return errs.New(errs.NumericValueOutOfRange, "%q is out of range for type %s", verbatim(s), typ)
}

// hasNonZeroDigit tells whether the mantissa of a number that reads as zero is not zero: an underflow.
func hasNonZeroDigit(s []byte) bool {
	if i := bytes.IndexAny(s, "eEpP"); i >= 0 {
		s = s[:i]
	}
	return bytes.ContainsAny(s, "123456789")
}

// AppendFloat64 appends the shortest text that reads back as f, in PostgreSQL's form (extra_float_digits >= 1).
func AppendFloat64(dst []byte, f float64) []byte { return appendFloat(dst, f, 64) }

// AppendFloat32 is AppendFloat64 for single precision.
func AppendFloat32(dst []byte, f float32) []byte { return appendFloat(dst, float64(f), 32) }

// appendFloat uses scientific form where PostgreSQL's Ryu code does: exponents below -4 and from 15 (float4: 6) up.
func appendFloat(dst []byte, f float64, size int) []byte {
	switch {
	case math.IsNaN(f):
		return append(dst, "NaN"...)
	case math.IsInf(f, 1):
		return append(dst, "Infinity"...)
	case math.IsInf(f, -1):
		return append(dst, "-Infinity"...)
	case f == 0:
		if math.Signbit(f) {
			dst = append(dst, '-')
		}
		return append(dst, '0')
	}
	limit := 1e15
	if size == 32 {
		limit = 1e6
	}
	if a := math.Abs(f); a >= 1e-4 && a < limit {
		if i := int64(f); float64(i) == f {
			return AppendInt(dst, i)
		}
		return strconv.AppendFloat(dst, f, 'f', -1, size)
	}
	return strconv.AppendFloat(dst, f, 'e', -1, size)
}
