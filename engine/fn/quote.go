package fn

import (
	"bytes"
	"strings"
)

func init() {
	textFn("quote_ident", list(tText), func(_ *Context, r *row, dst []byte) ([]byte, error) { return r.identifier(notNil(dst), r.bytes(0)) })
	textFn("quote_literal", list(tText), func(_ *Context, r *row, dst []byte) ([]byte, error) { return r.literal(notNil(dst), r.bytes(0)) })
	register(&Overload{Name: "quote_nullable", Args: list(tText), Result: returns(tText), NotStrict: true,
		Eval: rowText(tText, func(_ *Context, r *row, dst []byte) ([]byte, error) {
			if r.null(0) {
				return append(dst, "NULL"...), nil
			}
			return r.literal(notNil(dst), r.bytes(0))
		})})
}

// identifier appends a name, quoted where it needs it.
func (r *row) identifier(dst, s []byte) ([]byte, error) {
	safe := len(s) > 0 && (s[0] >= 'a' && s[0] <= 'z' || s[0] == '_')
	for _, c := range s {
		safe = safe && (c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '_')
	}
	if safe && !reserved[string(s)] {
		return r.append(dst, s)
	}
	dst, err := r.Room(dst, len(s)+bytes.Count(s, []byte{'"'})+2)
	if err != nil {
		return dst, err
	}
	dst = append(dst, '"')
	for _, c := range s {
		if c == '"' {
			dst = append(dst, '"')
		}
		dst = append(dst, c)
	}
	return append(dst, '"'), nil
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

// literal appends a string constant.
func (r *row) literal(dst, s []byte) ([]byte, error) {
	dst, err := r.Room(dst, len(s)+bytes.Count(s, []byte{'\''})+bytes.Count(s, []byte{'\\'})+3)
	if err != nil {
		return dst, err
	}
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
	return append(dst, '\''), r.Worked(len(s))
}
