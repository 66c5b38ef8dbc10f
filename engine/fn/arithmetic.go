package fn

import (
	"math"
	"unsafe"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/kernel"
	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/types/decimal"
)

func init() {
	for _, op := range []string{"+", "-", "*", "/"} {
		registerInts[int16, int16, int16](op, tInt2, tInt2, tInt2)
		registerInts[int16, int32, int32](op, tInt2, tInt4, tInt4)
		registerInts[int16, int64, int64](op, tInt2, tInt8, tInt8)
		registerInts[int32, int16, int32](op, tInt4, tInt2, tInt4)
		registerInts[int32, int32, int32](op, tInt4, tInt4, tInt4)
		registerInts[int32, int64, int64](op, tInt4, tInt8, tInt8)
		registerInts[int64, int16, int64](op, tInt8, tInt2, tInt8)
		registerInts[int64, int32, int64](op, tInt8, tInt4, tInt8)
		registerInts[int64, int64, int64](op, tInt8, tInt8, tInt8)
		registerFloats[float32, float32, float32](op, tFloat4, tFloat4, tFloat4)
		registerFloats[float32, float64, float64](op, tFloat4, tFloat8, tFloat8)
		registerFloats[float64, float32, float64](op, tFloat8, tFloat4, tFloat8)
		registerFloats[float64, float64, float64](op, tFloat8, tFloat8, tFloat8)
	}
	registerInts[int16, int16, int16]("%", tInt2, tInt2, tInt2)
	registerInts[int32, int32, int32]("%", tInt4, tInt4, tInt4)
	registerInts[int64, int64, int64]("%", tInt8, tInt8, tInt8)
	registerIntUnary[int16](tInt2)
	registerIntUnary[int32](tInt4)
	registerIntUnary[int64](tInt8)
	registerFloatUnary[float32](tFloat4)
	registerFloatUnary[float64](tFloat8)
	registerBits[int16](tInt2)
	registerBits[int32](tInt4)
	registerBits[int64](tInt8)
}

func outOfRange(t types.Type) error {
	return errs.New(errs.NumericValueOutOfRange, "%s out of range", t)
}

func divisionByZero() error { return errs.New(errs.DivisionByZero, "division by zero") }

func registerInts[A, B, R kernel.Integer](op string, a, b, r types.Type) {
	o := &Overload{Name: op, Args: list(a, b), Result: returns(r)}
	switch op {
	case "+":
		o.Eval = intLoops(r, addInts[A, B, R], addConst[A, R], addConst[B, R])
	case "-":
		o.Eval = intLoops(r, subInts[A, B, R], subConst[A, R], subFromConst[B, R])
	case "*":
		o.Eval = intLoops(r, mulInts[A, B, R], mulConst[A, R], mulConst[B, R])
	case "/":
		o.Eval = divInts[A, B, R](r)
	case "%":
		o.Eval = scalar2(r, modInt[A, B, R])
		register(&Overload{Name: "mod", Args: list(a, b), Result: returns(r), Eval: o.Eval})
	}
	registerOp(o)
}

// intLoops makes an Eval of three loops: two columns, the second constant, the first constant. A loop returns the
// positions' combined overflow; only then are the rows looked at one by one, since those that are not valid may
// overflow freely.
func intLoops[A, B, R kernel.Integer](result types.Type, both func([]A, []B, []R) uint64,
	right func([]A, int64, []R) uint64, left func([]B, int64, []R) uint64) Eval {
	return func(_ *Context, args []*batch.Vector, n int, valid batch.Bitmap, out *batch.Vector) error {
		out.Reset(result, n)
		r := batch.Values[R](out)[:n]
		a, b := batch.Values[A](args[0]), batch.Values[B](args[1])
		run := func(lo, hi int) uint64 {
			switch {
			case args[1].Form == batch.Constant && args[0].Form == batch.Constant:
				return both(a[:1], b[:1], r[:1])
			case args[1].Form == batch.Constant:
				return right(a[lo:hi], int64(b[0]), r[lo:hi])
			case args[0].Form == batch.Constant:
				return left(b[lo:hi], int64(a[0]), r[lo:hi])
			}
			return both(a[lo:hi], b[lo:hi], r[lo:hi])
		}
		if run(0, n) == 0 {
			return nil
		}
		for i := range n {
			if live(valid, i) && run(i, i+1) != 0 {
				return outOfRange(result)
			}
		}
		return nil
	}
}

// wide tells whether R has 64 bits, so that sums of int64 may overflow rather than only not fit.
func wide[R any]() bool {
	var z R
	return unsafe.Sizeof(z) == 8
}

