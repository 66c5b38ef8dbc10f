package jsonb

import (
	"strings"

	"github.com/siltstone-db/siltstone/storage/types/ascii"
	"github.com/siltstone-db/siltstone/storage/types/jsontext"
)

// AppendText appends the text of an encoding.
func AppendText(dst, enc []byte) []byte { return Open(enc).AppendText(dst) }

// AppendText appends the text of v as PostgreSQL prints it.
func (v Value) AppendText(dst []byte) []byte { return v.appendText(dst, 0) }

// AppendNumber appends the text of a number.
func (v Value) AppendNumber(dst []byte) []byte {
	if n, ok := v.Int64(); ok {
		return ascii.AppendInt(dst, n)
	}
	d := v.bare()
	zeros := v.extra()
	dst = d.Append(dst)
	if zeros > 0 {
		if d.Scale() == 0 {
			dst = append(dst, '.')
		}
		for range zeros {
			dst = append(dst, '0')
		}
	}
	return dst
}

// AppendScalar appends a scalar as ->> does: strings without quotes. Containers print as they do elsewhere.
func (v Value) AppendScalar(dst []byte) []byte {
	if v.Kind() == String {
		return append(dst, v.String()...)
	}
	return v.AppendText(dst)
}

func (v Value) appendText(dst []byte, depth int) []byte {
	switch v.Kind() {
	case String:
		return jsontext.AppendQuoted(dst, v.String())
	case Number:
		return v.AppendNumber(dst)
	case Bool:
		if v.Bool() {
			return append(dst, "true"...)
		}
		return append(dst, "false"...)
	case Array:
		s := v.shape()
		dst = append(dst, '[')
		for i := range s.n {
			if i > 0 {
				dst = append(dst, ", "...)
			}
			if depth < depthMax {
				dst = v.value(&s, i).appendText(dst, depth+1)
			}
		}
		return append(dst, ']')
	case Object:
		s := v.shape()
		dst = append(dst, '{')
		for i := range s.n {
			if i > 0 {
				dst = append(dst, ", "...)
			}
			dst = append(jsontext.AppendQuoted(dst, v.key(&s, i)), ": "...)
			if depth < depthMax {
				dst = v.value(&s, i).appendText(dst, depth+1)
			}
		}
		return append(dst, '}')
	}
	return append(dst, "null"...)
}

// AppendPretty appends the text of v with one element a line, as jsonb_pretty does.
func (v Value) AppendPretty(dst []byte) []byte { return v.appendPretty(dst, 0) }

func (v Value) appendPretty(dst []byte, depth int) []byte {
	const indent = "    "
	if v.IsScalar() || depth >= depthMax {
		return v.AppendText(dst)
	}
	s := v.shape()
	object := v.Kind() == Object
	brackets := "[]"
	if object {
		brackets = "{}"
	}
	line := func(depth int) {
		dst = append(dst, '\n')
		for range depth {
			dst = append(dst, indent...)
		}
	}
	dst = append(dst, brackets[0])
	for i := range s.n {
		if i > 0 {
			dst = append(dst, ',')
		}
		line(depth + 1)
		if object {
			dst = append(jsontext.AppendQuoted(dst, v.key(&s, i)), ": "...)
		}
		dst = v.value(&s, i).appendPretty(dst, depth+1)
	}
	line(depth)
	return append(dst, brackets[1])
}

// TypeName returns what jsonb_typeof says of v.
func (v Value) TypeName() string {
	return strings.Fields("null string number boolean array object")[v.Kind()]
}
