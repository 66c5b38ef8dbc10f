package bind

import (
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/format"
)

// copy binds COPY.
func (b *Binder) copy(n *pg.CopyStmt) (Statement, error) {
	c := &Copy{From: n.IsFrom, Filename: n.Filename, Program: n.IsProgram}
	var names []string
	if n.Query != nil {
		sel := n.Query.GetSelectStmt()
		if sel == nil {
			return nil, errs.Unsupported("COPY of a statement that is not a query")
		}
		q, err := b.query(sel)
		if err != nil {
			return nil, err
		}
		c.Query = q
		for _, col := range q.Columns {
			names = append(names, col.Name)
		}
	} else {
		if err := b.copyTable(c, n); err != nil {
			return nil, err
		}
		for _, col := range c.Table.Columns {
			names = append(names, col.Name)
		}
	}
	if err := b.copyOptions(c, n.Options, names); err != nil {
		return nil, err
	}
	if n.WhereClause != nil {
		return c, b.copyWhere(c, n.WhereClause)
	}
	return c, nil
}

func (b *Binder) copyTable(c *Copy, n *pg.CopyStmt) error {
	schema, name := n.Relation.Schemaname, n.Relation.Relname
	r, err := b.resolver.Relation(schema, name)
	if err == nil && r == nil {
		if schema != "" {
			name = schema + "." + name
		}
		err = Suggest(errs.New(errs.UndefinedTable, "relation %q does not exist", name), b.resolver, schema, n.Relation.Relname)
	}
	if err != nil {
		return err // without a position, as PostgreSQL has it for utility statements
	}
	c.Table = r
	if c.From && r.Table == nil {
		if r.Schema == "pg_catalog" || r.Schema == "information_schema" {
			return errs.New(errs.InsufficientPrivilege, "permission denied for table %s", r.Name)
		}
		return errs.New(errs.WrongObjectType, "cannot copy to view %q", r.Name)
	}
	seen := map[int]bool{}
	for _, name := range stringsOf(n.Attlist) {
		i := columnOrdinal(r, name)
		if i < 0 {
			return errs.New(errs.UndefinedColumn, "column %q of relation %q does not exist", name, r.Name)
		}
		if seen[i] {
			return errs.New(errs.DuplicateColumn, "column %q specified more than once", name)
		}
		seen[i] = true
		c.Ordinals = append(c.Ordinals, i)
	}
	if len(n.Attlist) == 0 {
		for i := range r.Columns {
			c.Ordinals = append(c.Ordinals, i)
		}
	}
	return nil
}

func columnOrdinal(r *Relation, name string) int {
	for i := range r.Columns {
		if r.Columns[i].Name == name {
			return i
		}
	}
	return -1
}

func (b *Binder) copyWhere(c *Copy, n *pg.Node) error {
	c.Columns = b.tableColumns(c.Table)
	f, err := b.named1(&table{schema: c.Table.Schema, alias: c.Table.Name, name: c.Table.Name}, c.Columns, nil, -1)
	if err != nil {
		return err
	}
	s := &scope{from: f, node: oneRow(), clause: "COPY FROM WHERE conditions"}
	start := s.node
	if c.Where, err = b.boolean(s, n, "WHERE"); err != nil {
		return err
	}
	if s.node != start {
		return b.fail(location(n), errs.FeatureNotSupported, "cannot use subquery in COPY FROM WHERE condition")
	}
	if expr.Volatile(c.Where) {
		return b.unsupported(location(n), "a volatile function in COPY FROM WHERE")
	}
	return nil
}

