package types

import (
	"math"

	"github.com/siltstone-db/siltstone/storage/errs"
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
	t := trimSpace(s)
	neg := false
	if len(t) > 0 && (t[0] == '-' || t[0] == '+') {
		neg, t = t[0] == '-', t[1:]
	}
	if len(t) == 0 {
		return 0, errSyntax(typ, s)
	}
	var u uint64
	over := false
	for _, c := range t {
		if !isDigit(c) {
			return 0, errSyntax(typ, s)
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
	return 0, errs.New(errs.NumericValueOutOfRange, "value %q is out of range for type %s", verbatim(s), typ)
}

// ParseOid reads an oid: an unsigned 32-bit number, negative ones wrapping as in PostgreSQL.
func ParseOid(s []byte) (uint32, error) {
	v, err := parseIntSlow(s, math.MinInt32, math.MaxUint32, "oid")
	return uint32(v), err
}

const digitPairs = "00010203040506070809101112131415161718192021222324252627282930313233343536373839404142434445464748495051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899"

// AppendInt appends an integer.
func AppendInt(dst []byte, v int64) []byte {
	u := uint64(v)
	if v < 0 {
		dst = append(dst, '-')
		u = -u
	}
	return appendUint(dst, u)
}

func appendUint(dst []byte, u uint64) []byte {
	var buf [20]byte
	i := len(buf)
	for u >= 100 {
		i -= 2
		r := u % 100 * 2
		u /= 100
		buf[i], buf[i+1] = digitPairs[r], digitPairs[r+1]
	}
	if u >= 10 {
		i -= 2
		buf[i], buf[i+1] = digitPairs[u*2], digitPairs[u*2+1]
	} else {
		i--
		buf[i] = byte('0' + u)
	}
	return append(dst, buf[i:]...)
}

// append2 appends a number below 100 as two digits.
func append2(dst []byte, v int) []byte { return append(dst, digitPairs[v*2], digitPairs[v*2+1]) }
