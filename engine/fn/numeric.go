package fn

import (
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/kernel"
	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/types/decimal"
)

// Numeric values come in three physical forms (types.Type.Physical). Each function has a plain form over Decimals, which
// works for all of them, and prepared loops for the fixed forms where those matter: + - * and comparisons.

// decimals reads a numeric vector of any physical form.
type decimals struct {
	v     *batch.Vector
	phys  types.Physical
	scale int
	mask  int
}

func viewDecimal(v *batch.Vector) decimals {
	d := decimals{v: v, phys: v.Type.Physical(), scale: int(v.Type.Scale), mask: -1}
	if v.Form == batch.Constant {
		d.mask = 0
	}
	return d
}

func (d decimals) at(i int) (decimal.Decimal, error) {
	i &= d.mask
	switch d.phys {
	case types.PhysInt64:
		return decimal.FromInt128(decimal.Int128From64(batch.Values[int64](d.v)[i]), d.scale), nil
	case types.PhysInt128:
		return decimal.FromInt128(batch.Values[decimal.Int128](d.v)[i], d.scale), nil
	}
	return decimal.Decode(d.v.Data[d.v.Offsets[i]:d.v.Offsets[i+1]])
}

// scaled reads row i of a fixed-width numeric as its scaled integer.
func (d decimals) scaled(i int) decimal.Int128 {
	i &= d.mask
	if d.phys == types.PhysInt64 {
		return decimal.Int128From64(batch.Values[int64](d.v)[i])
	}
	return batch.Values[decimal.Int128](d.v)[i]
}

// storeDecimal writes row i, rounding to the type's scale.
func storeDecimal(out *batch.Vector, i int, d decimal.Decimal) error {
	t := out.Type
	switch t.Physical() {
	case types.PhysBytes:
		out.Data = decimal.AppendEncoded(out.Data, d)
		out.EndString()
		return nil
	case types.PhysInt64:
		s, err := d.Scaled(int(t.Precision), int(t.Scale))
		if err != nil {
			return err
		}
		batch.Values[int64](out)[i] = int64(s.Lo)
		return nil
	}
	s, err := d.Scaled(int(t.Precision), int(t.Scale))
	if err != nil {
		return tooManyDigits()
	}
	batch.Values[decimal.Int128](out)[i] = s
	return nil
}

// skipDecimal stands for a row that does not count.
func skipDecimal(out *batch.Vector) {
	if out.Type.Physical() == types.PhysBytes {
		out.AppendBytes(nil)
	}
}

func tooManyDigits() error {
	return errs.Unsupported("a numeric expression whose value has more than %d digits", decimal.Precision128).
		WithHint("Cast an operand to numeric without precision.")
}

// decimalWork is what a result costs, in bytes read or written: many digits cost more than they are long.
func decimalWork(d decimal.Decimal) int { return 64 + d.Size()*16 }

// decimal1 makes an Eval from a function of one Decimal.
func decimal1(f func(a decimal.Decimal) (decimal.Decimal, error)) Eval {
	return func(c *Context, args []*batch.Vector, n int, valid batch.Bitmap, out *batch.Vector) error {
		a := viewDecimal(args[0])
		r := row{c: c, out: out}
		c.Reset(out, out.Type, n)
		for i := range n {
			if !live(valid, i) {
				skipDecimal(out)
				continue
			}
			x, err := a.at(i)
			if err != nil {
				return err
			}
			if x, err = f(x); err != nil {
				return err
			}
			if err := storeDecimal(out, i, x); err != nil {
				return err
			}
			if err := r.grew(decimalWork(x)); err != nil {
				return err
			}
		}
		return nil
	}
}

func decimal2(f func(a, b decimal.Decimal) (decimal.Decimal, error)) Eval {
	return func(c *Context, args []*batch.Vector, n int, valid batch.Bitmap, out *batch.Vector) error {
		a, b := viewDecimal(args[0]), viewDecimal(args[1])
		r := row{c: c, out: out}
		c.Reset(out, out.Type, n)
		for i := range n {
			if !live(valid, i) {
				skipDecimal(out)
				continue
			}
			x, err := a.at(i)
			if err != nil {
				return err
			}
			y, err := b.at(i)
			if err != nil {
				return err
			}
			if x, err = f(x, y); err != nil {
				return err
			}
			if err := storeDecimal(out, i, x); err != nil {
				return err
			}
			if err := r.grew(decimalWork(x)); err != nil {
				return err
			}
		}
		return nil
	}
}

