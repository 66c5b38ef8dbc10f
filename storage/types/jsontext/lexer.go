// Package jsontext reads JSON as PostgreSQL's json and jsonb do: a lexer, and a parser that hands out one event after the
// other. It keeps no tree and does not recurse, so that its memory is that of the open brackets; errors are those of
// PostgreSQL, with their DETAIL and CONTEXT (the rules of its common/jsonapi.c).
//
// A Parser belongs to one goroutine. It does not decide what numbers mean or which of two equal keys counts.
package jsontext

import (
	"unicode/utf8"

	"github.com/siltstone-db/siltstone/storage/errs"
)

// Token is a kind of lexical element.
type Token uint8

// The tokens. Punctuation is its own character.
const (
	End    Token = 0
	String Token = '"'
	Number Token = '0'
	True   Token = 't'
	False  Token = 'f'
	Null   Token = 'n'
)

// lexer cuts the input into tokens.
type lexer struct {
	in        []byte
	token     Token
	start     int // of the token
	end       int // behind it
	line      int // from 1
	lineStart int
	unescape  bool
	text      []byte // the string without quotes; unescaped when that is asked for
	buf       []byte
}

// next reads the next token.
func (l *lexer) next() error {
	i, in := l.end, l.in
	for i < len(in) && in[i] <= ' ' && (in[i] == ' ' || in[i] == '\n' || in[i] == '\t' || in[i] == '\r') {
		if in[i] == '\n' {
			l.line++
			l.lineStart = i + 1
		}
		i++
	}
	l.start, l.token = i, String // whatever fails below, it is not the end
	if i == len(in) {
		l.token, l.end = End, i
		return nil
	}
	switch c := in[i]; {
	case c == '"':
		return l.string()
	case c == '-' || c >= '0' && c <= '9':
		return l.number()
	case c == '{' || c == '}' || c == '[' || c == ']' || c == ',' || c == ':':
		l.token, l.end = Token(c), i+1
		return nil
	}
	return l.word()
}

func alphanumeric(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c >= 0x80
}

// word reads true, false and null, or what stands in their place.
func (l *lexer) word() error {
	i := l.start
	for i < len(l.in) && alphanumeric(l.in[i]) {
		i++
	}
	l.end = i
	switch string(l.in[l.start:i]) {
	case "true":
		l.token = True
		return nil
	case "false":
		l.token = False
		return nil
	case "null":
		l.token = Null
		return nil
	case "":
		l.end++
	}
	return l.invalid()
}

func (l *lexer) number() error {
	i, in := l.start, l.in
	digits := func() bool {
		from := i
		for i < len(in) && in[i] >= '0' && in[i] <= '9' {
			i++
		}
		return i > from
	}
	if in[i] == '-' {
		i++
	}
	ok := true
	if i < len(in) && in[i] == '0' {
		i++
	} else {
		ok = digits()
	}
	if i < len(in) && in[i] == '.' {
		i++
		ok = digits() && ok
	}
	if i < len(in) && (in[i] == 'e' || in[i] == 'E') {
		i++
		if i < len(in) && (in[i] == '+' || in[i] == '-') {
			i++
		}
		ok = digits() && ok
	}
	for ; i < len(in) && alphanumeric(in[i]); i++ {
		ok = false
	}
	l.end = i
	if !ok {
		return l.invalid()
	}
	l.token = Number
	return nil
}

// string reads a string; most have no escapes and are handed out as they stand.
func (l *lexer) string() error {
	in := l.in
	for i := l.start + 1; i < len(in); i++ {
		switch c := in[i]; {
		case c == '"':
			l.text, l.token, l.end = in[l.start+1:i], String, i+1
			return nil
		case c == '\\' || c < ' ':
			return l.escaped(i)
		}
	}
	l.end = len(in)
	return l.invalid()
}