// copyOptions reads the options, in the old and the new spelling, which the grammar makes one.
func (b *Binder) copyOptions(c *Copy, defs []*pg.Node, columns []string) error {
	o := &c.Options
	*o = CopyOptions{Format: CopyText}
	seen := map[string]bool{}
	given := map[string]string{}
	for _, d := range defs {
		def := d.GetDefElem()
		name := strings.ToLower(def.Defname)
		if seen[name] {
			return b.fail(def.Location, errs.SyntaxError, "conflicting or redundant options")
		}
		seen[name] = true
		var err error
		switch name {
		case "format":
			v := strings.ToLower(defString(def.Arg))
			switch CopyFormat(v) {
			case CopyText, CopyCSV, CopyBinary, CopyParquet:
				o.Format = CopyFormat(v)
			default:
				return b.fail(def.Location, errs.InvalidParameterValue, "COPY format %q not recognized", defString(def.Arg))
			}
		case "delimiter", "null", "quote", "escape":
			given[name] = defString(def.Arg)
		case "encoding":
			if o.Encoding, err = format.FindCharset(defString(def.Arg)); err != nil {
				return b.at(err, def.Location)
			}
		case "freeze":
			o.Freeze, err = b.defBool(def)
		case "header":
			if strings.EqualFold(defString(def.Arg), "match") {
				if !c.From {
					return b.fail(def.Location, errs.FeatureNotSupported, "cannot use \"match\" with HEADER in COPY TO")
				}
				o.Header, o.HeaderMatch = true, true
			} else {
				o.Header, err = b.defBool(def)
			}
		case "force_quote":
			if def.Arg.GetAStar() != nil {
				o.ForceQuoteAll = true
			} else {
				o.ForceQuote, err = b.defColumns(c, def, columns)
			}
		case "force_not_null":
			o.ForceNotNull, err = b.defColumns(c, def, columns)
		case "force_null":
			o.ForceNull, err = b.defColumns(c, def, columns)
		case "convert_selectively", "default", "on_error", "log_verbosity", "reject_limit":
			return b.unsupported(def.Location, "COPY option %q", name)
		case "follow", "resume":
			return b.unsupported(def.Location, "COPY option %q", name)
		default:
			return b.fail(def.Location, errs.SyntaxError, "option %q not recognized", def.Defname)
		}
		if err != nil {
			return err
		}
	}
	return checkCopy(o, given, c.From)
}

// checkCopy fills in the defaults and refuses what does not go together, in PostgreSQL's order and words.
func checkCopy(o *CopyOptions, given map[string]string, from bool) error {
	csv := o.Format == CopyCSV
	o.Delimiter, o.Quote, o.Null = '\t', '"', `\N`
	if csv {
		o.Delimiter, o.Null = ',', ""
	}
	delim, hasDelim := given["delimiter"]
	null, hasNull := given["null"]
	quote, hasQuote := given["quote"]
	escape, hasEscape := given["escape"]
	if o.Format == CopyBinary {
		switch {
		case hasDelim:
			return errs.New(errs.SyntaxError, "cannot specify DELIMITER in BINARY mode")
		case hasNull:
			return errs.New(errs.SyntaxError, "cannot specify NULL in BINARY mode")
		case o.Header:
			return errs.New(errs.FeatureNotSupported, "cannot specify HEADER in BINARY mode")
		case o.Encoding != nil:
			return errs.Unsupported("another encoding than UTF8 in binary COPY")
		}
	}
	one := func(word, v string, given bool, into *byte) error {
		if !given {
			return nil
		}
		if len(v) != 1 {
			return errs.New(errs.FeatureNotSupported, "COPY %s must be a single one-byte character", word)
		}
		*into = v[0]
		return nil
	}
	if err := one("delimiter", delim, hasDelim, &o.Delimiter); err != nil {
		return err
	}
	if hasNull {
		o.Null = null
	}
	switch {
	case o.Delimiter == '\n' || o.Delimiter == '\r':
		return errs.New(errs.InvalidParameterValue, "COPY delimiter cannot be newline or carriage return")
	case strings.ContainsAny(o.Null, "\r\n"):
		return errs.New(errs.InvalidParameterValue, "COPY null representation cannot use newline or carriage return")
	case !csv && strings.IndexByte("\\.abcdefghijklmnopqrstuvwxyz0123456789", o.Delimiter) >= 0:
		return errs.New(errs.InvalidParameterValue, "COPY delimiter cannot be \"%c\"", o.Delimiter)
	case !csv && hasQuote:
		return errs.New(errs.FeatureNotSupported, "COPY quote available only in CSV mode")
	}
	if csv && hasQuote && len(quote) != 1 {
		return errs.New(errs.FeatureNotSupported, "COPY quote must be a single one-byte character")
	}
	if err := one("quote", quote, hasQuote, &o.Quote); err != nil {
		return err
	}
	if csv && o.Delimiter == o.Quote {
		return errs.New(errs.InvalidParameterValue, "COPY delimiter and quote must be different")
	}
	if !csv && hasEscape {
		return errs.New(errs.FeatureNotSupported, "COPY escape available only in CSV mode")
	}
	o.Escape = o.Quote
	if err := one("escape", escape, hasEscape, &o.Escape); err != nil {
		return err
	}
	return checkForce(o, csv, from)
}

