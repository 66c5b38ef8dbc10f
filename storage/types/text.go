package types

import (
	"fmt"
	"unsafe"

	"github.com/siltstone-db/siltstone/storage/errs"
)

// isSpace is C's isspace in the C locale, which PostgreSQL's input functions skip.
func isSpace(c byte) bool { return c == ' ' || c-'\t' < 5 }

func isDigit(c byte) bool { return c-'0' < 10 }

func isAlpha(c byte) bool { return (c|0x20)-'a' < 26 }

func lower(c byte) byte {
	if c-'A' < 26 {
		return c | 0x20
	}
	return c
}

func trimSpace(s []byte) []byte {
	for len(s) > 0 && isSpace(s[0]) {
		s = s[1:]
	}
	for len(s) > 0 && isSpace(s[len(s)-1]) {
		s = s[:len(s)-1]
	}
	return s
}

// str sees bytes as a string, for calls that do not keep it.
func str(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// errSyntax is PostgreSQL's 22P02 for a value that its type's input function does not know.
func errSyntax(typ string, s []byte) error {
	return errs.New(errs.InvalidTextRepresentation, "invalid input syntax for type %s: %q", typ, verbatim(s))
}

// verbatim prints in double quotes under %q without Go's escapes.
type verbatim []byte

// Format implements fmt.Formatter.
func (v verbatim) Format(f fmt.State, _ rune) {
	_, _ = f.Write(append(append([]byte{'"'}, v...), '"'))
}
