package fn

import (
	"math"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/types/decimal"
)

// float1 registers a function of one float8.
func float1(name string, f func(float64) (float64, error)) {
	register(&Overload{Name: name, Args: list(tFloat8), Result: returns(tFloat8), Eval: scalar1(tFloat8, f)})
}

// decimalFn registers a function of numerics whose result is unconstrained.
func decimalFn(name string, f func(decimal.Decimal) (decimal.Decimal, error)) {
	register(&Overload{Name: name, Args: list(tNumeric), Result: returns(tNumeric), Eval: decimal1(f)})
}

func badPower(format string) error { return errs.New(errs.InvalidArgumentForPower, "%s", format) }

func badLog(format string) error { return errs.New(errs.InvalidArgumentForLog, "%s", format) }

// finiteResult raises what PostgreSQL raises when a function of a finite number overflows.
func finiteResult(x, r float64) (float64, error) {
	if math.IsInf(r, 0) && !math.IsInf(x, 0) {
		return r, floatOverflow()
	}
	return r, nil
}

func sqrt(x float64) (float64, error) {
	if x < 0 {
		return 0, badPower("cannot take square root of a negative number")
	}
	return math.Sqrt(x), nil
}

func power(x, y float64) (float64, error) {
	switch {
	case x == 0 && y < 0:
		return 0, badPower("zero raised to a negative power is undefined")
	case x < 0 && !math.IsInf(x, 0) && y == y && y != math.Trunc(y):
		return 0, badPower("a negative number raised to a non-integer power yields a complex result")
	}
	r := math.Pow(x, y)
	if !math.IsInf(x, 0) && !math.IsInf(y, 0) {
		switch {
		case math.IsInf(r, 0):
			return r, floatOverflow()
		case r == 0 && x != 0:
			return r, floatUnderflow()
		}
	}
	return r, nil
}

func logOf(f func(float64) float64) func(float64) (float64, error) {
	return func(x float64) (float64, error) {
		switch {
		case x == 0:
			return 0, badLog("cannot take logarithm of zero")
		case x < 0:
			return 0, badLog("cannot take logarithm of a negative number")
		}
		return f(x), nil
	}
}

// infallible adapts a function of the math package.
func infallible(f func(float64) float64) func(float64) (float64, error) {
	return func(x float64) (float64, error) { return f(x), nil }
}

// bounded refuses infinities, and arguments outside of [-limit, limit].
func bounded(f func(float64) float64, limit float64) func(float64) (float64, error) {
	return func(x float64) (float64, error) {
		if math.IsInf(x, 0) || x < -limit || x > limit {
			return 0, errs.New(errs.NumericValueOutOfRange, "input is out of range")
		}
		return f(x), nil
	}
}

func init() {
	registerRounding()
	registerRoots()
	registerTrigonometry()
	registerPowers()
	registerDecimals()
	registerDivisors()
}

func registerRounding() {
	for _, name := range []string{"ceil", "ceiling"} {
		float1(name, infallible(math.Ceil))
		towards(name, decimal.Decimal.Ceil)
	}
	float1("floor", infallible(math.Floor))
	towards("floor", decimal.Decimal.Floor)
	float1("round", infallible(math.RoundToEven))
	float1("trunc", infallible(math.Trunc))
	roundTo("round", decimal.Decimal.Round)
	roundTo("trunc", decimal.Decimal.Trunc)
	float1("sign", infallible(func(x float64) float64 {
		switch {
		case x > 0:
			return 1
		case x < 0:
			return -1
		}
		return 0
	}))
	register(&Overload{Name: "sign", Args: list(tNumeric), Result: signType,
		Eval: decimal1(func(d decimal.Decimal) (decimal.Decimal, error) {
			if d.IsNaN() {
				return d, nil
			}
			return decimal.FromInt64(int64(d.Sign())), nil
		})})
}

// registerRoots registers roots, the exponential function and logarithms of floats.
func registerRoots() {
	float1("sqrt", sqrt)
	float1("cbrt", infallible(math.Cbrt))
	float1("exp", func(x float64) (float64, error) {
		r := math.Exp(x)
		if r == 0 && !math.IsInf(x, 0) {
			return r, floatUnderflow()
		}
		return finiteResult(x, r)
	})
	float1("ln", logOf(math.Log))
	float1("log", logOf(math.Log10))
	float1("log10", logOf(math.Log10))
	registerOp(&Overload{Name: "|/", Args: list(tFloat8), Result: returns(tFloat8), Eval: scalar1(tFloat8, sqrt)},
		&Overload{Name: "||/", Args: list(tFloat8), Result: returns(tFloat8), Eval: scalar1(tFloat8, infallible(math.Cbrt))})
}