// escaped reads the rest of a string from i on.
func (l *lexer) escaped(i int) error {
	in := l.in
	l.buf = append(l.buf[:0], in[l.start+1:i]...)
	high := rune(-1)
	for ; i < len(in); i++ {
		c := in[i]
		switch {
		case c == '"':
			if high >= 0 {
				return l.fail(i, lowSurrogate)
			}
			l.token, l.end, l.text = String, i+1, l.buf
			if !l.unescape {
				l.text = in[l.start+1 : i]
			}
			return nil
		case c < ' ':
			l.end = i
			return l.syntax("Character with value 0x%02x must be escaped.", c)
		case c != '\\':
			if high >= 0 {
				return l.fail(i, lowSurrogate)
			}
			l.buf = append(l.buf, c)
			continue
		}
		if i++; i == len(in) {
			break
		}
		if in[i] != 'u' {
			if high >= 0 {
				return l.fail(i, lowSurrogate)
			}
			if err := l.simple(i); err != nil {
				return err
			}
			continue
		}
		r, err := l.hex(i)
		if err != nil {
			return err
		}
		i += 4
		if !l.unescape {
			continue
		}
		if high, err = l.codePoint(high, r, i); err != nil {
			return err
		}
	}
	l.end = len(in)
	return l.invalid()
}

// simple takes the escape of one character.
func (l *lexer) simple(i int) error {
	c := l.in[i]
	switch c {
	case '"', '\\', '/':
	case 'b':
		c = '\b'
	case 'f':
		c = '\f'
	case 'n':
		c = '\n'
	case 'r':
		c = '\r'
	case 't':
		c = '\t'
	default:
		l.start, l.end = i, i+l.width(i)
		return l.syntax("Escape sequence \"\\%s\" is invalid.", l.in[l.start:l.end])
	}
	l.buf = append(l.buf, c)
	return nil
}

// hex reads four digits behind the u at i.
func (l *lexer) hex(i int) (r rune, err error) {
	for k := i + 1; k <= i+4; k++ {
		if k >= len(l.in) {
			l.end = len(l.in)
			return 0, l.invalid()
		}
		switch c := l.in[k]; {
		case c >= '0' && c <= '9':
			r = r<<4 | rune(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			r = r<<4 | rune(c|0x20-'a'+10)
		default:
			return 0, l.fail(k, `"\u" must be followed by four hexadecimal digits.`)
		}
	}
	return r, nil
}

const (
	lowSurrogate  = "Unicode low surrogate must follow a high surrogate."
	highSurrogate = "Unicode high surrogate must not follow a high surrogate."
)

// codePoint takes a UTF-16 unit that ends at i; high is the first half of a pair, -1 when none waits.
func (l *lexer) codePoint(high, r rune, i int) (rune, error) {
	switch {
	case r >= 0xD800 && r < 0xDC00:
		if high >= 0 {
			return 0, l.fail(i, highSurrogate)
		}
		return r, nil
	case r >= 0xDC00 && r < 0xE000:
		if high < 0 {
			return 0, l.fail(i, lowSurrogate)
		}
		r = 0x10000 + (high-0xD800)<<10 + (r - 0xDC00)
	case high >= 0:
		return 0, l.fail(i, lowSurrogate)
	case r == 0:
		l.end = i + 1
		return 0, l.context(errs.New(errs.UntranslatableCharacter, "unsupported Unicode escape sequence").
			WithDetail(`\u0000 cannot be converted to text.`))
	}
	l.buf = utf8.AppendRune(l.buf, r)
	return -1, nil
}

// width returns the bytes of the character at i.
func (l *lexer) width(i int) int {
	_, n := utf8.DecodeRune(l.in[i:])
	return n
}

// fail is an error about the character at i.
func (l *lexer) fail(i int, detail string) error {
	l.end = i + l.width(i)
	return l.syntax("%s", detail)
}

func (l *lexer) invalid() error {
	return l.syntax("Token \"%s\" is invalid.", l.in[l.start:l.end])
}

func (l *lexer) syntax(detail string, args ...any) error {
	return l.context(errs.New(errs.InvalidTextRepresentation, "invalid input syntax for type json").WithDetail(detail, args...))
}

// context adds the line up to the token, at most about 50 bytes of it.
func (l *lexer) context(e *errs.Error) error {
	const shown, near = 50, 3
	from := l.lineStart
	for l.end-from >= shown {
		from += max(1, l.width(from))
	}
	if from-l.lineStart <= near {
		from = l.lineStart
	}
	before, behind := "", ""
	if from > l.lineStart {
		before = "..."
	}
	if l.token != End && l.end < len(l.in) && l.in[l.end] != '\n' && l.in[l.end] != '\r' {
		behind = "..."
	}
	return e.WithContext("JSON data, line %d: %s%s%s", l.line, before, l.in[min(from, l.end):l.end], behind)
}
