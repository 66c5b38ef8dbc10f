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
// quotes. Who needs one element after the other, or their number, takes an ArrayReader.
func ParseArray(s []byte) ([]Element, error) {
	var out []Element
	r := ReadArray(s)
	for r.Next() {
		e := r.Element
		if !e.Null {
			e.Text = append(make([]byte, 0, len(e.Text)), e.Text...)
		}
		out = append(out, e)
	}
	return out, r.Err
}

// ArrayReader reads the elements of an array's text form one after the other.
type ArrayReader struct {
	Element // the one that Next read; Text belongs to the reader until the next call
	// Err is why Next returned false; nil at the end of the array.
	Err error

	whole, rest []byte
	text        []byte
	state       arrayState
}

type arrayState uint8

const (
	arrayStart arrayState = iota
	arrayMore
	arrayEnd
)

// ReadArray returns a reader of an array.
func ReadArray(s []byte) ArrayReader { return ArrayReader{whole: s} }

// CountArray returns the number of elements.
func CountArray(s []byte) (n int, err error) {
	r := ReadArray(s)
	for r.Next() {
		n++
	}
	return n, r.Err
}

// Next reads an element and tells whether there was one.
func (r *ArrayReader) Next() bool {
	if r.state == arrayStart && !r.begin() || r.state == arrayEnd {
		r.state = arrayEnd
		return false
	}
	e, t, err := parseElement(r.whole, r.rest, r.text[:0])
	if err == nil {
		t, err = r.separator(trimLeft(t))
	}
	if err != nil {
		r.Err, r.state = err, arrayEnd
		return false
	}
	if e.Text != nil {
		r.text = e.Text
	}
	r.Element, r.rest = e, t
	return true
}

// begin reads the opening brace; false: there is nothing behind it.
func (r *ArrayReader) begin() bool {
	t := ascii.TrimSpace(r.whole)
	if len(t) == 0 || t[0] != '{' {
		r.Err = errArray(r.whole, "Array value must start with \"{\" or dimension information.")
		return false
	}
	r.rest, r.state = trimLeft(t[1:]), arrayMore
	return len(r.rest) != 1 || r.rest[0] != '}'
}

// separator reads what follows an element.
func (r *ArrayReader) separator(t []byte) ([]byte, error) {
	switch {
	case len(t) == 0:
		return nil, errArray(r.whole, "Unexpected end of input.")
	case t[0] == ',':
		return t[1:], nil
	case t[0] == '}' && len(t) == 1:
		r.state = arrayEnd
		return nil, nil
	case t[0] == '}':
		return nil, errArray(r.whole, "Junk after closing right brace.")
	}
	return nil, errArray(r.whole, "Unexpected array element.")
}

func trimLeft(s []byte) []byte {
	for len(s) > 0 && ascii.IsSpace(s[0]) {
		s = s[1:]
	}
	return s
}

// parseElement reads an element into buf.
func parseElement(whole, t, buf []byte) (e Element, rest []byte, err error) {
	e.Text = buf
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
func canonicalArray(elem Kind, s []byte) ([]byte, error) {
	dst := append(make([]byte, 0, len(s)+8), '{')
	var buf []byte
	e := ReadArray(s)
	for i := 0; e.Next(); i++ {
		if !e.Null {
			d, err := ParseWith(T(elem), e.Text, nil)
			if err != nil {
				return nil, err
			}
			buf = Append(buf[:0], d)
		}
		dst = AppendElement(dst, buf, e.Null, i == 0)
	}
	return append(dst, '}'), e.Err
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
