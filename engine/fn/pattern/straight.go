package pattern

import (
	"bytes"
	"regexp/syntax"
	"unicode/utf8"
)

// straight matches expressions that are a line of simple pieces from ^ on: literals, runs of a class of bytes, optional
// literals, groups around them, any rest. Such a line is followed without a machine: each run takes all it can, which
// is the only possibility since what follows it begins with a byte outside of its class; only optional literals may
// have to be taken back.
type straight struct {
	ops    []straightOp
	groups int
}

type straightKind uint8

const (
	opLiteral  straightKind = iota
	opOptional              // of a literal
	opRun                   // of bytes of a class, at least min of them
	opByte                  // one byte of a class
	opOpen                  // group n begins
	opClose                 // group n ends
	opRest                  // everything to the end
	opEnd                   // end of text
)

type straightOp struct {
	kind straightKind
	text []byte
	set  *[256]bool
	stop int // the one byte that is not in set, or -1
	min  int
	n    int
}

// maxOptional bounds the retries to 2^maxOptional.
const maxOptional = 4

// compileStraight returns nil when the expression is not that simple.
func compileStraight(t *syntax.Regexp) *straight {
	s := &straight{}
	if t.Op != syntax.OpConcat || t.Sub[0].Op != syntax.OpBeginText {
		return nil
	}
	for _, sub := range t.Sub[1:] {
		if !s.add(sub) {
			return nil
		}
	}
	optional := 0
	for i := range s.ops {
		switch o := &s.ops[i]; o.kind {
		case opRun:
			if overlaps(o.set, s.ops[i+1:]) {
				return nil
			}
		case opOptional:
			optional++
		case opRest:
			for _, p := range s.ops[i+1:] {
				if p.kind != opClose && p.kind != opEnd {
					return nil
				}
			}
		case opEnd:
			if i != len(s.ops)-1 {
				return nil
			}
		}
	}
	if optional > maxOptional || optional > 0 && s.ops[len(s.ops)-1].kind != opEnd {
		// Without $ the longest match might need an optional piece to be left out.
		return nil
	}
	return s
}

func (m *straight) add(t *syntax.Regexp) bool {
	if t.Flags&(syntax.FoldCase|syntax.NonGreedy) != 0 && t.Op != syntax.OpBeginText && t.Op != syntax.OpEndText {
		if t.Flags&syntax.FoldCase != 0 || t.Op == syntax.OpStar || t.Op == syntax.OpPlus || t.Op == syntax.OpQuest {
			return false
		}
	}
	switch t.Op {
	case syntax.OpLiteral:
		m.ops = append(m.ops, straightOp{kind: opLiteral, text: []byte(string(t.Rune))})
		return true
	case syntax.OpEndText:
		m.ops = append(m.ops, straightOp{kind: opEnd})
		return true
	case syntax.OpEmptyMatch:
		return true
	case syntax.OpCapture:
		m.groups = max(m.groups, t.Cap)
		m.ops = append(m.ops, straightOp{kind: opOpen, n: t.Cap})
		if !m.add(t.Sub[0]) {
			return false
		}
		m.ops = append(m.ops, straightOp{kind: opClose, n: t.Cap})
		return true
	case syntax.OpConcat:
		for _, sub := range t.Sub {
			if !m.add(sub) {
				return false
			}
		}
		return true
	case syntax.OpQuest:
		lit, ok := literalOf(t.Sub[0])
		m.ops = append(m.ops, straightOp{kind: opOptional, text: lit})
		return ok
	case syntax.OpStar, syntax.OpPlus:
		return m.addRun(t)
	case syntax.OpCharClass:
		set, stop, ok := classOf(t)
		// One byte of a class is one character only when no longer character is in it.
		m.ops = append(m.ops, straightOp{kind: opByte, set: set, stop: stop})
		return ok && !set[0x80]
	}
	return false
}

func (m *straight) addRun(t *syntax.Regexp) bool {
	least := 0
	if t.Op == syntax.OpPlus {
		least = 1
	}
	if t.Sub[0].Op == syntax.OpAnyChar {
		m.ops = append(m.ops, straightOp{kind: opRest, min: least})
		return true
	}
	set, stop, ok := classOf(t.Sub[0])
	m.ops = append(m.ops, straightOp{kind: opRun, set: set, stop: stop, min: least})
	return ok
}

