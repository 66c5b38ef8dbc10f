package types

import (
	"unicode/utf8"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types/ascii"
)

// FitChars returns the part of s that a character type of n characters stores, and the blanks to pad it with: varchar
// cuts blanks beyond n, char does so and pads. Anything else beyond n is 22001. n <= 0 is no limit.
func FitChars(s []byte, k Kind, n int) (fit []byte, pad int, err error) {
	if n <= 0 {
		return s, 0, nil
	}
	if len(s) <= n && k != Char {
		return s, 0, nil
	}
	count, i := 0, 0
	for i < len(s) && count < n {
		if s[i] < utf8.RuneSelf {
			i++
		} else {
			_, size := utf8.DecodeRune(s[i:])
			i += size
		}
		count++
	}
	for _, c := range s[i:] {
		if c != ' ' {
			return nil, 0, errs.New(errs.StringDataRightTruncation, "value too long for type %s", Type{Kind: k, Width: int32(n)})
		}
	}
	if k == Char {
		pad = n - count
	}
	return s[:i], pad, nil
}

// CutChars returns the first n characters of s, what an explicit cast to varchar(n) or char(n) keeps.
func CutChars(s []byte, n int) []byte {
	if n <= 0 || len(s) <= n {
		return s
	}
	for i := range ascii.String(s) {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}

// TrimBlanks returns s without its trailing blanks, which char(n) does not count.
func TrimBlanks(s []byte) []byte {
	for len(s) > 0 && s[len(s)-1] == ' ' {
		s = s[:len(s)-1]
	}
	return s
}

// MaxNameBytes is the longest name; longer ones are cut.
const MaxNameBytes = 63

// cutName cuts a name at a character boundary.
func cutName(s []byte) []byte {
	if len(s) <= MaxNameBytes {
		return s
	}
	n := MaxNameBytes
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// CheckUTF8 returns 22021 when s is not valid UTF-8 or holds a zero byte.
func CheckUTF8(s []byte) error {
	for i := 0; i < len(s); {
		r, n := rune(s[i]), 1
		if r >= utf8.RuneSelf {
			r, n = utf8.DecodeRune(s[i:])
		}
		if r == 0 || r == utf8.RuneError && n <= 1 {
			return invalidUTF8(s[i:])
		}
		i += n
	}
	return nil
}

// invalidUTF8 names the bytes that the first one announces, as PostgreSQL does.
func invalidUTF8(s []byte) error {
	n := 1
	switch c := s[0]; {
	case c >= 0xf0 && c < 0xf8:
		n = 4
	case c >= 0xe0 && c < 0xf0:
		n = 3
	case c >= 0xc0 && c < 0xe0:
		n = 2
	}
	var list []byte
	for i, c := range s[:min(n, len(s))] {
		if i > 0 {
			list = append(list, ' ')
		}
		list = append(list, '0', 'x', hexDigits[c>>4], hexDigits[c&15])
	}
	return errs.New(errs.CharacterNotInRepertoire, "invalid byte sequence for encoding \"UTF8\": %s", list)
}
