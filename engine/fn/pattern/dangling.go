package pattern

import (
	"unicode/utf8"

	"github.com/siltstone-db/siltstone/storage/errs"
)

// A pattern that ends with its escape character matches nothing, but is an error (22025) only for a string on which the
// matcher gets as far as that character. Which these are, is PostgreSQL's to say: MatchDangling walks as its matcher does.

// EndsWithEscape is PostgreSQL's 22025 for such a pattern.
func EndsWithEscape() error {
	return errs.New(errs.InvalidEscapeSequence, "LIKE pattern must not end with escape character")
}

// MatchDangling returns an error when matching s reaches the end of the pattern. exhausted says that s ended before the
// pattern did, so that no later start of what follows a % can do better: it keeps the search polynomial.
func MatchDangling(s, p []byte) (exhausted bool, err error) {
	for len(s) > 0 && len(p) > 0 {
		switch p[0] {
		case '%':
			return danglingRest(s, p[1:])
		case '_':
			s, p = s[charLen(s):], p[1:]
			continue
		case '\\':
			if len(p) < 2 {
				return false, EndsWithEscape()
			}
			p = p[1:]
		}
		if s[0] != p[0] {
			return false, nil
		}
		s, p = s[1:], p[1:]
	}
	return len(s) == 0, nil
}

// danglingRest matches what stands behind a %.
func danglingRest(s, p []byte) (exhausted bool, err error) {
	for len(p) > 0 && (p[0] == '%' || p[0] == '_') {
		if p[0] == '_' {
			if len(s) == 0 {
				return true, nil
			}
			s = s[charLen(s):]
		}
		p = p[1:]
	}
	if len(p) == 0 {
		return false, nil
	}
	first := p[0]
	if first == '\\' {
		if len(p) < 2 {
			return false, EndsWithEscape()
		}
		first = p[1]
	}
	for len(s) > 0 {
		if s[0] == first {
			if exhausted, err := MatchDangling(s, p); exhausted || err != nil {
				return exhausted, err
			}
		}
		s = s[charLen(s):]
	}
	return true, nil
}

func charLen(s []byte) int {
	_, size := utf8.DecodeRune(s)
	return size
}
