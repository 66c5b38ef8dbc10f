package decimal

import (
	"math/big"

	"github.com/siltstone-db/siltstone/storage/errs"
)

// DivisionByZero is PostgreSQL's 22012.
func DivisionByZero() error { return errs.New(errs.DivisionByZero, "division by zero") }

// Neg returns -d.
func (d Decimal) Neg() Decimal {
	switch d.class {
	case posInf:
		return NegInf
	case negInf:
		return Inf
	}
	d.neg = !d.neg && !d.IsZero() && d.class == finite
	return d
}

// Abs returns the absolute value.
func (d Decimal) Abs() Decimal {
	if d.Sign() < 0 {
		return d.Neg()
	}
	return d
}

// Add returns d + o at the larger display scale.
func (d Decimal) Add(o Decimal) (Decimal, error) {
	if d.class != finite || o.class != finite {
		return addSpecial(d, o), nil
	}
	if a, b, scale, ok := alignSmall(d, o); ok {
		if d.neg == o.neg {
			if s, ok := a.add(b); ok {
				return Decimal{neg: d.neg, coef: s, scale: scale}, nil
			}
		} else if a.cmp(b) >= 0 {
			s := a.sub(b)
			return Decimal{neg: d.neg && !s.isZero(), coef: s, scale: scale}, nil
		} else {
			return Decimal{neg: o.neg, coef: b.sub(a), scale: scale}, nil
		}
	}
	a, b, scale := alignBig(d, o)
	r := new(big.Int)
	switch {
	case d.neg == o.neg:
		return fromBig(d.neg, r.Add(a, b), int(scale)).check()
	case a.Cmp(b) >= 0:
		return fromBig(d.neg, r.Sub(a, b), int(scale)), nil
	}
	return fromBig(o.neg, r.Sub(b, a), int(scale)), nil
}

func addSpecial(d, o Decimal) Decimal {
	switch {
	case d.IsNaN() || o.IsNaN():
		return NaN
	case d.class == finite:
		return o
	case o.class == finite || d.class == o.class:
		return d
	}
	return NaN
}

// Sub returns d - o at the larger display scale.
func (d Decimal) Sub(o Decimal) (Decimal, error) { return d.Add(o.Neg()) }

// Mul returns d * o; display scales add up.
func (d Decimal) Mul(o Decimal) (Decimal, error) {
	if d.class != finite || o.class != finite {
		return signedInf(d, o, d.IsNaN() || o.IsNaN() || d.IsZero() || o.IsZero()), nil
	}
	neg := d.neg != o.neg
	if d.big == nil && o.big == nil {
		if c, ok := d.coef.mul(o.coef); ok {
			return Decimal{neg: neg && !c.isZero(), coef: c, scale: d.scale + o.scale}.check()
		}
	}
	return fromBig(neg, new(big.Int).Mul(d.mag(), o.mag()), int(d.scale+o.scale)).check()
}

// signedInf returns the infinity with the sign of the product, or NaN.
func signedInf(d, o Decimal, nan bool) Decimal {
	switch {
	case nan:
		return NaN
	case d.Sign()*o.Sign() < 0:
		return NegInf
	}
	return Inf
}

// Quo returns d / o with the display scale that PostgreSQL's select_div_scale gives: at least 16 significant digits
// and no less than either input's.
func (d Decimal) Quo(o Decimal) (Decimal, error) {
	if q, done, err := quoSpecial(d, o); done {
		return q, err
	}
	return divDecimal(d, o, divScale(d, o)).check()
}

// quoSpecial handles NaN, infinities and zero divisors.
func quoSpecial(d, o Decimal) (q Decimal, done bool, err error) {
	switch {
	case d.IsNaN() || o.IsNaN():
		return NaN, true, nil
	case o.IsZero():
		return d, true, DivisionByZero()
	case d.IsInf() && o.IsInf():
		return NaN, true, nil
	case d.IsInf():
		return signedInf(d, o, false), true, nil
	case o.IsInf():
		return Decimal{}, true, nil
	}
	return d, false, nil
}

// divScale is select_div_scale of numeric.c: it estimates the weight of the quotient from the first base-10000 digits.
func divScale(d, o Decimal) int {
	w1, f1 := d.firstDigit()
	w2, f2 := o.firstDigit()
	weight := w1 - w2
	if f1 <= f2 {
		weight--
	}
	scale := minSigDigits - weight*4
	return clampScale(max(scale, int(d.scale), int(o.scale)))
}

func clampScale(scale int) int { return min(max(scale, 0), maxResultScale) }

