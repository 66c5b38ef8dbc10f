package decimal

import (
	"math"
	"math/big"

	"github.com/siltstone-db/siltstone/storage/errs"
)

// maxExpArgument bounds the argument of exp: e^6000 is near the largest numeric results that are kept.
const maxExpArgument = 6000

// log10E is log10(e); ln10 its inverse.
const (
	log10E = 0.434294481903252
	ln10   = 2.302585092994046
)

// guardBits is what the series below are computed with beyond the bits of the result: rounding errors of a few hundred
// operations stay far below half a unit of the last digit.
const guardBits = 96

func errLogarithm(text string) error {
	return errs.New(errs.InvalidArgumentForLog, "cannot take logarithm of %s", text)
}

// Sqrt returns the square root with at least 16 significant digits.
func (d Decimal) Sqrt() (Decimal, error) {
	switch {
	case d.IsNaN() || d.class == posInf:
		return d, nil
	case d.Sign() < 0:
		return Decimal{}, errs.New(errs.InvalidArgumentForPower, "cannot take square root of a negative number")
	}
	w, _ := d.firstDigit()
	return d.sqrt(clampScale(max(minSigDigits-((w+1)*2-1), int(d.scale)))), nil
}

// StandardDeviation returns the square root of a variance, with as many digits after the point as that has.
func (d Decimal) StandardDeviation() (Decimal, error) {
	if d.class != finite {
		return d.Sqrt()
	}
	return d.sqrt(int(d.scale)), nil
}

// sqrt rounds the root of a number that is not negative to a scale of at least half of its own.
func (d Decimal) sqrt(scale int) Decimal {
	m := new(big.Int).Mul(d.mag(), bigPow10(2*scale-int(d.scale)))
	s := new(big.Int).Sqrt(m)
	if m.Sub(m, new(big.Int).Mul(s, s)).Cmp(s) > 0 {
		s.Add(s, big.NewInt(1))
	}
	return fromBig(false, s, scale)
}

// Exp returns e^d with at least 16 significant digits.
func (d Decimal) Exp() (Decimal, error) {
	switch d.class {
	case notANumber, posInf:
		return d, nil
	case negInf:
		return Decimal{}, nil
	}
	val := min(max(d.Float64()*log10E, -2000), 2000)
	scale := clampScale(max(minSigDigits-int(val), int(d.scale)))
	return d.expScale(scale)
}

func (d Decimal) expScale(scale int) (Decimal, error) {
	f := d.Float64()
	if math.Abs(f) >= maxExpArgument {
		if f > 0 {
			return Decimal{}, errNumericOverflow()
		}
		return Decimal{scale: int32(scale)}, nil
	}
	digits := scale + max(int(f*log10E), 0) + 8
	return expFloat(d.bigFloat(precisionOf(digits))).round(scale), nil
}

// Ln returns the natural logarithm with at least 16 significant digits.
func (d Decimal) Ln() (Decimal, error) {
	if r, done, err := lnSpecial(d); done {
		return r, err
	}
	scale := clampScale(max(minSigDigits-d.lnWeight(), int(d.scale)))
	return real{lnFloat(d.bigFloat(precisionOf(scale + 8 + d.smallness())))}.round(scale), nil
}

func lnSpecial(d Decimal) (Decimal, bool, error) {
	switch {
	case d.IsNaN() || d.class == posInf:
		return d, true, nil
	case d.IsZero():
		return d, true, errLogarithm("zero")
	case d.Sign() < 0:
		return d, true, errLogarithm("a negative number")
	}
	return d, false, nil
}

// smallness returns the digits that are lost when ln sees a number close to 1.
func (d Decimal) smallness() int { return max(-d.lnWeight(), 0) + 8 }

// Log returns the logarithm of d to a base with at least 16 significant digits.
func (d Decimal) Log(base Decimal) (Decimal, error) {
	for _, x := range []Decimal{base, d} {
		if _, done, err := lnSpecial(x); done && err != nil {
			return x, err
		}
	}
	switch {
	case d.IsNaN() || base.IsNaN():
		return NaN, nil
	case d.IsInf() && base.IsInf():
		return NaN, nil
	case d.IsInf():
		return Inf, nil
	case base.IsInf():
		return Decimal{}, nil
	}
	weight := d.lnWeight() - base.lnWeight()
	scale := clampScale(max(minSigDigits-weight, int(d.scale), int(base.scale)))
	prec := precisionOf(scale + 16 + d.smallness() + base.smallness())
	lb := lnFloat(base.bigFloat(prec))
	if lb.Sign() == 0 {
		return Decimal{}, DivisionByZero()
	}
	return real{new(big.Float).Quo(lnFloat(d.bigFloat(prec)), lb)}.round(scale), nil
}

// Log10 returns the logarithm to base 10.
func (d Decimal) Log10() (Decimal, error) { return d.Log(FromInt64(10)) }

// lnWeight estimates the decimal weight of ln(d), as estimate_ln_dweight of numeric.c does.
func (d Decimal) lnWeight() int {
	if d.Sign() <= 0 {
		return 0
	}
	if d.Cmp(Decimal{coef: uint128{9, 0}, scale: 1}) >= 0 && d.Cmp(Decimal{coef: uint128{11, 0}, scale: 1}) <= 0 {
		x, _ := d.Sub(FromInt64(1))
		if x.IsZero() {
			return 0
		}
		return x.digits() - int(x.scale) - 1
	}
	var buf [12]int16
	g := d.Base10000(buf[:0])
	digits, dweight := float64(g.Digits[0]), g.Weight*4
	if len(g.Digits) > 1 {
		digits = digits*10000 + float64(g.Digits[1])
		dweight -= 4
	}
	return int(math.Log10(math.Abs(math.Log(digits) + float64(dweight)*ln10)))
}

