package types

import (
	"bytes"
	"errors"
	"math"
	"math/big"
	"strconv"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types/ascii"
)

// ParseFloat64 reads a double precision as PostgreSQL's input function does: the nearest double, NaN, Infinity.
func ParseFloat64(s []byte) (float64, error) { return parseFloat(s, 64, "double precision") }

// ParseFloat32 reads a real, rounding once, straight to single precision.
func ParseFloat32(s []byte) (float32, error) {
	f, err := parseFloat(s, 32, "real")
	return float32(f), err
}

func parseFloat(s []byte, size int, typ string) (float64, error) {
	t := ascii.TrimSpace(s)
	if len(t) == 0 || bytes.IndexByte(t, '_') >= 0 {
		return 0, ascii.SyntaxError(typ, s)
	}
	f, err := strconv.ParseFloat(ascii.String(t), size)
	if err != nil {
		if errors.Is(err, strconv.ErrRange) {
			return 0, errFloatRange(t, typ)
		}
		if len(t) == 4 && (t[0] == '-' || t[0] == '+') && bytes.EqualFold(t[1:], []byte("nan")) {
			return math.NaN(), nil
		}
		return 0, ascii.SyntaxError(typ, s)
	}
	if f == 0 && hasNonZeroDigit(t) {
		return 0, errFloatRange(t, typ)
	}
	return f, nil
}

func errFloatRange(s []byte, typ string) error {
	return errs.New(errs.NumericValueOutOfRange, "%q is out of range for type %s", ascii.Verbatim(s), typ)
}

// hasNonZeroDigit tells whether the mantissa of a number that reads as zero is not zero: an underflow.
func hasNonZeroDigit(s []byte) bool {
	if i := bytes.IndexAny(s, "eEpP"); i >= 0 {
		s = s[:i]
	}
	return bytes.ContainsAny(s, "123456789")
}

// Digits that every float of a type has, to which extra_float_digits adds when it is not positive.
const (
	float32Digits = 6
	float64Digits = 15
)

// AppendFloat appends a float of 32 or 64 bits as the settings want it.
func (s *Settings) AppendFloat(dst []byte, f float64, size int) []byte {
	if s == nil || s.FloatDigits >= 0 || math.IsNaN(f) || math.IsInf(f, 0) || f == 0 {
		return appendFloat(dst, f, size)
	}
	digits := float64Digits
	if size == 32 {
		digits = float32Digits
	}
	return strconv.AppendFloat(dst, f, 'g', max(digits+1+s.FloatDigits, 1), size)
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
	a := math.Abs(f)
	plain := a >= 1e-4 && a < 1e15
	if size == 32 {
		plain = float32(a) >= 1e-4 && a < 1e6
	}
	if plain {
		if i := int64(f); float64(i) == f {
			return ascii.AppendInt(dst, i)
		}
		return strconv.AppendFloat(dst, f, 'f', -1, size)
	}
	start := len(dst)
	dst = strconv.AppendFloat(dst, f, 'e', -1, size)
	if a >= 1<<23 && onBoundary(dst[start:], f, size) {
		for digits := len(dst) - start - 6; ; digits++ { // the next digits that PostgreSQL accepts
			dst = strconv.AppendFloat(dst[:start], f, 'e', max(digits, 0), size)
			if g, _ := strconv.ParseFloat(ascii.String(dst[start:]), size); g == f && !onBoundary(dst[start:], f, size) {
				break
			}
		}
	}
	return dst
}

// onBoundary tells whether text is exactly half way between f and one of its neighbours. Go's shortest form may be,
// since reading rounds it to the even f; PostgreSQL's never is (its Ryu has acceptBounds off): 1e23 prints as
// 9.999999999999999e+22. Only large numbers have so short a middle.
func onBoundary(text []byte, f float64, size int) bool {
	t, _, err := new(big.Float).SetPrec(2048).Parse(ascii.String(text), 10)
	if err != nil {
		return false
	}
	for _, to := range [...]float64{math.Inf(1), math.Inf(-1)} {
		next := math.Nextafter(f, to)
		if size == 32 {
			next = float64(math.Nextafter32(float32(f), float32(to)))
		}
		if math.IsInf(next, 0) {
			continue
		}
		mid := new(big.Float).SetPrec(2048).SetFloat64(f)
		mid.Add(mid, new(big.Float).SetFloat64(next))
		if mid.Quo(mid, big.NewFloat(2)).Cmp(t) == 0 {
			return true
		}
	}
	return false
}
