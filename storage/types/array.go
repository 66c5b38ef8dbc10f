package types

import (
	"strings"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types/ascii"
)

// Element is one element of an array in text form.
type Element struct {
	Text []byte
	Null bool
}

func errArray(s []byte, format string, args ...any) error {
	return errs.New(errs.InvalidTextRepresentation, "malformed array literal: %q", ascii.Verbatim(s)).WithDetail(format, args...)
}

// ParseArray splits PostgreSQL's text form of a one-dimensional array, {a,"b c",NULL}. Texts are copies without
// quotes.
func ParseArray(s []byte) ([]Element, error) {
	t := ascii.TrimSpace(s)
	if len(t) == 0 || t[0] != '{' {
		return nil, errArray(s, "Array value must start with \"{\" or dimension information.")
	}
	t = trimLeft(t[1:])
	if len(t) == 1 && t[0] == '}' {
		return nil, nil
	}
	var out []Element
	for {
		var e Element
		var err error
		if e, t, err = parseElement(s, t); err != nil {
			return nil, err
		}
		out = append(out, e)
		t = trimLeft(t)
		switch {
		case len(t) == 0:
			return nil, errArray(s, "Unexpected end of input.")
		case t[0] == ',':
			t = t[1:]
		case t[0] == '}' && len(t) == 1:
			return out, nil
		case t[0] == '}':
			return nil, errArray(s, "Junk after closing right brace.")
		default:
			return nil, errArray(s, "Unexpected array element.")
		}
	}
}

func trimLeft(s []byte) []byte {
	for len(s) > 0 && ascii.IsSpace(s[0]) {
		s = s[1:]
	}
	return s
}

func parseElement(whole, t []byte) (e Element, rest []byte, err error) {
	t = trimLeft(t)
	if len(t) > 0 && t[0] == '{' {
		return e, nil, errs.Unsupported("an array of more than one dimension")
	}
	if len(t) > 0 && t[0] == '"' {
		for i := 1; i < len(t); i++ {
			switch t[i] {
			case '"':
				if e.Text == nil {
					e.Text = []byte{}
				}
				return e, t[i+1:], nil
			case '\\':
				if i++; i == len(t) {
					return e, nil, errArray(whole, "Unexpected end of input.")
				}
			}
			e.Text = append(e.Text, t[i])
		}
		return e, nil, errArray(whole, "Unexpected end of input.")
	}
	escaped, keep := false, 0
	i := 0
	for ; i < len(t) && t[i] != ',' && t[i] != '}'; i++ {
		switch t[i] {
		case '"':
			return e, nil, errArray(whole, "Unexpected array element.")
		case '{':
			return e, nil, errArray(whole, "Unexpected \"{\" character.")
		case '\\':
			if i++; i == len(t) {
				return e, nil, errArray(whole, "Unexpected end of input.")
			}
			escaped = true
			e.Text = append(e.Text, t[i])
			keep = len(e.Text)
			continue
		}
		e.Text = append(e.Text, t[i])
		if !ascii.IsSpace(t[i]) {
			keep = len(e.Text)
		}
	}
	e.Text = e.Text[:keep]
	if keep == 0 {
		if i < len(t) {
			return e, nil, errArray(whole, "Unexpected %q character.", ascii.Verbatim(t[i:i+1]))
		}
		return e, nil, errArray(whole, "Unexpected end of input.")
	}
	e.Null = !escaped && strings.EqualFold(string(e.Text), "null")
	return e, t[i:], nil
}

// canonicalArray reads each element by its type and prints the array again.
func canonicalArray(elem Kind, elems []Element) ([]byte, error) {
	dst := []byte{'{'}
	var buf []byte
	for i, e := range elems {
		if !e.Null {
			d, err := ParseWith(T(elem), e.Text, nil)
			if err != nil {
				return nil, err
			}
			buf = Append(buf[:0], d)
		}
		dst = AppendElement(dst, buf, e.Null, i == 0)
	}
	return append(dst, '}'), nil
}

// AppendElement appends one element to an array's text form that was begun with "{" and that the caller ends with "}",
// quoting where PostgreSQL does. first leaves the comma out.
func AppendElement(dst, text []byte, null, first bool) []byte {
	if !first {
		dst = append(dst, ',')
	}
	if null {
		return append(dst, "NULL"...)
	}
	if !needsQuotes(text) {
		return append(dst, text...)
	}
	dst = append(dst, '"')
	for _, c := range text {
		if c == '"' || c == '\\' {
			dst = append(dst, '\\')
		}
		dst = append(dst, c)
	}
	return append(dst, '"')
}

func needsQuotes(text []byte) bool {
	if len(text) == 0 || len(text) == 4 && strings.EqualFold(string(text), "null") {
		return true
	}
	for _, c := range text {
		if ascii.IsSpace(c) || c == '"' || c == '\\' || c == '{' || c == '}' || c == ',' {
			return true
		}
	}
	return false
}
