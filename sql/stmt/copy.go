package stmt

import (
	"context"
	"io"

	"github.com/siltstone-db/siltstone/sql/bind"
	"github.com/siltstone-db/siltstone/sql/bind/copy"
	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/format"
	"github.com/siltstone-db/siltstone/storage/format/copybinary"
	"github.com/siltstone-db/siltstone/storage/format/copytext"
	"github.com/siltstone-db/siltstone/storage/format/csv"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/table"
	"github.com/siltstone-db/siltstone/storage/types"
)

// copy runs COPY.
func (c *Command) copy(ctx context.Context, env *Env, b *bind.Copy) (string, error) {
	switch {
	case b.Program:
		return "", errs.Unsupported("COPY with PROGRAM")
	case b.Filename != "":
		return "", errs.Unsupported("COPY with a file on the server").
			WithHint("Use COPY ... FROM STDIN or TO STDOUT; psql's \\copy reads and writes files of the client.")
	}
	if b.From {
		return copyFrom(ctx, env, b)
	}
	return c.copyTo(ctx, env, b)
}

// rowWriter is what the formats have in common.
type rowWriter interface {
	Write(b *batch.Batch) error
	Close() error
}

// wireFormat is the format code of the protocol.
func wireFormat(o *copy.Options) int8 {
	if o.Format == copy.Binary {
		return 1
	}
	return 0
}

// newRowReader makes the reader of what an appender takes.
func newRowReader(src io.Reader, name string, o *copy.Options, to *table.Appender, set *types.Settings, account *mem.Account) (table.Reader, error) {
	limits, cols := format.Limits{Account: account}, to.Columns()
	switch o.Format {
	case copy.Text:
		opts := textOptions(name, o, set)
		opts.Limits, opts.Notes = limits, to.Notes()
		return copytext.NewReader(src, opts, cols)
	case copy.CSV:
		opts := csvOptions(name, o, len(cols), set)
		opts.Limits, opts.Notes = limits, to.Notes()
		return csv.NewReader(src, opts, cols)
	case copy.Binary:
		return copybinary.NewReader(src, copybinary.Options{Table: name, Notes: to.Notes(), Settings: *set, Limits: limits}, cols), nil
	}
	return nil, errs.Unsupported("COPY format %q", o.Format)
}

func newRowWriter(dst io.Writer, table string, o *copy.Options, cols []format.Column, set *types.Settings) (rowWriter, error) {
	switch o.Format {
	case copy.Text:
		return copytext.NewWriter(dst, textOptions(table, o, set), cols)
	case copy.CSV:
		return csv.NewWriter(dst, csvOptions(table, o, len(cols), set), cols)
	case copy.Binary:
		return copybinary.NewWriter(dst, cols), nil
	}
	return nil, errs.Unsupported("COPY format %q", o.Format)
}

func textOptions(table string, o *copy.Options, set *types.Settings) copytext.Options {
	return copytext.Options{Table: table, Delimiter: o.Delimiter, Null: &o.Null, Header: header(o), Settings: *set}
}

func csvOptions(table string, o *copy.Options, columns int, set *types.Settings) csv.Options {
	return csv.Options{Table: table, Delimiter: o.Delimiter, Quote: o.Quote, Escape: o.Escape, Null: o.Null,
		Header: header(o), ForceNull: flags(o.ForceNull, columns, false), ForceNotNull: flags(o.ForceNotNull, columns, false),
		ForceQuote: flags(o.ForceQuote, columns, o.ForceQuoteAll), Settings: *set}
}

func header(o *copy.Options) format.Header {
	switch {
	case o.HeaderMatch:
		return format.MatchHeader
	case o.Header:
		return format.WithHeader
	}
	return format.NoHeader
}

// flags makes a flag per column of a list of columns.
func flags(list []int, n int, all bool) []bool {
	if len(list) == 0 && !all {
		return nil
	}
	f := make([]bool, n)
	for i := range f {
		f[i] = all
	}
	for _, i := range list {
		if i < n {
			f[i] = true
		}
	}
	return f
}

// columnFlags turns table ordinals of the options into positions in the column list.
func columnFlags(o copy.Options, ordinals []int) copy.Options {
	at := func(list []int) []int {
		var out []int
		for _, t := range list {
			for i, ord := range ordinals {
				if ord == t {
					out = append(out, i)
				}
			}
		}
		return out
	}
	o.ForceQuote, o.ForceNull, o.ForceNotNull = at(o.ForceQuote), at(o.ForceNull), at(o.ForceNotNull)
	return o
}

// copyColumns describes the columns of the data.
func copyColumns(cols []catalog.Column, ordinals []int) []format.Column {
	out := make([]format.Column, len(ordinals))
	for i, o := range ordinals {
		out[i] = format.Column{Name: cols[o].Name, Type: cols[o].Type, NotNull: cols[o].NotNull}
	}
	return out
}

// queryColumns describes the columns of a query's answer.
func queryColumns(cols []plan.Column) []format.Column {
	out := make([]format.Column, len(cols))
	for i, c := range cols {
		out[i] = format.Column{Name: c.Name, Type: c.Type}
	}
	return out
}