func addInts[A, B, R kernel.Integer](a []A, b []B, r []R) (bad uint64) {
	b, r = b[:len(a)], r[:len(a)]
	for i, v := range a {
		x, y := int64(v), int64(b[i])
		s := x + y
		r[i] = R(s)
		bad |= uint64((x^s)&(y^s))>>63 | uint64(s^int64(R(s)))
	}
	return bad
}

func addConst[A, R kernel.Integer](a []A, k int64, r []R) (bad uint64) {
	r = r[:len(a)]
	for i, v := range a {
		x := int64(v)
		s := x + k
		r[i] = R(s)
		bad |= uint64((x^s)&(k^s))>>63 | uint64(s^int64(R(s)))
	}
	return bad
}

func subInts[A, B, R kernel.Integer](a []A, b []B, r []R) (bad uint64) {
	b, r = b[:len(a)], r[:len(a)]
	for i, v := range a {
		x, y := int64(v), int64(b[i])
		s := x - y
		r[i] = R(s)
		bad |= uint64((x^y)&(x^s))>>63 | uint64(s^int64(R(s)))
	}
	return bad
}

func subConst[A, R kernel.Integer](a []A, k int64, r []R) (bad uint64) {
	r = r[:len(a)]
	for i, v := range a {
		x := int64(v)
		s := x - k
		r[i] = R(s)
		bad |= uint64((x^k)&(x^s))>>63 | uint64(s^int64(R(s)))
	}
	return bad
}

func subFromConst[A, R kernel.Integer](a []A, k int64, r []R) (bad uint64) {
	r = r[:len(a)]
	for i, v := range a {
		x := int64(v)
		s := k - x
		r[i] = R(s)
		bad |= uint64((x^k)&(k^s))>>63 | uint64(s^int64(R(s)))
	}
	return bad
}

func mulInts[A, B, R kernel.Integer](a []A, b []B, r []R) (bad uint64) {
	b, r = b[:len(a)], r[:len(a)]
	if wide[R]() {
		for i, v := range a {
			p := decimal.MulInt64(int64(v), int64(b[i]))
			r[i] = R(p.Lo)
			bad |= uint64(p.Hi ^ int64(p.Lo)>>63)
		}
		return bad
	}
	for i, v := range a {
		p := int64(v) * int64(b[i])
		r[i] = R(p)
		bad |= uint64(p ^ int64(R(p)))
	}
	return bad
}

func mulConst[A, R kernel.Integer](a []A, k int64, r []R) (bad uint64) {
	r = r[:len(a)]
	if wide[R]() {
		for i, v := range a {
			p := decimal.MulInt64(int64(v), k)
			r[i] = R(p.Lo)
			bad |= uint64(p.Hi ^ int64(p.Lo)>>63)
		}
		return bad
	}
	for i, v := range a {
		p := int64(v) * k
		r[i] = R(p)
		bad |= uint64(p ^ int64(R(p)))
	}
	return bad
}

func divInts[A, B, R kernel.Integer](result types.Type) Eval {
	slow := scalar2(result, divInt[A, B, R](result))
	return func(c *Context, args []*batch.Vector, n int, valid batch.Bitmap, out *batch.Vector) error {
		if args[1].Form != batch.Constant || args[0].Form == batch.Constant {
			return slow(c, args, n, valid, out)
		}
		k := int64(batch.Values[B](args[1])[0])
		if k == 0 || k == -1 {
			return slow(c, args, n, valid, out)
		}
		out.Reset(result, n)
		a, r := batch.Values[A](args[0])[:n], batch.Values[R](out)[:n]
		for i, v := range a {
			r[i] = R(int64(v) / k)
		}
		return nil
	}
}

func divInt[A, B, R kernel.Integer](result types.Type) func(A, B) (R, error) {
	return func(a A, b B) (R, error) {
		x, y := int64(a), int64(b)
		if y == 0 {
			return 0, divisionByZero()
		}
		if y == -1 {
			if x == math.MinInt64 || int64(R(-x)) != -x {
				return 0, outOfRange(result)
			}
			return R(-x), nil
		}
		return R(x / y), nil
	}
}

func modInt[A, B, R kernel.Integer](a A, b B) (R, error) {
	switch y := int64(b); y {
	case 0:
		return 0, divisionByZero()
	case -1:
		return 0, nil
	default:
		return R(int64(a) % y), nil
	}
}

