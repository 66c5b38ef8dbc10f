package fn

import (
	"github.com/siltstone-db/siltstone/storage/types/jsonb"
	"github.com/siltstone-db/siltstone/storage/types/jsontext"
)

// child finds a direct child of a value in text form: by key, of equal ones the last, or by index. All of the text is
// read, so that bad escapes are errors wherever they are, as in PostgreSQL. Nil: there is none.
func child(p *jsontext.Parser, s, key []byte, index int, indexed bool) ([]byte, error) {
	if indexed && index < 0 {
		n, err := countElements(p, s)
		if err != nil || n < 0 || index+n < 0 {
			return nil, err
		}
		index += n
	}
	p.Reset(s, true)
	var found []byte
	e, err := p.Next()
	if err != nil {
		return nil, err
	}
	object, array := e == jsontext.BeginObject, e == jsontext.BeginArray
	at, start, hit := 0, -1, false
	for {
		if e, err = p.Next(); err != nil || e == jsontext.Done {
			return found, err
		}
		from, to := p.Span()
		depth := p.Depth()
		switch e {
		case jsontext.Key:
			if depth == 1 {
				hit = object && key != nil && string(p.Text()) == string(key)
			}
		case jsontext.BeginArray, jsontext.BeginObject:
			if depth == 2 {
				if array {
					hit = indexed && at == index
					at++
				}
				if hit {
					start = from
				}
			}
		case jsontext.EndArray, jsontext.EndObject:
			if depth == 1 && start >= 0 {
				found, start, hit = s[start:to], -1, false
			}
		case jsontext.Scalar:
			if depth == 1 {
				if array {
					hit = indexed && at == index
					at++
				}
				if hit {
					found, hit = s[from:to], false
				}
			}
		}
	}
}

// countElements counts the elements of an array; -1 for what is none.
func countElements(p *jsontext.Parser, s []byte) (int, error) {
	p.Reset(s, true)
	n := 0
	for first := true; ; first = false {
		e, err := p.Next()
		if err != nil || e == jsontext.Done {
			return n, err
		}
		if first && e != jsontext.BeginArray {
			n = -1
		}
		if n >= 0 && (e == jsontext.Scalar && p.Depth() == 1 || (e == jsontext.BeginArray || e == jsontext.BeginObject) && p.Depth() == 2) {
			n++
		}
	}
}

// trimJSON takes a value in text form without the blanks around it.
func trimJSON(s []byte) []byte {
	blank := func(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }
	for len(s) > 0 && blank(s[0]) {
		s = s[1:]
	}
	for len(s) > 0 && blank(s[len(s)-1]) {
		s = s[:len(s)-1]
	}
	return s
}

// jsonKey is json -> text, jsonIndex json -> integer.
func jsonKey(text bool) jsonFunc {
	return func(j *jsonScratch, _ *Context, r *row, dst []byte) ([]byte, error) {
		s, err := child(&j.parser, r.bytes(0), r.bytes(1), 0, false)
		return r.taken(dst, s, err, text)
	}
}

func jsonIndex(text bool) jsonFunc {
	return func(j *jsonScratch, _ *Context, r *row, dst []byte) ([]byte, error) {
		s, err := child(&j.parser, r.bytes(0), nil, r.int4(1), true)
		return r.taken(dst, s, err, text)
	}
}

// jsonPathOf follows a path of keys and indexes.
func jsonPathOf(text bool, path func(j *jsonScratch, r *row) (bool, error)) jsonFunc {
	return func(j *jsonScratch, _ *Context, r *row, dst []byte) ([]byte, error) {
		ok, err := path(j, r)
		if err != nil || !ok {
			return nil, err
		}
		s := trimJSON(r.bytes(0))
		for _, step := range j.path {
			i, indexed := jsonb.Index(step)
			if s, err = child(&j.parser, s, step, i, indexed); err != nil || s == nil {
				return nil, err
			}
		}
		return r.taken(dst, s, nil, text)
	}
}

// taken appends a value that was found, nil for none.
func (r *row) taken(dst, s []byte, err error, text bool) ([]byte, error) {
	if err == nil {
		err = r.Worked(len(r.bytes(0)))
	}
	if err != nil || s == nil {
		return nil, err
	}
	if !text {
		return append(notNil(dst), s...), nil
	}
	switch {
	case s[0] == '"':
		var p jsontext.Parser
		p.Reset(s, true)
		if _, err := p.Next(); err != nil {
			return nil, err
		}
		return append(notNil(dst), p.Text()...), nil
	case string(s) == "null":
		return nil, nil
	}
	return append(notNil(dst), s...), nil
}

func init() {
	register(&Overload{Name: "json_array_length", Args: list(tJSON), Result: returns(tInt4),
		Eval: rowFixed(tInt4, func(_ *Context, r *row) (int32, bool, error) {
			var p jsontext.Parser
			s := trimJSON(r.bytes(0))
			n, err := countElements(&p, s)
			switch {
			case err != nil:
				return 0, false, err
			case n >= 0:
				return int32(n), true, r.Worked(len(s))
			case s[0] == '{':
				return 0, false, badJSON("cannot get array length of a non-array")
			}
			return 0, false, badJSON("cannot get array length of a scalar")
		})},
		&Overload{Name: "json_typeof", Args: list(tJSON), Result: returns(tText),
			Eval: rowText(tText, func(_ *Context, r *row, dst []byte) ([]byte, error) {
				return append(notNil(dst), typeOfText(trimJSON(r.bytes(0)))...), nil
			})})
}

// typeOfText returns what json_typeof says of a text, which is not empty.
func typeOfText(s []byte) string {
	switch s[0] {
	case '{':
		return "object"
	case '[':
		return "array"
	case '"':
		return "string"
	case 't', 'f':
		return "boolean"
	case 'n':
		return "null"
	}
	return "number"
}
