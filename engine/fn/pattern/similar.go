package pattern

import (
	"github.com/siltstone-db/siltstone/engine/fn/chars"
	"github.com/siltstone-db/siltstone/storage/errs"
)

// Similar TO is a match of the regular expression that similar_to_escape makes of SQL's pattern.
// similarPattern rewrites a pattern: % and _ are wildcards, groups capture nothing, and what only regular expressions
// know loses its meaning. An escape takes the meaning off the next character; there may be none.
func Similar(dst, s, escape []byte) ([]byte, error) {
	if chars.Skip(escape, 1) < len(escape) {
		return dst, errs.New(errs.InvalidEscapeSequence, "invalid escape string").
			WithHint("Escape string must be empty or one character.")
	}
	dst = append(dst, "^(?:"...)
	escaped, class := false, false
	for len(s) > 0 {
		n := chars.Skip(s, 1)
		c := s[:n]
		s = s[n:]
		switch {
		case escaped && n == 1 && c[0] == '"' && !class:
			return dst, errs.Unsupported("SIMILAR with parts of the pattern in escaped quotes")
		case escaped:
			dst, escaped = append(append(dst, '\\'), c...), false
		case len(escape) > 0 && string(c) == string(escape):
			escaped = true
		case n > 1:
			dst = append(dst, c...)
		case class:
			if c[0] == '\\' {
				dst = append(dst, '\\')
			}
			dst = append(dst, c[0])
			class = c[0] != ']'
		default:
			class = c[0] == '['
			dst = append(dst, similarWord(c[0])...)
		}
	}
	return append(dst, ")$"...), nil
}

// similarWord is what stands for a character outside of [].
func similarWord(c byte) string {
	switch c {
	case '%':
		return ".*"
	case '_':
		return "."
	case '(':
		return "(?:"
	case '\\', '.', '^', '$':
		return "\\" + string(rune(c))
	}
	return string(rune(c))
}
