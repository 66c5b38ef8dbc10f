package fn

import (
	"bytes"
	"math"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/types/datetime"
	"github.com/siltstone-db/siltstone/storage/types/jsonb"
	"github.com/siltstone-db/siltstone/storage/types/jsontext"
)

// Functions that make values of others.
func init() {
	text := func(name string, f jsonFunc, args ...types.Type) *Overload {
		return withScratch(&Overload{Name: name, Args: args, Result: returns(tJSON), Volatility: Stable}, f)
	}
	binary := func(name string, f func(b *jsonb.Builder, r *row, set *types.Settings) error, args ...types.Type) *Overload {
		return withScratch(&Overload{Name: name, Args: args, Result: returns(tJSONB), Volatility: Stable},
			func(j *jsonScratch, c *Context, r *row, dst []byte) ([]byte, error) {
				set, err := c.settings()
				if err != nil {
					return nil, err
				}
				if err := f(j.begin(c), r, &set); err != nil {
					j.settle()
					return nil, err
				}
				return j.end(r, dst)
			})
	}
	variadic := func(o *Overload) *Overload {
		o.Variadic, o.NotStrict = true, true
		return o
	}
	nullary := func(o *Overload) *Overload {
		o.NotStrict = true
		return o
	}
	register(text("to_json", toJSONText, tAny), text("array_to_json", toJSONText, tAnyArr), text("array_to_json", arrayLines, tAnyArr, tBool),
		binary("to_jsonb", func(b *jsonb.Builder, r *row, set *types.Settings) error { return r.addJSONB(b, 0, set) }, tAny),
		variadic(text("json_build_array", buildArrayText, tAny)), nullary(text("json_build_array", buildArrayText)),
		variadic(text("json_build_object", buildObjectText, tAny)), nullary(text("json_build_object", buildObjectText)),
		nullary(withScratch(&Overload{Name: "json_key", Args: list(tAny), Result: returns(tText), Volatility: Stable}, keyText)),
		variadic(text("json_row", rowText2, tAny)),
		variadic(binary("jsonb_build_array", buildArray, tAny)), nullary(binary("jsonb_build_array", buildArray)),
		variadic(binary("jsonb_build_object", buildObject, tAny)), nullary(binary("jsonb_build_object", buildObject)),
		text("json_object", objectText, tTextArr), text("json_object", objectText, tTextArr, tTextArr),
		binary("jsonb_object", objectOf, tTextArr), binary("jsonb_object", objectOf, tTextArr, tTextArr))
}

// jsonValue appends an argument as JSON text.
func (r *row) jsonValue(dst []byte, a int, set *types.Settings) ([]byte, error) {
	if r.null(a) {
		return append(dst, "null"...), nil
	}
	v, i := r.args[a], r.index(a)
	switch t := v.Type; t.Kind {
	case types.JSON:
		return r.append(dst, r.bytes(a))
	case types.JSONB:
		return r.jsonText(dst, a)
	case types.Array:
		return r.jsonArray(dst, types.T(t.Elem), r.bytes(a), set, ",")
	case types.Text, types.Varchar, types.Name, types.Unknown, types.InternalChar, types.Char:
		dst, err := r.Room(dst, len(r.bytes(a))+2)
		if err != nil {
			return dst, err
		}
		return jsontext.AppendQuoted(dst, r.bytes(a)), r.Worked(len(r.bytes(a)))
	case types.Bytea, types.Regclass, types.Regtype, types.Regproc, types.Regnamespace:
		s, err := r.text(a)
		if err != nil {
			return dst, err
		}
		return jsontext.AppendQuoted(dst, s), nil
	}
	return appendJSONDatum(dst, v.Datum(i), set), nil
}

