package parse

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/siltstone-db/siltstone/storage/errs"
)

// The limits of Guard. libpg_query crashed at 64,000 repetitions of binary operators, casts, JOIN and UNION; nothing
// deeper than about 5,000 ever gave a tree, because protobuf refuses to nest further. 2,000 leaves a factor of 30 to the
// crash and is far beyond what programs write.
const (
	maxTextBytes = 16 << 20
	maxJoins     = 2000 // JOIN, UNION, INTERSECT, EXCEPT of one statement
	maxChain     = 2000 // operators in a row at one depth, without a comma, AND or OR between them
	maxOpen      = 4000 // operators in a row, summed over the open parentheses: what can become one path of the tree
	maxNesting   = 1500 // parentheses, brackets and CASE around one place
)

// Guard refuses texts that are not UTF-8 (22021) and those that could take the parser's stack (54001). It reads the text
// once with PostgreSQL's lexical rules for strings, identifiers and comments, and allocates almost nothing.
func Guard(text string) error {
	if len(text) > maxTextBytes {
		return tooComplex(fmt.Sprintf("the text has %d bytes; the limit is %d", len(text), maxTextBytes))
	}
	if i := strings.IndexByte(text, 0); i >= 0 || !utf8.ValidString(text) {
		return badBytes(text)
	}
	g := guard{text: text}
	return g.run()
}

// Weight estimates the memory of a text, its tree and its plan together, without making any of them. Measured, a token
// takes 110 to 260 bytes: lists of small numbers the most.
func Weight(text string) int64 {
	g := guard{text: text}
	_ = g.run() // of what is too complex nothing is made
	return 2*int64(len(text)) + tokenBytes*int64(g.tokens)
}

const tokenBytes = 256

// badBytes names the first wrong byte sequence as PostgreSQL does: as many bytes as the first one announces.
func badBytes(text string) error {
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRuneInString(text[i:])
		if text[i] != 0 && (r != utf8.RuneError || n > 1) {
			i += n
			continue
		}
		n = 1
		switch b := text[i]; {
		case b&0xe0 == 0xc0:
			n = 2
		case b&0xf0 == 0xe0:
			n = 3
		case b&0xf8 == 0xf0:
			n = 4
		}
		var hex strings.Builder
		for _, b := range []byte(text[i:min(i+n, len(text))]) {
			fmt.Fprintf(&hex, " 0x%02x", b)
		}
		return errs.New(errs.CharacterNotInRepertoire, "invalid byte sequence for encoding \"UTF8\":%s", hex.String())
	}
	return nil
}

// guard is the state of one reading.
type guard struct {
	text  string
	joins int
	open  int     // sum of chain over all levels
	level []level // open parentheses, brackets and CASEs; the statement itself is not among them
	chain int     // operators in a row at the innermost level
	// between counts the BETWEENs of the innermost level whose AND has not come: that AND joins no conditions, and the
	// chain may go on behind it (a BETWEEN 1 AND 2 IS NULL BETWEEN ...).
	between int
	dot     bool // the last token was a dot: a keyword after it is a name
	tokens  int
}

type level struct {
	chain, between int  // of the level around this one
	kase           bool // opened by CASE
}

func (g *guard) run() error {
	t := g.text
	for i := 0; i < len(t); {
		c := t[i]
		dot := false
		switch {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v':
			i++
			continue
		case strings.HasPrefix(t[i:], "--"):
			i = lineEnd(t, i)
			continue
		case strings.HasPrefix(t[i:], "/*"):
			i = commentEnd(t, i)
			continue
		case c == '\'':
			i = stringEnd(t, i, false)
		case c == '"':
			i = quotedEnd(t, i)
		case c == '$':
			i = dollarEnd(t, i)
		case c >= '0' && c <= '9':
			for i++; i < len(t) && (t[i] >= '0' && t[i] <= '9' || t[i] == '.'); i++ {
			}
		case identStart(c):
			start := i
			for i++; i < len(t) && (identStart(t[i]) || t[i] >= '0' && t[i] <= '9' || t[i] == '$'); i++ {
			}
			if i-start == 1 && (c == 'e' || c == 'E') && i < len(t) && t[i] == '\'' {
				i = stringEnd(t, i, true)
				break
			}
			if err := g.word(t[start:i]); err != nil {
				return err
			}
		case c == '(' || c == '[':
			i++
			if err := g.push(false); err != nil {
				return err
			}
		case c == ')' || c == ']':
			i++
			for len(g.level) > 0 && g.level[len(g.level)-1].kase {
				g.pop()
			}
			g.pop()
		case c == ',':
			i++
			g.reset()
		case c == ';':
			i++
			if len(g.level) == 0 {
				g.reset()
				g.joins = 0
			}
		case c == '.':
			i++
			dot = true
		case strings.IndexByte("+-*/<>=~!@#%^&|`?:", c) >= 0:
			for i++; i < len(t) && strings.IndexByte("+-*/<>=~!@#%^&|`?:", t[i]) >= 0 &&
				!strings.HasPrefix(t[i:], "--") && !strings.HasPrefix(t[i:], "/*"); i++ {
			}
			if err := g.operator(); err != nil {
				return err
			}
		default:
			i++
		}
		g.dot = dot
		g.tokens++
	}
	return nil
}

func (g *guard) push(kase bool) error {
	if len(g.level) >= maxNesting {
		return tooComplex(fmt.Sprintf("more than %d levels of parentheses", maxNesting))
	}
	g.level = append(g.level, level{chain: g.chain, between: g.between, kase: kase})
	g.chain, g.between = 0, 0
	return nil
}

func (g *guard) pop() {
	if n := len(g.level); n > 0 {
		g.reset()
		g.chain, g.between = g.level[n-1].chain, g.level[n-1].between
		g.level = g.level[:n-1]
	}
}

func (g *guard) reset() {
	g.open -= g.chain
	g.chain, g.between = 0, 0
}

func (g *guard) operator() error {
	g.chain++
	g.open++
	if g.chain > maxChain || g.open > maxOpen {
		return tooComplex(fmt.Sprintf("more than %d operators in a row", maxChain))
	}
	return nil
}

// word counts the keywords that nest: those written between operands like operators, and those that combine tables.
func (g *guard) word(w string) error {
	if len(w) > 10 || g.dot {
		return nil
	}
	var buf [10]byte
	for i := range len(w) {
		c := w[i]
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		buf[i] = c
	}
	switch string(buf[:len(w)]) {
	case "join", "union", "intersect", "except":
		if g.joins++; g.joins > maxJoins {
			return tooComplex(fmt.Sprintf("more than %d joins and set operations", maxJoins))
		}
		g.reset()
	case "and":
		if g.between > 0 {
			g.between--
			break
		}
		g.reset() // AND and OR chains become one flat list
	case "or", "when", "then", "else":
		g.reset()
	case "between":
		g.between++
		return g.operator()
	case "is", "isnull", "notnull", "collate", "at", "like", "ilike", "similar", "in", "operator", "overlaps", "not":
		return g.operator()
	case "case":
		return g.push(true)
	case "end":
		if n := len(g.level); n > 0 && g.level[n-1].kase {
			g.pop()
		}
	}
	return nil
}
