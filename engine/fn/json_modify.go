package fn

import (
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/types/jsonb"
	"github.com/siltstone-db/siltstone/storage/types/jsontext"
)

// Functions that change a jsonb.
func init() {
	registerOp(
		withScratch(&Overload{Name: "||", Args: list(tJSONB, tJSONB), Result: returns(tJSONB)}, jsonbConcat),
		withScratch(&Overload{Name: "-", Args: list(tJSONB, tText), Result: returns(tJSONB)}, func(j *jsonScratch, c *Context, r *row, dst []byte) ([]byte, error) {
			return without(j, c, r, dst, func(key []byte) bool { return string(key) == string(r.bytes(1)) })
		}),
		withScratch(&Overload{Name: "-", Args: list(tJSONB, tTextArr), Result: returns(tJSONB)}, func(j *jsonScratch, c *Context, r *row, dst []byte) ([]byte, error) {
			if _, err := j.array(r.bytes(1)); err != nil {
				return nil, err
			}
			return without(j, c, r, dst, j.names)
		}),
		withScratch(&Overload{Name: "-", Args: list(tJSONB, tInt4), Result: returns(tJSONB)}, withoutIndex),
		withScratch(&Overload{Name: "#-", Args: list(tJSONB, tTextArr), Result: returns(tJSONB)}, deletePath))
	set := func(r *row, a int) jsonb.Edit {
		if len(r.args) > a && !r.bool(a) {
			return jsonb.Replace
		}
		return jsonb.Set
	}
	insert := func(r *row, a int) jsonb.Edit {
		if len(r.args) > a && r.bool(a) {
			return jsonb.InsertAfter
		}
		return jsonb.InsertBefore
	}
	for name, edit := range map[string]func(r *row, a int) jsonb.Edit{"jsonb_set": set, "jsonb_insert": insert} {
		f := func(j *jsonScratch, c *Context, r *row, dst []byte) ([]byte, error) {
			return modified(j, c, r, dst, edit(r, 3), r.jsonb(2))
		}
		register(withScratch(&Overload{Name: name, Args: list(tJSONB, tTextArr, tJSONB), Result: returns(tJSONB)}, f),
			withScratch(&Overload{Name: name, Args: list(tJSONB, tTextArr, tJSONB, tBool), Result: returns(tJSONB)}, f))
	}
	for n := 3; n <= 5; n++ {
		register(withScratch(&Overload{Name: "jsonb_set_lax", Args: list(tJSONB, tTextArr, tJSONB, tBool, tText)[:n],
			Result: returns(tJSONB), NotStrict: true}, setLax))
	}
	register(withScratch(&Overload{Name: "jsonb_strip_nulls", Args: list(tJSONB), Result: returns(tJSONB)},
		func(j *jsonScratch, c *Context, r *row, dst []byte) ([]byte, error) {
			j.begin(c).StripNulls(r.jsonb(0))
			return j.end(r, dst)
		}),
		withScratch(&Overload{Name: "json_strip_nulls", Args: list(tJSON), Result: returns(tJSON)}, stripText),
		withScratch(&Overload{Name: "jsonb_subscript_assign", Args: list(tJSONB, tJSONB, tBool, tText), Variadic: true,
			Result: returns(tJSONB), NotStrict: true}, subscriptAssign))
}

// names tells whether a key is in the path.
func (j *jsonScratch) names(key []byte) bool {
	for _, p := range j.path {
		if p != nil && string(p) == string(key) {
			return true
		}
	}
	return false
}

func jsonbConcat(j *jsonScratch, c *Context, r *row, dst []byte) ([]byte, error) {
	x, y := r.jsonb(0), r.jsonb(1)
	if (x.Kind() == jsonb.Object) == (y.Kind() == jsonb.Object) {
		switch {
		case x.Len() == 0 && !x.IsScalar() && !y.IsScalar():
			return r.append(notNil(dst), r.bytes(1))
		case y.Len() == 0 && !y.IsScalar() && !x.IsScalar():
			return r.append(notNil(dst), r.bytes(0))
		}
	}
	j.begin(c).Concat(x, y)
	return j.end(r, dst)
}

func without(j *jsonScratch, c *Context, r *row, dst []byte, drop func(key []byte) bool) ([]byte, error) {
	v := r.jsonb(0)
	if v.IsScalar() {
		return nil, badJSON("cannot delete from scalar")
	}
	j.begin(c).Without(v, drop)
	return j.end(r, dst)
}

func withoutIndex(j *jsonScratch, c *Context, r *row, dst []byte) ([]byte, error) {
	v := r.jsonb(0)
	switch v.Kind() {
	case jsonb.Array:
	case jsonb.Object:
		return nil, badJSON("cannot delete from object using integer index")
	default:
		return nil, badJSON("cannot delete from scalar")
	}
	i := r.int4(1)
	if i < 0 {
		i += v.Len()
	}
	j.begin(c).WithoutElement(v, i)
	return j.end(r, dst)
}

func deletePath(j *jsonScratch, c *Context, r *row, dst []byte) ([]byte, error) {
	if r.jsonb(0).IsScalar() {
		return nil, badJSON("cannot delete path in scalar")
	}
	return modified(j, c, r, dst, jsonb.Delete, jsonb.Value{})
}

