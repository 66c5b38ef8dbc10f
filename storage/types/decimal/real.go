package decimal

import "math/big"

// real is a big float on its way to a Decimal.
type real struct{ *big.Float }

// precisionOf returns the bits that so many decimal digits need, with the guard.
func precisionOf(digits int) uint {
	return uint(float64(max(digits, 0))*3.3219280948873626) + guardBits
}

// bigFloat returns d at a precision; d is finite.
func (d Decimal) bigFloat(prec uint) *big.Float {
	f := new(big.Float).SetPrec(prec + 64).SetInt(d.mag())
	if d.scale > 0 {
		f.Quo(f, new(big.Float).SetPrec(prec+64).SetInt(bigPow10(int(d.scale))))
	}
	if d.neg {
		f.Neg(f)
	}
	return f.SetPrec(prec)
}

// round makes a Decimal with scale digits after the point, rounding half away from zero.
func (r real) round(scale int) Decimal {
	f := new(big.Float).SetPrec(r.Prec() + uint(scale)*4 + 64).SetInt(bigPow10(scale))
	f.Mul(f, r.Float)
	neg := f.Signbit()
	f.Abs(f)
	f.Add(f, big.NewFloat(0.5))
	m, _ := f.Int(nil)
	return fromBig(neg, m, scale)
}

// expFloat returns e^x: the argument is halved k times, summed as a power series and squared k times.
func expFloat(x *big.Float) real {
	if x.Sign() == 0 {
		return real{new(big.Float).SetPrec(x.Prec()).SetInt64(1)}
	}
	k := max(x.MantExp(nil)+12, 0)
	prec := x.Prec() + 2*uint(k) + 32
	r := new(big.Float).SetPrec(prec).SetMantExp(new(big.Float).SetPrec(prec).Set(x), -k)
	sum := new(big.Float).SetPrec(prec).SetInt64(1)
	term := new(big.Float).SetPrec(prec).SetInt64(1)
	for n := int64(1); ; n++ {
		term.Mul(term, r)
		term.Quo(term, new(big.Float).SetPrec(prec).SetInt64(n))
		if term.Sign() == 0 || term.MantExp(nil) < -int(prec) {
			break
		}
		sum.Add(sum, term)
	}
	for range k {
		sum.Mul(sum, sum)
	}
	return real{sum}
}

// lnFloat returns ln(x) for x > 0: k square roots bring x close to 1, then 2 atanh((x-1)/(x+1)), then times 2^k.
func lnFloat(x *big.Float) *big.Float {
	const steps = 10
	e := x.MantExp(nil)
	prec := x.Prec() + 64 + 2*steps
	m := new(big.Float).SetPrec(prec).SetMantExp(new(big.Float).SetPrec(prec).Set(x), -e) // [0.5, 1)
	if e == 1 || e == 0 {
		m, e = new(big.Float).SetPrec(prec).Set(x), 0 // no cancellation of logarithms near 1
	}
	sum := lnNearOne(m, steps)
	if e != 0 {
		ln2 := lnNearOne(new(big.Float).SetPrec(prec).SetInt64(2), steps)
		sum.Add(sum, ln2.Mul(ln2, new(big.Float).SetPrec(prec).SetInt64(int64(e))))
	}
	return sum.SetPrec(x.Prec())
}

func lnNearOne(m *big.Float, steps int) *big.Float {
	prec := m.Prec()
	one := new(big.Float).SetPrec(prec).SetInt64(1)
	m = new(big.Float).Copy(m)
	for range steps {
		m.Sqrt(m)
	}
	den := new(big.Float).Add(m, one)
	t := m.Sub(m, one)
	t.Quo(t, den)
	sum := new(big.Float).SetPrec(prec).Set(t)
	if t.Sign() == 0 {
		return sum
	}
	square := new(big.Float).Mul(t, t)
	power := new(big.Float).Copy(t)
	for n := int64(3); ; n += 2 {
		power.Mul(power, square)
		term := new(big.Float).SetPrec(prec).SetInt64(n)
		term.Quo(power, term)
		if term.Sign() == 0 || term.MantExp(nil) < sum.MantExp(nil)-int(prec) {
			break
		}
		sum.Add(sum, term)
	}
	return sum.SetMantExp(sum, steps+1)
}