// fixedNumeric tells a numeric whose values are scaled integers.
func fixedNumeric(t types.Type) bool { return t.Precision > 0 && t.Precision <= decimal.Precision128 }

// sumType is the type of a + b and a - b.
func sumType(ts []types.Type) types.Type {
	a, b := ts[0], ts[1]
	if !fixedNumeric(a) || !fixedNumeric(b) {
		return tNumeric
	}
	scale := max(a.Scale, b.Scale)
	return numericOf(int(max(a.Precision-a.Scale, b.Precision-b.Scale)+1+scale), int(scale))
}

// productType is the type of a * b.
func productType(ts []types.Type) types.Type {
	a, b := ts[0], ts[1]
	if !fixedNumeric(a) || !fixedNumeric(b) {
		return tNumeric
	}
	return numericOf(int(a.Precision+b.Precision), int(a.Scale+b.Scale))
}

// remainderType is the type of a % b.
func remainderType(ts []types.Type) types.Type {
	a, b := ts[0], ts[1]
	if !fixedNumeric(a) || !fixedNumeric(b) {
		return tNumeric
	}
	scale := max(a.Scale, b.Scale)
	return numericOf(int(max(a.Precision-a.Scale, b.Precision-b.Scale)+scale), int(scale))
}

func quotient(a, b decimal.Decimal) (decimal.Decimal, error) {
	if b.IsZero() && !a.IsNaN() {
		return a, divisionByZero()
	}
	return a.Quo(b)
}

func remainder(a, b decimal.Decimal) (decimal.Decimal, error) {
	if b.IsZero() && !a.IsNaN() {
		return a, divisionByZero()
	}
	return a.Mod(b)
}

func first2(ts []types.Type) types.Type { return ts[0] }

func init() {
	infix := func(name string, result func([]types.Type) types.Type, prepare func([]types.Type, types.Type) Eval,
		f func(a, b decimal.Decimal) (decimal.Decimal, error)) {
		o := &Overload{Name: name, Args: list(tNumeric, tNumeric), Result: result, Eval: decimal2(f)}
		if prepare != nil {
			o.Prepare = func(_ *Context, args []types.Type, result types.Type, _ []*types.Datum) (Eval, error) {
				return prepare(args, result), nil
			}
		}
		registerOp(o)
	}
	infix("+", sumType, prepareSum(false), decimal.Decimal.Add)
	infix("-", sumType, prepareSum(true), decimal.Decimal.Sub)
	infix("*", productType, prepareProduct, decimal.Decimal.Mul)
	infix("/", returns(tNumeric), nil, quotient)
	infix("%", remainderType, nil, remainder)
	register(&Overload{Name: "mod", Args: list(tNumeric, tNumeric), Result: remainderType, Eval: decimal2(remainder)})
	unary := func(op, name string, f func(decimal.Decimal) decimal.Decimal) {
		eval := decimal1(func(a decimal.Decimal) (decimal.Decimal, error) { return f(a), nil })
		registerOp(&Overload{Name: op, Args: list(tNumeric), Result: first2, Eval: eval})
		if name != "" {
			register(&Overload{Name: name, Args: list(tNumeric), Result: first2, Eval: eval})
		}
	}
	unary("-", "", decimal.Decimal.Neg)
	unary("+", "", func(a decimal.Decimal) decimal.Decimal { return a })
	unary("@", "abs", decimal.Decimal.Abs)
}

// factor returns the power of ten that brings an argument to the result's scale.
func factor(t types.Type, scale int16) decimal.Int128 { return decimal.Pow10(int(scale - t.Scale)) }

// prepareSum returns the loop for a+b or a-b over fixed-width forms, nil otherwise.
func prepareSum(minus bool) func([]types.Type, types.Type) Eval {
	return func(args []types.Type, result types.Type) Eval {
		switch {
		case result.Physical() == types.PhysInt64:
			fa, fb := int64(factor(args[0], result.Scale).Lo), int64(factor(args[1], result.Scale).Lo)
			if minus {
				fb = -fb
			}
			return sum64(result, fa, fb)
		case result.Physical() == types.PhysInt128:
			return sum128(result, factor(args[0], result.Scale), factor(args[1], result.Scale), minus)
		}
		return nil
	}
}

