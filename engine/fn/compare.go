package fn

import (
	"bytes"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/kernel"
	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/types/datetime"
)

// comparison is one of the six operators.
type comparison struct {
	name string
	op   kernel.Cmp
}

var comparisons = []comparison{
	{"=", kernel.Eq}, {"<>", kernel.Ne}, {"<", kernel.Lt}, {"<=", kernel.Le}, {">", kernel.Gt}, {">=", kernel.Ge},
}

// holds tells whether c is true of two values that compare as cmp.
func (c comparison) holds(cmp int) bool {
	switch c.op {
	case kernel.Eq:
		return cmp == 0
	case kernel.Ne:
		return cmp != 0
	case kernel.Lt:
		return cmp < 0
	case kernel.Le:
		return cmp <= 0
	case kernel.Gt:
		return cmp > 0
	}
	return cmp >= 0
}

// equality tells the operators that need no order.
func (c comparison) equality() bool { return c.op == kernel.Eq || c.op == kernel.Ne }

func init() {
	for _, c := range comparisons {
		add := func(a, b types.Type, eval Eval) {
			registerOp(&Overload{Name: c.name, Args: list(a, b), Result: returns(tBool), Total: true, Eval: eval})
		}
		add(tInt2, tInt2, compareInts[int16, int16](c))
		add(tInt2, tInt4, compareInts[int16, int32](c))
		add(tInt2, tInt8, compareInts[int16, int64](c))
		add(tInt4, tInt2, compareInts[int32, int16](c))
		add(tInt4, tInt4, compareInts[int32, int32](c))
		add(tInt4, tInt8, compareInts[int32, int64](c))
		add(tInt8, tInt2, compareInts[int64, int16](c))
		add(tInt8, tInt4, compareInts[int64, int32](c))
		add(tInt8, tInt8, compareInts[int64, int64](c))
		add(tFloat4, tFloat4, compareFloats[float32, float32](c))
		add(tFloat4, tFloat8, compareFloats[float32, float64](c))
		add(tFloat8, tFloat4, compareFloats[float64, float32](c))
		add(tFloat8, tFloat8, compareFloats[float64, float64](c))
		add(tText, tText, compareBytes(c))
		add(tChar, tChar, comparePadded(c))
		add(tName, tName, compareBytes(c))
		add(tName, tText, compareBytes(c))
		add(tText, tName, compareBytes(c))
		add(tBytea, tBytea, compareBytes(c))
		add(tJSONB, tJSONB, compareJSONB(c))
		add(tIChar, tIChar, compareBytes(c))
		add(tBool, tBool, compareBools(c))
		add(tDate, tDate, compareInts[int32, int32](c))
		add(tTime, tTime, compareInts[int64, int64](c))
		add(tTS, tTS, compareInts[int64, int64](c))
		add(tTSTZ, tTSTZ, compareInts[int64, int64](c))
		add(tOid, tOid, compareInts[int64, int64](c))
		add(tIntvl, tIntvl, compareOrdered(c, datetime.Interval.Cmp))
		add(tUUID, tUUID, compareOrdered(c, func(a, b [16]byte) int { return bytes.Compare(a[:], b[:]) }))
		registerOp(&Overload{Name: c.name, Args: list(tDate, tTS), Result: returns(tBool), Total: true, Eval: compareDates(c, false, true)},
			&Overload{Name: c.name, Args: list(tTS, tDate), Result: returns(tBool), Total: true, Eval: compareDates(c, true, false)},
			&Overload{Name: c.name, Args: list(tNumeric, tNumeric), Result: returns(tBool), Total: true, Prepare: prepareCompareNumeric(c),
				Eval: compareNumericAny(c)},
			&Overload{Name: c.name, Args: list(tAnyArr, tAnyArr), Result: returns(tBool), Eval: compareArrays(c)})
		for _, p := range [][2]types.Type{{tDate, tTSTZ}, {tTSTZ, tDate}, {tTS, tTSTZ}, {tTSTZ, tTS}} {
			registerOp(&Overload{Name: c.name, Args: list(p[0], p[1]), Result: returns(tBool), Volatility: Stable,
				Eval: compareZoned(c, p[0], p[1])})
		}
	}
}

func compareInts[A, B kernel.Integer](c comparison) Eval {
	return func(_ *Context, args []*batch.Vector, n int, _ batch.Bitmap, out *batch.Vector) error {
		out.Reset(tBool, n)
		bits := out.Bools()
		switch {
		case args[1].Form == batch.Constant:
			kernel.CompareConst(c.op, batch.Values[A](args[0])[:n], int64(batch.Values[B](args[1])[0]), bits)
		case args[0].Form == batch.Constant:
			kernel.CompareConst(c.op.Swap(), batch.Values[B](args[1])[:n], int64(batch.Values[A](args[0])[0]), bits)
		default:
			compareMixed(c, batch.Values[A](args[0])[:n], batch.Values[B](args[1])[:n], bits)
		}
		return nil
	}
}

// compareMixed compares columns, of different widths perhaps.
func compareMixed[A, B kernel.Integer](c comparison, a []A, b []B, out batch.Bitmap) {
	if same, ok := any(b).([]A); ok {
		kernel.Compare(c.op, a, same, out)
		return
	}
	for w := range out {
		lo, hi := w<<6, min(w<<6+64, len(a))
		pa, pb := a[lo:hi], b[lo:hi]
		var eq, lt uint64
		for j, x := range pa {
			eq |= kernel.Bit(int64(x) == int64(pb[j])) << (uint(j) & 63)
			lt |= kernel.Bit(int64(x) < int64(pb[j])) << (uint(j) & 63)
		}
		out[w] = c.word(eq, lt)
	}
	trim(out, len(a))
}

