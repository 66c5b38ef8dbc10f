package jsonpath

import (
	"strconv"
	"strings"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types/decimal"
	"github.com/siltstone-db/siltstone/storage/types/jsonb"
)

// depthMax bounds parentheses in each other: parsing and evaluation recurse.
const depthMax = 1000

// parser is recursive descent over PostgreSQL's grammar (jsonpath_gram.y).
type parser struct {
	lex      lexer
	tok      token
	depth    int
	brackets int // around the node at hand: "last" needs one
	filters  int // around it: "@" needs one
}

// Parse reads a path.
func Parse(s string) (*Path, error) {
	p := &parser{lex: lexer{in: s}}
	if err := p.advance(); err != nil {
		return nil, err
	}
	out := &Path{}
	if p.keyword("strict") || p.keyword("lax") {
		out.Strict = p.keyword("strict")
		if err := p.advance(); err != nil {
			return nil, err
		}
	}
	if p.tok.kind == tokEnd && strings.TrimSpace(s) == "" {
		return nil, errs.New(errs.InvalidTextRepresentation, "invalid input syntax for type %s: %q", "jsonpath", s)
	}
	n, err := p.or()
	if err != nil {
		return nil, err
	}
	if p.tok.kind != tokEnd {
		return nil, p.unexpected()
	}
	out.Root = n
	return out, nil
}

func (p *parser) advance() (err error) {
	p.tok, err = p.lex.next()
	return err
}

// keyword tells whether the token is a word, in any case; true, false and null must be lower case.
func (p *parser) keyword(w string) bool {
	return p.tok.kind == tokWord && strings.EqualFold(p.tok.text, w)
}

func (p *parser) unexpected() error {
	if p.tok.kind == tokEnd {
		return errs.New(errs.SyntaxError, "syntax error at end of jsonpath input")
	}
	return errs.New(errs.SyntaxError, "syntax error at or near %q of jsonpath input", p.tok.text)
}

func (p *parser) expect(kind string) error {
	if p.tok.kind != kind {
		return p.unexpected()
	}
	return p.advance()
}

func (p *parser) enter() error {
	if p.depth++; p.depth > depthMax {
		return errs.New(errs.StatementTooComplex, "stack depth limit exceeded").
			WithHint("Expressions of a jsonpath nest at most %d levels deep.", depthMax)
	}
	return nil
}

// operands checks that both are conditions, or that neither is.
func (p *parser) operands(conditions bool, ns ...*Node) error {
	for _, n := range ns {
		if n.predicate() != conditions {
			return p.unexpected()
		}
	}
	return nil
}

// logical parses a chain of conditions.
func (p *parser) logical(op string, kind Kind, next func() (*Node, error)) (*Node, error) {
	left, err := next()
	for err == nil && p.tok.kind == op {
		if err = p.operands(true, left); err != nil {
			return nil, err
		}
		if err = p.advance(); err != nil {
			return nil, err
		}
		var right *Node
		if right, err = next(); err != nil {
			return nil, err
		}
		if err = p.operands(true, right); err != nil {
			return nil, err
		}
		left = &Node{Kind: kind, Left: left, Right: right}
	}
	return left, err
}

func (p *parser) or() (*Node, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	return p.logical("||", Or, p.and)
}

func (p *parser) and() (*Node, error) { return p.logical("&&", And, p.condition) }

var comparisons = map[string]Kind{"==": Equal, "!=": NotEqual, "<>": NotEqual, "<": Less, "<=": LessEqual, ">": Greater, ">=": GreaterEqual}

// condition parses what && and || connect, or an expression.
func (p *parser) condition() (*Node, error) {
	if p.tok.kind == "!" {
		if err := p.advance(); err != nil {
			return nil, err
		}
		if p.tok.kind != "(" && !p.keyword("exists") {
			return nil, p.unexpected()
		}
		n, err := p.primary()
		if err != nil {
			return nil, err
		}
		if err := p.operands(true, n); err != nil {
			return nil, err
		}
		return &Node{Kind: Not, Left: n}, nil
	}
	left, err := p.sum()
	if err != nil {
		return nil, err
	}
	kind, compared := comparisons[p.tok.kind]
	switch {
	case compared:
		if err := p.operands(false, left); err != nil {
			return nil, err
		}
		if err := p.advance(); err != nil {
			return nil, err
		}
		right, err := p.sum()
		if err != nil {
			return nil, err
		}
		return &Node{Kind: kind, Left: left, Right: right}, p.operands(false, right)
	case p.keyword("starts"):
		return p.startsWith(left)
	case p.keyword("like_regex"):
		return p.likeRegex(left)
	case left.predicate() && p.keyword("is"):
		if err := p.advance(); err != nil {
			return nil, err
		}
		if !p.keyword("unknown") {
			return nil, p.unexpected()
		}
		return &Node{Kind: IsUnknown, Left: left}, p.advance()
	}
	return left, nil
}

