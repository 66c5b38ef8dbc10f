package fn

import (
	"bytes"
	"unicode/utf8"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/kernel"
	"github.com/siltstone-db/siltstone/storage/types"
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

// likePattern is a compiled LIKE pattern. It is immutable.
type likePattern struct {
	shape likeShape
	text  []byte // of the literal shapes
	parts []likePart
	// open tells that the pattern begins or ends with %.
	openStart, openEnd bool
	fold               bool
	dangling           []byte // the pattern, when it ends with its escape character
}

// likePart is what stands between two %: bytes, in which each character that wild marks is any character.
type likePart struct {
	text []byte
	wild []bool // by byte; nil: none. A wildcard takes one byte of text.
}

// compileLike compiles a pattern whose escape character is a backslash. With fold, matching ignores case: the caller
// gives lower-case strings.
func compileLike(pattern []byte, fold bool) *likePattern {
	if fold {
		pattern = mapCase(nil, pattern, false)
	}
	p := &likePattern{fold: fold}
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
					return &likePattern{dangling: pattern}
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

func (p *likePattern) classify(percents int, wilds bool) {
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

// match tells whether a string matches.
func (p *likePattern) match(s []byte) bool {
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
func (p *likePattern) general(s []byte) bool {
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

// column matches every row of a flat vector. A literal that may stand anywhere is searched for in the bytes of all
// rows at once; a hit is then given to its row.
func (p *likePattern) column(v *batch.Vector, n int, valid, out batch.Bitmap) {
	if p.shape == likeContains && len(p.text) > 0 && v.Form == batch.Flat {
		p.searchAll(v, n, out)
		return
	}
	a := viewText(v)
	for i := range n {
		if live(valid, i) && p.match(a.at(i)) {
			out.Set(i)
		}
	}
}

func (p *likePattern) searchAll(v *batch.Vector, n int, out batch.Bitmap) {
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

func init() {
	for _, o := range []struct {
		name      string
		fold, not bool
	}{{"~~", false, false}, {"!~~", false, true}, {"~~*", true, false}, {"!~~*", true, true}} {
		for _, t := range list(tText, tName, tChar) {
			registerOp(&Overload{Name: o.name, Args: list(t, tText), Result: returns(tBool), Total: true,
				Eval: likeEval(o.fold, o.not, nil),
				Prepare: func(_ *Context, _ []types.Type, _ types.Type, consts []*types.Datum) (Eval, error) {
					if consts[1] == nil || consts[1].Null {
						return nil, nil
					}
					p := compileLike([]byte(consts[1].S), o.fold)
					if p.dangling != nil {
						return nil, patternEndsWithEscape()
					}
					return likeEval(o.fold, o.not, p), nil
				}})
		}
	}
	registerOp(&Overload{Name: "~~", Args: list(tBytea, tBytea), Result: returns(tBool), Eval: likeEval(false, false, nil)},
		&Overload{Name: "!~~", Args: list(tBytea, tBytea), Result: returns(tBool), Eval: likeEval(false, true, nil)})
	register(&Overload{Name: "like_escape", Args: list(tText, tText), Result: returns(tText),
		Eval: rowText(tText, func(_ *Context, r *row, dst []byte) ([]byte, error) {
			return likeEscape(notNil(dst), r.bytes(0), r.bytes(1))
		})})
}

// likeEval matches against a compiled pattern, or compiles the pattern of each row (that of the row before is kept).
func likeEval(fold, not bool, p *likePattern) Eval {
	var buf []byte
	return func(_ *Context, args []*batch.Vector, n int, valid batch.Bitmap, out *batch.Vector) error {
		out.Reset(tBool, n)
		bits := out.Bools()
		a := viewText(args[0])
		switch {
		case p != nil && !fold:
			p.column(args[0], n, valid, bits)
		case p != nil:
			for i := range n {
				if !live(valid, i) {
					continue
				}
				buf = mapCase(buf[:0], a.at(i), false)
				if p.match(buf) {
					bits.Set(i)
				}
			}
		default:
			if err := likeEach(a, viewText(args[1]), fold, n, valid, bits); err != nil {
				return err
			}
		}
		if not {
			bits.Not(n)
		}
		return nil
	}
}

func likeEach(a, b text, fold bool, n int, valid, bits batch.Bitmap) error {
	var p *likePattern
	var last, buf []byte
	for i := range n {
		if !live(valid, i) {
			continue
		}
		if pat := b.at(i); p == nil || string(pat) != string(last) {
			p, last = compileLike(pat, fold), pat
		}
		s := a.at(i)
		if fold {
			buf = mapCase(buf[:0], s, false)
			s = buf
		}
		if p.dangling != nil {
			if _, err := matchDangling(s, p.dangling); err != nil {
				return err
			}
		} else if p.match(s) {
			bits.Set(i)
		}
	}
	return nil
}

// likeEscape rewrites a pattern with another escape character to one that uses the backslash.
func likeEscape(dst, pattern, esc []byte) ([]byte, error) {
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
