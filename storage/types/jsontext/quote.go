package jsontext

import "unicode/utf8"

const hexDigits = "0123456789abcdef"

// AppendQuoted appends a string as a JSON string, escaped as PostgreSQL does: quotes, backslashes and control
// characters, nothing else.
func AppendQuoted(dst, s []byte) []byte {
	dst = append(dst, '"')
	from := 0
	for i, c := range s {
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, s[from:i]...)
		from = i + 1
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\b':
			dst = append(dst, `\b`...)
		case '\f':
			dst = append(dst, `\f`...)
		case '\n':
			dst = append(dst, `\n`...)
		case '\r':
			dst = append(dst, `\r`...)
		case '\t':
			dst = append(dst, `\t`...)
		default:
			dst = append(dst, `\u00`...)
			dst = append(dst, hexDigits[c>>4], hexDigits[c&15])
		}
	}
	return append(append(dst, s[from:]...), '"')
}

// IsNumber tells whether a text is a JSON number, which then needs no quotes.
func IsNumber(s []byte) bool {
	if len(s) == 0 || s[0] != '-' && (s[0] < '0' || s[0] > '9') || !utf8.Valid(s) {
		return false
	}
	l := lexer{in: s, line: 1}
	return l.number() == nil && l.end == len(s)
}
