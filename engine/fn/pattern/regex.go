package pattern

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"

	"github.com/siltstone-db/siltstone/storage/errs"
)

// Regex is a compiled PostgreSQL regular expression (an "ARE", manual 9.7.3). Where PostgreSQL's meaning can be had
// from Go's engine it is translated; what cannot (back-references, look-around, word starts) is refused with 0A000.
// The straight matcher serves common shapes many times faster. A regex is immutable and safe for concurrent use.
type Regex struct {
	re   *regexp.Regexp
	fast *straight // or nil
	// behind finds the place of a match in searches that begin within a text: the pattern, as group 1, behind a character
	// and any more. nil: what stands in front of a match is nothing to it. longest then finds how far the match goes from
	// there, where the longest one counts (nil: the first one does).
	behind, longest *regexp.Regexp
	groups          int
	start           bool // begins with ^: can match at the start only
}

// Flags are the letters that functions take.
type Flags struct {
	Global, fold, newline, literal bool
	dotNewline, anchors            bool // of the partial modes p and w
}

// ParseFlags reads the letters; g is one for functions that replace.
func ParseFlags(s string, allowGlobal bool) (f Flags, err error) {
	for _, c := range s {
		switch c {
		case 'g':
			if !allowGlobal {
				return f, errs.New(errs.InvalidParameterValue, "invalid regular expression option: \"g\"")
			}
			f.Global = true
		case 'i':
			f.fold = true
		case 'c':
			f.fold = false
		case 'n', 'm':
			f.newline, f.dotNewline, f.anchors = true, true, true
		case 's':
			f.newline, f.dotNewline, f.anchors = false, false, false
		case 'p':
			f.newline, f.dotNewline, f.anchors = true, true, false
		case 'w':
			f.newline, f.dotNewline, f.anchors = true, false, true
		case 'q':
			f.literal = true
		case 'x':
			return f, errs.Unsupported("the regular expression option x (expanded syntax)")
		case 't':
		case 'b', 'e':
			return f, errs.Unsupported("the regular expression option %c", c)
		default:
			return f, errs.New(errs.InvalidParameterValue, "invalid regular expression option: \"%c\"", c)
		}
	}
	return f, nil
}

func badRegex(what string) error {
	return errs.New(errs.InvalidRegularExpression, "invalid regular expression: %s", what)
}

// maxRegex bounds patterns: compiled programs take some 100 bytes per byte of pattern.
const maxRegex = 1 << 16

// CompileRegex compiles a pattern, which may begin with ***= or options of its own.
func CompileRegex(pattern string, f Flags) (*Regex, error) {
	if len(pattern) > maxRegex {
		return nil, badRegex("regular expression is too complex")
	}
	text := regexp.QuoteMeta(pattern)
	lazy, greedy := false, false
	if !f.literal {
		t := translator{s: pattern, f: f}
		if err := t.run(); err != nil {
			return nil, err
		}
		text, f, lazy, greedy = t.out.String(), t.f, t.lazy, t.greedy
	}
	if lazy && greedy && !strings.HasSuffix(text, `\z`) {
		return nil, errs.Unsupported("a regular expression that mixes greedy and non-greedy quantifiers without $ at its end")
	}
	modes := ""
	if f.fold {
		modes += "i"
	}
	if !f.dotNewline {
		modes += "s"
	}
	if modes != "" {
		text = "(?" + modes + ")" + text
	}
	re, err := regexp.Compile(text)
	if err != nil {
		return nil, goRegexError(err)
	}
	if !lazy {
		re.Longest()
	}
	x := &Regex{re: re, groups: re.NumSubexp()}
	if tree, err := syntax.Parse(text, syntax.Perl); err == nil {
		x.fast = compileStraight(tree)
		x.start = beginsAtStart(tree)
		if looksBehind(tree) && !x.start {
			if x.behind, err = regexp.Compile(`\A(?s:.)(?s:.*?)(` + text + ")"); err != nil {
				return nil, goRegexError(err)
			}
			if !lazy {
				x.longest = regexp.MustCompile(`\A(?s:.)(` + text + ")")
				x.longest.Longest()
			}
		}
	}
	return x, nil
}