func (p *parser) startsWith(left *Node) (*Node, error) {
	if err := p.operands(false, left); err != nil {
		return nil, err
	}
	if err := p.advance(); err != nil {
		return nil, err
	}
	if !p.keyword("with") {
		return nil, p.unexpected()
	}
	if err := p.advance(); err != nil {
		return nil, err
	}
	var right *Node
	switch p.tok.kind {
	case tokString:
		right = literal(func(b *jsonb.Builder) error { b.String([]byte(p.tok.text)); return nil })
	case tokVariable:
		right = &Node{Kind: Variable, Text: p.tok.text}
	default:
		return nil, p.unexpected()
	}
	return &Node{Kind: StartsWith, Left: left, Right: right}, p.advance()
}

func (p *parser) likeRegex(left *Node) (*Node, error) {
	if err := p.operands(false, left); err != nil {
		return nil, err
	}
	if err := p.advance(); err != nil {
		return nil, err
	}
	n := &Node{Kind: LikeRegex, Left: left, Text: p.tok.text}
	if err := p.expect(tokString); err != nil {
		return nil, err
	}
	if !p.keyword("flag") {
		return n, nil
	}
	if err := p.advance(); err != nil {
		return nil, err
	}
	given := p.tok.text
	if err := p.expect(tokString); err != nil {
		return nil, err
	}
	for i, c := range given {
		switch c {
		case 'i', 's', 'm', 'q':
		case 'x':
			return nil, errs.New(errs.FeatureNotSupported, `XQuery "x" flag (expanded regular expressions) is not implemented`)
		default:
			return nil, errs.New(errs.SyntaxError, "invalid input syntax for type jsonpath").
				WithDetail("Unrecognized flag character %q in LIKE_REGEX predicate.", given[i:i+len(string(c))])
		}
	}
	for _, c := range "ismq" {
		if strings.ContainsRune(given, c) {
			n.Flags += string(c)
		}
	}
	return n, nil
}

// chain parses operators of one priority.
func (p *parser) chain(ops map[string]Kind, next func() (*Node, error)) (*Node, error) {
	left, err := next()
	for err == nil {
		kind, ok := ops[p.tok.kind]
		if !ok {
			break
		}
		if err = p.operands(false, left); err != nil {
			return nil, err
		}
		if err = p.advance(); err != nil {
			return nil, err
		}
		var right *Node
		if right, err = next(); err != nil {
			return nil, err
		}
		if err = p.operands(false, right); err != nil {
			return nil, err
		}
		left = &Node{Kind: kind, Left: left, Right: right}
	}
	return left, err
}

func (p *parser) sum() (*Node, error) { return p.chain(map[string]Kind{"+": Add, "-": Sub}, p.product) }

func (p *parser) product() (*Node, error) {
	return p.chain(map[string]Kind{"*": Mul, "/": Div, "%": Mod}, p.unary)
}

func (p *parser) unary() (*Node, error) {
	kind := Plus
	switch p.tok.kind {
	case "+":
	case "-":
		kind = Minus
	default:
		return p.primary()
	}
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	if err := p.advance(); err != nil {
		return nil, err
	}
	n, err := p.unary()
	if err != nil {
		return nil, err
	}
	if n.Kind == Literal && n.Next == nil && n.Value.Kind() == jsonb.Number { // as the grammar folds it
		if kind == Plus {
			return n, nil
		}
		d := n.Value.Decimal().Neg()
		return literal(func(b *jsonb.Builder) error { b.Decimal(d); return nil }), nil
	}
	return &Node{Kind: kind, Left: n}, p.operands(false, n)
}

// literal makes a node of what add builds.
func literal(add func(b *jsonb.Builder) error) *Node {
	var b jsonb.Builder
	b.Reset()
	if add(&b) != nil {
		return nil
	}
	enc, err := b.Append(nil)
	if err != nil {
		return nil
	}
	return &Node{Kind: Literal, Value: jsonb.Open(enc)}
}

// primary parses what accessors stand behind.
func (p *parser) primary() (*Node, error) {
	var n *Node
	t := p.tok
	switch {
	case t.kind == "(":
		return p.parenthesis()
	case t.kind == "$":
		n = &Node{Kind: Root}
	case t.kind == "@":
		if p.filters == 0 {
			return nil, errs.New(errs.SyntaxError, "@ is not allowed in root expressions")
		}
		n = &Node{Kind: Current}
	case t.kind == tokVariable:
		n = &Node{Kind: Variable, Text: t.text}
	case t.kind == tokString:
		n = literal(func(b *jsonb.Builder) error { b.String([]byte(t.text)); return nil })
	case t.kind == tokNumber:
		d, err := decimal.Parse([]byte(t.text))
		if err != nil {
			return nil, err
		}
		n = literal(func(b *jsonb.Builder) error { b.Decimal(d); return nil })
	case t.kind == tokWord:
		return p.word()
	}
	if n == nil {
		return nil, p.unexpected()
	}
	if err := p.advance(); err != nil {
		return nil, err
	}
	return n, p.accessors(n)
}

