package jsonpath

import (
	"strings"
	"unicode/utf8"

	"github.com/siltstone-db/siltstone/storage/errs"
)

// token is a lexical element: a character or operator by itself, or a word, string, number or variable with its text.
type token struct {
	kind string
	text string
	pos  int // behind it
}

const (
	tokEnd      = "end"
	tokWord     = "word"
	tokString   = "string"
	tokNumber   = "number"
	tokVariable = "variable"
)

// lexer cuts a path into tokens.
type lexer struct {
	in  string
	pos int
}

// special are the characters that end a word.
const special = "?%$.[]{}()|&!=<>@#,*:-+/\"\\ \t\n\r\f"

func (l *lexer) next() (token, error) {
	if err := l.space(); err != nil {
		return token{}, err
	}
	if l.pos >= len(l.in) {
		return token{kind: tokEnd, pos: l.pos}, nil
	}
	switch c := l.in[l.pos]; {
	case c == '"':
		s, err := l.quoted()
		return token{tokString, s, l.pos}, err
	case c == '$':
		return l.variable()
	case c >= '0' && c <= '9' || c == '.' && l.pos+1 < len(l.in) && isDigit(l.in[l.pos+1]):
		return l.number()
	}
	for _, op := range []string{"&&", "||", "==", "!=", "<>", "<=", ">=", "**"} {
		if strings.HasPrefix(l.in[l.pos:], op) {
			l.pos += 2
			return token{op, op, l.pos}, nil
		}
	}
	if c := l.in[l.pos]; c != '\\' && strings.IndexByte(special, c) >= 0 {
		l.pos++
		return token{l.in[l.pos-1 : l.pos], l.in[l.pos-1 : l.pos], l.pos}, nil
	}
	s, err := l.word()
	return token{tokWord, s, l.pos}, err
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// space skips blanks and comments.
func (l *lexer) space() error {
	for l.pos < len(l.in) {
		switch c := l.in[l.pos]; {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f':
			l.pos++
		case strings.HasPrefix(l.in[l.pos:], "/*"):
			end := strings.Index(l.in[l.pos+2:], "*/")
			if end < 0 {
				l.pos = len(l.in)
				return errs.New(errs.SyntaxError, "unexpected end of comment at end of jsonpath input")
			}
			l.pos += end + 4
		default:
			return nil
		}
	}
	return nil
}

func (l *lexer) variable() (token, error) {
	l.pos++
	if l.pos >= len(l.in) {
		return token{"$", "$", l.pos}, nil
	}
	if l.in[l.pos] == '"' {
		s, err := l.quoted()
		return token{tokVariable, s, l.pos}, err
	}
	if strings.IndexByte(special, l.in[l.pos]) >= 0 && l.in[l.pos] != '\\' {
		return token{"$", "$", l.pos}, nil
	}
	s, err := l.word()
	return token{tokVariable, s, l.pos}, err
}

func (l *lexer) word() (string, error) {
	var b []byte
	for l.pos < len(l.in) {
		c := l.in[l.pos]
		if c == '\\' {
			var err error
			if b, err = l.escape(b); err != nil {
				return "", err
			}
			continue
		}
		if strings.IndexByte(special, c) >= 0 {
			break
		}
		b = append(b, c)
		l.pos++
	}
	return string(b), nil
}

func (l *lexer) quoted() (string, error) {
	var b []byte
	for l.pos++; l.pos < len(l.in); {
		switch c := l.in[l.pos]; c {
		case '"':
			l.pos++
			return string(b), nil
		case '\\':
			var err error
			if b, err = l.escape(b); err != nil {
				return "", err
			}
		default:
			b = append(b, c)
			l.pos++
		}
	}
	return "", errs.New(errs.SyntaxError, "unterminated quoted string at end of jsonpath input")
}

// escape reads a backslash and what it stands for.
func (l *lexer) escape(b []byte) ([]byte, error) {
	if l.pos++; l.pos >= len(l.in) {
		return b, errs.New(errs.SyntaxError, "unexpected end after backslash at end of jsonpath input")
	}
	c := l.in[l.pos]
	switch c {
	case 'b', 'f', 'n', 'r', 't', 'v':
		l.pos++
		return append(b, "\b\f\n\r\t\v"[strings.IndexByte("bfnrtv", c)]), nil
	case 'x':
		r, ok := l.hex(l.pos+1, 2)
		if !ok {
			return b, l.near("invalid hex character sequence")
		}
		l.pos += 3
		return appendRune(b, r)
	case 'u':
		return l.unicode(b)
	}
	_, n := utf8.DecodeRuneInString(l.in[l.pos:])
	b = append(b, l.in[l.pos:l.pos+n]...)
	l.pos += n
	return b, nil
}

func appendRune(b []byte, r rune) ([]byte, error) {
	if r == 0 {
		return b, errs.New(errs.UntranslatableCharacter, "unsupported Unicode escape sequence").
			WithDetail(`\u0000 cannot be converted to text.`)
	}
	return utf8.AppendRune(b, r), nil
}

func (l *lexer) hex(at, n int) (r rune, ok bool) {
	if at+n > len(l.in) {
		return 0, false
	}
	for _, c := range []byte(l.in[at : at+n]) {
		switch {
		case isDigit(c):
			r = r<<4 | rune(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			r = r<<4 | rune(c|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	return r, n > 0
}

// unicode reads \uXXXX, \u{X...} and pairs of surrogates.
func (l *lexer) unicode(b []byte) ([]byte, error) {
	r, err := l.unit()
	if err != nil {
		return b, err
	}
	if r >= 0xD800 && r < 0xDC00 && strings.HasPrefix(l.in[l.pos:], `\u`) {
		l.pos++
		low, err := l.unit()
		if err != nil {
			return b, err
		}
		if low < 0xDC00 || low > 0xDFFF {
			return b, badSurrogate("Unicode low surrogate must follow a high surrogate.")
		}
		return appendRune(b, 0x10000+(r-0xD800)<<10+(low-0xDC00))
	}
	if r >= 0xD800 && r <= 0xDFFF {
		return b, badSurrogate("Unicode low surrogate must follow a high surrogate.")
	}
	return appendRune(b, r)
}

func badSurrogate(detail string) error {
	return errs.New(errs.InvalidTextRepresentation, "invalid input syntax for type jsonpath").WithDetail("%s", detail)
}

// unit reads the digits behind the u at pos.
func (l *lexer) unit() (rune, error) {
	at := l.pos + 1
	if at < len(l.in) && l.in[at] == '{' {
		end := strings.IndexByte(l.in[at:], '}')
		if end > 1 && end <= 7 {
			if r, ok := l.hex(at+1, end-1); ok && r <= utf8.MaxRune {
				l.pos = at + end + 1
				return r, nil
			}
		}
		return 0, l.near("invalid Unicode escape sequence")
	}
	r, ok := l.hex(at, 4)
	if !ok {
		return 0, l.near("invalid Unicode escape sequence")
	}
	l.pos = at + 4
	return r, nil
}

// number reads digits, a point, an exponent; letters may not follow.
func (l *lexer) number() (token, error) {
	start := l.pos
	digits := func() bool {
		from := l.pos
		for l.pos < len(l.in) && isDigit(l.in[l.pos]) {
			l.pos++
		}
		return l.pos > from
	}
	whole := digits()
	if whole && l.in[start] == '0' && l.pos > start+1 {
		l.pos = start + 2
		return token{}, l.near("trailing junk after numeric literal")
	}
	if l.pos < len(l.in) && l.in[l.pos] == '.' {
		l.pos++
		digits()
	}
	if l.pos < len(l.in) && l.in[l.pos]|0x20 == 'e' {
		at := l.pos
		l.pos++
		if l.pos < len(l.in) && (l.in[l.pos] == '+' || l.in[l.pos] == '-') {
			l.pos++
		}
		if !digits() {
			l.pos = at + 1
			return token{}, l.near("trailing junk after numeric literal")
		}
	}
	if l.pos < len(l.in) && strings.IndexByte(special, l.in[l.pos]) < 0 {
		l.pos++
		return token{}, l.near("trailing junk after numeric literal")
	}
	return token{tokNumber, l.in[start:l.pos], l.pos}, nil
}

func (l *lexer) near(message string) error {
	return errs.New(errs.SyntaxError, "%s at or near %q of jsonpath input", message, l.in[:min(l.pos, len(l.in))])
}