// goRegexError says what is wrong in PostgreSQL's words.
func goRegexError(err error) error {
	var se *syntax.Error
	if !errors.As(err, &se) {
		return badRegex(err.Error())
	}
	switch se.Code {
	case syntax.ErrMissingParen, syntax.ErrUnexpectedParen:
		return badRegex("parentheses () not balanced")
	case syntax.ErrMissingBracket:
		return badRegex("brackets [] not balanced")
	case syntax.ErrMissingRepeatArgument, syntax.ErrInvalidRepeatOp:
		return badRegex("quantifier operand invalid")
	case syntax.ErrInvalidRepeatSize:
		return badRegex("invalid repetition count(s)")
	case syntax.ErrInvalidCharRange:
		return badRegex("invalid character range")
	case syntax.ErrInvalidEscape, syntax.ErrTrailingBackslash:
		return badRegex(`invalid escape \ sequence`)
	}
	return badRegex(se.Code.String())
}

// translator rewrites ARE syntax to Go's.
type translator struct {
	s            string
	i            int
	out          strings.Builder
	f            Flags
	lazy, greedy bool
}

func (t *translator) run() error {
	if strings.HasPrefix(t.s, "***=") {
		t.out.WriteString(regexp.QuoteMeta(t.s[4:]))
		return nil
	}
	if strings.HasPrefix(t.s, "***:") {
		t.i = 4
	} else if strings.HasPrefix(t.s, "***") {
		return badRegex("quantifier operand invalid")
	}
	if err := t.options(); err != nil {
		return err
	}
	for t.i < len(t.s) {
		if err := t.step(); err != nil {
			return err
		}
	}
	return nil
}

// options reads (?xyz) at the start.
func (t *translator) options() error {
	rest := t.s[t.i:]
	if !strings.HasPrefix(rest, "(?") {
		return nil
	}
	end := strings.IndexByte(rest, ')')
	if end < 0 {
		return nil
	}
	letters := rest[2:end]
	if letters == "" || strings.Trim(letters, "abcdefghijklmnopqrstuvwxyz") != "" {
		return nil
	}
	f, err := ParseFlags(letters, false)
	if err != nil {
		return badRegex("invalid embedded option")
	}
	f.Global, f.fold = t.f.Global, f.fold || t.f.fold && !strings.Contains(letters, "c")
	t.f = f
	t.i += end + 1
	return nil
}

func (t *translator) step() error {
	c := t.s[t.i]
	rest := t.s[t.i:]
	switch c {
	case '\\':
		return t.escape(false)
	case '[':
		return t.bracket()
	case '(':
		for _, look := range []string{"(?=", "(?!", "(?<=", "(?<!"} {
			if strings.HasPrefix(rest, look) {
				return errs.Unsupported("look-around %s in a regular expression", look)
			}
		}
		if strings.HasPrefix(rest, "(?") && !strings.HasPrefix(rest, "(?:") {
			return badRegex("quantifier operand invalid")
		}
	case '^':
		t.i++
		t.out.WriteString(t.anchor(`\A`, `(?m:^)`))
		return nil
	case '$':
		t.i++
		t.out.WriteString(t.anchor(`\z`, `(?m:$)`))
		return nil
	case '*', '+', '?':
		t.quantifier(1)
		return nil
	case '{':
		return t.braces()
	}
	t.out.WriteByte(c)
	t.i++
	return nil
}

func (t *translator) anchor(whole, line string) string {
	if t.f.anchors {
		return line
	}
	return whole
}

// quantifier copies n bytes of a quantifier and notes whether it is greedy.
func (t *translator) quantifier(n int) {
	t.out.WriteString(t.s[t.i : t.i+n])
	t.i += n
	if t.i < len(t.s) && t.s[t.i] == '?' {
		t.out.WriteByte('?')
		t.i++
		t.lazy = true
		return
	}
	t.greedy = true
}