// Power returns d^e. Integral exponents multiply; others go through exp and ln.
func (d Decimal) Power(e Decimal) (Decimal, error) {
	if d.class != finite || e.class != finite {
		return powerSpecial(d, e)
	}
	integral := e.Trunc(0).Cmp(e) == 0
	switch {
	case d.IsZero() && e.Sign() < 0:
		return Decimal{}, errs.New(errs.InvalidArgumentForPower, "zero raised to a negative power is undefined")
	case d.Sign() < 0 && !integral:
		return Decimal{}, errs.New(errs.InvalidArgumentForPower, "a negative number raised to a non-integer power yields a complex result")
	}
	if integral {
		if n, err := e.Int64(); err == nil && n >= math.MinInt32 && n <= math.MaxInt32 {
			return d.powerInt(int(n), clampScale(max(minSigDigits, int(d.scale))))
		}
	}
	if d.IsZero() {
		return Decimal{scale: minSigDigits}, nil
	}
	neg := false
	if d.Sign() < 0 {
		half, _ := e.Mod(FromInt64(2))
		neg, d = !half.IsZero(), d.Abs()
	}
	r, err := d.powerReal(e)
	if neg {
		r = r.Neg()
	}
	return r, err
}

func (d Decimal) powerReal(e Decimal) (Decimal, error) {
	val := math.Inf(1)
	if lb, _ := lnFloat(d.bigFloat(precisionOf(24 + d.smallness()))).Float64(); !math.IsInf(lb, 0) {
		val = lb * e.Float64()
	}
	if math.Abs(val) > 2000*3.01 {
		if val > 0 {
			return Decimal{}, errNumericOverflow()
		}
		return Decimal{scale: maxResultScale}, nil
	}
	weight := val * log10E
	scale := clampScale(max(minSigDigits-int(weight), int(d.scale), int(e.scale)))
	prec := precisionOf(scale + int(math.Abs(weight)) + 24 + d.smallness() + max(e.digits()-int(e.scale), 0))
	x := lnFloat(d.bigFloat(prec))
	x.Mul(x, e.bigFloat(prec))
	return expFloat(x).round(scale), nil
}

// powerInt is repeated squaring with as many digits as the result can show.
func (d Decimal) powerInt(n, scale int) (Decimal, error) {
	switch n {
	case 0:
		return FromInt64(1).rescaled(scale), nil
	case 1:
		return d.rescaled(scale), nil
	case -1:
		return divDecimal(FromInt64(1), d, scale), nil
	}
	if d.IsZero() {
		return Decimal{scale: int32(scale)}, nil
	}
	weight := float64(n) * d.log10()
	switch {
	case weight > 4*(maxNumericWeight+1):
		return Decimal{}, errNumericOverflow()
	case weight+1 < -float64(scale):
		return Decimal{scale: int32(scale)}, nil
	}
	prec := precisionOf(max(scale+int(weight), 0) + 24)
	x, r := d.Abs().bigFloat(prec), new(big.Float).SetPrec(prec).SetInt64(1)
	for k := absInt(n); k > 0; k >>= 1 {
		if k&1 != 0 {
			r.Mul(r, x)
		}
		if k > 1 {
			x.Mul(x, x)
		}
	}
	if n < 0 {
		r.Quo(new(big.Float).SetPrec(prec).SetInt64(1), r)
	}
	out := real{r}.round(scale)
	out.neg = d.neg && n&1 != 0 && !out.IsZero()
	return out.check()
}

func absInt(n int) int {
	if n < 0 {
		return -n
	}
	return n
}

// log10 approximates log10|d| for a d that is not zero.
func (d Decimal) log10() float64 {
	f := new(big.Float).SetInt(d.mag())
	m := new(big.Float)
	e := f.MantExp(m)
	x, _ := m.Float64()
	return math.Log10(x) + float64(e)*math.Log10(2) - float64(d.scale)
}

func powerSpecial(d, e Decimal) (Decimal, error) {
	one := FromInt64(1)
	switch {
	case !d.IsNaN() && d.Cmp(one) == 0, !e.IsNaN() && e.IsZero():
		return one, nil
	case d.IsNaN() || e.IsNaN():
		return NaN, nil
	case e.IsInf():
		c := d.Abs().Cmp(one)
		switch {
		case d.IsZero() && e.class == negInf:
			return Decimal{}, errs.New(errs.InvalidArgumentForPower, "zero raised to a negative power is undefined")
		case c == 0:
			return one, nil
		case (c > 0) == (e.class == posInf):
			return Inf, nil
		}
		return Decimal{}, nil
	case d.class == posInf && e.Sign() < 0:
		return Decimal{}, nil
	case d.class == posInf:
		return Inf, nil
	}
	if e.Trunc(0).Cmp(e) != 0 {
		return Decimal{}, errs.New(errs.InvalidArgumentForPower, "a negative number raised to a non-integer power yields a complex result")
	}
	if e.Sign() < 0 {
		return Decimal{}, nil
	}
	if r, _ := e.Mod(FromInt64(2)); r.IsZero() {
		return Inf, nil
	}
	return NegInf, nil
}
