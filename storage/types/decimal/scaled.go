package decimal

import "github.com/siltstone-db/siltstone/storage/errs"

// scanDecimal reads an optionally signed number of at most 38 significant digits without exponent.
func scanDecimal(s []byte) (v Int128, scale int, ok bool) {
	i, neg := 0, false
	if len(s) > 0 && (s[0] == '-' || s[0] == '+') {
		neg, i = s[0] == '-', 1
	}
	var lo uint64
	var m uint128
	digits, seen, point := 0, false, -1
	for ; i < len(s); i++ {
		c := s[i]
		if c == '.' && point < 0 {
			point = i
			continue
		}
		if c -= '0'; c > 9 {
			return v, 0, false
		}
		seen = true
		if digits > 0 || c != 0 {
			digits++
		}
		switch {
		case digits <= 18:
			lo = lo*10 + uint64(c)
			continue
		case digits == 19:
			m.lo = lo
		case digits > Precision128:
			return v, 0, false
		}
		m, _ = m.mul(uint128{10, 0})
		m, _ = m.add(uint128{uint64(c), 0})
	}
	if !seen {
		return v, 0, false
	}
	if digits <= 18 {
		m.lo = lo
	}
	if point >= 0 {
		scale = len(s) - 1 - point
	}
	v, _ = m.signed(neg)
	return v, scale, true
}

// Parse64 reads a numeric(p,s) with p <= 18 as its scaled value, rounding half away from zero.
func Parse64(s []byte, precision, scale int) (int64, error) {
	if v, from, ok := scanDecimal(s); ok && v.IsInt64() {
		x := int64(v.Lo)
		if from != scale {
			x, ok = RescaleInt64(x, from, scale)
		}
		if limit := int64(pow10[precision].lo); ok && x < limit && x > -limit {
			return x, nil
		}
	}
	v, err := Parse128(s, precision, scale)
	return int64(v.Lo), err
}

// Parse128 reads a numeric(p,s) with p <= 38 as its scaled value, rounding half away from zero.
func Parse128(s []byte, precision, scale int) (Int128, error) {
	if v, from, ok := scanDecimal(s); ok {
		if v, ok = v.Rescale(from, scale); ok && v.FitsPrecision(precision) {
			return v, nil
		}
	}
	d, err := Parse(s)
	if err != nil {
		return Int128{}, err
	}
	return d.Scaled(precision, scale)
}

// Scaled returns d as the scaled value of numeric(precision, scale), for precision <= 38, or 22003.
func (d Decimal) Scaled(precision, scale int) (Int128, error) {
	d, err := d.Constrain(precision, scale)
	if err != nil {
		return Int128{}, err
	}
	if d.IsNaN() {
		return Int128{}, errs.Unsupported("NaN in numeric(%d,%d)", precision, scale)
	}
	if scale < 0 {
		v, _ := d.coef.signed(d.neg)
		v, _ = v.Rescale(0, scale)
		return v, nil
	}
	v, _ := d.coef.signed(d.neg)
	return v, nil
}

// Constrain rounds d to numeric(precision, scale), or returns 22003 when it does not fit. Precision 0 is no
// constraint. A negative scale rounds before the point.
func (d Decimal) Constrain(precision, scale int) (Decimal, error) {
	if precision <= 0 || d.IsNaN() {
		return d, nil
	}
	if d.IsInf() {
		return Decimal{}, errs.New(errs.NumericValueOutOfRange, "numeric field overflow").
			WithDetail("A field with precision %d, scale %d cannot hold an infinite value.", precision, scale)
	}
	d = d.Round(scale)
	if d.digits() > precision-min(scale, 0) {
		return Decimal{}, FieldOverflow(precision, scale)
	}
	return d, nil
}

// FieldOverflow is PostgreSQL's 22003 for a value that numeric(precision, scale) cannot hold.
func FieldOverflow(precision, scale int) error {
	e := errs.New(errs.NumericValueOutOfRange, "numeric field overflow")
	const format = "A field with precision %d, scale %d must round to an absolute value less than "
	if precision == scale {
		return e.WithDetail(format+"1.", precision, scale)
	}
	return e.WithDetail(format+"10^%d.", precision, scale, precision-scale)
}

// Append64 appends a scaled int64 in text form.
func Append64(dst []byte, v int64, scale int) []byte {
	if scale <= 0 {
		return Append128(dst, Int128From64(v), scale)
	}
	u := uint64(v)
	if v < 0 {
		dst = append(dst, '-')
		u = -u
	}
	var buf [40]byte
	i := len(buf)
	for n := 0; u != 0 || n <= scale; n++ {
		if n == scale {
			i--
			buf[i] = '.'
		}
		i--
		buf[i] = byte('0' + u%10)
		u /= 10
	}
	return append(dst, buf[i:]...)
}

// Append128 appends a scaled int128 in text form. A negative scale appends zeros.
func Append128(dst []byte, v Int128, scale int) []byte {
	if v.Hi < 0 {
		dst = append(dst, '-')
	}
	start := len(dst)
	m := v.abs()
	dst = m.appendDigits(dst, max(scale, 0)+1)
	for ; scale < 0 && !m.isZero(); scale++ {
		dst = append(dst, '0')
	}
	return insertPoint(dst, start, scale)
}
