// Package pattern matches text: LIKE, SIMILAR TO and PostgreSQL's regular expressions, each compiled once and applied to
// whole columns or to single strings. Like and Regex are immutable and safe for concurrent use; a Cache belongs to one
// evaluator. What PostgreSQL's engine can and Go's cannot (back-references, look-around) is refused with 0A000.
package pattern

import (
	"bytes"
	"unicode/utf8"

	"github.com/siltstone-db/siltstone/engine/fn/chars"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/kernel"
)

// likeShape says how a LIKE pattern is matched. All but likeGeneral are searches for one literal.
type likeShape uint8

const (
	likeExact likeShape = iota
	likePrefix
	likeSuffix
	likeContains
	likeGeneral
)

// Like is a compiled LIKE pattern. It is immutable.
type Like struct {
	shape likeShape
	text  []byte // of the literal shapes
	parts []likePart
	// open tells that the pattern begins or ends with %.
	openStart, openEnd bool
	fold               bool
	Dangling           []byte // the pattern, when it ends with its escape character
}

// likePart is what stands between two %: bytes, in which each character that wild marks is any character.
type likePart struct {
	text []byte
	wild []bool // by byte; nil: none. A wildcard takes one byte of text.
}

// CompileLike compiles a pattern whose escape character is a backslash. With fold, matching ignores case: the caller
// gives lower-case strings.
func CompileLike(pattern []byte, fold bool) *Like {
	if fold {
		pattern = chars.MapCase(nil, pattern, false)
	}
	p := &Like{fold: fold}
	var cur likePart
	percents, wilds := 0, false
	lastPercent := false
	for i := 0; i < len(pattern); i++ {
		c := pattern[i]
		lastPercent = false
		switch c {
		case '%':
			if percents == 0 && len(cur.text) == 0 {
				p.openStart = true
			} else if len(cur.text) > 0 {
				p.parts = append(p.parts, cur)
			}
			cur = likePart{}
			percents++
			lastPercent = true
		case '_':
			for len(cur.wild) < len(cur.text) {
				cur.wild = append(cur.wild, false)
			}
			cur.text, cur.wild = append(cur.text, '_'), append(cur.wild, true)
			wilds = true
		default:
			if c == '\\' {
				if i++; i == len(pattern) {
					return &Like{Dangling: pattern}
				}
				c = pattern[i]
			}
			cur.text = append(cur.text, c)
			if cur.wild != nil {
				cur.wild = append(cur.wild, false)
			}
		}
	}
	if len(cur.text) > 0 {
		p.parts = append(p.parts, cur)
	}
	p.openEnd = lastPercent
	p.classify(percents, wilds)
	return p
}

func (p *Like) classify(percents int, wilds bool) {
	p.shape = likeGeneral
	if wilds || len(p.parts) > 1 {
		return
	}
	if len(p.parts) == 1 {
		p.text = p.parts[0].text
	}
	switch {
	case percents == 0:
		p.shape = likeExact
	case len(p.parts) == 0 || p.openStart && p.openEnd:
		p.shape = likeContains
	case p.openStart:
		p.shape = likeSuffix
	default:
		p.shape = likePrefix
	}
}

// Match tells whether a string matches.
func (p *Like) Match(s []byte) bool {
	switch p.shape {
	case likeExact:
		return string(s) == string(p.text)
	case likePrefix:
		return bytes.HasPrefix(s, p.text)
	case likeSuffix:
		return bytes.HasSuffix(s, p.text)
	case likeContains:
		return bytes.Contains(s, p.text)
	}
	return p.general(s)
}

// general matches the first part at the start and the last one at the end where the pattern is closed there, and each
// part between at its first occurrence, which is never worse than a later one.
func (p *Like) general(s []byte) bool {
	parts := p.parts
	if !p.openStart {
		n := parts[0].at(s)
		if n < 0 {
			return false
		}
		s = s[n:]
		if parts = parts[1:]; len(parts) == 0 {
			return p.openEnd || len(s) == 0
		}
	}
	var last *likePart
	if !p.openEnd {
		last = &parts[len(parts)-1]
		parts = parts[:len(parts)-1]
	}
	for i := range parts {
		from, n := parts[i].find(s)
		if from < 0 {
			return false
		}
		s = s[from+n:]
	}
	return last == nil || last.endsAt(s)
}

