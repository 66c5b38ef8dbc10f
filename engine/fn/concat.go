package fn

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

func init() {
	join := rowText(tText, func(_ *Context, r *row, dst []byte) ([]byte, error) {
		return append(append(notNil(dst), r.bytes(0)...), r.bytes(1)...), nil
	})
	registerOp(&Overload{Name: "||", Args: list(tText, tText), Result: returns(tText), Total: true, Eval: join},
		&Overload{Name: "||", Args: list(tBytea, tBytea), Result: returns(tBytea), Total: true,
			Eval: func(c *Context, args []*batch.Vector, n int, valid batch.Bitmap, out *batch.Vector) error {
				err := join(c, args, n, valid, out)
				out.Type = tBytea
				return err
			}})
	any2 := rowText(tText, func(c *Context, r *row, dst []byte) ([]byte, error) { // as casts to text print values
		set, err := c.settings()
		if err != nil {
			return dst, err
		}
		if dst, err = appendValue(c, notNil(dst), r.args[0], r.i, &set); err != nil {
			return dst, err
		}
		return appendValue(c, dst, r.args[1], r.i, &set)
	})
	registerOp(&Overload{Name: "||", Args: list(tText, tNonArray), Result: returns(tText), Volatility: Stable, Eval: any2},
		&Overload{Name: "||", Args: list(tNonArray, tText), Result: returns(tText), Volatility: Stable, Eval: any2})
	register(&Overload{Name: "concat", Args: list(tAny), Variadic: true, Result: returns(tText), Volatility: Stable,
		NotStrict: true, Eval: rowText(tText, func(c *Context, r *row, dst []byte) ([]byte, error) {
			return joinArgs(c, notNil(dst), r, 0, nil)
		})},
		&Overload{Name: "concat_ws", Args: list(tText, tAny), Variadic: true, Result: returns(tText), Volatility: Stable,
			NotStrict: true, Eval: rowText(tText, func(c *Context, r *row, dst []byte) ([]byte, error) {
				if r.null(0) {
					return nil, nil
				}
				return joinArgs(c, notNil(dst), r, 1, r.bytes(0))
			})},
		&Overload{Name: "format", Args: list(tText), Result: returns(tText), Volatility: Stable, NotStrict: true,
			Eval: rowText(tText, format)},
		&Overload{Name: "format", Args: list(tText, tAny), Variadic: true, Result: returns(tText), Volatility: Stable,
			NotStrict: true, Eval: rowText(tText, format)})
	totalText("quote_ident", list(tText), func(r *row, dst []byte) []byte { return quoteIdent(notNil(dst), r.bytes(0)) })
	totalText("quote_literal", list(tText), func(r *row, dst []byte) []byte { return quoteLiteral(notNil(dst), r.bytes(0)) })
	register(&Overload{Name: "quote_nullable", Args: list(tText), Result: returns(tText), NotStrict: true, Total: true,
		Eval: rowText(tText, func(_ *Context, r *row, dst []byte) ([]byte, error) {
			if r.null(0) {
				return append(dst, "NULL"...), nil
			}
			return quoteLiteral(notNil(dst), r.bytes(0)), nil
		})})
}

// appendArg appends argument a as concat prints it: booleans as t and f.
func appendArg(c *Context, dst []byte, r *row, a int) ([]byte, error) {
	v := r.args[a]
	if v.Type.Kind == types.Bool {
		if r.bool(a) {
			return append(dst, 't'), nil
		}
		return append(dst, 'f'), nil
	}
	if v.Type.Kind == types.Char {
		return append(dst, r.bytes(a)...), nil
	}
	set, err := c.settings()
	if err != nil {
		return dst, err
	}
	return appendValue(c, dst, v, r.i, &set)
}

