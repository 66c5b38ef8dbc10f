package tablefunc

import (
	"strings"

	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/types/jsonb"
)

// records is json(b)_to_record(set): the second argument has the names of the columns, which the definition list gave.
func records(e *Env, f *plan.Function, args []types.Datum) ([][]types.Datum, error) {
	if args[0].Null {
		return nil, nil
	}
	done, err := e.borrow(len(args[0].S))
	if err != nil {
		return nil, err
	}
	defer done()
	names, err := types.ParseArray([]byte(args[1].S))
	if err != nil {
		return nil, err
	}
	many := strings.HasSuffix(f.Func, "set")
	if strings.HasPrefix(f.Func, "json_") {
		return textRecords(e, f, names, args[0].S, many)
	}
	v := jsonb.Open([]byte(args[0].S))
	list := []jsonb.Value{v}
	switch {
	case many && v.Kind() != jsonb.Array:
		return nil, badJSON("cannot call %s on a non-array", f.Func)
	case many:
		list = list[:0]
		for i := range v.Len() {
			row, _ := v.At(i)
			if row.Kind() != jsonb.Object {
				return nil, badJSON("argument of %s must be an array of objects", f.Func)
			}
			list = append(list, row)
		}
	case v.Kind() == jsonb.Array:
		return nil, badJSON("cannot call %s on an array", f.Func)
	case v.Kind() != jsonb.Object:
		return nil, badJSON("cannot call %s on a scalar", f.Func)
	}
	var rows [][]types.Datum
	for _, o := range list {
		row := make([]types.Datum, len(names))
		for i, n := range names {
			field, ok := o.Get(n.Text)
			if row[i], err = populate(e, field, ok, f.Results[i]); err != nil {
				return nil, err
			}
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// populate converts a value to the type of a column, as the input function of the type reads its text.
func populate(e *Env, v jsonb.Value, ok bool, t types.Type) (types.Datum, error) {
	switch {
	case !ok || v.Kind() == jsonb.Null:
		return types.NullOf(t), nil
	case t.Kind == types.JSONB:
		return types.StringOf(t, string(v.AppendTo(nil))), nil
	case t.Kind == types.JSON:
		return types.StringOf(t, string(v.AppendText(nil))), nil
	case t.Kind == types.Array && v.Kind() == jsonb.Array:
		return populateArray(e, v, t)
	}
	return types.ParseWith(t, v.AppendScalar(nil), e.Settings)
}

func populateArray(e *Env, v jsonb.Value, t types.Type) (types.Datum, error) {
	text := []byte{'{'}
	for i := range v.Len() {
		x, _ := v.At(i)
		d, err := populate(e, x, true, types.T(t.Elem))
		if err != nil {
			return d, err
		}
		text = types.AppendElement(text, types.Append(nil, d), d.Null, i == 0)
	}
	return types.ParseWith(t, append(text, '}'), e.Settings)
}

// textRecords is records over text: of equal keys the last counts, as in jsonb, and values of type json stay as written.
func textRecords(e *Env, f *plan.Function, names []types.Element, s string, many bool) ([][]types.Datum, error) {
	list := []textual{{value: s}}
	if many {
		if _, err := textElements(f.Func, []byte(s), types.T(types.JSON)); err != nil {
			return nil, err
		}
		_, all, err := children([]byte(s))
		if err != nil {
			return nil, err
		}
		list = all
	}
	var rows [][]types.Datum
	for _, o := range list {
		if many && o.value[0] != '{' {
			return nil, badJSON("argument of %s must be an array of objects", f.Func)
		}
		if _, err := textKeys(f.Func, []byte(o.value), types.Type{}); err != nil {
			return nil, err
		}
		_, fields, err := children([]byte(o.value))
		if err != nil {
			return nil, err
		}
		row := make([]types.Datum, len(names))
		for i, n := range names {
			row[i] = types.NullOf(f.Results[i])
			for _, c := range fields {
				if c.key != string(n.Text) {
					continue
				}
				if row[i], err = populateText(e, c.value, f.Results[i]); err != nil {
					return nil, err
				}
			}
		}
		rows = append(rows, row)
	}
	return rows, nil
}

func populateText(e *Env, s string, t types.Type) (types.Datum, error) {
	switch {
	case s == "null":
		return types.NullOf(t), nil
	case t.Kind == types.JSON:
		return types.StringOf(t, s), nil
	}
	if s[0] == '{' || s[0] == '[' && t.Kind != types.Array || s[0] == '"' && t.Kind != types.JSONB {
		d, err := textDatum(s, types.T(types.Text))
		if err != nil {
			return d, err
		}
		return types.ParseWith(t, []byte(d.S), e.Settings)
	}
	d, err := types.Parse(types.T(types.JSONB), s)
	if err != nil {
		return d, err
	}
	return populate(e, jsonb.Open([]byte(d.S)), true, t)
}