func literalOf(t *syntax.Regexp) ([]byte, bool) {
	if t.Op != syntax.OpLiteral || t.Flags&syntax.FoldCase != 0 {
		return nil, false
	}
	return []byte(string(t.Rune)), true
}

// classOf returns the bytes of a class. The class must hold all characters outside of ASCII or none, so that bytes
// stand for characters (texts are valid UTF-8).
func classOf(t *syntax.Regexp) (set *[256]bool, stop int, ok bool) {
	set = new([256]bool)
	var ranges []rune
	switch t.Op {
	case syntax.OpCharClass:
		ranges = t.Rune
	case syntax.OpLiteral:
		if len(t.Rune) != 1 {
			return set, -1, false
		}
		ranges = []rune{t.Rune[0], t.Rune[0]}
	default:
		return set, -1, false
	}
	high := false
	for i := 0; i < len(ranges); i += 2 {
		lo, hi := ranges[i], ranges[i+1]
		for c := lo; c <= hi && c < utf8.RuneSelf; c++ {
			set[c] = true
		}
		if hi >= utf8.RuneSelf {
			if lo > utf8.RuneSelf || hi != utf8.MaxRune {
				return set, -1, false
			}
			high = true
		}
	}
	stop = -1
	missing := 0
	for c := range set {
		if c >= utf8.RuneSelf {
			set[c] = high
		}
		if !set[c] {
			missing++
			stop = c
		}
	}
	if missing != 1 {
		stop = -1
	}
	return set, stop, true
}

// overlaps tells whether what the ops may begin with is in the set, so that a run of the set might have to give back.
func overlaps(set *[256]bool, ops []straightOp) bool {
	for _, o := range ops {
		switch o.kind {
		case opOpen, opClose:
			continue
		case opLiteral:
			return set[o.text[0]]
		case opOptional:
			if set[o.text[0]] {
				return true
			}
			continue
		case opRun, opByte:
			for c, in := range set {
				if in && o.set[c] {
					return true
				}
			}
			if o.kind == opByte || o.min > 0 {
				return false
			}
			continue
		case opRest:
			// The rest takes nothing when the run took all, unless it needs a byte.
			return o.min > 0
		}
		return false
	}
	return false
}

// match fills caps (two positions per group, group 0 first; -1 where a group took no part) and tells whether s matches.
func (m *straight) match(s []byte, caps []int) bool {
	for i := range caps {
		caps[i] = -1
	}
	end := m.from(0, s, 0, caps)
	if end < 0 {
		return false
	}
	caps[0], caps[1] = 0, end
	return true
}

// from follows the line from an op and a position and returns where it ends, or -1.
func (m *straight) from(op int, s []byte, at int, caps []int) int {
	for ; op < len(m.ops); op++ {
		switch o := &m.ops[op]; o.kind {
		case opLiteral:
			if !bytes.HasPrefix(s[at:], o.text) {
				return -1
			}
			at += len(o.text)
		case opOptional:
			if bytes.HasPrefix(s[at:], o.text) {
				if end := m.from(op+1, s, at+len(o.text), caps); end >= 0 {
					return end
				}
			}
		case opRun:
			n := o.run(s[at:])
			if n < o.min {
				return -1
			}
			at += n
		case opByte:
			if at == len(s) || !o.set[s[at]] {
				return -1
			}
			at++
		case opOpen:
			caps[2*o.n] = at
		case opClose:
			caps[2*o.n+1] = at
		case opRest:
			if len(s)-at < o.min {
				return -1
			}
			at = len(s)
		case opEnd:
			if at != len(s) {
				return -1
			}
		}
	}
	return at
}

// run returns the length of the longest prefix of bytes of the class.
func (o *straightOp) run(s []byte) int {
	if o.stop >= 0 {
		if i := bytes.IndexByte(s, byte(o.stop)); i >= 0 {
			return i
		}
		return len(s)
	}
	for i, c := range s {
		if !o.set[c] {
			return i
		}
	}
	return len(s)
}