// registerTrigonometry registers what belongs to angles, and random.
func registerTrigonometry() {
	for name, f := range map[string]func(float64) float64{"sin": math.Sin, "cos": math.Cos, "tan": math.Tan} {
		float1(name, bounded(f, math.MaxFloat64))
	}
	for name, f := range map[string]func(float64) float64{"asin": math.Asin, "acos": math.Acos, "atanh": math.Atanh} {
		float1(name, bounded(f, 1))
	}
	for name, f := range map[string]func(float64) float64{"atan": math.Atan, "tanh": math.Tanh, "sinh": math.Sinh, "cosh": math.Cosh,
		"asinh": math.Asinh} {
		float1(name, infallible(f))
	}
	const radiansPerDegree = math.Pi / 180
	float1("degrees", func(x float64) (float64, error) {
		r := x / radiansPerDegree
		return r, checkFloat("/", x, radiansPerDegree, r)
	})
	float1("radians", func(x float64) (float64, error) {
		r := x * radiansPerDegree
		return r, checkFloat("*", x, radiansPerDegree, r)
	})
	register(&Overload{Name: "atan2", Args: list(tFloat8, tFloat8), Result: returns(tFloat8), Eval: scalar2(tFloat8, total2(math.Atan2))},
		&Overload{Name: "pi", Result: returns(tFloat8), Eval: constantFloat(math.Pi)})
}

func registerPowers() {
	for _, name := range []string{"power", "pow"} {
		register(&Overload{Name: name, Args: list(tFloat8, tFloat8), Result: returns(tFloat8), Eval: scalar2(tFloat8, power)},
			&Overload{Name: name, Args: list(tNumeric, tNumeric), Result: returns(tNumeric), Eval: decimal2(decimal.Decimal.Power)})
	}
	registerOp(&Overload{Name: "^", Args: list(tFloat8, tFloat8), Result: returns(tFloat8), Eval: scalar2(tFloat8, power)},
		&Overload{Name: "^", Args: list(tNumeric, tNumeric), Result: returns(tNumeric), Eval: decimal2(decimal.Decimal.Power)})
}

// registerDecimals registers functions of numerics, and width_bucket.
func registerDecimals() {
	decimalFn("sqrt", decimal.Decimal.Sqrt)
	decimalFn("exp", decimal.Decimal.Exp)
	decimalFn("ln", decimal.Decimal.Ln)
	decimalFn("log", decimal.Decimal.Log10)
	decimalFn("log10", decimal.Decimal.Log10)
	decimalFn("trim_scale", func(d decimal.Decimal) (decimal.Decimal, error) { return d.TrimScale(), nil })
	register(&Overload{Name: "log", Args: list(tNumeric, tNumeric), Result: returns(tNumeric),
		Eval: decimal2(func(base, x decimal.Decimal) (decimal.Decimal, error) { return x.Log(base) })},
		&Overload{Name: "div", Args: list(tNumeric, tNumeric), Result: returns(tNumeric), Eval: decimal2(decimal.Decimal.QuoTrunc)},
		&Overload{Name: "scale", Args: list(tNumeric), Result: returns(tInt4), Eval: digitsOf(decimal.Decimal.Scale)},
		&Overload{Name: "min_scale", Args: list(tNumeric), Result: returns(tInt4), Eval: digitsOf(decimal.Decimal.MinScale)},
		&Overload{Name: "width_bucket", Args: list(tFloat8, tFloat8, tFloat8, tInt4), Result: returns(tInt4),
			Eval: rowFixed(tInt4, func(_ *Context, r *row) (int32, bool, error) {
				b, err := widthBucket(r.f8(0), r.f8(1), r.f8(2), int64(r.int4(3)))
				return b, true, err
			})})
}

func registerDivisors() {
	register(&Overload{Name: "gcd", Args: list(tInt4, tInt4), Result: returns(tInt4), Eval: scalar2(tInt4, func(a, b int32) (int32, error) {
		d := gcd(a, b)
		if d < 0 { // of the smallest number and 0
			return 0, outOfRange(tInt4)
		}
		return d, nil
	})},
		&Overload{Name: "gcd", Args: list(tInt8, tInt8), Result: returns(tInt8), Eval: scalar2(tInt8, func(a, b int64) (int64, error) {
			d := gcd(a, b)
			if d < 0 {
				return 0, outOfRange(tInt8)
			}
			return d, nil
		})})
	register(&Overload{Name: "lcm", Args: list(tInt4, tInt4), Result: returns(tInt4), Eval: scalar2(tInt4, func(a, b int32) (int32, error) {
		m, ok := lcm(int64(a), int64(b))
		if !ok || m != int64(int32(m)) {
			return 0, outOfRange(tInt4)
		}
		return int32(m), nil
	})},
		&Overload{Name: "lcm", Args: list(tInt8, tInt8), Result: returns(tInt8), Eval: scalar2(tInt8, func(a, b int64) (int64, error) {
			m, ok := lcm(a, b)
			if !ok {
				return 0, outOfRange(tInt8)
			}
			return m, nil
		})})
}

