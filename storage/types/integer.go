package types

import (
	"math"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types/ascii"
	"github.com/siltstone-db/siltstone/storage/types/decimal"
)

// ParseInt64 reads a bigint as PostgreSQL's input function does.
func ParseInt64(s []byte) (int64, error) {
	if n := len(s); n > 0 && n <= 19 {
		i, neg := 0, false
		if s[0] == '-' {
			neg, i = true, 1
		}
		var v int64
		for ; i < n; i++ {
			c := s[i] - '0'
			if c > 9 {
				return parseIntSlow(s, math.MinInt64, math.MaxInt64, "bigint")
			}
			v = v*10 + int64(c)
		}
		if neg && n > 1 {
			return -v, nil
		}
		if !neg && v >= 0 {
			return v, nil
		}
	}
	return parseIntSlow(s, math.MinInt64, math.MaxInt64, "bigint")
}

// ParseInt32 reads an integer as PostgreSQL's input function does.
func ParseInt32(s []byte) (int32, error) {
	if len(s) <= 11 {
		if v, err := ParseInt64(s); err == nil && int64(int32(v)) == v {
			return int32(v), nil
		}
	}
	v, err := parseIntSlow(s, math.MinInt32, math.MaxInt32, "integer")
	return int32(v), err
}

// ParseInt16 reads a smallint as PostgreSQL's input function does.
func ParseInt16(s []byte) (int16, error) {
	if len(s) <= 6 {
		if v, err := ParseInt64(s); err == nil && int64(int16(v)) == v {
			return int16(v), nil
		}
	}
	v, err := parseIntSlow(s, math.MinInt16, math.MaxInt16, "smallint")
	return int16(v), err
}

// parseIntSlow allows blanks around and a plus sign, and tells syntax from range.
func parseIntSlow(s []byte, low, high int64, typ string) (int64, error) {
	t := ascii.TrimSpace(s)
	neg := false
	if len(t) > 0 && (t[0] == '-' || t[0] == '+') {
		neg, t = t[0] == '-', t[1:]
	}
	if len(t) == 0 {
		return 0, ascii.SyntaxError(typ, s)
	}
	var u uint64
	over := false
	for _, c := range t {
		if !ascii.IsDigit(c) {
			return 0, ascii.SyntaxError(typ, s)
		}
		if u > (math.MaxUint64-9)/10 {
			over = true
			continue
		}
		u = u*10 + uint64(c-'0')
	}
	switch {
	case over:
	case neg && u <= uint64(math.MaxInt64)+1 && -int64(u) >= low:
		return -int64(u), nil
	case !neg && u <= uint64(high):
		return int64(u), nil
	}
	return 0, errs.New(errs.NumericValueOutOfRange, "value %q is out of range for type %s", ascii.Verbatim(s), typ)
}

// ParseOid reads an oid: an unsigned 32-bit number, negative ones wrapping as in PostgreSQL.
func ParseOid(s []byte) (uint32, error) {
	v, err := parseIntSlow(s, math.MinInt32, math.MaxUint32, "oid")
	return uint32(v), err
}

// FloatToInt64 casts a float to bigint, rounding half to even as PostgreSQL's rint does.
func FloatToInt64(f float64) (int64, error) {
	f = math.RoundToEven(f)
	if !(f >= -1<<63 && f < 1<<63) {
		return 0, decimal.IntegerOutOfRange("bigint")
	}
	return int64(f), nil
}

// FloatToInt32 casts a float to integer, rounding half to even.
func FloatToInt32(f float64) (int32, error) {
	f = math.RoundToEven(f)
	if !(f >= math.MinInt32 && f <= math.MaxInt32) {
		return 0, decimal.IntegerOutOfRange("integer")
	}
	return int32(f), nil
}

// FloatToInt16 casts a float to smallint, rounding half to even.
func FloatToInt16(f float64) (int16, error) {
	f = math.RoundToEven(f)
	if !(f >= math.MinInt16 && f <= math.MaxInt16) {
		return 0, decimal.IntegerOutOfRange("smallint")
	}
	return int16(f), nil
}