func joinArgs(c *Context, dst []byte, r *row, from int, sep []byte) ([]byte, error) {
	some := false
	for a := from; a < len(r.args); a++ {
		if r.null(a) {
			continue
		}
		if some {
			dst = append(dst, sep...)
		}
		some = true
		var err error
		if dst, err = appendArg(c, dst, r, a); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

// format is sprintf with %s, %I, %L, %n$s, widths and the flag -.
func format(c *Context, r *row, dst []byte) ([]byte, error) {
	if r.null(0) {
		return nil, nil
	}
	dst = notNil(dst)
	f := r.bytes(0)
	next := 1
	for i := 0; i < len(f); i++ {
		if f[i] != '%' {
			dst = append(dst, f[i])
			continue
		}
		if i++; i == len(f) {
			return dst, errs.New(errs.InvalidParameterValue, "unterminated format() type specifier").
				WithHint(`For a single "%%" use "%%%%".`)
		}
		if f[i] == '%' {
			dst = append(dst, '%')
			continue
		}
		number := func() int {
			n := 0
			for i < len(f) && f[i] >= '0' && f[i] <= '9' && n < 1<<20 {
				n = n*10 + int(f[i]-'0')
				i++
			}
			return n
		}
		arg, width, leftAlign := next, 0, false
		if n := number(); i < len(f) && f[i] == '$' {
			if n == 0 {
				return dst, errs.New(errs.InvalidParameterValue, "format specifies argument 0, but arguments are numbered from 1")
			}
			arg = n
			i++
		} else {
			width = n
		}
		if i < len(f) && f[i] == '-' {
			leftAlign = true
			i++
		}
		if n := number(); n > 0 {
			width = n
		}
		if i == len(f) {
			return dst, errs.New(errs.InvalidParameterValue, "unterminated format() type specifier").
				WithHint(`For a single "%%" use "%%%%".`)
		}
		if !strings.ContainsRune("sIL", rune(f[i])) {
			return dst, errs.New(errs.InvalidParameterValue, "unrecognized format() type specifier \"%c\"", f[i]).
				WithHint(`For a single "%%" use "%%%%".`)
		}
		if arg >= len(r.args) {
			return dst, errs.New(errs.InvalidParameterValue, "too few arguments for format()")
		}
		next = arg + 1
		start := len(dst)
		var err error
		if dst, err = formatArg(c, dst, r, arg, f[i]); err != nil {
			return dst, err
		}
		dst = align(dst, start, width, leftAlign)
	}
	return dst, nil
}

func formatArg(c *Context, dst []byte, r *row, arg int, verb byte) ([]byte, error) {
	if r.null(arg) {
		switch verb {
		case 'I':
			return dst, errs.New(errs.NullValueNotAllowed, "null values cannot be formatted as an SQL identifier")
		case 'L':
			return append(dst, "NULL"...), nil
		}
		return dst, nil
	}
	if verb == 's' {
		return appendArg(c, dst, r, arg)
	}
	s, err := appendArg(c, nil, r, arg)
	if err != nil {
		return dst, err
	}
	if verb == 'I' {
		return quoteIdent(dst, s), nil
	}
	return quoteLiteral(dst, s), nil
}

// align pads dst[start:] with blanks to a width.
func align(dst []byte, start, width int, left bool) []byte {
	n := width - utf8.RuneCount(dst[start:])
	if n <= 0 {
		return dst
	}
	blanks := bytes.Repeat([]byte{' '}, n)
	if left {
		return append(dst, blanks...)
	}
	return append(dst[:start:start], append(blanks, dst[start:]...)...)
}

// quoteIdent quotes an identifier where it needs it.
func quoteIdent(dst, s []byte) []byte {
	safe := len(s) > 0 && (s[0] >= 'a' && s[0] <= 'z' || s[0] == '_')
	for _, c := range s {
		safe = safe && (c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '_')
	}
	if safe && !reserved[string(s)] {
		return append(dst, s...)
	}
	dst = append(dst, '"')
	for _, c := range s {
		if c == '"' {
			dst = append(dst, '"')
		}
		dst = append(dst, c)
	}
	return append(dst, '"')
}

// reserved are the words that are not column names unless quoted (PostgreSQL manual, appendix C).
var reserved = func() map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(`all analyse analyze and any array as asc asymmetric authorization between bigint
		binary bit boolean both case cast char character check coalesce collate collation column concurrently constraint
		create cross current_catalog current_date current_role current_schema current_time current_timestamp current_user
		dec decimal default deferrable desc distinct do else end except exists extract false fetch float for foreign freeze
		from full grant greatest group grouping having ilike in initially inner inout int integer intersect interval into is
		isnull join lateral leading least left like limit localtime localtimestamp national natural nchar none normalize not
		notnull null nullif numeric offset on only or order out outer overlaps overlay placing position precision primary
		real references returning right row select session_user setof similar smallint some substring symmetric table
		tablesample then time timestamp to trailing treat trim true union unique user using values varchar variadic verbose
		when where window with xmlattributes xmlconcat xmlelement xmlexists xmlforest xmlnamespaces xmlparse xmlpi xmlroot
		xmlserialize xmltable`) {
		m[w] = true
	}
	return m
}()

func quoteLiteral(dst, s []byte) []byte {
	if bytes.IndexByte(s, '\\') >= 0 {
		dst = append(dst, 'E')
	}
	dst = append(dst, '\'')
	for _, c := range s {
		if c == '\'' || c == '\\' {
			dst = append(dst, c)
		}
		dst = append(dst, c)
	}
	return append(dst, '\'')
}
