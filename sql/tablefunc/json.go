package tablefunc

import (
	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/types/jsonb"
	"github.com/siltstone-db/siltstone/storage/types/jsontext"
)

// jsonFunctions take JSON apart into rows.
var jsonFunctions = map[string]func(e *Env, f *plan.Function, args []types.Datum) ([][]types.Datum, error){
	"jsonb_array_elements":      binaryRows(elements),
	"jsonb_array_elements_text": binaryRows(elements),
	"jsonb_each":                binaryRows(each),
	"jsonb_each_text":           binaryRows(each),
	"jsonb_object_keys":         binaryRows(keys),
	"json_array_elements":       textRows(textElements),
	"json_array_elements_text":  textRows(textElements),
	"json_each":                 textRows(textEach),
	"json_each_text":            textRows(textEach),
	"json_object_keys":          textRows(textKeys),
	"jsonb_path_query":          pathQuery,
	"jsonb_path_query_tz":       pathQuery,
	"jsonb_to_record":           records,
	"jsonb_to_recordset":        records,
	"json_to_record":            records,
	"json_to_recordset":         records,
}

func badJSON(format string, args ...any) error {
	return errs.New(errs.InvalidParameterValue, format, args...)
}

func binaryRows(run func(name string, v jsonb.Value, t types.Type) ([][]types.Datum, error)) func(*Env, *plan.Function, []types.Datum) ([][]types.Datum, error) {
	return func(e *Env, f *plan.Function, args []types.Datum) ([][]types.Datum, error) {
		if args[0].Null {
			return nil, nil
		}
		done, err := e.borrow(len(args[0].S))
		if err != nil {
			return nil, err
		}
		defer done()
		ts := f.Types()
		last := len(ts) - 1
		if f.Ordinality {
			last--
		}
		return run(f.Func, jsonb.Open([]byte(args[0].S)), ts[last])
	}
}

// borrow charges the statement for what rows of a value of n bytes take, for as long as they are made.
func (e *Env) borrow(n int) (done func(), err error) {
	const small, perByte = 1 << 20, 24 // an element of two bytes is a row of a Datum
	if n < small || e.Fn == nil {
		return func() {}, nil
	}
	size := int64(n) * perByte
	if err := e.Fn.Shared.Reserve(size); err != nil {
		return nil, err
	}
	return func() { e.Fn.Shared.Shrink(size) }, nil
}

// datum makes a value of the result type: jsonb, or text where null is NULL.
func datum(v jsonb.Value, t types.Type) types.Datum {
	switch {
	case t.Kind == types.JSONB:
		return types.StringOf(t, string(v.AppendTo(nil)))
	case v.Kind() == jsonb.Null:
		return types.NullOf(t)
	}
	return types.StringOf(t, string(v.AppendScalar(nil)))
}

func elements(_ string, v jsonb.Value, t types.Type) ([][]types.Datum, error) {
	switch v.Kind() {
	case jsonb.Array:
	case jsonb.Object:
		return nil, badJSON("cannot extract elements from an object")
	default:
		return nil, badJSON("cannot extract elements from a scalar")
	}
	rows := make([][]types.Datum, v.Len())
	for i := range rows {
		e, _ := v.At(i)
		rows[i] = []types.Datum{datum(e, t)}
	}
	return rows, nil
}

func each(name string, v jsonb.Value, t types.Type) ([][]types.Datum, error) {
	if v.Kind() != jsonb.Object {
		return nil, badJSON("cannot call %s on a non-object", name)
	}
	rows := make([][]types.Datum, v.Len())
	for i := range rows {
		k, e := v.Field(i)
		rows[i] = []types.Datum{types.TextOf(string(k)), datum(e, t)}
	}
	return rows, nil
}

func keys(name string, v jsonb.Value, _ types.Type) ([][]types.Datum, error) {
	switch v.Kind() {
	case jsonb.Object:
	case jsonb.Array:
		return nil, badJSON("cannot call %s on an array", name)
	default:
		return nil, badJSON("cannot call %s on a scalar", name)
	}
	rows := make([][]types.Datum, v.Len())
	for i := range rows {
		k, _ := v.Field(i)
		rows[i] = []types.Datum{types.TextOf(string(k))}
	}
	return rows, nil
}

// textual is a direct child of a value in text form.
type textual struct{ key, value string }

