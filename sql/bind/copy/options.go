// Package copy reads the options of COPY: which form the data have, its delimiter, quote and NULL, and what goes together.
// Read makes Options of a statement's list; Ordinals finds the columns that it names. Errors have PostgreSQL's words and
// order. Neither needs to know of expressions, and neither keeps state.
package copy

import (
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/siltstone-db/siltstone/sql/parse"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/format"
)

// Format is the form of copied data.
type Format string

// The formats.
const (
	Text    Format = "text"
	CSV     Format = "csv"
	Binary  Format = "binary"
	Parquet Format = "parquet"
)

// Options are the settings of a COPY, with PostgreSQL's defaults filled in.
type Options struct {
	Format      Format
	Delimiter   byte
	Null        string
	Header      bool
	HeaderMatch bool
	Quote       byte
	Escape      byte
	// ForceQuote are table ordinals (or positions of a query's columns); ForceQuoteAll is FORCE_QUOTE *.
	ForceQuote    []int
	ForceQuoteAll bool
	ForceNotNull  []int
	ForceNull     []int
	Encoding      *format.Charset // nil: UTF-8
	Freeze        bool
	OnError       OnError
	RejectLimit   int64 // most rows that are left out; 0: any number
	Verbose       bool  // each row that is left out is told
	// Extra holds options that PostgreSQL does not have, by lower-case name.
	Extra map[string]string
}

// Target is what is copied: the columns of a table or of a query.
type Target struct {
	From    bool     // into it
	Table   string   // its name; "" for a query
	Columns []string // their names
}

// reader is a list of options while it is read.
type reader struct {
	Options
	st     *parse.Statement
	target *Target
	given  map[string]string // those that are checked when all of them are known
}

// Read reads the options, in the old and the new spelling, which the grammar makes one.
func Read(st *parse.Statement, defs []*pg.Node, target *Target) (*Options, error) {
	r := &reader{st: st, target: target, given: map[string]string{}, Options: Options{Format: Text, OnError: Stop}}
	seen := map[string]bool{}
	for _, d := range defs {
		def := d.GetDefElem()
		name := strings.ToLower(def.Defname)
		if seen[name] {
			return nil, st.Fail(def.Location, errs.SyntaxError, "conflicting or redundant options")
		}
		seen[name] = true
		if err := r.option(name, def); err != nil {
			return nil, err
		}
	}
	return &r.Options, check(&r.Options, r.given, target.From)
}

// option reads one option.
func (r *reader) option(name string, def *pg.DefElem) error {
	var err error
	switch name {
	case "format":
		switch f := Format(strings.ToLower(parse.Text(def.Arg))); f {
		case Text, CSV, Binary, Parquet:
			r.Format = f
		default:
			return r.st.Fail(def.Location, errs.InvalidParameterValue, "COPY format %q not recognized", parse.Text(def.Arg))
		}
	case "delimiter", "null", "quote", "escape":
		r.given[name] = parse.Text(def.Arg)
	case "encoding":
		if r.Encoding, err = format.FindCharset(parse.Text(def.Arg)); err != nil {
			return r.st.At(err, def.Location)
		}
	case "freeze":
		r.Freeze, err = parse.Bool(def)
	case "header":
		if !strings.EqualFold(parse.Text(def.Arg), "match") {
			r.Header, err = parse.Bool(def)
			break
		}
		if !r.target.From {
			return r.st.Fail(def.Location, errs.FeatureNotSupported, "cannot use \"match\" with HEADER in COPY TO")
		}
		r.Header, r.HeaderMatch = true, true
	case "force_quote":
		if def.Arg.GetAStar() != nil {
			r.ForceQuoteAll = true
		} else {
			r.ForceQuote, err = r.columns(def)
		}
	case "force_not_null":
		r.ForceNotNull, err = r.columns(def)
	case "force_null":
		r.ForceNull, err = r.columns(def)
	case "on_error":
		return r.onError(def)
	case "reject_limit":
		return r.rejectLimit(def)
	case "log_verbosity":
		return r.logVerbosity(def)
	case "convert_selectively", "default", "follow", "resume":
		return r.st.Unsupported(def.Location, "COPY option %q", name)
	default:
		return r.st.Fail(def.Location, errs.SyntaxError, "option %q not recognized", def.Defname)
	}
	return err
}

// columns reads a list of columns.
func (r *reader) columns(d *pg.DefElem) ([]int, error) {
	var out []int
	for _, name := range parse.Names(d.Arg.GetList().GetItems()) {
		found, err := r.target.find(name)
		if err != nil {
			return nil, err
		}
		out = append(out, found)
	}
	return out, nil
}

// Ordinals returns the columns that a list names, all of them without one.
func (t *Target) Ordinals(list []*pg.Node) ([]int, error) {
	var out []int
	seen := map[int]bool{}
	for _, name := range parse.Names(list) {
		i, err := t.find(name)
		if err != nil {
			return nil, err
		}
		if seen[i] {
			return nil, errs.New(errs.DuplicateColumn, "column %q specified more than once", name)
		}
		seen[i] = true
		out = append(out, i)
	}
	if len(list) == 0 {
		for i := range t.Columns {
			out = append(out, i)
		}
	}
	return out, nil
}

func (t *Target) find(name string) (int, error) {
	for i, c := range t.Columns {
		if c == name {
			return i, nil
		}
	}
	if t.Table == "" {
		return 0, errs.New(errs.UndefinedColumn, "column %q does not exist", name)
	}
	return 0, errs.New(errs.UndefinedColumn, "column %q of relation %q does not exist", name, t.Table)
}