func checkForce(o *CopyOptions, csv, from bool) error {
	forceQuote := o.ForceQuoteAll || len(o.ForceQuote) > 0
	switch {
	case !csv && forceQuote:
		return errs.New(errs.FeatureNotSupported, "COPY force quote available only in CSV mode")
	case forceQuote && from:
		return errs.New(errs.FeatureNotSupported, "COPY force quote only available using COPY TO")
	case !csv && len(o.ForceNotNull) > 0:
		return errs.New(errs.FeatureNotSupported, "COPY force not null available only in CSV mode")
	case len(o.ForceNotNull) > 0 && !from:
		return errs.New(errs.FeatureNotSupported, "COPY force not null only available using COPY FROM")
	case !csv && len(o.ForceNull) > 0:
		return errs.New(errs.FeatureNotSupported, "COPY force null available only in CSV mode")
	case len(o.ForceNull) > 0 && !from:
		return errs.New(errs.FeatureNotSupported, "COPY force null only available using COPY FROM")
	case strings.IndexByte(o.Null, o.Delimiter) >= 0:
		return errs.New(errs.FeatureNotSupported, "COPY delimiter must not appear in the NULL specification")
	case csv && strings.IndexByte(o.Null, o.Quote) >= 0:
		return errs.New(errs.FeatureNotSupported, "CSV quote character must not appear in the NULL specification")
	}
	return nil
}

// defString returns the text of an option's value.
func defString(n *pg.Node) string {
	if n == nil {
		return ""
	}
	switch x := n.Node.(type) {
	case *pg.Node_String_:
		return x.String_.Sval
	case *pg.Node_Integer:
		return itoa(x.Integer.Ival)
	case *pg.Node_Float:
		return x.Float.Fval
	case *pg.Node_Boolean:
		if x.Boolean.Boolval {
			return "true"
		}
		return "false"
	case *pg.Node_TypeName:
		return strings.Join(stringsOf(x.TypeName.Names), ".")
	case *pg.Node_AConst:
		switch v := x.AConst.Val.(type) {
		case *pg.A_Const_Sval:
			return v.Sval.Sval
		case *pg.A_Const_Ival:
			return itoa(v.Ival.Ival)
		case *pg.A_Const_Fval:
			return v.Fval.Fval
		case *pg.A_Const_Boolval:
			if v.Boolval.Boolval {
				return "true"
			}
			return "false"
		}
	case *pg.Node_List:
		return strings.Join(stringsOf(x.List.Items), ".")
	}
	return ""
}

// defBool reads a boolean option; without a value it is true.
func (b *Binder) defBool(d *pg.DefElem) (bool, error) {
	if d.Arg == nil {
		return true, nil
	}
	switch strings.ToLower(defString(d.Arg)) {
	case "true", "on", "1":
		return true, nil
	case "false", "off", "0":
		return false, nil
	}
	return false, errs.New(errs.SyntaxError, "%s requires a Boolean value", d.Defname)
}

func (b *Binder) defColumns(c *Copy, d *pg.DefElem, columns []string) ([]int, error) {
	var out []int
	for _, name := range stringsOf(d.Arg.GetList().GetItems()) {
		found := -1
		for i, col := range columns {
			if col == name {
				found = i
			}
		}
		if found < 0 {
			if c.Table == nil {
				return nil, errs.New(errs.UndefinedColumn, "column %q does not exist", name)
			}
			return nil, errs.New(errs.UndefinedColumn, "column %q of relation %q does not exist", name, c.Table.Name)
		}
		out = append(out, found)
	}
	return out, nil
}