func textRows(run func(name string, s []byte, t types.Type) ([][]types.Datum, error)) func(*Env, *plan.Function, []types.Datum) ([][]types.Datum, error) {
	return func(e *Env, f *plan.Function, args []types.Datum) ([][]types.Datum, error) {
		if args[0].Null {
			return nil, nil
		}
		done, err := e.borrow(len(args[0].S))
		if err != nil {
			return nil, err
		}
		defer done()
		ts := f.Types()
		last := len(ts) - 1
		if f.Ordinality {
			last--
		}
		return run(f.Func, []byte(args[0].S), ts[last])
	}
}

// children splits a text. open is its first event.
func children(s []byte) (open jsontext.Event, list []textual, err error) {
	var p jsontext.Parser
	p.Reset(s, true)
	if open, err = p.Next(); err != nil {
		return open, nil, err
	}
	var c textual
	start := 0
	for {
		e, err := p.Next()
		if err != nil || e == jsontext.Done {
			return open, list, err
		}
		from, to := p.Span()
		switch {
		case e == jsontext.Key && p.Depth() == 1:
			c.key = string(p.Text())
		case (e == jsontext.BeginArray || e == jsontext.BeginObject) && p.Depth() == 2:
			start = from
		case (e == jsontext.EndArray || e == jsontext.EndObject) && p.Depth() == 1:
			c.value = string(s[start:to])
			list = append(list, c)
		case e == jsontext.Scalar && p.Depth() == 1:
			c.value = string(s[from:to])
			list = append(list, c)
		}
	}
}

// textDatum makes a value of the result type: json, or text where null is NULL.
func textDatum(s string, t types.Type) (types.Datum, error) {
	switch {
	case t.Kind == types.JSON:
		return types.StringOf(t, s), nil
	case s == "null":
		return types.NullOf(t), nil
	case s[0] != '"':
		return types.StringOf(t, s), nil
	}
	var p jsontext.Parser
	p.Reset([]byte(s), true)
	_, err := p.Next()
	return types.StringOf(t, string(p.Text())), err
}

func textElements(name string, s []byte, t types.Type) ([][]types.Datum, error) {
	open, list, err := children(s)
	if err != nil {
		return nil, err
	}
	switch open {
	case jsontext.BeginArray:
	case jsontext.BeginObject:
		return nil, badJSON("cannot call %s on a non-array", name)
	default:
		return nil, badJSON("cannot call %s on a scalar", name)
	}
	rows := make([][]types.Datum, len(list))
	for i, c := range list {
		d, err := textDatum(c.value, t)
		if err != nil {
			return nil, err
		}
		rows[i] = []types.Datum{d}
	}
	return rows, nil
}

func textEach(_ string, s []byte, t types.Type) ([][]types.Datum, error) {
	open, list, err := children(s)
	if err != nil {
		return nil, err
	}
	switch open {
	case jsontext.BeginObject:
	case jsontext.BeginArray:
		return nil, badJSON("cannot deconstruct an array as an object")
	default:
		return nil, badJSON("cannot deconstruct a scalar")
	}
	rows := make([][]types.Datum, len(list))
	for i, c := range list {
		d, err := textDatum(c.value, t)
		if err != nil {
			return nil, err
		}
		rows[i] = []types.Datum{types.TextOf(c.key), d}
	}
	return rows, nil
}

func textKeys(name string, s []byte, _ types.Type) ([][]types.Datum, error) {
	open, list, err := children(s)
	if err != nil {
		return nil, err
	}
	switch open {
	case jsontext.BeginObject:
	case jsontext.BeginArray:
		return nil, badJSON("cannot call %s on an array", name)
	default:
		return nil, badJSON("cannot call %s on a scalar", name)
	}
	rows := make([][]types.Datum, len(list))
	for i, c := range list {
		rows[i] = []types.Datum{types.TextOf(c.key)}
	}
	return rows, nil
}

// pathQuery is jsonb_path_query: target, path, variables, silent.
func pathQuery(e *Env, _ *plan.Function, args []types.Datum) ([][]types.Datum, error) {
	vars, silent := fn.EmptyObject(), false
	for _, a := range args {
		if a.Null {
			return nil, nil
		}
	}
	if len(args) > 2 {
		vars = jsonb.Open([]byte(args[2].S))
	}
	if len(args) > 3 {
		silent = args[3].I != 0
	}
	done, err := e.borrow(len(args[0].S))
	if err != nil {
		return nil, err
	}
	defer done()
	var p fn.PathEvaluator
	items, _, _, err := p.Query(e.Fn.Ctx, jsonb.Open([]byte(args[0].S)), []byte(args[1].S), vars, true, silent)
	if err != nil {
		return nil, err
	}
	rows := make([][]types.Datum, len(items))
	for i, v := range items {
		rows[i] = []types.Datum{datum(v, types.T(types.JSONB))}
	}
	return rows, nil
}
