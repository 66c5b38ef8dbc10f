package pattern

import (
	"github.com/siltstone-db/siltstone/storage/errs"
	"io"
	"regexp"
	"unicode/utf8"
)

// Work is what a long search owes its statement: memory is asked for before it is taken, and bytes that were read or
// written are told, so that a cancelled statement ends soon.
type Work interface {
	// Room makes room for n more bytes behind dst.
	Room(dst []byte, n int) ([]byte, error)
	// Worked returns an error when the statement is to end.
	Worked(n int) error
}

// longText is what a search reads in one go. Longer texts are read character by character, which is slower and can be
// interrupted: a search that cannot be takes some ten milliseconds for so much.
const longText = 1 << 20

// searchWork is what a search costs besides the bytes it reads.
const searchWork = 512

// Search finds the leftmost match at or after byte from. caps gets two positions per group; it is returned, perhaps
// grown.
func (x *Regex) Search(s []byte, from int, caps []int, w Work) ([]int, bool, error) {
	if x.start && from > 0 {
		return caps, false, nil
	}
	if x.fast != nil {
		caps = grow(caps, 2*(x.groups+1))
		return caps, x.fast.match(s, caps), w.Worked(len(s))
	}
	var m []int
	var err error
	if from > 0 && x.behind != nil {
		m, err = x.within(s, from, w)
	} else {
		m, err = find(x.re, s, from, w)
	}
	if m == nil || err != nil {
		return caps, false, err
	}
	return m, true, w.Worked(m[1] - from + searchWork)
}

// within searches from a place on, looking at the character in front of it.
func (x *Regex) within(s []byte, from int, w Work) ([]int, error) {
	_, size := utf8.DecodeLastRune(s[:from])
	m, err := find(x.behind, s, from-size, w)
	if m == nil || err != nil {
		return nil, err
	}
	if x.longest != nil {
		_, size := utf8.DecodeLastRune(s[:m[2]])
		if m, err = find(x.longest, s, m[2]-size, w); m == nil || err != nil {
			return nil, err
		}
	}
	return m[2:], nil
}

// find searches s[from:] alone.
func find(re *regexp.Regexp, s []byte, from int, w Work) (m []int, err error) {
	if len(s)-from <= longText {
		m = re.FindSubmatchIndex(s[from:])
	} else {
		r := runes{s: s[from:], w: w}
		m = re.FindReaderSubmatchIndex(&r)
		err = r.err
	}
	if from > 0 {
		for i := range m {
			if m[i] >= 0 {
				m[i] += from
			}
		}
	}
	return m, err
}

// runes reads a text for a search that may be interrupted.
type runes struct {
	s     []byte
	w     Work
	since int
	err   error
}

// ReadRune implements io.RuneReader.
func (r *runes) ReadRune() (rune, int, error) {
	if r.since++; r.since >= 1<<14 {
		r.since = 0
		if r.err = r.w.Worked(1 << 16); r.err != nil { // it costs four times as much as other reading
			return 0, 0, io.EOF
		}
	}
	if len(r.s) == 0 {
		return 0, 0, io.EOF
	}
	c, n := rune(r.s[0]), 1
	if c >= utf8.RuneSelf {
		c, n = utf8.DecodeRune(r.s)
	}
	r.s = r.s[n:]
	return c, n, nil
}

func grow(caps []int, n int) []int {
	if cap(caps) < n {
		return make([]int, n)
	}
	return caps[:n]
}

// Matches tells whether s has a match.
func (x *Regex) Matches(s []byte, caps *[]int, w Work) (bool, error) {
	if x.fast != nil {
		*caps = grow(*caps, 2*(x.groups+1))
		return x.fast.match(s, *caps), nil
	}
	if len(s) <= longText {
		return x.re.Match(s), nil
	}
	r := runes{s: s, w: w}
	ok := x.re.MatchReader(&r)
	return ok, r.err
}

// All calls each for the matches in s from byte from on, until it returns false. Matches that do not overlap follow
// PostgreSQL's rule: after an empty match the search goes on one character later, and an empty match may stand right
// behind another match.
func (x *Regex) All(s []byte, from int, caps []int, w Work, each func(m []int) bool) ([]int, error) {
	for from <= len(s) {
		var ok bool
		var err error
		if caps, ok, err = x.Search(s, from, caps, w); err != nil || !ok || !each(caps) {
			return caps, err
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
	return caps, nil
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

func (t Replacement) append(dst, s []byte, m []int, w Work) (out []byte, err error) {
	for _, p := range t.parts {
		text := p.text
		if p.group >= 0 {
			if 2*p.group+1 >= len(m) || m[2*p.group] < 0 {
				continue
			}
			text = s[m[2*p.group]:m[2*p.group+1]]
		}
		if dst, err = put(dst, text, w); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

// put appends to dst, asking for room when there is none.
func put(dst, text []byte, w Work) ([]byte, error) {
	if len(text) > cap(dst)-len(dst) {
		var err error
		if dst, err = w.Room(dst, len(text)); err != nil {
			return dst, err
		}
	}
	return append(dst, text...), nil
}

// Replace appends s with the n-th match (0: all of them) from byte from on replaced.
func (x *Regex) Replace(dst, s []byte, from, n int, t Replacement, caps []int, w Work) ([]byte, []int, error) {
	at, count := 0, 0
	var failed error
	caps, err := x.All(s, from, caps, w, func(m []int) bool {
		if count++; n != 0 && count != n {
			return true
		}
		written := len(dst)
		if dst, failed = put(dst, s[at:m[0]], w); failed != nil {
			return false
		}
		if dst, failed = t.append(dst, s, m, w); failed != nil {
			return false
		}
		at = m[1]
		failed = w.Worked(len(dst) - written)
		return failed == nil && n == 0
	})
	if err == nil {
		err = failed
	}
	if err == nil {
		dst, err = put(dst, s[at:], w)
	}
	return dst, caps, err
}

// Cache keeps the expression that was compiled last, for one evaluator.
type Cache struct {
	pattern, flags string
	Global         bool   // g is a flag of this function
	Name           string // of the function, for errors
	x              *Regex
	Flags          Flags
	Caps           []int
	from           string // of the template
	t              Replacement
}

// notGlobal refuses the flag g of a function.
func notGlobal(name string) error {
	e := errs.New(errs.InvalidParameterValue, "%s() does not support the \"global\" option", name)
	if name == "regexp_match" {
		return e.WithHint("Use the regexp_matches function instead.")
	}
	return e
}

// Get returns the compiled pattern, which is the last one when pattern and flags are the same.
func (c *Cache) Get(pattern, flags []byte) (*Regex, error) {
	if c.x != nil && c.pattern == string(pattern) && c.flags == string(flags) {
		return c.x, nil
	}
	f, err := ParseFlags(string(flags), true)
	if err != nil {
		return nil, err
	}
	if f.Global && !c.Global {
		return nil, notGlobal(c.Name)
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
