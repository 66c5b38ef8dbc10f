package ndjson

import (
	"unicode/utf16"
	"unicode/utf8"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/format"
)

// kind is what a JSON value is.
type kind uint8

const (
	kindNull    kind = iota
	kindPlain        // a string without escapes
	kindEscaped      // a string with escapes
	kindNumber
	kindBool
	kindNested // an object or array
)

// parser walks over the text of one row; it checks all of JSON's grammar (RFC 8259) and copies nothing.
type parser struct {
	buf []byte
	pos int
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

func isDigit(c byte) bool { return c-'0' < 10 }

func (p *parser) space() {
	for p.pos < len(p.buf) && isSpace(p.buf[p.pos]) {
		p.pos++
	}
}

// take skips c if it is next.
func (p *parser) take(c byte) bool {
	if p.pos < len(p.buf) && p.buf[p.pos] == c {
		p.pos++
		return true
	}
	return false
}

func (p *parser) expect(c byte) error {
	if p.take(c) {
		return nil
	}
	return p.unexpected("\"" + string(c) + "\"")
}

func (p *parser) unexpected(want string) error {
	if p.pos >= len(p.buf) {
		return syntax("The input string ended unexpectedly.")
	}
	end := p.pos
	for end < len(p.buf) && end < p.pos+40 && (isDigit(p.buf[end]) || p.buf[end]|0x20-'a' < 26 && p.buf[end]|0x20 >= 'a') {
		end++
	}
	if end == p.pos {
		_, n := utf8.DecodeRune(p.buf[p.pos:])
		end += n
	}
	return syntax("Expected %s at byte %d, but found \"%s\".", want, p.pos+1, format.Shown(p.buf[p.pos:end]))
}

// value reads a value at a depth of nesting and returns its text, for strings without the quotes.
func (p *parser) value(depth int) (start, end int, k kind, err error) {
	if p.pos >= len(p.buf) {
		return 0, 0, 0, p.unexpected("a value")
	}
	start = p.pos
	switch c := p.buf[p.pos]; {
	case c == '"':
		return p.str()
	case c == '-' || isDigit(c):
		err = p.number()
		return start, p.pos, kindNumber, err
	case c == 't' && p.word("true"), c == 'f' && p.word("false"):
		return start, p.pos, kindBool, nil
	case c == 'n' && p.word("null"):
		return start, p.pos, kindNull, nil
	case c == '{' || c == '[':
		err = p.nested(depth)
		return start, p.pos, kindNested, err
	}
	return 0, 0, 0, p.unexpected("a value")
}

func (p *parser) word(w string) bool {
	if end := p.pos + len(w); end <= len(p.buf) && string(p.buf[p.pos:end]) == w {
		p.pos = end
		return true
	}
	return false
}

// stop marks the bytes at which the scan of a string stops: quote, backslash and control characters.
var stop = func() (t [256]bool) {
	t['"'], t['\\'] = true, true
	for c := range 0x20 {
		t[c] = true
	}
	return t
}()

// str reads a string; escapes are checked when it is unescaped, but that each has its letters.
func (p *parser) str() (start, end int, k kind, err error) {
	buf := p.buf
	i := p.pos + 1
	start, k = i, kindPlain
	for {
		for i < len(buf) && !stop[buf[i]] {
			i++
		}
		if i == len(buf) {
			p.pos = i
			return 0, 0, 0, p.unexpected("a double quote")
		}
		switch c := buf[i]; c {
		case '"':
			p.pos = i + 1
			return start, i, k, nil
		case '\\':
			k = kindEscaped
			i += 2
			if i > len(buf) {
				p.pos = len(buf)
				return 0, 0, 0, p.unexpected("an escape")
			}
		default:
			return 0, 0, 0, syntax("Character with value 0x%02x must be escaped.", c)
		}
	}
}

func (p *parser) digits() bool {
	from := p.pos
	for p.pos < len(p.buf) && isDigit(p.buf[p.pos]) {
		p.pos++
	}
	return p.pos > from
}

func (p *parser) number() error {
	p.take('-')
	if p.take('0') {
		if p.pos < len(p.buf) && isDigit(p.buf[p.pos]) {
			return syntax("A number has a leading zero at byte %d.", p.pos)
		}
	} else if !p.digits() {
		return p.unexpected("a digit")
	}
	if p.take('.') && !p.digits() {
		return p.unexpected("a digit")
	}
	if p.take('e') || p.take('E') {
		if !p.take('+') {
			p.take('-')
		}
		if !p.digits() {
			return p.unexpected("a digit")
		}
	}
	return nil
}

// nested checks an object or array. It does not recurse deeper than MaxDepth.
func (p *parser) nested(depth int) error {
	if depth > MaxDepth {
		return errs.New(errs.ProgramLimitExceeded, "JSON is nested deeper than %d levels", MaxDepth)
	}
	object := p.buf[p.pos] == '{'
	closing := byte(']')
	if object {
		closing = '}'
	}
	p.pos++
	p.space()
	if p.take(closing) {
		return nil
	}
	for {
		if object {
			if p.pos >= len(p.buf) || p.buf[p.pos] != '"' {
				return p.unexpected("a key in double quotes")
			}
			if err := p.inner(depth); err != nil {
				return err
			}
			p.space()
			if err := p.expect(':'); err != nil {
				return err
			}
			p.space()
		}
		if err := p.inner(depth); err != nil {
			return err
		}
		p.space()
		if p.take(closing) {
			return nil
		}
		if err := p.expect(','); err != nil {
			return err
		}
		p.space()
	}
}

// inner checks a value inside another, with the escapes of its strings.
func (p *parser) inner(depth int) error {
	start, end, k, err := p.value(depth + 1)
	if err == nil && k == kindEscaped {
		err = checkEscapes(p.buf[start:end])
	}
	return err
}

func checkEscapes(s []byte) error {
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			continue
		}
		_, n, err := escape(s[i:])
		if err != nil {
			return err
		}
		i += n - 1
	}
	return nil
}