func (t *translator) braces() error {
	rest := t.s[t.i:]
	if len(rest) < 2 || rest[1] < '0' || rest[1] > '9' {
		t.out.WriteString(`\{`)
		t.i++
		return nil
	}
	end := strings.IndexByte(rest, '}')
	if end < 0 {
		return badRegex("braces {} not balanced")
	}
	var lo, hi int
	switch n, _ := fmt.Sscanf(rest[:end+1], "{%d,%d}", &lo, &hi); {
	case n == 2 && hi < lo, lo > 255, hi > 255:
		return badRegex("invalid repetition count(s)")
	}
	if strings.Trim(rest[1:end], "0123456789,") != "" {
		return badRegex("invalid repetition count(s)")
	}
	fixed := !strings.Contains(rest[:end], ",")
	greedy, lazy := t.greedy, t.lazy
	t.quantifier(end + 1)
	if fixed { // a fixed count has no preference
		t.greedy, t.lazy = greedy, lazy
	}
	return nil
}

// escape translates a backslash sequence, in or outside of brackets.
func (t *translator) escape(inBracket bool) error {
	if t.i+1 >= len(t.s) {
		return badRegex(`invalid escape \ sequence`)
	}
	c := t.s[t.i+1]
	t.i += 2
	switch c {
	case 'd', 'f', 'n', 'r', 't', 'v', 'a', 'D':
		t.out.WriteString(`\` + string(c))
	case 'w', 's', 'W', 'S':
		return t.class(c, inBracket)
	case 'b':
		t.out.WriteString(`\x08`)
	case 'B':
		t.out.WriteString(`\\`)
	case 'e':
		t.out.WriteString(`\x1b`)
	case '0':
		t.out.WriteString(`\x00`)
	case 'u', 'U', 'x':
		return t.hex(c)
	case 'c':
		if t.i >= len(t.s) {
			return badRegex(`invalid escape \ sequence`)
		}
		fmt.Fprintf(&t.out, `\x%02x`, t.s[t.i]&0x1f)
		t.i++
	case 'y', 'Y', 'A', 'Z', 'm', 'M':
		if inBracket {
			return badRegex(`invalid escape \ sequence`)
		}
		switch c {
		case 'y':
			t.out.WriteString(`\b`)
		case 'Y':
			t.out.WriteString(`\B`)
		case 'A':
			t.out.WriteString(`\A`)
		case 'Z':
			t.out.WriteString(`\z`)
		default:
			return errs.Unsupported("\\%c in a regular expression", c)
		}
	default:
		switch {
		case c >= '1' && c <= '9' && !inBracket:
			return errs.Unsupported("a back-reference in a regular expression")
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9':
			return badRegex(`invalid escape \ sequence`)
		}
		t.out.WriteString(regexp.QuoteMeta(string(rune(c))))
		if c >= 0x80 { // a byte of a longer character: take it back as it was
			return t.rawAfterEscape()
		}
	}
	return nil
}

// classes are the contents of brackets for the classes of characters, as LC_CTYPE C.UTF-8 has them.
var classes = map[string]string{
	"alpha": `\p{L}\p{Nl}`, "digit": `0-9`, "alnum": `\p{L}\p{Nl}\p{Nd}`, "upper": `\p{Lu}`, "lower": `\p{Ll}`, "blank": `[:blank:]`,
	"space": `\s\x0b\x{1680}\x{2000}-\x{2006}\x{2008}-\x{200a}\x{2028}\x{2029}\x{205f}\x{3000}`,
	"punct": `[:punct:]\p{P}\p{S}`, "cntrl": `[:cntrl:]`, "graph": `[:graph:]\p{L}\p{M}\p{N}\p{P}\p{S}`,
	"print": `[:print:]\p{L}\p{M}\p{N}\p{P}\p{S}\x{a0}`, "xdigit": `[:xdigit:]`, "word": `\p{L}\p{Nl}\p{Nd}_`,
}

// class translates \w, \s and what is not one of them.
func (t *translator) class(c byte, inBracket bool) error {
	set := classes["word"]
	if c == 's' || c == 'S' {
		set = classes["space"]
	}
	switch outside := c == 'W' || c == 'S'; {
	case inBracket && outside:
		t.out.WriteString(`\` + string(c)) // of ASCII: a class within brackets cannot be turned round
	case inBracket:
		t.out.WriteString(set)
	case outside:
		t.out.WriteString("[^" + set + "]")
	default:
		t.out.WriteString("[" + set + "]")
	}
	return nil
}

// rawAfterEscape rewrites an escaped character outside of ASCII, which stands for itself.
func (t *translator) rawAfterEscape() error {
	s := t.out.String()
	t.out.Reset()
	t.out.WriteString(s[:len(s)-len(string(rune(t.s[t.i-1])))])
	t.i--
	for _, r := range t.s[t.i:] {
		t.out.WriteRune(r)
		t.i += len(string(r))
		break
	}
	return nil
}

// hex translates \uwxyz, \Ustuvwxyz and \xhhh.
func (t *translator) hex(kind byte) error {
	digits := map[byte]int{'u': 4, 'U': 8, 'x': 8}[kind]
	start := t.i
	for t.i < len(t.s) && t.i-start < digits && strings.IndexByte("0123456789abcdefABCDEF", t.s[t.i]) >= 0 {
		t.i++
	}
	if n := t.i - start; n == 0 || kind != 'x' && n != digits {
		return badRegex(`invalid escape \ sequence`)
	}
	var v int
	if _, err := fmt.Sscanf(t.s[start:t.i], "%x", &v); err != nil || v > 0x10ffff {
		return badRegex(`invalid escape \ sequence`)
	}
	fmt.Fprintf(&t.out, `\x{%x}`, v)
	return nil
}

// bracket translates a bracket expression.
func (t *translator) bracket() error {
	for _, word := range []string{"[[:<:]]", "[[:>:]]"} {
		if strings.HasPrefix(t.s[t.i:], word) {
			return errs.Unsupported("%s in a regular expression", word)
		}
	}
	t.out.WriteByte('[')
	t.i++
	if t.i < len(t.s) && t.s[t.i] == '^' {
		t.out.WriteByte('^')
		t.i++
		if t.f.newline && t.f.dotNewline {
			t.out.WriteString(`\n`)
		}
	}
	first := true
	for ; ; first = false {
		if t.i >= len(t.s) {
			return badRegex("brackets [] not balanced")
		}
		rest := t.s[t.i:]
		switch c := rest[0]; {
		case c == ']' && !first:
			t.out.WriteByte(']')
			t.i++
			return nil
		case c == '\\':
			if err := t.escape(true); err != nil {
				return err
			}
		case strings.HasPrefix(rest, "[:"):
			end := strings.Index(rest, ":]")
			if end < 0 {
				return badRegex("brackets [] not balanced")
			}
			if classes[rest[2:end]] == "" {
				return badRegex("invalid character class")
			}
			t.out.WriteString(classes[rest[2:end]])
			t.i += end + 2
		case strings.HasPrefix(rest, "[."), strings.HasPrefix(rest, "[="):
			return errs.Unsupported("a collating element in a regular expression")
		case c == '[' || c == ']' || c == '&' || c == '~':
			t.out.WriteByte('\\')
			t.out.WriteByte(c)
			t.i++
		default:
			t.out.WriteByte(c)
			t.i++
		}
	}
}

// beginsAtStart tells whether a tree matches at the start of the text only.
func beginsAtStart(t *syntax.Regexp) bool {
	switch t.Op {
	case syntax.OpBeginText:
		return true
	case syntax.OpConcat, syntax.OpCapture:
		return len(t.Sub) > 0 && beginsAtStart(t.Sub[0])
	case syntax.OpAlternate:
		for _, s := range t.Sub {
			if !beginsAtStart(s) {
				return false
			}
		}
		return true
	}
	return false
}

// looksBehind tells whether a tree asks what stands in front of a place: for a line's start, a word's edge, or the text's.
func looksBehind(t *syntax.Regexp) bool {
	switch t.Op {
	case syntax.OpBeginText, syntax.OpBeginLine, syntax.OpWordBoundary, syntax.OpNoWordBoundary:
		return true
	}
	return slices.ContainsFunc(t.Sub, looksBehind)
}