// sum64 cannot overflow: the result's precision was computed to hold any sum.
func sum64(result types.Type, fa, fb int64) Eval {
	return func(_ *Context, args []*batch.Vector, n int, _ batch.Bitmap, out *batch.Vector) error {
		out.Reset(result, n)
		r := batch.Values[int64](out)[:n]
		a, b := batch.Values[int64](args[0]), batch.Values[int64](args[1])
		switch {
		case args[0].Form == batch.Constant:
			k := a[0] * fa
			for i, v := range b[:len(r)] {
				r[i] = k + v*fb
			}
		case args[1].Form == batch.Constant:
			k := b[0] * fb
			for i, v := range a[:len(r)] {
				r[i] = v*fa + k
			}
		default:
			a, b = a[:len(r)], b[:len(r)]
			for i := range r {
				r[i] = a[i]*fa + b[i]*fb
			}
		}
		return nil
	}
}

func sum128(result types.Type, fa, fb decimal.Int128, minus bool) Eval {
	return func(_ *Context, args []*batch.Vector, n int, valid batch.Bitmap, out *batch.Vector) error {
		out.Reset(result, n)
		r := batch.Values[decimal.Int128](out)
		a, b := viewDecimal(args[0]), viewDecimal(args[1])
		for i := range n {
			x, ok1 := a.scaled(i).Mul(fa)
			y, ok2 := b.scaled(i).Mul(fb)
			var ok3 bool
			if minus {
				x, ok3 = x.Sub(y)
			} else {
				x, ok3 = x.Add(y)
			}
			if !(ok1 && ok2 && ok3 && x.FitsPrecision(decimal.Precision128)) && live(valid, i) {
				return tooManyDigits()
			}
			r[i] = x
		}
		return nil
	}
}

// prepareProduct returns the loop for a*b over fixed-width forms, nil otherwise.
func prepareProduct(args []types.Type, result types.Type) Eval {
	a64, b64 := args[0].Physical() == types.PhysInt64, args[1].Physical() == types.PhysInt64
	switch {
	case result.Physical() == types.PhysInt64:
		return product64(result)
	case result.Physical() == types.PhysInt128 && a64 && b64:
		return product64to128(result)
	case result.Physical() == types.PhysInt128:
		return product128(result, args[0].Precision+args[1].Precision > decimal.Precision128)
	}
	return nil
}

func product64(result types.Type) Eval {
	return func(_ *Context, args []*batch.Vector, n int, _ batch.Bitmap, out *batch.Vector) error {
		out.Reset(result, n)
		r := batch.Values[int64](out)[:n]
		a, b := batch.Values[int64](args[0]), batch.Values[int64](args[1])
		constant := args[1].Form == batch.Constant
		if args[0].Form == batch.Constant {
			a, b, constant = b, a, true
		}
		if constant && len(a) >= len(r) {
			k := b[0]
			for i, v := range a[:len(r)] {
				r[i] = v * k
			}
			return nil
		}
		a, b = a[:len(r)], b[:len(r)]
		for i := range r {
			r[i] = a[i] * b[i]
		}
		return nil
	}
}

func product64to128(result types.Type) Eval {
	return func(_ *Context, args []*batch.Vector, n int, _ batch.Bitmap, out *batch.Vector) error {
		out.Reset(result, n)
		r := batch.Values[decimal.Int128](out)[:n]
		a, b := view[int64](args[0]), view[int64](args[1])
		for i := range r {
			r[i] = decimal.MulInt64(a.at(i), b.at(i))
		}
		return nil
	}
}

func product128(result types.Type, check bool) Eval {
	return func(_ *Context, args []*batch.Vector, n int, valid batch.Bitmap, out *batch.Vector) error {
		out.Reset(result, n)
		r := batch.Values[decimal.Int128](out)[:n]
		a, b := viewDecimal(args[0]), viewDecimal(args[1])
		for i := range r {
			p, ok := a.scaled(i).Mul(b.scaled(i))
			if (!ok || check && !p.FitsPrecision(decimal.Precision128)) && live(valid, i) {
				return tooManyDigits()
			}
			r[i] = p
		}
		return nil
	}
}