// word combines 64 equalities and 64 less-thans; bits past the last row may come out set.
func (c comparison) word(eq, lt uint64) uint64 {
	switch c.op {
	case kernel.Eq:
		return eq
	case kernel.Ne:
		return ^eq
	case kernel.Lt:
		return lt
	case kernel.Le:
		return lt | eq
	case kernel.Gt:
		return ^(lt | eq)
	}
	return ^lt
}

// trim clears the bits past n, as bitmaps promise.
func trim(b batch.Bitmap, n int) {
	if r := uint(n) & 63; r != 0 {
		b[n>>6] &= 1<<r - 1
	}
}

// compareFloats orders floats as PostgreSQL does: NaN equals NaN and is larger than everything else. float4 against
// float8 compares as float8.
func compareFloats[A, B kernel.Float](c comparison) Eval {
	return func(_ *Context, args []*batch.Vector, n int, _ batch.Bitmap, out *batch.Vector) error {
		out.Reset(tBool, n)
		bits := out.Bools()
		switch {
		case args[1].Form == batch.Constant:
			kernel.CompareFloatConst(c.op, batch.Values[A](args[0])[:n], float64(batch.Values[B](args[1])[0]), bits)
			return nil
		case args[0].Form == batch.Constant:
			kernel.CompareFloatConst(c.op.Swap(), batch.Values[B](args[1])[:n], float64(batch.Values[A](args[0])[0]), bits)
			return nil
		}
		a, b := batch.Values[A](args[0])[:n], batch.Values[B](args[1])[:n]
		if same, ok := any(b).([]A); ok {
			kernel.CompareFloat(c.op, a, same, bits)
			return nil
		}
		for i := range n {
			if c.holds(types.CompareFloat(float64(a[i]), float64(b[i]))) {
				bits.Set(i)
			}
		}
		return nil
	}
}

// compareOrdered compares fixed-width values by a function.
func compareOrdered[T any](c comparison, cmp func(a, b T) int) Eval {
	return func(_ *Context, args []*batch.Vector, n int, valid batch.Bitmap, out *batch.Vector) error {
		a, b := view[T](args[0]), view[T](args[1])
		out.Reset(tBool, n)
		bits := out.Bools()
		for i := range n {
			if live(valid, i) && c.holds(cmp(a.at(i), b.at(i))) {
				bits.Set(i)
			}
		}
		return nil
	}
}

// compareBytes compares strings by bytes (the C collation).
func compareBytes(c comparison) Eval {
	return func(_ *Context, args []*batch.Vector, n int, _ batch.Bitmap, out *batch.Vector) error {
		a, b := viewText(args[0]), viewText(args[1])
		out.Reset(tBool, n)
		bits := out.Bools()
		if c.equality() {
			not := c.op == kernel.Ne
			if b.mask == 0 && len(b.at(0)) == 0 && a.mask != 0 {
				emptyStrings(a.off, n, not, bits)
				return nil
			}
			for i := range n {
				if (string(a.at(i)) == string(b.at(i))) != not {
					bits.Set(i)
				}
			}
			return nil
		}
		for i := range n {
			if c.holds(bytes.Compare(a.at(i), b.at(i))) {
				bits.Set(i)
			}
		}
		return nil
	}
}

// emptyStrings finds the empty strings from the offsets alone.
func emptyStrings(off []uint32, n int, not bool, out batch.Bitmap) {
	off = off[:n+1]
	flip := -kernel.Bit(not)
	for w := range out {
		lo, hi := w<<6, min(w<<6+64, n)
		part := off[lo : hi+1]
		var word uint64
		for j := range len(part) - 1 {
			word |= kernel.Bit(part[j] == part[j+1]) << (uint(j) & 63)
		}
		out[w] = word ^ flip
	}
	trim(out, n)
}

// comparePadded compares character(n): trailing blanks do not count.
func comparePadded(c comparison) Eval {
	return func(_ *Context, args []*batch.Vector, n int, _ batch.Bitmap, out *batch.Vector) error {
		a, b := viewText(args[0]), viewText(args[1])
		out.Reset(tBool, n)
		bits := out.Bools()
		for i := range n {
			if c.holds(bytes.Compare(bytes.TrimRight(a.at(i), " "), bytes.TrimRight(b.at(i), " "))) {
				bits.Set(i)
			}
		}
		return nil
	}
}

// compareBools works on whole words.
func compareBools(c comparison) Eval {
	word := func(v *batch.Vector, w int) uint64 {
		if v.Form == batch.Constant {
			return -(v.Bools()[0] & 1)
		}
		return v.Bools()[w]
	}
	return func(_ *Context, args []*batch.Vector, n int, _ batch.Bitmap, out *batch.Vector) error {
		out.Reset(tBool, n)
		bits := out.Bools()
		for w := range bits {
			a, b := word(args[0], w), word(args[1], w)
			bits[w] = c.word(^(a ^ b), ^a&b)
		}
		trim(bits, n)
		return nil
	}
}
