package fn

import (
	"math/big"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types/decimal"
)

// factorialMost is the largest number whose factorial a numeric can hold.
const factorialMost = 32177

func init() {
	register(&Overload{Name: "factorial", Args: list(tInt8), Result: returns(tNumeric), Eval: decimalOf(factorial)},
		&Overload{Name: "gcd", Args: list(tNumeric, tNumeric), Result: returns(tNumeric), Eval: decimal2(numericGCD)},
		&Overload{Name: "lcm", Args: list(tNumeric, tNumeric), Result: returns(tNumeric), Eval: decimal2(numericLCM)})
}

// decimalOf makes an Eval of a function from bigint to numeric.
func decimalOf(f func(int64) (decimal.Decimal, error)) Eval {
	return func(c *Context, args []*batch.Vector, n int, valid batch.Bitmap, out *batch.Vector) error {
		a := view[int64](args[0])
		r := row{c: c, out: out}
		c.Reset(out, out.Type, n)
		for i := range n {
			if !live(valid, i) {
				skipDecimal(out)
				continue
			}
			x, err := f(a.at(i))
			if err == nil {
				err = storeDecimal(out, i, x)
			}
			if err == nil {
				err = r.grew(decimalWork(x))
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
}

// factorial is exact; the largest one has 130,000 digits and takes some 10 ms.
func factorial(n int64) (decimal.Decimal, error) {
	switch {
	case n < 0:
		return decimal.Decimal{}, errs.New(errs.NumericValueOutOfRange, "factorial of a negative number is undefined")
	case n > factorialMost:
		return decimal.Decimal{}, errs.New(errs.NumericValueOutOfRange, "value overflows numeric format")
	}
	return decimal.Parse(new(big.Int).MulRange(1, max(n, 1)).Append(nil, 10))
}

// numericGCD is Euclid's algorithm, with the larger of the scales.
func numericGCD(a, b decimal.Decimal) (decimal.Decimal, error) {
	scale := max(a.Scale(), b.Scale())
	switch {
	case a.IsNaN() || !a.IsFinite():
		return notANumber(), nil
	case b.IsNaN() || !b.IsFinite():
		return notANumber(), nil
	}
	for !b.IsZero() {
		m, err := a.Mod(b)
		if err != nil {
			return m, err
		}
		a, b = b, m
	}
	return a.Abs().Round(scale), nil
}

func numericLCM(a, b decimal.Decimal) (decimal.Decimal, error) {
	scale := max(a.Scale(), b.Scale())
	d, err := numericGCD(a, b)
	if err != nil || d.IsNaN() {
		return d, err
	}
	if d.IsZero() {
		return decimal.FromInt64(0).Round(scale), nil
	}
	q, err := a.QuoTrunc(d)
	if err != nil {
		return q, err
	}
	m, err := q.Mul(b)
	return m.Abs().Round(scale), err
}

func notANumber() decimal.Decimal {
	d, _ := decimal.Parse([]byte("NaN"))
	return d
}
