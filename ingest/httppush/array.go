package httppush

import (
	"bytes"
	"io"

	"github.com/siltstone-db/siltstone/storage/errs"
)

// arrayReader turns a JSON array of objects, or one object, into lines of NDJSON as it streams by: commas between
// elements become line ends, white space between tokens that would end a line becomes a space. Elements are not looked
// into; what is wrong inside them is the NDJSON reader's to say, as a line end in a string, which becomes another byte that
// no string may have.
type arrayReader struct {
	src   io.Reader
	ready []byte // to hand out
	own   [32 << 10]byte
	state arrayState
	depth int
	str   bool // inside a string
	esc   bool // behind a backslash in a string
	err   error
}

// arrayState is what may come next outside elements.
type arrayState uint8

const (
	atStart   arrayState = iota // [ or {
	atFirst                     // an element or ]
	atElement                   // an element
	inElement
	atComma // , or ]
	atEnd   // white space
	single  // inside or behind the one object
)

func newArrayReader(src io.Reader) *arrayReader { return &arrayReader{src: src} }

// Read hands out lines.
func (r *arrayReader) Read(p []byte) (int, error) {
	for len(r.ready) == 0 {
		if r.err != nil {
			return 0, r.err
		}
		n, err := r.src.Read(r.own[:])
		out, bad := r.convert(r.own[:n])
		r.ready = out
		switch {
		case bad != nil:
			r.err = bad
		case err == io.EOF && r.state != atEnd && r.state != single:
			r.err = errs.New(errs.InvalidTextRepresentation, "invalid input syntax for type json").WithDetail("The input ended inside the array.")
		case err != nil:
			r.err = err
		}
	}
	n := copy(p, r.ready)
	r.ready = r.ready[n:]
	return n, nil
}

// convert rewrites b in place. Every byte becomes at most one byte.
func (r *arrayReader) convert(b []byte) ([]byte, error) {
	out := b[:0]
	for _, c := range b {
		if r.state == inElement || r.state == single {
			out = append(out, r.inside(c))
			continue
		}
		if bytes.IndexByte([]byte(" \t\r\n"), c) >= 0 {
			continue
		}
		switch {
		case r.state == atStart && c == '[':
			r.state = atFirst
		case r.state == atStart && c == '{':
			r.state = single
			out = append(out, r.inside(c))
		case r.state == atFirst && c == ']':
			r.state = atEnd
		case (r.state == atFirst || r.state == atElement) && c == '{':
			r.state = inElement
			out = append(out, r.inside(c))
		case r.state == atComma && c == ',':
			r.state = atElement
			out = append(out, '\n')
		case r.state == atComma && c == ']':
			r.state = atEnd
		default:
			return out, errs.New(errs.InvalidTextRepresentation, "invalid input syntax for type json").
				WithDetail("The body has %q where an array of objects does not.", rune(c))
		}
	}
	return out, nil
}

// inside follows one byte of an element and returns what it becomes.
func (r *arrayReader) inside(c byte) byte {
	if r.str && c == '\n' {
		c = '\r'
	}
	switch {
	case r.esc:
		r.esc = false
	case r.str:
		r.esc, r.str = c == '\\', c != '"'
	case c == '"':
		r.str = true
	case c == '{' || c == '[':
		r.depth++
	case c == '}' || c == ']':
		r.depth--
		if r.depth == 0 && r.state == inElement {
			r.state = atComma
		}
	case c == '\n' || c == '\r':
		return ' '
	}
	return c
}
