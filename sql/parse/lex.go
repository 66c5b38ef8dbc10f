package parse

import "strings"

// The lexical rules of PostgreSQL (src/backend/parser/scan.l) as far as they decide where strings, identifiers and
// comments end, with standard_conforming_strings on. Each function is given the start of a token and returns its end;
// what is not terminated ends with the text.

func identStart(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c >= 0x80
}

func lineEnd(t string, i int) int {
	if n := strings.IndexAny(t[i:], "\n\r"); n >= 0 {
		return i + n
	}
	return len(t)
}

// commentEnd skips a /* comment */, which nests.
func commentEnd(t string, i int) int {
	depth := 0
	for i < len(t) {
		switch {
		case strings.HasPrefix(t[i:], "/*"):
			depth++
			i += 2
		case strings.HasPrefix(t[i:], "*/"):
			depth--
			i += 2
			if depth == 0 {
				return i
			}
		default:
			i++
		}
	}
	return i
}

// stringEnd skips '...' with doubled quotes, and backslash escapes when it is E'...'. A string goes on in the next
// quotes when only space with a line end stands between.
func stringEnd(t string, i int, escapes bool) int {
	i++
	for i < len(t) {
		switch c := t[i]; {
		case c == '\\' && escapes:
			i += 2
		case c != '\'':
			i++
		case i+1 < len(t) && t[i+1] == '\'':
			i += 2
		default:
			next, ok := continued(t, i+1)
			if !ok {
				return i + 1
			}
			i = next
		}
	}
	return len(t)
}

// continued looks for space with a line end and then a quote, and returns the place after the quote.
func continued(t string, i int) (int, bool) {
	newline := false
	for i < len(t) {
		switch c := t[i]; {
		case c == '\n' || c == '\r':
			newline = true
			i++
		case c == ' ' || c == '\t' || c == '\f' || c == '\v':
			i++
		case strings.HasPrefix(t[i:], "--"):
			i = lineEnd(t, i)
		case c == '\'' && newline:
			return i + 1, true
		default:
			return 0, false
		}
	}
	return 0, false
}

// quotedEnd skips "..." with doubled quotes.
func quotedEnd(t string, i int) int {
	for i++; i < len(t); i++ {
		if t[i] == '"' {
			if i+1 < len(t) && t[i+1] == '"' {
				i++
				continue
			}
			return i + 1
		}
	}
	return len(t)
}

// dollarEnd skips $tag$...$tag$, a parameter $1, or a lone dollar.
func dollarEnd(t string, i int) int {
	j := i + 1
	if j < len(t) && t[j] >= '0' && t[j] <= '9' {
		for j < len(t) && t[j] >= '0' && t[j] <= '9' {
			j++
		}
		return j
	}
	if j < len(t) && identStart(t[j]) {
		for j < len(t) && (identStart(t[j]) || t[j] >= '0' && t[j] <= '9') {
			j++
		}
	}
	if j >= len(t) || t[j] != '$' {
		return i + 1
	}
	tag := t[i : j+1]
	if n := strings.Index(t[j+1:], tag); n >= 0 {
		return j + 1 + n + len(tag)
	}
	return len(t)
}
