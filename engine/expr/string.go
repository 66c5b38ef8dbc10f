package expr

import (
	"fmt"
	"strings"

	"github.com/siltstone-db/siltstone/storage/types"
)

// String returns the column's name, or #n when it has none.
func (e *Column) String() string {
	if e.Name == "" {
		return fmt.Sprintf("#%d", e.Index)
	}
	return e.Name
}

// String returns the constant as a literal with its type where the literal alone would not have it.
func (e *Const) String() string { return literal(e.Value) }

func literal(d types.Datum) string {
	t := types.Type{Kind: d.Type.Kind, Elem: d.Type.Elem}
	if d.Null {
		if t.Kind == types.Unknown {
			return "NULL"
		}
		return "NULL::" + t.String()
	}
	text := string(types.Append(nil, d))
	switch {
	case t.Kind == types.Bool:
		if d.I != 0 {
			return "true"
		}
		return "false"
	case (t.Kind == types.Int4 || t.Kind == types.Numeric) && text[0] != '-' && text[0] >= '0' && text[0] <= '9':
		return text
	case t.Kind == types.Unknown:
		return quote(text)
	}
	return quote(text) + "::" + t.String()
}

func quote(s string) string {
	s = strings.ReplaceAll(s, "'", "''")
	if strings.Contains(s, `\`) {
		return "E'" + strings.ReplaceAll(s, `\`, `\\`) + "'"
	}
	return "'" + s + "'"
}

// String returns $n.
func (e *Param) String() string { return fmt.Sprintf("$%d", e.Number) }

// String writes operators between their operands, in parentheses.
func (e *Call) String() string {
	op, quantifier, quantified := strings.Cut(e.Fn.Name, " ")
	switch {
	case e.Fn.Infix && quantified:
		return fmt.Sprintf("(%s %s %s (%s))", e.Args[0], op, strings.ToUpper(quantifier), e.Args[1])
	case e.Fn.Infix && len(e.Args) == 2:
		return fmt.Sprintf("(%s %s %s)", e.Args[0], e.Fn.Name, e.Args[1])
	case e.Fn.Infix:
		return fmt.Sprintf("(%s %s)", e.Fn.Name, e.Args[0])
	}
	return e.Fn.Name + "(" + join(e.Args, ", ") + ")"
}

func join(args []Expr, sep string) string {
	s := make([]string, len(args))
	for i, a := range args {
		s[i] = a.String()
	}
	return strings.Join(s, sep)
}

// String returns (arg)::type.
func (e *Cast) String() string {
	arg := e.Arg.String()
	if !strings.HasPrefix(arg, "(") {
		arg = "(" + arg + ")"
	}
	return arg + "::" + e.T.String()
}

// String returns (a AND b).
func (e *Logic) String() string {
	if e.Or {
		return "(" + join(e.Args, " OR ") + ")"
	}
	return "(" + join(e.Args, " AND ") + ")"
}

// String returns (NOT arg).
func (e *Not) String() string { return "(NOT " + e.Arg.String() + ")" }

// String returns (arg IS NULL).
func (e *IsNull) String() string {
	if e.Negate {
		return "(" + e.Arg.String() + " IS NOT NULL)"
	}
	return "(" + e.Arg.String() + " IS NULL)"
}

// String returns (arg IS TRUE) and so on.
func (e *IsBool) String() string {
	is, word := " IS ", "FALSE"
	if e.Negate {
		is = " IS NOT "
	}
	switch {
	case e.Value.Null:
		word = "UNKNOWN"
	case e.Value.I != 0:
		word = "TRUE"
	}
	return "(" + e.Arg.String() + is + word + ")"
}

// String writes the list as an array, as PostgreSQL does.
func (e *In) String() string {
	op := " = ANY ("
	if e.Negate {
		op = " <> ALL ("
	}
	var items []string
	for i, d := range e.List {
		if i == 20 {
			items = append(items, fmt.Sprintf("... %d more", len(e.List)-i))
			break
		}
		items = append(items, string(types.AppendElement(nil, types.Append(nil, d), false, true)))
	}
	if e.HasNull {
		items = append(items, "NULL")
	}
	return "(" + e.Arg.String() + op + quote("{"+strings.Join(items, ",")+"}") + "::" +
		types.ArrayOf(e.Arg.Type().Kind).String() + "))"
}

// String returns CASE WHEN ... END.
func (e *Case) String() string {
	var b strings.Builder
	b.WriteString("CASE")
	for _, w := range e.Whens {
		fmt.Fprintf(&b, " WHEN %s THEN %s", w.Cond, w.Result)
	}
	if e.Else != nil {
		fmt.Fprintf(&b, " ELSE %s", e.Else)
	}
	b.WriteString(" END")
	return b.String()
}

// String returns COALESCE(...).
func (e *Coalesce) String() string { return "COALESCE(" + join(e.Args, ", ") + ")" }
