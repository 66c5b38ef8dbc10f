package pattern

import "unicode/utf8"

// Search finds the leftmost match at or after byte from. caps gets two positions per group; it is returned, perhaps
// grown.
func (x *Regex) Search(s []byte, from int, caps []int) ([]int, bool) {
	if x.start && from > 0 {
		return caps, false
	}
	if x.fast != nil {
		caps = grow(caps, 2*(x.groups+1))
		return caps, x.fast.match(s, caps)
	}
	m := x.re.FindSubmatchIndex(s[from:])
	if m == nil {
		return caps, false
	}
	for i := range m {
		if m[i] >= 0 {
			m[i] += from
		}
	}
	return m, true
}

func grow(caps []int, n int) []int {
	if cap(caps) < n {
		return make([]int, n)
	}
	return caps[:n]
}

// Matches tells whether s has a match.
func (x *Regex) Matches(s []byte, caps *[]int) bool {
	if x.fast != nil {
		*caps = grow(*caps, 2*(x.groups+1))
		return x.fast.match(s, *caps)
	}
	return x.re.Match(s)
}

// All calls each for the matches in s from byte from on, until it returns false. Matches that do not overlap follow
// PostgreSQL's rule: after an empty match the search goes on one character later, and an empty match may stand right
// behind another match.
func (x *Regex) All(s []byte, from int, caps []int, each func(m []int) bool) []int {
	if !x.empty && !x.start {
		for _, m := range x.re.FindAllSubmatchIndex(s, -1) {
			if m[0] >= from && !each(m) {
				break
			}
		}
		return caps
	}
	for from <= len(s) {
		var ok bool
		if caps, ok = x.Search(s, from, caps); !ok || !each(caps) {
			break
		}
		from = caps[1]
		if caps[0] == caps[1] {
			if from == len(s) {
				break
			}
			_, size := utf8.DecodeRune(s[from:])
			from += size
		}
	}
	return caps
}

// Replacement is a replacement text, cut at its references.
type Replacement struct {
	parts []replacementPart
}

type replacementPart struct {
	text  []byte
	group int // -1: text alone
}

// CompileReplacement reads \1 to \9, \& and \\.
func CompileReplacement(s []byte) Replacement {
	var t Replacement
	var cur []byte
	ref := func(g int) {
		if len(cur) > 0 {
			t.parts = append(t.parts, replacementPart{text: cur, group: -1})
			cur = nil
		}
		if g >= 0 {
			t.parts = append(t.parts, replacementPart{group: g})
		}
	}
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			cur = append(cur, s[i])
			continue
		}
		switch c := s[i+1]; {
		case c >= '1' && c <= '9':
			ref(int(c - '0'))
			i++
		case c == '&':
			ref(0)
			i++
		case c == '\\':
			cur = append(cur, '\\')
			i++
		default:
			cur = append(cur, '\\')
		}
	}
	ref(-1)
	return t
}

func (t Replacement) append(dst, s []byte, m []int) []byte {
	for _, p := range t.parts {
		switch {
		case p.group < 0:
			dst = append(dst, p.text...)
		case 2*p.group+1 < len(m) && m[2*p.group] >= 0:
			dst = append(dst, s[m[2*p.group]:m[2*p.group+1]]...)
		}
	}
	return dst
}

// Replace appends s with the n-th match (0: all of them) from byte from on replaced.
func (x *Regex) Replace(dst, s []byte, from, n int, t Replacement, caps []int) ([]byte, []int) {
	if n == 1 {
		m, ok := x.Search(s, from, caps)
		if !ok {
			return append(dst, s...), m
		}
		dst = append(dst, s[:m[0]]...)
		dst = t.append(dst, s, m)
		return append(dst, s[m[1]:]...), m
	}
	at, count := 0, 0
	caps = x.All(s, from, caps, func(m []int) bool {
		if count++; n == 0 || count == n {
			dst = append(dst, s[at:m[0]]...)
			dst = t.append(dst, s, m)
			at = m[1]
		}
		return n == 0 || count < n
	})
	return append(dst, s[at:]...), caps
}

// Cache keeps the expression that was compiled last, for one evaluator.
type Cache struct {
	pattern, flags string
	Global         bool // g is a flag of this function
	x              *Regex
	Flags          Flags
	Caps           []int
	from           string // of the template
	t              Replacement
}

// Get returns the compiled pattern, which is the last one when pattern and flags are the same.
func (c *Cache) Get(pattern, flags []byte) (*Regex, error) {
	if c.x != nil && c.pattern == string(pattern) && c.flags == string(flags) {
		return c.x, nil
	}
	f, err := ParseFlags(string(flags), c.Global)
	if err != nil {
		return nil, err
	}
	x, err := CompileRegex(string(pattern), f)
	if err != nil {
		return nil, err
	}
	c.pattern, c.flags, c.x, c.Flags = string(pattern), string(flags), x, f
	return x, nil
}

// Replacement returns the compiled replacement text.
func (c *Cache) Replacement(s []byte) Replacement {
	if c.t.parts == nil || c.from != string(s) {
		c.from, c.t = string(s), CompileReplacement(s)
	}
	return c.t
}