// appendJSONDatum appends a value that is not NULL as JSON text.
func appendJSONDatum(dst []byte, d types.Datum, set *types.Settings) []byte {
	from := len(dst)
	switch d.Type.Kind {
	case types.Bool:
		if d.I != 0 {
			return append(dst, "true"...)
		}
		return append(dst, "false"...)
	case types.JSON, types.JSONB:
		return types.AppendWith(dst, d, set)
	case types.Int2, types.Int4, types.Int8, types.Float4, types.Float8, types.Numeric:
		dst = types.AppendWith(dst, d, set)
		if jsontext.IsNumber(dst[from:]) {
			return dst
		}
		return jsontext.AppendQuoted(dst[:from], bytes.Clone(dst[from:]))
	case types.Date, types.Timestamp, types.Timestamptz:
		return append(appendISO(append(dst, '"'), d, set), '"')
	}
	return jsontext.AppendQuoted(dst, types.AppendWith(nil, d, set))
}

// appendISO appends a date or time as XML Schema writes it: with a T, and minutes in the zone.
func appendISO(dst []byte, d types.Datum, set *types.Settings) []byte {
	from := len(dst)
	dst = types.AppendWith(dst, d, set)
	if d.Type.Kind == types.Date && (d.I == datetime.DateInf || d.I == datetime.DateNegInf) ||
		d.Type.Kind != types.Date && (d.I == math.MaxInt64 || d.I == math.MinInt64) {
		return dst
	}
	bc := bytes.HasSuffix(dst, []byte(" BC"))
	if bc {
		dst = dst[:len(dst)-len(" BC")]
	}
	if i := bytes.IndexByte(dst[from:], ' '); i >= 0 {
		dst[from+i] = 'T'
	}
	if n := len(dst); d.Type.Kind == types.Timestamptz && n-from > 3 && (dst[n-3] == '+' || dst[n-3] == '-') {
		dst = append(dst, ":00"...)
	}
	if bc {
		dst = append(dst, " BC"...)
	}
	return dst
}

// jsonArray appends an array in text form.
func (r *row) jsonArray(dst []byte, elem types.Type, s []byte, set *types.Settings, comma string) ([]byte, error) {
	dst = append(dst, '[')
	e := types.ReadArray(s)
	for first := true; e.Next(); first = false {
		if !first {
			dst = append(dst, comma...)
		}
		if e.Null {
			dst = append(dst, "null"...)
			continue
		}
		d, err := types.ParseWith(elem, e.Text, set)
		if err != nil {
			return dst, err
		}
		dst = appendJSONDatum(dst, d, set)
		if dst, err = r.Room(dst, 64); err != nil {
			return dst, err
		}
	}
	return append(dst, ']'), e.Err
}

// addJSONB adds an argument to a value that is built.
func (r *row) addJSONB(b *jsonb.Builder, a int, set *types.Settings) error {
	if r.null(a) {
		b.Null()
		return nil
	}
	v, i := r.args[a], r.index(a)
	switch t := v.Type; t.Kind {
	case types.JSON:
		return b.Parse(r.bytes(a))
	case types.JSONB:
		b.Raw(r.jsonb(a))
		return nil
	case types.Array:
		return addJSONBArray(b, types.T(t.Elem), r.bytes(a), set)
	case types.Text, types.Varchar, types.Name, types.Unknown, types.InternalChar, types.Char:
		b.String(r.bytes(a))
		return nil
	case types.Bytea, types.Regclass, types.Regtype, types.Regproc, types.Regnamespace:
		s, err := r.text(a)
		b.String(s)
		return err
	}
	return addJSONBDatum(b, v.Datum(i), set)
}

// addJSONBDatum adds a value that is not NULL.
func addJSONBDatum(b *jsonb.Builder, d types.Datum, set *types.Settings) error {
	switch d.Type.Kind {
	case types.Bool:
		b.Bool(d.I != 0)
	case types.JSONB:
		b.Raw(jsonb.Open([]byte(d.S)))
	case types.JSON:
		return b.Parse([]byte(d.S))
	case types.Int2, types.Int4, types.Int8:
		b.Int(d.I)
	case types.Float4, types.Float8, types.Numeric:
		s := types.AppendWith(nil, d, set)
		if !jsontext.IsNumber(s) {
			b.String(s)
			return nil
		}
		return b.Number(s)
	case types.Date, types.Timestamp, types.Timestamptz:
		b.String(appendISO(nil, d, set))
	default:
		b.String(types.AppendWith(nil, d, set))
	}
	return nil
}