func registerIntUnary[T kernel.Integer](t types.Type) {
	negate := scalar1(t, func(v T) (T, error) {
		if r := -v; r != v || v == 0 {
			return r, nil
		}
		return 0, outOfRange(t)
	})
	abs := scalar1(t, func(v T) (T, error) {
		if v >= 0 {
			return v, nil
		}
		if r := -v; r > 0 {
			return r, nil
		}
		return 0, outOfRange(t)
	})
	registerOp(&Overload{Name: "-", Args: list(t), Result: returns(t), Eval: negate},
		&Overload{Name: "+", Args: list(t), Result: returns(t), Eval: scalar1(t, total1(func(v T) T { return v }))},
		&Overload{Name: "@", Args: list(t), Result: returns(t), Eval: abs})
	register(&Overload{Name: "abs", Args: list(t), Result: returns(t), Eval: abs})
}

func registerFloatUnary[T kernel.Float](t types.Type) {
	abs := scalar1(t, total1(func(v T) T { return T(math.Abs(float64(v))) }))
	registerOp(&Overload{Name: "-", Args: list(t), Result: returns(t), Eval: scalar1(t, total1(func(v T) T { return -v }))},
		&Overload{Name: "+", Args: list(t), Result: returns(t), Eval: scalar1(t, total1(func(v T) T { return v }))},
		&Overload{Name: "@", Args: list(t), Result: returns(t), Eval: abs})
	register(&Overload{Name: "abs", Args: list(t), Result: returns(t), Eval: abs})
}

func registerBits[T kernel.Integer](t types.Type) {
	var z T
	width := int32(unsafe.Sizeof(z) * 8)
	two := func(op string, f func(a, b T) T) {
		registerOp(&Overload{Name: op, Args: list(t, t), Result: returns(t), Eval: scalar2(t, total2(f))})
	}
	two("&", func(a, b T) T { return a & b })
	two("|", func(a, b T) T { return a | b })
	two("#", func(a, b T) T { return a ^ b })
	// The count wraps at the width of the machine's shift, as PostgreSQL's does: 32 bits for int2 and int4.
	mask := max(width, 32) - 1
	shift := func(op string, f func(a T, n int32) T) {
		registerOp(&Overload{Name: op, Args: list(t, tInt4), Result: returns(t), Eval: scalar2(t, total2(f))})
	}
	shift("<<", func(a T, n int32) T { return T(int64(a) << (n & mask)) })
	shift(">>", func(a T, n int32) T { return a >> (n & mask) })
	registerOp(&Overload{Name: "~", Args: list(t), Result: returns(t), Eval: scalar1(t, total1(func(a T) T { return ^a }))})
}

func registerFloats[A, B, R kernel.Float](op string, a, b, r types.Type) {
	eval := func(_ *Context, args []*batch.Vector, n int, valid batch.Bitmap, out *batch.Vector) error {
		x, y := view[A](args[0]), view[B](args[1])
		out.Reset(r, n)
		v := batch.Values[R](out)[:n]
		bad := false
		switch op {
		case "+":
			for i := range v {
				s := R(x.at(i)) + R(y.at(i))
				v[i] = s
				bad = bad || s-s != 0
			}
		case "-":
			for i := range v {
				s := R(x.at(i)) - R(y.at(i))
				v[i] = s
				bad = bad || s-s != 0
			}
		case "*":
			for i := range v {
				s := R(x.at(i)) * R(y.at(i))
				v[i] = s
				bad = bad || s-s != 0 || s == 0
			}
		default:
			for i := range v {
				s := R(x.at(i)) / R(y.at(i))
				v[i] = s
				bad = bad || s-s != 0 || s == 0 || y.at(i) == 0
			}
		}
		if !bad {
			return nil
		}
		for i := range v {
			if live(valid, i) {
				if err := checkFloat(op, float64(x.at(i)), float64(y.at(i)), float64(v[i])); err != nil {
					return err
				}
			}
		}
		return nil
	}
	registerOp(&Overload{Name: op, Args: list(a, b), Result: returns(r), Eval: eval})
}

func floatOverflow() error {
	return errs.New(errs.NumericValueOutOfRange, "value out of range: overflow")
}

func floatUnderflow() error {
	return errs.New(errs.NumericValueOutOfRange, "value out of range: underflow")
}

// checkFloat raises what PostgreSQL raises where IEEE arithmetic gives an infinity or zero out of finite operands.
func checkFloat(op string, x, y, r float64) error {
	switch {
	case op == "/" && y == 0 && x == x:
		return divisionByZero()
	case math.IsInf(r, 0) && !math.IsInf(x, 0) && !math.IsInf(y, 0):
		return floatOverflow()
	case r == 0 && op == "*" && x != 0 && y != 0:
		return floatUnderflow()
	case r == 0 && op == "/" && x != 0 && !math.IsInf(y, 0):
		return floatUnderflow()
	}
	return nil
}
