package decimal

import (
	"math"
	"strconv"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types/ascii"
)

// FromFloat64 converts as PostgreSQL's cast does: 15 significant digits.
func FromFloat64(f float64) Decimal { return fromFloat(f, 15) }

// FromFloat32 converts as PostgreSQL's cast does: 6 significant digits.
func FromFloat32(f float32) Decimal { return fromFloat(float64(f), 6) }

func fromFloat(f float64, digits int) Decimal {
	switch {
	case math.IsNaN(f):
		return NaN
	case math.IsInf(f, 1):
		return Inf
	case math.IsInf(f, -1):
		return NegInf
	}
	var buf [40]byte
	d, _ := Parse(strconv.AppendFloat(buf[:0], f, 'e', digits-1, 64))
	return d.trimmed()
}

// trimmed drops trailing zeros after the point from the display scale.
func (d Decimal) trimmed() Decimal {
	if d.class != finite || d.scale == 0 {
		return d
	}
	text, zeros := d.Append(nil), 0
	for zeros < int(d.scale) && text[len(text)-1-zeros] == '0' {
		zeros++
	}
	return d.rescaled(int(d.scale) - zeros)
}

// TrimScale drops trailing zeros after the point, as trim_scale does.
func (d Decimal) TrimScale() Decimal { return d.trimmed() }

// MinScale returns the least scale that shows d exactly, as min_scale does.
func (d Decimal) MinScale() int { return d.trimmed().Scale() }

// Float64 returns the nearest float; overflow gives an infinity.
func (d Decimal) Float64() float64 {
	switch d.class {
	case notANumber:
		return math.NaN()
	case posInf:
		return math.Inf(1)
	case negInf:
		return math.Inf(-1)
	}
	// Both the magnitude and the power of ten are exact: one rounding.
	if d.big == nil && d.coef.hi == 0 && d.coef.lo < 1<<53 && d.scale <= 22 {
		f := float64(d.coef.lo) / float64pow10[d.scale]
		if d.neg {
			return -f
		}
		return f
	}
	var buf [80]byte
	f, _ := strconv.ParseFloat(ascii.String(d.Append(buf[:0])), 64)
	return f
}

// float64pow10 holds the powers of ten that floats hold exactly.
var float64pow10 = [...]float64{1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
	1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22}

// ToFloat64 casts to double precision; 22003 when d is too large.
func (d Decimal) ToFloat64() (float64, error) {
	f := d.Float64()
	if d.IsFinite() && (math.IsInf(f, 0) || f == 0 && !d.IsZero()) {
		return 0, d.errFloatRange("double precision")
	}
	return f, nil
}

// ToFloat32 casts to real; 22003 when d is too large or too small.
func (d Decimal) ToFloat32() (float32, error) {
	if !d.IsFinite() {
		return float32(d.Float64()), nil
	}
	f, err := strconv.ParseFloat(ascii.String(d.Append(nil)), 32)
	if err != nil || f == 0 && !d.IsZero() {
		return 0, d.errFloatRange("real")
	}
	return float32(f), nil
}

func (d Decimal) errFloatRange(typ string) error {
	return errs.New(errs.NumericValueOutOfRange, "%q is out of range for type %s", ascii.Verbatim(d.Append(nil)), typ)
}

// Int128 rounds half away from zero to an integer; ok is false when it does not fit or d is not finite.
func (d Decimal) Int128() (v Int128, ok bool) {
	r := d.rescaled(0)
	if r.class != finite || r.big != nil {
		return Int128{}, false
	}
	return r.coef.signed(r.neg)
}

// Int64 casts to bigint, rounding half away from zero.
func (d Decimal) Int64() (int64, error) { return d.toInt(math.MinInt64, math.MaxInt64, "bigint") }

// Int32 casts to integer, rounding half away from zero.
func (d Decimal) Int32() (int32, error) {
	v, err := d.toInt(math.MinInt32, math.MaxInt32, "integer")
	return int32(v), err
}

// Int16 casts to smallint, rounding half away from zero.
func (d Decimal) Int16() (int16, error) {
	v, err := d.toInt(math.MinInt16, math.MaxInt16, "smallint")
	return int16(v), err
}

func (d Decimal) toInt(low, high int64, typ string) (int64, error) {
	switch {
	case d.IsNaN():
		return 0, errs.New(errs.FeatureNotSupported, "cannot convert NaN to %s", typ)
	case d.IsInf():
		return 0, errs.New(errs.FeatureNotSupported, "cannot convert infinity to %s", typ)
	}
	if v, ok := d.Int128(); ok && v.IsInt64() && int64(v.Lo) >= low && int64(v.Lo) <= high {
		return int64(v.Lo), nil
	}
	return 0, IntegerOutOfRange(typ)
}

// IntegerOutOfRange is PostgreSQL's 22003 for arithmetic and casts, e.g. "integer out of range".
func IntegerOutOfRange(typ string) error {
	return errs.New(errs.NumericValueOutOfRange, "%s out of range", typ)
}