func addJSONBArray(b *jsonb.Builder, elem types.Type, s []byte, set *types.Settings) error {
	b.BeginArray()
	e := types.ReadArray(s)
	for e.Next() {
		if e.Null {
			b.Null()
			continue
		}
		d, err := types.ParseWith(elem, e.Text, set)
		if err != nil {
			return err
		}
		if err := addJSONBDatum(b, d, set); err != nil {
			return err
		}
	}
	b.EndArray()
	return e.Err
}

func toJSONText(_ *jsonScratch, c *Context, r *row, dst []byte) ([]byte, error) {
	set, err := c.settings()
	if err != nil {
		return nil, err
	}
	return r.jsonValue(notNil(dst), 0, &set)
}

// arrayLines is array_to_json with one element a line, when that is asked for.
func arrayLines(j *jsonScratch, c *Context, r *row, dst []byte) ([]byte, error) {
	if !r.bool(1) {
		return toJSONText(j, c, r, dst)
	}
	set, err := c.settings()
	if err != nil {
		return nil, err
	}
	return r.jsonArray(notNil(dst), types.T(r.args[0].Type.Elem), r.bytes(0), &set, ",\n ")
}

func buildArrayText(_ *jsonScratch, c *Context, r *row, dst []byte) ([]byte, error) {
	set, err := c.settings()
	if err != nil {
		return nil, err
	}
	dst = append(notNil(dst), '[')
	for a := range r.args {
		if a > 0 {
			dst = append(dst, ", "...)
		}
		if dst, err = r.jsonValue(dst, a, &set); err != nil {
			return nil, err
		}
	}
	return append(dst, ']'), nil
}

// oddArguments is PostgreSQL's error of the functions that take pairs.
func oddArguments(name string) error {
	return badJSON("argument list must have even number of elements").
		WithHint("The arguments of %s() must consist of alternating keys and values.", name)
}

// key returns an argument as the key of an object.
func (r *row) jsonKey(a int, set *types.Settings) ([]byte, error) {
	switch r.args[a].Type.Kind {
	case types.JSON, types.JSONB, types.Array:
		return nil, badJSON("key value must be scalar, not array, composite, or json")
	case types.Bool:
		if r.bool(a) {
			return []byte("true"), nil
		}
		return []byte("false"), nil
	case types.Date, types.Timestamp, types.Timestamptz:
		return appendISO(nil, r.args[a].Datum(r.index(a)), set), nil
	}
	return r.text(a)
}

func nullKey(a int) error {
	return badJSON("argument %d cannot be null", a+1).WithHint("Object keys should be text.")
}

func buildObjectText(_ *jsonScratch, c *Context, r *row, dst []byte) ([]byte, error) {
	if len(r.args)%2 != 0 {
		return nil, oddArguments("json_build_object")
	}
	set, err := c.settings()
	if err != nil {
		return nil, err
	}
	dst = append(notNil(dst), '{')
	for a := 0; a < len(r.args); a += 2 {
		if a > 0 {
			dst = append(dst, ", "...)
		}
		if r.null(a) {
			return nil, nullKey(a)
		}
		key, err := r.jsonKey(a, &set)
		if err != nil {
			return nil, err
		}
		if dst, err = r.Room(dst, 2*len(key)+8); err != nil {
			return nil, err
		}
		dst = append(jsontext.AppendQuoted(dst, key), " : "...)
		if dst, err = r.jsonValue(dst, a+1, &set); err != nil {
			return nil, err
		}
	}
	return append(dst, '}'), nil
}

