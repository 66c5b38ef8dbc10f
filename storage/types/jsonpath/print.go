package jsonpath

import (
	"strconv"

	"github.com/siltstone-db/siltstone/storage/types/jsonb"
	"github.com/siltstone-db/siltstone/storage/types/jsontext"
)

var operators = map[Kind]string{And: "&&", Or: "||", Equal: "==", NotEqual: "!=", Less: "<", LessEqual: "<=", Greater: ">",
	GreaterEqual: ">=", Add: "+", Sub: "-", Mul: "*", Div: "/", Mod: "%", Plus: "+", Minus: "-", StartsWith: "starts with"}

// Operator returns how an operator is written.
func (k Kind) Operator() string { return operators[k] }

// Method returns the name of a method.
func (k Kind) Method() string {
	for name, m := range methods {
		if m == k {
			return name
		}
	}
	return ""
}

// Append appends the text of a path as PostgreSQL prints it.
func (p *Path) Append(dst []byte) []byte {
	if p.Strict {
		dst = append(dst, "strict "...)
	}
	return p.Root.append(dst, false, true)
}

func quote(dst []byte, s string) []byte { return jsontext.AppendQuoted(dst, []byte(s)) }

// append appends a node and what follows it. behind says that it follows another, brackets that an operator gets them.
func (n *Node) append(dst []byte, behind, brackets bool) []byte {
	dst = n.appendOne(dst, behind, brackets)
	if n.Next != nil {
		dst = n.Next.append(dst, true, true)
	}
	return dst
}

func (n *Node) operand(dst []byte, o *Node) []byte {
	return o.append(dst, false, o.priority() <= n.priority())
}

func (n *Node) appendOne(dst []byte, behind, brackets bool) []byte {
	open := func(s string) {
		if brackets {
			dst = append(dst, s...)
		}
	}
	point := func() {
		if behind {
			dst = append(dst, '.')
		}
	}
	switch k := n.Kind; k {
	case Literal:
		if n.Value.Kind() == jsonb.Number && n.Next != nil {
			return append(n.Value.AppendText(append(dst, '(')), ')')
		}
		return n.Value.AppendText(dst)
	case Variable:
		return quote(append(dst, '$'), n.Text)
	case Root:
		return append(dst, '$')
	case Current:
		return append(dst, '@')
	case Last:
		return append(dst, "last"...)
	case Key:
		point()
		return quote(dst, n.Text)
	case AnyKey:
		point()
		return append(dst, '*')
	case AnyArray:
		return append(dst, "[*]"...)
	case Index:
		return n.appendSubscripts(dst)
	case Any:
		point()
		return n.appendLevels(dst)
	case Filter:
		return append(n.Left.append(append(dst, "?("...), false, false), ')')
	case Not:
		return append(n.Left.append(append(dst, "!("...), false, false), ')')
	case IsUnknown:
		return append(n.Left.append(append(dst, '('), false, false), ") is unknown"...)
	case Exists:
		return append(n.Left.append(append(dst, "exists ("...), false, false), ')')
	case LikeRegex:
		open("(")
		dst = n.operand(dst, n.Left)
		dst = quote(append(dst, " like_regex "...), n.Text)
		if n.Flags != "" {
			dst = append(append(append(dst, ` flag "`...), n.Flags...), '"')
		}
		open(")")
		return dst
	case Plus, Minus:
		open("(")
		dst = n.operand(append(dst, operators[k]...), n.Left)
		open(")")
		return dst
	case Datetime:
		dst = append(dst, ".datetime("...)
		if n.Template {
			dst = quote(dst, n.Text)
		}
		return append(dst, ')')
	case Type, Size, Abs, Floor, Ceiling, Double, KeyValue:
		return append(append(append(dst, '.'), k.Method()...), "()"...)
	}
	open("(")
	dst = n.operand(dst, n.Left)
	dst = append(append(append(dst, ' '), operators[n.Kind]...), ' ')
	dst = n.operand(dst, n.Right)
	open(")")
	return dst
}

func (n *Node) appendSubscripts(dst []byte) []byte {
	dst = append(dst, '[')
	for i, s := range n.Subscripts {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = s.From.append(dst, false, false)
		if s.To != nil {
			dst = s.To.append(append(dst, " to "...), false, false)
		}
	}
	return append(dst, ']')
}

func (n *Node) appendLevels(dst []byte) []byte {
	dst = append(dst, "**"...)
	if n.First == 0 && n.Last == Deepest {
		return dst
	}
	level := func(v uint32) {
		if v == Deepest {
			dst = append(dst, "last"...)
		} else {
			dst = strconv.AppendUint(dst, uint64(v), 10)
		}
	}
	dst = append(dst, '{')
	level(n.First)
	if n.First != n.Last {
		dst = append(dst, " to "...)
		level(n.Last)
	}
	return append(dst, '}')
}
