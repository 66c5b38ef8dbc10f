// Package ascii holds what the text forms of all types share: classes of ASCII characters, decimal digits, and the error
// for text that is no value of its type. It knows nothing of types.
package ascii

import (
	"fmt"
	"unsafe"

	"github.com/siltstone-db/siltstone/storage/errs"
)

// IsSpace is C's isspace in the C locale, which PostgreSQL's input functions skip.
func IsSpace(c byte) bool { return c == ' ' || c-'\t' < 5 }

// IsDigit tells 0 to 9.
func IsDigit(c byte) bool { return c-'0' < 10 }

// IsAlpha tells a to z in any case.
func IsAlpha(c byte) bool { return (c|0x20)-'a' < 26 }

// Lower returns the lower case of a letter, and other bytes as they are.
func Lower(c byte) byte {
	if c-'A' < 26 {
		return c | 0x20
	}
	return c
}

// TrimSpace returns s without the blanks around it.
func TrimSpace(s []byte) []byte {
	for len(s) > 0 && IsSpace(s[0]) {
		s = s[1:]
	}
	for len(s) > 0 && IsSpace(s[len(s)-1]) {
		s = s[:len(s)-1]
	}
	return s
}

// String sees bytes as a string, for calls that do not keep it.
func String(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// SyntaxError is PostgreSQL's 22P02 for a value that its type's input function does not know.
func SyntaxError(typ string, s []byte) error {
	return errs.New(errs.InvalidTextRepresentation, "invalid input syntax for type %s: %q", typ, Verbatim(s))
}

// Verbatim prints in double quotes under %q without Go's escapes.
type Verbatim []byte

// Format implements fmt.Formatter.
func (v Verbatim) Format(f fmt.State, _ rune) {
	_, _ = f.Write(append(append([]byte{'"'}, v...), '"'))
}