// rowText2 is row_to_json of a row whose names and values are the arguments.
func rowText2(_ *jsonScratch, c *Context, r *row, dst []byte) ([]byte, error) {
	set, err := c.settings()
	if err != nil {
		return nil, err
	}
	dst = append(notNil(dst), '{')
	for a := 0; a+1 < len(r.args); a += 2 {
		if a > 0 {
			dst = append(dst, ',')
		}
		dst = append(jsontext.AppendQuoted(dst, r.bytes(a)), ':')
		if dst, err = r.jsonValue(dst, a+1, &set); err != nil {
			return nil, err
		}
	}
	return append(dst, '}'), nil
}

func buildArray(b *jsonb.Builder, r *row, set *types.Settings) error {
	b.BeginArray()
	for a := range r.args {
		if err := r.addJSONB(b, a, set); err != nil {
			return err
		}
	}
	b.EndArray()
	return nil
}

func buildObject(b *jsonb.Builder, r *row, set *types.Settings) error {
	if len(r.args)%2 != 0 {
		return oddArguments("jsonb_build_object")
	}
	b.BeginObject()
	for a := 0; a < len(r.args); a += 2 {
		if r.null(a) {
			return badJSON("argument %d: key must not be null", a+1)
		}
		key, err := r.jsonKey(a, set)
		if err != nil {
			return err
		}
		b.Key(key)
		if err := r.addJSONB(b, a+1, set); err != nil {
			return err
		}
	}
	b.EndObject()
	return nil
}

// pairs calls add for the keys and values of one array of both, or of two.
func (r *row) pairs(add func(key, value []byte, null bool)) error {
	keys := types.ReadArray(r.bytes(0))
	one := len(r.args) == 1
	odd := func() error {
		if one {
			return errs.New(errs.ArraySubscriptError, "array must have even number of elements")
		}
		return errs.New(errs.ArraySubscriptError, "mismatched array dimensions")
	}
	n, err := types.CountArray(r.bytes(0))
	if err != nil {
		return err
	}
	values := &keys
	if !one {
		m, err := types.CountArray(r.bytes(1))
		if err != nil {
			return err
		}
		if n != m {
			return odd()
		}
		second := types.ReadArray(r.bytes(1))
		values = &second
	} else if n%2 != 0 {
		return odd()
	}
	var key []byte
	for keys.Next() {
		if keys.Null {
			return errs.New(errs.NullValueNotAllowed, "null value not allowed for object key")
		}
		key = append(key[:0], keys.Text...)
		if !values.Next() {
			break
		}
		add(key, values.Text, values.Null)
	}
	return keys.Err
}

func objectText(_ *jsonScratch, _ *Context, r *row, dst []byte) ([]byte, error) {
	dst = append(notNil(dst), '{')
	first := true
	err := r.pairs(func(key, value []byte, null bool) {
		if !first {
			dst = append(dst, ", "...)
		}
		first = false
		dst = append(jsontext.AppendQuoted(dst, key), " : "...)
		if null {
			dst = append(dst, "null"...)
		} else {
			dst = jsontext.AppendQuoted(dst, value)
		}
	})
	return append(dst, '}'), err
}

func objectOf(b *jsonb.Builder, r *row, _ *types.Settings) error {
	b.BeginObject()
	err := r.pairs(func(key, value []byte, null bool) {
		b.Key(key)
		if null {
			b.Null()
		} else {
			b.String(value)
		}
	})
	b.EndObject()
	return err
}

// keyText makes the key of an object, NULL of NULL.
func keyText(_ *jsonScratch, c *Context, r *row, dst []byte) ([]byte, error) {
	if r.null(0) {
		return nil, nil
	}
	set, err := c.settings()
	if err != nil {
		return nil, err
	}
	key, err := r.jsonKey(0, &set)
	return append(notNil(dst), key...), err
}
