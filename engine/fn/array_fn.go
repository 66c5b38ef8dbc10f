package fn

import (
	"bytes"
	"slices"
	"unsafe"

	"github.com/siltstone-db/siltstone/engine/fn/chars"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

func init() {
	one := func(name string, f func(n int32) int32) {
		register(&Overload{Name: name, Args: list(tAnyArr, tInt4), Result: returns(tInt4),
			Eval: rowFixed(tInt4, func(_ *Context, r *row) (int32, bool, error) {
				n, err := types.CountArray(r.bytes(0))
				if err == nil {
					err = r.Worked(len(r.bytes(0)))
				}
				return f(int32(n)), n > 0 && r.int4(1) == 1, err
			})})
	}
	size := func(n int32) int32 { return n }
	one("array_length", size)
	one("array_upper", size)
	one("array_lower", func(int32) int32 { return 1 })
	register(&Overload{Name: "cardinality", Args: list(tAnyArr), Result: returns(tInt4),
		Eval: rowFixed(tInt4, func(_ *Context, r *row) (int32, bool, error) {
			n, err := types.CountArray(r.bytes(0))
			return int32(n), true, err
		})},
		&Overload{Name: "array_to_string", Args: list(tAnyArr, tText), Result: returns(tText), Eval: rowText(tText, arrayToString)},
		&Overload{Name: "array_to_string", Args: list(tAnyArr, tText, tText), Result: returns(tText), NotStrict: true,
			Eval: rowText(tText, arrayToString)},
		&Overload{Name: "string_to_array", Args: list(tText, tText), Result: returns(tTextArr), NotStrict: true,
			Eval: rowText(tTextArr, stringToArray)},
		&Overload{Name: "string_to_array", Args: list(tText, tText, tText), Result: returns(tTextArr), NotStrict: true,
			Eval: rowText(tTextArr, stringToArray)},
		&Overload{Name: "array_subscript", Args: list(tAnyArr, tInt4), Result: elementType, Eval: subscript})
}

// ArrayOf returns the constructor ARRAY[...] of n items of a type.
func ArrayOf(elem types.Type, n int) *Overload {
	args := make([]types.Type, n)
	for i := range args {
		args[i] = elem
	}
	t := types.ArrayOf(elem.Kind)
	return &Overload{Name: "array", Args: args, Result: returns(t), NotStrict: true,
		Eval: rowText(t, func(_ *Context, r *row, dst []byte) ([]byte, error) {
			dst = append(notNil(dst), '{')
			for i, v := range r.args {
				var text []byte
				null := r.null(i)
				if !null {
					text = types.Append(nil, v.Datum(r.index(i)))
				}
				dst = types.AppendElement(dst, text, null, i == 0)
			}
			return append(dst, '}'), nil
		})}
}

// elementType is the type of an array's elements.
func elementType(ts []types.Type) types.Type { return types.T(ts[0].Elem) }

// subscript is a[i]: NULL outside of the array.
func subscript(_ *Context, args []*batch.Vector, n int, valid batch.Bitmap, out *batch.Vector) error {
	a, index, t := viewText(args[0]), view[int32](args[1]), out.Type
	out.Reset(t, 0)
	for i := range n {
		d := types.NullOf(t)
		if live(valid, i) {
			e := types.ReadArray(a.at(i))
			for k := int32(1); e.Next(); k++ {
				if k == index.at(i) && !e.Null {
					var err error
					if d, err = types.ParseWith(t, e.Text, nil); err != nil {
						return err
					}
				}
			}
			if e.Err != nil {
				return e.Err
			}
		}
		out.AppendDatum(d)
	}
	return nil
}

func arrayToString(_ *Context, r *row, dst []byte) ([]byte, error) {
	if r.null(0) || r.null(1) {
		return nil, nil
	}
	dst = notNil(dst)
	some := false
	var err error
	e := types.ReadArray(r.bytes(0))
	for e.Next() {
		if e.Null && (len(r.args) < 3 || r.null(2)) {
			continue
		}
		if some {
			if dst, err = r.append(dst, r.bytes(1)); err != nil {
				return dst, err
			}
		}
		some = true
		text := e.Text
		if e.Null {
			text = r.bytes(2)
		}
		if dst, err = r.append(dst, text); err != nil {
			return dst, err
		}
	}
	return dst, e.Err
}

func stringToArray(_ *Context, r *row, dst []byte) ([]byte, error) {
	if r.null(0) {
		return nil, nil
	}
	s := r.bytes(0)
	dst = append(notNil(dst), '{')
	first := true
	var err error
	add := func(part []byte) {
		null := len(r.args) == 3 && !r.null(2) && string(part) == string(r.bytes(2))
		dst, err = r.element(dst, part, null, first)
		first = false
	}
	switch {
	case len(s) == 0:
	case r.null(1):
		for len(s) > 0 && err == nil {
			n := chars.Skip(s, 1)
			add(s[:n])
			s = s[n:]
		}
	case len(r.bytes(1)) == 0:
		add(s)
	default:
		for sep := r.bytes(1); err == nil; {
			i := bytes.Index(s, sep)
			if i < 0 {
				add(s)
				break
			}
			add(s[:i])
			s = s[i+len(sep):]
		}
	}
	return append(dst, '}'), err
}

// anyOps are the overloads of x op ANY (array) and x op ALL (array), named "= any" and so on.
var anyOps = func() map[string]*Overload {
	m := map[string]*Overload{}
	for _, c := range comparisons {
		for _, all := range []bool{false, true} {
			name := c.name + " any"
			if all {
				name = c.name + " all"
			}
			m[name] = &Overload{Name: name, Args: list(tAny, tAnyArr), Result: returns(tBool), Infix: true, Eval: quantified(c, all)}
		}
	}
	return m
}()

// ResolveAny finds the overload of left op ANY (array), or ALL; want has the types of both operands. The array is
// converted to one of left's type, or left to the type of its elements.
func ResolveAny(op string, left, array types.Type, all bool) (o *Overload, want []types.Type, err error) {
	if op == "!=" {
		op = "<>"
	}
	if array.Kind != types.Array && array.Kind != types.Unknown {
		return nil, nil, errs.New(errs.WrongObjectType, "op ANY/ALL (array) requires array on right side")
	}
	elem := types.T(array.Elem)
	if array.Kind == types.Unknown {
		elem = types.T(types.Unknown)
	}
	common, err := CommonTypeFor("ANY", []types.Type{left, elem})
	if err != nil {
		if _, _, err := ResolveOperator(op, left, elem); err != nil {
			return nil, nil, err
		}
		return nil, nil, err
	}
	name := op + " any"
	if all {
		name = op + " all"
	}
	o = anyOps[name]
	if o == nil {
		return nil, nil, errs.Unsupported("operator %s with ANY or ALL", op)
	}
	common = plain(common)
	if common.Kind == types.Varchar {
		common = tText
	}
	return o, []types.Type{common, types.ArrayOf(common.Kind)}, nil
}

// quantified compares a value with the elements of an array. The elements of the last array seen are kept.
func quantified(c comparison, all bool) Eval {
	return func(ctx *Context, args []*batch.Vector, n int, valid batch.Bitmap, out *batch.Vector) error {
		arrays, t := viewText(args[1]), args[0].Type
		out.Reset(tBool, n)
		bits := out.Bools()
		var last []byte
		var elems []types.Datum
		held := 0
		defer func() { ctx.repay(held) }()
		r := row{c: ctx}
		for i := range n {
			if !live(valid, i) {
				continue
			}
			if s := arrays.at(i); last == nil || string(s) != string(last) {
				ctx.repay(held)
				held = 0
				most := bytes.Count(s, []byte{','}) + 1
				need := len(s) + most*int(unsafe.Sizeof(types.Datum{}))
				err := ctx.borrow(need)
				if err != nil {
					return err
				}
				held = need
				if elems, err = elementsOf(slices.Grow(elems[:0], most), t, s); err != nil {
					return err
				}
				last = s
			}
			if err := r.Worked(16 * len(elems)); err != nil {
				return err
			}
			x := args[0].Datum(i)
			unknown, decided := false, false
			for _, e := range elems {
				if e.Null {
					unknown = true
					continue
				}
				if c.holds(types.Compare(x, e)) != all {
					decided = true
					break
				}
			}
			switch {
			case !decided && unknown:
				out.Nulls(n).Clear(i)
			case decided != all:
				bits.Set(i)
			}
		}
		return nil
	}
}

func elementsOf(dst []types.Datum, t types.Type, s []byte) ([]types.Datum, error) {
	e := types.ReadArray(s)
	for e.Next() {
		if e.Null {
			dst = append(dst, types.NullOf(t))
			continue
		}
		d, err := types.ParseWith(t, e.Text, nil)
		if err != nil {
			return dst, err
		}
		dst = append(dst, d)
	}
	return dst, e.Err
}