// modified changes the first argument at the path of the second.
func modified(j *jsonScratch, c *Context, r *row, dst []byte, edit jsonb.Edit, with jsonb.Value) ([]byte, error) {
	v := r.jsonb(0)
	if _, err := j.array(r.bytes(1)); err != nil {
		return nil, err
	}
	if v.IsScalar() {
		return nil, badJSON("cannot set path in scalar")
	}
	if len(j.path) == 0 || v.Len() == 0 && (edit == jsonb.Replace || edit == jsonb.Delete) {
		return r.append(notNil(dst), r.bytes(0))
	}
	if err := j.begin(c).Modify(v, j.path, with, edit); err != nil {
		j.settle()
		return nil, err
	}
	return j.end(r, dst)
}

// setLax is jsonb_set, where a NULL value means what the last argument says.
func setLax(j *jsonScratch, c *Context, r *row, dst []byte) ([]byte, error) {
	if r.null(0) || r.null(1) || len(r.args) > 3 && r.null(3) {
		return nil, nil
	}
	treatment := "use_json_null"
	if len(r.args) > 4 {
		if r.null(4) {
			return nil, badJSON(`null_value_treatment must be "delete_key", "return_target", "use_json_null", or "raise_exception"`)
		}
		treatment = string(r.bytes(4))
	}
	edit := jsonb.Set
	if len(r.args) > 3 && !r.bool(3) {
		edit = jsonb.Replace
	}
	if !r.null(2) {
		return modified(j, c, r, dst, edit, r.jsonb(2))
	}
	switch treatment {
	case "raise_exception":
		return nil, errs.New(errs.NullValueNotAllowed, "JSON value must not be null").
			WithDetail("Exception was raised because null_value_treatment is \"raise_exception\".").
			WithHint("To avoid, either change the null_value_treatment argument or ensure that an SQL NULL is not passed.")
	case "use_json_null":
		return modified(j, c, r, dst, edit, jsonb.Value{})
	case "delete_key":
		return deletePath(j, c, r, dst)
	case "return_target":
		return r.append(notNil(dst), r.bytes(0))
	}
	return nil, badJSON(`null_value_treatment must be "delete_key", "return_target", "use_json_null", or "raise_exception"`)
}

// subscriptAssign is UPDATE ... SET j[a][b] = v: its arguments are j, v, whether a is an integer, and the subscripts.
func subscriptAssign(j *jsonScratch, c *Context, r *row, dst []byte) ([]byte, error) {
	if !j.variadic(r, 3) {
		return nil, errs.New(errs.NullValueNotAllowed, "jsonb subscript in assignment must not be null")
	}
	var with, v jsonb.Value
	if !r.null(1) {
		with = r.jsonb(1)
	}
	if !r.null(0) {
		v = r.jsonb(0)
	} else if r.bool(2) {
		v = emptyArray
	} else {
		v = emptyObject
	}
	b := j.begin(c)
	if v.IsScalar() {
		return nil, badJSON("cannot replace existing key").
			WithDetail("The path assumes key is a composite object, but it is a scalar value.")
	}
	if err := b.Modify(v, j.path, with, jsonb.Assign); err != nil {
		j.settle()
		return nil, err
	}
	return j.end(r, dst)
}

var emptyArray, emptyObject = jsonb.Open(literalJSONB("[]")), jsonb.Open(literalJSONB("{}"))

// literalJSONB returns the encoding of a text that is right.
func literalJSONB(s string) []byte {
	d, err := types.Parse(tJSONB, s)
	if err != nil {
		panic(err)
	}
	return []byte(d.S)
}

// stripText writes a text without blanks and without keys whose value is null.
func stripText(j *jsonScratch, _ *Context, r *row, dst []byte) ([]byte, error) {
	dst, err := r.Room(notNil(dst), len(r.bytes(0)))
	if err != nil {
		return dst, err
	}
	p := &j.parser
	p.Reset(r.bytes(0), true)
	start := len(dst)
	var key []byte
	waiting := false
	comma := func() {
		if n := len(dst); n > start && dst[n-1] != '{' && dst[n-1] != '[' && dst[n-1] != ':' {
			dst = append(dst, ',')
		}
		if waiting {
			dst = append(jsontext.AppendQuoted(dst, key), ':')
			waiting = false
		}
	}
	for {
		e, err := p.Next()
		if err != nil || e == jsontext.Done {
			return dst, err
		}
		switch e {
		case jsontext.Key:
			key, waiting = append(key[:0], p.Text()...), true
		case jsontext.BeginArray:
			comma()
			dst = append(dst, '[')
		case jsontext.BeginObject:
			comma()
			dst = append(dst, '{')
		case jsontext.EndArray:
			dst = append(dst, ']')
		case jsontext.EndObject:
			dst = append(dst, '}')
		case jsontext.Scalar:
			if waiting && p.Token() == jsontext.Null {
				waiting = false
				continue
			}
			comma()
			if p.Token() == jsontext.String {
				dst = jsontext.AppendQuoted(dst, p.Text())
			} else {
				dst = append(dst, p.Text()...)
			}
		}
	}
}