// compareNumericAny compares numerics of any form.
func compareNumericAny(c comparison) Eval {
	return func(_ *Context, args []*batch.Vector, n int, valid batch.Bitmap, out *batch.Vector) error {
		a, b := viewDecimal(args[0]), viewDecimal(args[1])
		out.Reset(tBool, n)
		bits := out.Bools()
		for i := range n {
			if !live(valid, i) {
				continue
			}
			x, err := a.at(i)
			if err != nil {
				return err
			}
			y, err := b.at(i)
			if err != nil {
				return err
			}
			if c.holds(x.Cmp(y)) {
				bits.Set(i)
			}
		}
		return nil
	}
}

// prepareCompareNumeric compares int64 forms as integers: a constant is brought to the column's scale once, columns of
// different scale are multiplied up while that stays within 18 digits.
func prepareCompareNumeric(c comparison) func(*Context, []types.Type, types.Type, []*types.Datum) (Eval, error) {
	return func(_ *Context, args []types.Type, _ types.Type, consts []*types.Datum) (Eval, error) {
		switch {
		case args[0].Physical() == types.PhysInt64 && consts[1] != nil && !consts[1].Null:
			return compareScaledConst(c, 0, args[0], *consts[1]), nil
		case args[1].Physical() == types.PhysInt64 && consts[0] != nil && !consts[0].Null:
			return compareScaledConst(comparison{c.name, c.op.Swap()}, 1, args[1], *consts[0]), nil
		case args[0].Physical() != types.PhysBytes && args[1].Physical() != types.PhysBytes:
			return compareScaled(c, args), nil
		}
		return nil, nil
	}
}

// compareScaledConst compares column col with a constant. A constant that lies between two values of the column's
// scale is rounded down, which turns < into <= and >= into >, and makes = never true.
func compareScaledConst(c comparison, col int, t types.Type, k types.Datum) Eval {
	d, err := k.Decimal()
	if err != nil || !d.IsFinite() {
		return nil
	}
	down := d.Floor()
	if int(t.Scale) > 0 {
		down = floorAt(d, int(t.Scale))
	}
	exact := down.Cmp(d) == 0
	s, err := down.Scaled(decimal.Precision128, int(t.Scale))
	if err != nil || !s.IsInt64() {
		return nil
	}
	op, v := c.op, int64(s.Lo)
	if !exact {
		switch op {
		case kernel.Eq:
			return constantBool(false)
		case kernel.Ne:
			return constantBool(true)
		case kernel.Lt:
			op = kernel.Le
		case kernel.Ge:
			op = kernel.Gt
		}
	}
	return func(_ *Context, args []*batch.Vector, n int, _ batch.Bitmap, out *batch.Vector) error {
		out.Reset(tBool, n)
		kernel.CompareConst(op, batch.Values[int64](args[col])[:n], v, out.Bools())
		return nil
	}
}

// floorAt rounds down to a scale.
func floorAt(d decimal.Decimal, scale int) decimal.Decimal {
	t := d.Trunc(scale)
	if t.Cmp(d) > 0 {
		one := decimal.FromInt128(decimal.Int128From64(1), scale)
		if r, err := t.Sub(one); err == nil {
			return r
		}
	}
	return t
}

func constantBool(b bool) Eval {
	return func(_ *Context, _ []*batch.Vector, n int, _ batch.Bitmap, out *batch.Vector) error {
		out.Reset(tBool, n)
		if b {
			out.Bools().Fill(n)
		}
		return nil
	}
}

// compareScaled compares fixed-width numerics.
func compareScaled(c comparison, ts []types.Type) Eval {
	scale := max(ts[0].Scale, ts[1].Scale)
	fa, fb := factor(ts[0], scale), factor(ts[1], scale)
	if ts[0].Scale == ts[1].Scale && ts[0].Physical() == types.PhysInt64 && ts[1].Physical() == types.PhysInt64 {
		return compareInts[int64, int64](c)
	}
	slow := compareNumericAny(c)
	return func(ctx *Context, args []*batch.Vector, n int, valid batch.Bitmap, out *batch.Vector) error {
		a, b := viewDecimal(args[0]), viewDecimal(args[1])
		out.Reset(tBool, n)
		bits := out.Bools()
		for i := range n {
			x, ok1 := a.scaled(i).Mul(fa)
			y, ok2 := b.scaled(i).Mul(fb)
			if !ok1 || !ok2 {
				return slow(ctx, args, n, valid, out)
			}
			if c.holds(x.Cmp(y)) {
				bits.Set(i)
			}
		}
		return nil
	}
}
