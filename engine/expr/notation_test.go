package expr

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/siltstone-db/siltstone/storage/types"
)

// notation reads the compact SQL of testdata: literals, casts with ::, calls, and operators in parentheses.
type notation struct {
	s string
	i int
}

var typeNames = map[string]types.Kind{"int2": types.Int2, "int4": types.Int4, "int8": types.Int8, "float4": types.Float4,
	"float8": types.Float8, "numeric": types.Numeric, "text": types.Text, "varchar": types.Varchar, "char": types.Char,
	"bytea": types.Bytea, "date": types.Date, "time": types.Time, "timestamp": types.Timestamp, "timestamptz": types.Timestamptz,
	"interval": types.Interval, "uuid": types.UUID, "bool": types.Bool, "name": types.Name}

func parseNotation(s string) (e Expr, err error) {
	n := &notation{s: s}
	e, err = n.expr()
	if err == nil && n.i != len(s) {
		err = fmt.Errorf("trailing %q", s[n.i:])
	}
	return e, err
}

func (n *notation) skip() {
	for n.i < len(n.s) && n.s[n.i] == ' ' {
		n.i++
	}
}

func (n *notation) peek() byte {
	n.skip()
	if n.i == len(n.s) {
		return 0
	}
	return n.s[n.i]
}

func (n *notation) word() string {
	start := n.i
	for n.i < len(n.s) && (n.s[n.i] == '_' || n.s[n.i] >= '0' && n.s[n.i] <= '9' || n.s[n.i]|0x20 >= 'a' && n.s[n.i]|0x20 <= 'z') {
		n.i++
	}
	return n.s[start:n.i]
}

func (n *notation) expr() (Expr, error) {
	e, err := n.primary()
	for err == nil && strings.HasPrefix(n.s[n.i:], "::") {
		n.i += 2
		var t types.Type
		if t, err = n.typ(); err != nil {
			return nil, err
		}
		e, err = castTo(e, t)
	}
	return e, err
}

// castTo is an explicit cast.
func castTo(e Expr, t types.Type) (Expr, error) {
	if k, ok := e.(*Const); ok && k.Value.Type.Kind == types.Unknown {
		if k.Value.Null {
			return null(t), nil
		}
		if t.Kind == types.Varchar || t.Kind == types.Char {
			return Fold(&Cast{Arg: &Const{types.TextOf(k.Value.S)}, T: t}), nil
		}
		if t.Kind == types.Numeric && t.Precision == 0 {
			d, err := types.Parse(t, k.Value.S)
			return &Const{d}, err
		}
		return Coerce(e, t)
	}
	if e.Type() == t {
		return e, nil
	}
	return &Cast{Arg: e, T: t}, nil
}

func (n *notation) typ() (t types.Type, err error) {
	w := n.word()
	k, ok := typeNames[w]
	if !ok {
		return t, fmt.Errorf("unknown type %q", w)
	}
	t = types.T(k)
	if strings.HasPrefix(n.s[n.i:], "[]") {
		n.i += 2
		return types.ArrayOf(k), nil
	}
	if n.i < len(n.s) && n.s[n.i] == '(' {
		end := n.i + strings.IndexByte(n.s[n.i:], ')')
		args := strings.Split(n.s[n.i+1:end], ",")
		n.i = end + 1
		a, _ := strconv.Atoi(args[0])
		switch {
		case k != types.Numeric:
			t.Width = int32(a)
		case len(args) == 2:
			b, _ := strconv.Atoi(args[1])
			t = types.NumericOf(a, b)
		default:
			t = types.NumericOf(a, 0)
		}
	} else if k == types.Char {
		t.Width = 1
	}
	return t, nil
}

func (n *notation) primary() (Expr, error) {
	switch c := n.peek(); {
	case c == '(':
		return n.operation()
	case c == '\'':
		return &Const{types.StringOf(types.T(types.Unknown), n.quoted('\''))}, nil
	case c == '"':
		return n.call(n.quoted('"'))
	case c >= '0' && c <= '9':
		return n.number()
	}
	w := n.word()
	switch w {
	case "NULL":
		return null(types.T(types.Unknown)), nil
	case "true", "false":
		return boolean(w == "true"), nil
	case "":
		return nil, fmt.Errorf("unexpected %q", n.s[n.i:])
	}
	return n.call(w)
}

func (n *notation) quoted(q byte) string {
	var b strings.Builder
	for n.i++; n.i < len(n.s); n.i++ {
		if n.s[n.i] == q {
			if n.i+1 < len(n.s) && n.s[n.i+1] == q {
				n.i++
			} else {
				n.i++
				break
			}
		}
		b.WriteByte(n.s[n.i])
	}
	return b.String()
}

func (n *notation) number() (Expr, error) {
	start := n.i
	for n.i < len(n.s) && strings.IndexByte("0123456789.", n.s[n.i]) >= 0 {
		n.i++
	}
	text := n.s[start:n.i]
	if strings.Contains(text, ".") {
		return Coerce(&Const{types.StringOf(types.T(types.Unknown), text)}, types.T(types.Numeric))
	}
	v, err := strconv.ParseInt(text, 10, 64)
	if v > 1<<31-1 {
		return &Const{types.IntOf(types.T(types.Int8), v)}, err
	}
	return &Const{types.IntOf(types.T(types.Int4), v)}, err
}

func (n *notation) call(name string) (Expr, error) {
	if n.peek() != '(' {
		return nil, fmt.Errorf("want ( after %q", name)
	}
	n.i++
	var args []Expr
	for n.peek() != ')' {
		a, err := n.expr()
		if err != nil {
			return nil, err
		}
		args = append(args, a)
		if n.peek() == ',' {
			n.i++
		}
	}
	n.i++
	return CallFunction(name, args...)
}

func (n *notation) operator() string {
	start := n.i
	for n.i < len(n.s) && strings.IndexByte("+-*/%^=<>!~|&#@", n.s[n.i]) >= 0 {
		n.i++
	}
	return n.s[start:n.i]
}

func (n *notation) operation() (Expr, error) {
	n.i++
	n.skip()
	var left Expr
	var err error
	op := n.operator()
	if op == "" {
		if left, err = n.expr(); err != nil {
			return nil, err
		}
		n.skip()
		if op = n.operator(); op == "" {
			if n.peek() != ')' {
				return nil, fmt.Errorf("want ) at %q", n.s[n.i:])
			}
			n.i++
			return left, nil
		}
	}
	right, err := n.expr()
	if err != nil {
		return nil, err
	}
	if n.peek() != ')' {
		return nil, fmt.Errorf("want ) at %q", n.s[n.i:])
	}
	n.i++
	return CallOperator(op, left, right)
}
