package fn

import (
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/types"
)

func init() {
	join := rowText(tText, func(_ *Context, r *row, dst []byte) ([]byte, error) {
		return append(append(notNil(dst), r.bytes(0)...), r.bytes(1)...), nil
	})
	registerOp(&Overload{Name: "||", Args: list(tText, tText), Result: returns(tText), Total: true, Eval: join},
		&Overload{Name: "||", Args: list(tBytea, tBytea), Result: returns(tBytea), Total: true,
			Eval: func(c *Context, args []*batch.Vector, n int, valid batch.Bitmap, out *batch.Vector) error {
				err := join(c, args, n, valid, out)
				out.Type = tBytea
				return err
			}})
	any2 := rowText(tText, func(c *Context, r *row, dst []byte) ([]byte, error) { // as casts to text print values
		set, err := c.settings()
		if err != nil {
			return dst, err
		}
		if dst, err = r.value(notNil(dst), 0, &set); err != nil {
			return dst, err
		}
		return r.value(dst, 1, &set)
	})
	for i, args := range [][]types.Type{list(tText, tNonArray), list(tNonArray, tText)} {
		fixed := &Overload{Name: "||", Args: args, Result: returns(tText), Infix: true, Eval: any2}
		registerOp(&Overload{Name: "||", Args: args, Result: returns(tText), Volatility: Stable, Eval: any2,
			Refine: func(called []types.Type, _ []*types.Datum) *Overload { // by the type that is printed
				if CastVolatility(called[1-i], tText) == Immutable {
					return fixed
				}
				return nil
			}})
	}
	register(&Overload{Name: "concat", Args: list(tAny), Variadic: true, Result: returns(tText), Volatility: Stable,
		NotStrict: true, Eval: rowText(tText, func(c *Context, r *row, dst []byte) ([]byte, error) {
			return r.joined(notNil(dst), 0, nil)
		})},
		&Overload{Name: "concat_ws", Args: list(tText, tAny), Variadic: true, Result: returns(tText), Volatility: Stable,
			NotStrict: true, Eval: rowText(tText, func(c *Context, r *row, dst []byte) ([]byte, error) {
				if r.null(0) {
					return nil, nil
				}
				return r.joined(notNil(dst), 1, r.bytes(0))
			})},
		&Overload{Name: "format", Args: list(tText), Result: returns(tText), Volatility: Stable, NotStrict: true,
			Eval: rowText(tText, format)},
		&Overload{Name: "format", Args: list(tText, tAny), Variadic: true, Result: returns(tText), Volatility: Stable,
			NotStrict: true, Eval: rowText(tText, format)})
}

// printed appends an argument as concat prints it: booleans as t and f.
func (r *row) printed(dst []byte, a int) ([]byte, error) {
	v := r.args[a]
	if v.Type.Kind == types.Bool {
		if r.bool(a) {
			return append(dst, 't'), nil
		}
		return append(dst, 'f'), nil
	}
	if v.Type.Kind == types.Char {
		return r.append(dst, r.bytes(a))
	}
	set, err := r.c.settings()
	if err != nil {
		return dst, err
	}
	return r.value(dst, a, &set)
}

// joined appends the arguments from one on that are not NULL, with a separator.
func (r *row) joined(dst []byte, from int, sep []byte) ([]byte, error) {
	some := false
	var err error
	for a := from; a < len(r.args); a++ {
		if r.null(a) {
			continue
		}
		if some {
			if dst, err = r.append(dst, sep); err != nil {
				return dst, err
			}
		}
		some = true
		if dst, err = r.printed(dst, a); err != nil {
			return dst, err
		}
	}
	return dst, nil
}
