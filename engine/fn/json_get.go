package fn

import (
	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/types/jsonb"
)

// The operators and functions that take values apart.
func init() {
	// getter makes an operator of jsonb and, for the type json, one that reads the text.
	getter := func(op string, arg types.Type, text bool, find func(r *row, v jsonb.Value) (jsonb.Value, bool), textual jsonFunc) {
		result, plainResult := tJSONB, tJSON
		if text {
			result, plainResult = tText, tText
		}
		registerOp(&Overload{Name: op, Args: list(tJSONB, arg), Result: returns(result), Total: true,
			Eval: rowText(result, func(_ *Context, r *row, dst []byte) ([]byte, error) {
				v, ok := find(r, r.jsonb(0))
				switch {
				case !ok:
					return nil, nil
				case text:
					return r.scalarText(dst, v)
				}
				return r.part(dst, v)
			})},
			withScratch(&Overload{Name: op, Args: list(tJSON, arg), Result: returns(plainResult)}, textual))
	}
	key := func(r *row, v jsonb.Value) (jsonb.Value, bool) { return v.Get(r.bytes(1)) }
	index := func(r *row, v jsonb.Value) (jsonb.Value, bool) {
		i := r.int4(1)
		if v.IsScalar() && (i == 0 || i == -1) { // to PostgreSQL a scalar is an array of one here
			return v, true
		}
		return v.At(i)
	}
	for op, text := range map[string]bool{"->": false, "->>": true} {
		getter(op, tText, text, key, jsonKey(text))
		getter(op, tInt4, text, index, jsonIndex(text))
	}
	for op, text := range map[string]bool{"#>": false, "#>>": true} {
		result, plainResult := tJSONB, tJSON
		name := "_extract_path"
		if text {
			result, plainResult = tText, tText
			name = "_extract_path_text"
		}
		registerOp(withScratch(&Overload{Name: op, Args: list(tJSONB, tTextArr), Result: returns(result)}, extract(text, arrayPath)),
			withScratch(&Overload{Name: op, Args: list(tJSON, tTextArr), Result: returns(plainResult)}, jsonPathOf(text, arrayPath)))
		register(withScratch(&Overload{Name: "jsonb" + name, Args: list(tJSONB, tText), Variadic: true, Result: returns(result)}, extract(text, variadicPath)),
			withScratch(&Overload{Name: "json" + name, Args: list(tJSON, tText), Variadic: true, Result: returns(plainResult)}, jsonPathOf(text, variadicPath)))
	}
	register(&Overload{Name: "jsonb_array_length", Args: list(tJSONB), Result: returns(tInt4),
		Eval: rowFixed(tInt4, func(_ *Context, r *row) (int32, bool, error) {
			switch v := r.jsonb(0); v.Kind() {
			case jsonb.Array:
				return int32(v.Len()), true, nil
			case jsonb.Object:
				return 0, false, badJSON("cannot get array length of a non-array")
			}
			return 0, false, badJSON("cannot get array length of a scalar")
		})},
		&Overload{Name: "jsonb_typeof", Args: list(tJSONB), Result: returns(tText), Total: true,
			Eval: rowText(tText, func(_ *Context, r *row, dst []byte) ([]byte, error) {
				return append(dst, r.jsonb(0).TypeName()...), nil
			})},
		&Overload{Name: "jsonb_pretty", Args: list(tJSONB), Result: returns(tText),
			Eval: rowText(tText, func(_ *Context, r *row, dst []byte) ([]byte, error) {
				dst, err := r.Room(notNil(dst), 2*len(r.bytes(0)))
				if err != nil {
					return dst, err
				}
				return r.jsonb(0).AppendPretty(dst), nil
			})})
	containment()
}

// containment registers @>, <@, ?, ?| and ?&.
func containment() {
	boolean := func(op string, arg types.Type, f func(r *row) (bool, error)) {
		registerOp(&Overload{Name: op, Args: list(tJSONB, arg), Result: returns(tBool), Total: arg != tTextArr,
			Eval: rowBool(func(_ *Context, r *row) (bool, bool, error) {
				v, err := f(r)
				return v, true, err
			})})
	}
	boolean("@>", tJSONB, func(r *row) (bool, error) { return jsonb.Contains(r.jsonb(0), r.jsonb(1)), r.Worked(len(r.bytes(0))) })
	boolean("<@", tJSONB, func(r *row) (bool, error) { return jsonb.Contains(r.jsonb(1), r.jsonb(0)), r.Worked(len(r.bytes(1))) })
	boolean("?", tText, func(r *row) (bool, error) { return r.jsonb(0).Exists(r.bytes(1)), nil })
	for op, all := range map[string]bool{"?|": false, "?&": true} {
		boolean(op, tTextArr, func(r *row) (bool, error) {
			v := r.jsonb(0)
			e := types.ReadArray(r.bytes(1))
			found := all
			for e.Next() {
				if !e.Null && v.Exists(e.Text) != all {
					found = !all
				}
			}
			return found, e.Err
		})
	}
}

// arrayPath and variadicPath read the path of a call.
func arrayPath(j *jsonScratch, r *row) (bool, error) { return j.array(r.bytes(1)) }

func variadicPath(j *jsonScratch, r *row) (bool, error) { return j.variadic(r, 1), nil }

// extract is #> and #>> of jsonb.
func extract(text bool, path func(j *jsonScratch, r *row) (bool, error)) jsonFunc {
	return func(j *jsonScratch, _ *Context, r *row, dst []byte) ([]byte, error) {
		ok, err := path(j, r)
		if err != nil || !ok {
			return nil, err
		}
		v, ok := follow(r.jsonb(0), j.path)
		switch {
		case !ok:
			return nil, nil
		case text:
			return r.scalarText(dst, v)
		}
		return r.part(dst, v)
	}
}
