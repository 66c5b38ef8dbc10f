package types

import (
	"bytes"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types/ascii"
)

const hexDigits = "0123456789abcdef"

func hexValue(c byte) int {
	switch {
	case ascii.IsDigit(c):
		return int(c - '0')
	case (c|0x20)-'a' < 6:
		return int(c|0x20-'a') + 10
	}
	return -1
}

// ParseBytea appends the bytes that a bytea's text stands for: hex form (\x...) or escape form.
func ParseBytea(dst, s []byte) ([]byte, error) {
	if len(s) >= 2 && s[0] == '\\' && s[1] == 'x' {
		return parseHex(dst, s[2:])
	}
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c != '\\':
			dst = append(dst, c)
		case i+1 < len(s) && s[i+1] == '\\':
			dst = append(dst, '\\')
			i++
		case i+3 < len(s) && s[i+1]-'0' < 4 && s[i+2]-'0' < 8 && s[i+3]-'0' < 8:
			dst = append(dst, (s[i+1]-'0')<<6|(s[i+2]-'0')<<3|(s[i+3]-'0'))
			i += 3
		default:
			return dst, errs.New(errs.InvalidTextRepresentation, "invalid input syntax for type bytea")
		}
	}
	return dst, nil
}

func parseHex(dst, s []byte) ([]byte, error) {
	for i := 0; i < len(s); {
		if ascii.IsSpace(s[i]) {
			i++
			continue
		}
		hi := hexValue(s[i])
		if hi < 0 {
			return dst, errs.New(errs.InvalidParameterValue, "invalid hexadecimal digit: %q", ascii.Verbatim(firstRune(s[i:])))
		}
		if i++; i == len(s) {
			return dst, errs.New(errs.InvalidParameterValue, "invalid hexadecimal data: odd number of digits")
		}
		lo := hexValue(s[i])
		if lo < 0 {
			return dst, errs.New(errs.InvalidParameterValue, "invalid hexadecimal digit: %q", ascii.Verbatim(firstRune(s[i:])))
		}
		i++
		dst = append(dst, byte(hi<<4|lo))
	}
	return dst, nil
}

func firstRune(s []byte) []byte {
	for i := range string(s) {
		if i > 0 {
			return s[:i]
		}
	}
	return s
}

// AppendBytea appends the hex form.
func AppendBytea(dst, b []byte) []byte {
	dst = append(dst, '\\', 'x')
	for _, c := range b {
		dst = append(dst, hexDigits[c>>4], hexDigits[c&15])
	}
	return dst
}

// AppendByteaEscape appends the escape form (bytea_output = escape).
func AppendByteaEscape(dst, b []byte) []byte {
	for _, c := range b {
		switch {
		case c == '\\':
			dst = append(dst, '\\', '\\')
		case c < 0x20 || c > 0x7e:
			dst = append(dst, '\\', '0'+c>>6, '0'+c>>3&7, '0'+c&7)
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

// ParseBool reads a boolean: any unique prefix of true, false, yes, no, on, off, and 1, 0, in any case.
func ParseBool(s []byte) (bool, error) {
	t := ascii.TrimSpace(s)
	if len(t) == 1 {
		switch ascii.Lower(t[0]) {
		case 't', 'y', '1':
			return true, nil
		case 'f', 'n', '0':
			return false, nil
		}
	}
	var buf [5]byte
	if len(t) > 0 && len(t) <= len(buf) {
		w := buf[:len(t)]
		for i, c := range t {
			w[i] = ascii.Lower(c)
		}
		switch {
		case bytes.HasPrefix([]byte("true"), w), bytes.HasPrefix([]byte("yes"), w), string(w) == "on":
			return true, nil
		case bytes.HasPrefix([]byte("false"), w), bytes.HasPrefix([]byte("no"), w), string(w) == "of", string(w) == "off":
			return false, nil
		}
	}
	return false, ascii.SyntaxError("boolean", s)
}

// ParseUUID reads 32 hexadecimal digits, with hyphens after any group of four and braces around if any.
func ParseUUID(s []byte) (u [16]byte, err error) {
	t := s
	if n := len(t); n > 2 && t[0] == '{' {
		if t[n-1] != '}' {
			return u, ascii.SyntaxError("uuid", s)
		}
		t = t[1 : n-1]
	}
	i := 0
	for k := range u {
		if i+2 > len(t) {
			return u, ascii.SyntaxError("uuid", s)
		}
		hi, lo := hexValue(t[i]), hexValue(t[i+1])
		if hi < 0 || lo < 0 {
			return u, ascii.SyntaxError("uuid", s)
		}
		u[k] = byte(hi<<4 | lo)
		if i += 2; k&1 == 1 && k < 15 && i < len(t) && t[i] == '-' {
			i++
		}
	}
	if i != len(t) {
		return u, ascii.SyntaxError("uuid", s)
	}
	return u, nil
}

// AppendUUID appends the canonical form of 16 bytes.
func AppendUUID(dst, u []byte) []byte {
	for i, c := range u[:16] {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			dst = append(dst, '-')
		}
		dst = append(dst, hexDigits[c>>4], hexDigits[c&15])
	}
	return dst
}