// firstDigit returns the weight and value of the first non-zero base-10000 digit; 0, 0 for zero.
func (d Decimal) firstDigit() (weight, digit int) {
	n := d.digits()
	if n == 0 {
		return 0, 0
	}
	dweight := n - int(d.scale) - 1 // decimal weight of the first decimal digit
	weight = dweight >> 2
	keep := dweight&3 + 1 // decimal digits of the first base-10000 digit
	if d.big == nil {
		if n > keep {
			q, _ := d.coef.quoRem(pow10[n-keep])
			return weight, int(q.lo)
		}
		return weight, int(d.coef.lo * pow10[keep-n].lo)
	}
	q := new(big.Int).Quo(d.big, bigPow10(n-keep))
	return weight, int(q.Int64())
}

// divDecimal returns d / o rounded to scale; o is not zero.
func divDecimal(d, o Decimal, scale int) Decimal {
	shift := scale - int(d.scale) + int(o.scale)
	neg := d.neg != o.neg
	if d.big == nil && o.big == nil && shift >= 0 && shift <= Precision128 {
		if a, ok := d.coef.mul(pow10[shift]); ok {
			q := a.divRound(o.coef)
			return Decimal{neg: neg && !q.isZero(), coef: q, scale: int32(scale)}
		}
	}
	a, b := d.mag(), o.mag()
	if shift >= 0 {
		a = new(big.Int).Mul(a, bigPow10(shift))
	} else {
		b = new(big.Int).Mul(b, bigPow10(-shift))
	}
	return fromBig(neg, divRoundBig(a, b), scale)
}

// QuoTrunc returns the integer part of d / o: PostgreSQL's div().
func (d Decimal) QuoTrunc(o Decimal) (Decimal, error) {
	if q, done, err := quoSpecial(d, o); done {
		return q, err
	}
	a, b, _ := alignBig(d, o)
	return fromBig(d.neg != o.neg, new(big.Int).Quo(a, b), 0).check()
}

// Mod returns the remainder of the truncated division, with the sign of d, at the larger display scale.
func (d Decimal) Mod(o Decimal) (Decimal, error) {
	switch {
	case d.IsNaN() || o.IsNaN():
		return NaN, nil
	case o.IsZero():
		return Decimal{}, DivisionByZero()
	case d.IsInf():
		return NaN, nil
	case o.IsInf():
		return d, nil
	}
	if a, b, scale, ok := alignSmall(d, o); ok {
		_, r := a.quoRem(b)
		return Decimal{neg: d.neg && !r.isZero(), coef: r, scale: scale}, nil
	}
	a, b, scale := alignBig(d, o)
	return fromBig(d.neg, new(big.Int).Rem(a, b), int(scale)), nil
}

// Round rounds half away from zero to scale digits after the point; a negative scale rounds before it.
func (d Decimal) Round(scale int) Decimal {
	scale = min(max(scale, -4*(maxNumericWeight+1)), maxNumericScale)
	if scale >= 0 {
		return d.rescaled(scale)
	}
	r := d.rescaled(scale)
	if r.class != finite {
		return r
	}
	return r.rescaled(0)
}

// Trunc cuts to scale digits after the point; a negative scale cuts before it.
func (d Decimal) Trunc(scale int) Decimal {
	scale = min(max(scale, -4*(maxNumericWeight+1)), maxNumericScale)
	if d.class != finite || scale >= int(d.scale) {
		return d.Round(scale)
	}
	n := int(d.scale) - scale
	q := Decimal{scale: int32(max(scale, 0))}
	if d.big == nil {
		if n <= Precision128 {
			q.coef, _ = d.coef.quoRem(pow10[n])
		}
	} else {
		q = fromBig(false, new(big.Int).Quo(d.big, bigPow10(n)), max(scale, 0))
	}
	if scale < 0 {
		s := q.scale
		q.scale = int32(scale)
		q = q.rescaled(int(s))
	}
	q.neg = d.neg && !q.IsZero()
	return q
}

// Ceil returns the least integer that is not less than d.
func (d Decimal) Ceil() Decimal { return d.towards(1) }

// Floor returns the greatest integer that is not greater than d.
func (d Decimal) Floor() Decimal { return d.towards(-1) }

func (d Decimal) towards(sign int) Decimal {
	if d.class != finite {
		return d
	}
	t := d.Trunc(0)
	if d.Sign() == sign && t.Cmp(d) != 0 {
		t, _ = t.Add(FromInt64(int64(sign)))
	}
	return t
}