// word parses a keyword that begins an expression.
func (p *parser) word() (*Node, error) {
	var n *Node
	switch w := p.tok.text; {
	case w == "true" || w == "false":
		n = literal(func(b *jsonb.Builder) error { b.Bool(w == "true"); return nil })
	case w == "null":
		n = literal(func(b *jsonb.Builder) error { b.Null(); return nil })
	case p.keyword("last"):
		if p.brackets == 0 {
			return nil, errs.New(errs.SyntaxError, "LAST is allowed only in array subscripts")
		}
		n = &Node{Kind: Last}
	case p.keyword("exists"):
		if err := p.advance(); err != nil {
			return nil, err
		}
		if err := p.expect("("); err != nil {
			return nil, err
		}
		arg, err := p.or()
		if err != nil {
			return nil, err
		}
		if err := p.operands(false, arg); err != nil {
			return nil, err
		}
		return &Node{Kind: Exists, Left: arg}, p.expect(")")
	default:
		return nil, p.unexpected()
	}
	if err := p.advance(); err != nil {
		return nil, err
	}
	return n, p.accessors(n)
}

func (p *parser) parenthesis() (*Node, error) {
	if err := p.advance(); err != nil {
		return nil, err
	}
	n, err := p.or()
	if err != nil {
		return nil, err
	}
	if err := p.expect(")"); err != nil {
		return nil, err
	}
	end := n
	for end.Next != nil {
		end = end.Next
	}
	return n, p.accessors(end)
}

// accessors hangs what follows behind a node.
func (p *parser) accessors(n *Node) error {
	for {
		var next *Node
		var err error
		switch p.tok.kind {
		case ".":
			next, err = p.member()
		case "[":
			next, err = p.subscripts()
		case "?":
			next, err = p.filter()
		default:
			return nil
		}
		if err != nil {
			return err
		}
		n.Next = next
		n = next
	}
}

func (p *parser) filter() (*Node, error) {
	if err := p.advance(); err != nil {
		return nil, err
	}
	if err := p.expect("("); err != nil {
		return nil, err
	}
	p.filters++
	arg, err := p.or()
	p.filters--
	if err != nil {
		return nil, err
	}
	if err := p.operands(true, arg); err != nil {
		return nil, err
	}
	return &Node{Kind: Filter, Left: arg}, p.expect(")")
}

func (p *parser) subscripts() (*Node, error) {
	if err := p.advance(); err != nil {
		return nil, err
	}
	if p.tok.kind == "*" {
		if err := p.advance(); err != nil {
			return nil, err
		}
		return &Node{Kind: AnyArray}, p.expect("]")
	}
	n := &Node{Kind: Index}
	p.brackets++
	defer func() { p.brackets-- }()
	for {
		var s Subscript
		var err error
		if s.From, err = p.sum(); err != nil {
			return nil, err
		}
		if p.keyword("to") {
			if err := p.advance(); err != nil {
				return nil, err
			}
			if s.To, err = p.sum(); err != nil {
				return nil, err
			}
		}
		n.Subscripts = append(n.Subscripts, s)
		if p.tok.kind != "," {
			return n, p.expect("]")
		}
		if err := p.advance(); err != nil {
			return nil, err
		}
	}
}

var methods = map[string]Kind{"type": Type, "size": Size, "abs": Abs, "floor": Floor, "ceiling": Ceiling, "double": Double,
	"keyvalue": KeyValue, "datetime": Datetime}

// member parses what follows a point.
func (p *parser) member() (*Node, error) {
	if err := p.advance(); err != nil {
		return nil, err
	}
	t := p.tok
	switch t.kind {
	case "*":
		return &Node{Kind: AnyKey}, p.advance()
	case "**":
		return p.anyPath()
	case tokString:
		return &Node{Kind: Key, Text: t.text}, p.advance()
	case tokWord:
	default:
		return nil, p.unexpected()
	}
	if err := p.advance(); err != nil {
		return nil, err
	}
	kind, ok := methods[strings.ToLower(t.text)]
	if !ok || p.tok.kind != "(" {
		return &Node{Kind: Key, Text: t.text}, nil
	}
	if err := p.advance(); err != nil {
		return nil, err
	}
	n := &Node{Kind: kind}
	if kind == Datetime && p.tok.kind == tokString {
		n.Text, n.Template = p.tok.text, true
		if err := p.advance(); err != nil {
			return nil, err
		}
	}
	return n, p.expect(")")
}

func (p *parser) anyPath() (*Node, error) {
	if err := p.advance(); err != nil {
		return nil, err
	}
	n := &Node{Kind: Any, Last: Deepest}
	if p.tok.kind != "{" {
		return n, nil
	}
	if err := p.advance(); err != nil {
		return nil, err
	}
	var err error
	if n.First, err = p.level(); err != nil {
		return nil, err
	}
	n.Last = n.First
	if p.keyword("to") {
		if err := p.advance(); err != nil {
			return nil, err
		}
		if n.Last, err = p.level(); err != nil {
			return nil, err
		}
	}
	return n, p.expect("}")
}

func (p *parser) level() (uint32, error) {
	if p.keyword("last") {
		return Deepest, p.advance()
	}
	if p.tok.kind != tokNumber {
		return 0, p.unexpected()
	}
	v, err := strconv.ParseUint(p.tok.text, 10, 31)
	if err != nil {
		return 0, p.unexpected()
	}
	return uint32(v), p.advance()
}