// lcm returns the least common multiple, which is not negative; ok false when it has more than 63 bits.
func lcm(a, b int64) (m int64, ok bool) {
	if a == 0 || b == 0 {
		return 0, true
	}
	p, ok := decimal.Int128From64(a / gcd(a, b)).Mul(decimal.Int128From64(b))
	if p.Sign() < 0 {
		p = p.Neg()
	}
	return int64(p.Lo), ok && p.IsInt64()
}

func gcd[T int32 | int64](a, b T) T {
	for b != 0 {
		if b == -1 {
			return 1
		}
		a, b = b, a%b
	}
	if a < 0 {
		return -a
	}
	return a
}

// signType is one digit, unless the argument may be NaN.
func signType(ts []types.Type) types.Type {
	if ts[0].Precision == 0 {
		return tNumeric
	}
	return types.NumericOf(1, 0)
}

func constantFloat(f float64) Eval {
	return func(_ *Context, _ []*batch.Vector, n int, _ batch.Bitmap, out *batch.Vector) error {
		out.Reset(tFloat8, n)
		for i := range batch.Values[float64](out)[:n] {
			batch.Values[float64](out)[i] = f
		}
		return nil
	}
}

// integral is the type of a numeric cut to whole numbers.
func integral(ts []types.Type) types.Type {
	t := ts[0]
	if t.Precision == 0 {
		return tNumeric
	}
	return numericOf(int(t.Precision-t.Scale)+1, 0)
}

func towards(name string, f func(decimal.Decimal) decimal.Decimal) {
	register(&Overload{Name: name, Args: list(tNumeric), Result: integral,
		Eval: decimal1(func(d decimal.Decimal) (decimal.Decimal, error) { return f(d), nil })})
}

// roundTo registers round and trunc of numerics: to whole numbers, and to a number of digits. A constant number of
// digits gives the result a fixed scale.
func roundTo(name string, f func(decimal.Decimal, int) decimal.Decimal) {
	towards(name, func(d decimal.Decimal) decimal.Decimal { return f(d, 0) })
	const most = 2000
	eval := func(c *Context, args []*batch.Vector, n int, valid batch.Bitmap, out *batch.Vector) error {
		a, digits := viewDecimal(args[0]), view[int32](args[1])
		r := row{c: c, out: out}
		c.Reset(out, out.Type, n)
		for i := range n {
			if !live(valid, i) {
				skipDecimal(out)
				continue
			}
			d, err := a.at(i)
			if err != nil {
				return err
			}
			d = f(d, int(max(min(digits.at(i), most), -most)))
			if err := storeDecimal(out, i, d); err != nil {
				return err
			}
			if err := r.grew(decimalWork(d)); err != nil {
				return err
			}
		}
		return nil
	}
	fixed := map[types.Type]*Overload{}
	for scale := range decimal.Precision128 + 1 {
		for p := max(scale, 1); p <= decimal.Precision128; p++ {
			t := types.NumericOf(p, scale)
			fixed[t] = &Overload{Name: name, Args: list(tNumeric, tInt4), Result: returns(t), Eval: eval}
		}
	}
	register(&Overload{Name: name, Args: list(tNumeric, tInt4), Result: returns(tNumeric), Eval: eval,
		Refine: func(args []types.Type, consts []*types.Datum) *Overload {
			if consts[1] == nil || consts[1].Null || args[0].Precision == 0 {
				return nil
			}
			scale := max(consts[1].I, 0)
			return fixed[types.NumericOf(int(args[0].Precision-args[0].Scale)+1+int(min(scale, most)), int(min(scale, most)))]
		}})
}

func widthBucket(x, lo, hi float64, count int64) (int32, error) {
	switch {
	case count <= 0:
		return 0, errs.New("2201G", "count must be greater than zero")
	case x != x || lo != lo || hi != hi:
		return 0, errs.New("2201G", "operand, lower bound, and upper bound cannot be NaN")
	case math.IsInf(lo, 0) || math.IsInf(hi, 0):
		return 0, errs.New("2201G", "lower and upper bounds must be finite")
	case lo == hi:
		return 0, errs.New("2201G", "lower bound cannot equal upper bound")
	}
	below, above := x < lo, x >= hi
	if lo > hi {
		below, above = x > lo, x <= hi
	}
	switch {
	case below:
		return 0, nil
	case above && count == math.MaxInt32:
		return 0, outOfRange(tInt4)
	case above:
		return int32(count + 1), nil
	}
	return int32(float64(count)*((x-lo)/(hi-lo))) + 1, nil
}

// digitsOf counts digits of a numeric; NaN and infinity have none, not even 0.
func digitsOf(count func(decimal.Decimal) int) Eval {
	return func(_ *Context, args []*batch.Vector, n int, valid batch.Bitmap, out *batch.Vector) error {
		a := viewDecimal(args[0])
		out.Reset(tInt4, n)
		for i := range n {
			if !live(valid, i) {
				continue
			}
			d, err := a.at(i)
			if err != nil {
				return err
			}
			if !d.IsFinite() {
				out.Nulls(n).Clear(i)
				continue
			}
			batch.Values[int32](out)[i] = int32(count(d))
		}
		return nil
	}
}