// at returns the bytes that the part matches at the start of s, or -1.
func (q *likePart) at(s []byte) int {
	if q.wild == nil {
		if bytes.HasPrefix(s, q.text) {
			return len(q.text)
		}
		return -1
	}
	n := 0
	for i, c := range q.text {
		if n >= len(s) {
			return -1
		}
		if i < len(q.wild) && q.wild[i] {
			_, size := utf8.DecodeRune(s[n:])
			n += size
			continue
		}
		if s[n] != c {
			return -1
		}
		n++
	}
	return n
}

// find returns where the part occurs first and how many bytes it takes there, or -1.
func (q *likePart) find(s []byte) (from, n int) {
	if q.wild == nil {
		return bytes.Index(s, q.text), len(q.text)
	}
	for from <= len(s) {
		if n = q.at(s[from:]); n >= 0 {
			return from, n
		}
		if from == len(s) {
			break
		}
		_, size := utf8.DecodeRune(s[from:])
		from += size
	}
	return -1, 0
}

// endsAt tells whether s ends with the part. Its length in characters is fixed, so there is one place to look.
func (q *likePart) endsAt(s []byte) bool {
	if q.wild == nil {
		return bytes.HasSuffix(s, q.text)
	}
	chars := 0
	for i, c := range q.text {
		if i < len(q.wild) && q.wild[i] || c&0xc0 != 0x80 {
			chars++
		}
	}
	i := len(s)
	for ; chars > 0 && i > 0; chars-- {
		_, size := utf8.DecodeLastRune(s[:i])
		i -= size
	}
	return chars == 0 && q.at(s[i:]) == len(s)-i
}

// Column matches every row of a flat vector. A literal that may stand anywhere is searched for in the bytes of all
// rows at once; a hit is then given to its row.
func (p *Like) Column(v *batch.Vector, n int, valid, out batch.Bitmap) {
	if p.shape == likeContains && len(p.text) > 0 && v.Form == batch.Flat {
		p.searchAll(v, n, out)
		return
	}
	for i := range n {
		if (valid == nil || valid.Get(i)) && p.Match(v.BytesAt(i)) {
			out.Set(i)
		}
	}
}

func (p *Like) searchAll(v *batch.Vector, n int, out batch.Bitmap) {
	off := v.Offsets[:n+1]
	data := v.Data[:off[n]]
	row, at := 0, int(off[0])
	for {
		i := kernel.Search(data[at:], p.text)
		if i < 0 {
			return
		}
		at += i
		for int(off[row+1]) <= at {
			row++
		}
		if at+len(p.text) > int(off[row+1]) { // it begins in one row and ends in another
			at++
			continue
		}
		out.Set(row)
		at = int(off[row+1])
		if row++; row == n {
			return
		}
	}
}

// LikeEscape rewrites a pattern with another escape character to one that uses the backslash.
func LikeEscape(dst, pattern, esc []byte) ([]byte, error) {
	if utf8.RuneCount(esc) > 1 {
		return dst, errs.New(errs.InvalidEscapeSequence, "invalid escape string").
			WithHint("Escape string must be empty or one character.")
	}
	if string(esc) == `\` {
		return append(dst, pattern...), nil
	}
	for len(pattern) > 0 {
		switch {
		case len(esc) > 0 && bytes.HasPrefix(pattern, esc):
			pattern = pattern[len(esc):]
			dst = append(dst, '\\')
			if len(pattern) > 0 {
				_, size := utf8.DecodeRune(pattern)
				dst = append(dst, pattern[:size]...)
				pattern = pattern[size:]
			}
		case pattern[0] == '\\':
			dst = append(dst, '\\', '\\')
			pattern = pattern[1:]
		default:
			dst = append(dst, pattern[0])
			pattern = pattern[1:]
		}
	}
	return dst, nil
}