// unescape appends the characters of a string with escapes.
func unescape(dst, s []byte) ([]byte, error) {
	for i := 0; i < len(s); {
		if s[i] != '\\' {
			dst = append(dst, s[i])
			i++
			continue
		}
		r, n, err := escape(s[i:])
		if err != nil {
			return dst, err
		}
		dst = utf8.AppendRune(dst, r)
		i += n
	}
	return dst, nil
}

// escape reads one escape, or two that are a surrogate pair, and returns its length.
func escape(s []byte) (r rune, n int, err error) {
	if len(s) < 2 {
		return 0, 0, syntax("The input string ended unexpectedly.")
	}
	switch c := s[1]; c {
	case '"', '\\', '/':
		return rune(c), 2, nil
	case 'b':
		return '\b', 2, nil
	case 'f':
		return '\f', 2, nil
	case 'n':
		return '\n', 2, nil
	case 'r':
		return '\r', 2, nil
	case 't':
		return '\t', 2, nil
	case 'u':
		return unicodeEscape(s)
	}
	_, size := utf8.DecodeRune(s[1:])
	return 0, 0, syntax("Escape sequence \"%s\" is invalid.", s[:1+size])
}

func unicodeEscape(s []byte) (r rune, n int, err error) {
	r, ok := hex4(s)
	switch {
	case !ok:
		return 0, 0, syntax("\"\\u\" must be followed by four hexadecimal digits.")
	case r == 0:
		return 0, 0, errs.New(errs.UntranslatableCharacter, "unsupported Unicode escape sequence").
			WithDetail("\\u0000 cannot be converted to text.")
	case !utf16.IsSurrogate(r):
		return r, 6, nil
	}
	low := rune(0)
	if len(s) >= 12 && s[6] == '\\' && s[7] == 'u' {
		low, _ = hex4(s[6:])
	}
	if r = utf16.DecodeRune(r, low); r == utf8.RuneError {
		return 0, 0, syntax("Unicode low surrogate must follow a high surrogate.")
	}
	return r, 12, nil
}

func hex4(s []byte) (r rune, ok bool) {
	if len(s) < 6 {
		return 0, false
	}
	for _, c := range s[2:6] {
		switch {
		case isDigit(c):
			r = r<<4 | rune(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			r = r<<4 | rune(c|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	return r, true
}
