package table

import (
	"context"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/format"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Origin says where rows come from, for the reject table.
type Origin struct {
	Source    string // "copy", "http", the name of a subscription
	Partition string // "": it has none
	// Lines makes the position of a row its line and not its index.
	Lines bool
}

// rejectColumns are what a reject table has of a row. The table is like any other: whoever may read it does, and rows that
// were put right are deleted by hand.
func rejectColumns() []catalog.Column {
	column := func(name string, k types.Kind, notNull bool) catalog.Column {
		return catalog.Column{Name: name, Type: types.T(k), NotNull: notNull}
	}
	return []catalog.Column{
		column("rejected_at", types.Timestamptz, true),
		column("source", types.Text, true),
		column("partition", types.Text, false),
		column("position", types.Text, true), // in the source: its own word for it, the line or the index of a row
		column("column_name", types.Text, false),
		column("sqlstate", types.Text, true),
		column("reason", types.Text, true),
		column("raw", types.Bytea, false), // the row as it came
	}
}

// nameMaxBytes is PostgreSQL's limit of a name.
const nameMaxBytes = 63

// RejectsName returns the name of a table's reject table.
func RejectsName(t *catalog.Table) string {
	const suffix = "_rejects"
	name := t.Name
	if most := nameMaxBytes - len(suffix); len(name) > most {
		for most > 0 && !utf8.RuneStart(name[most]) {
			most--
		}
		name = name[:most]
	}
	return name + suffix
}

// rejects puts rows that could not be stored into the reject table of theirs.
type rejects struct {
	origin *Origin
	sink   Sink
	table  *catalog.Table
	at     []int // where the columns are
	buf    *batch.Batch
}

// newRejects finds the reject table of a table, or makes it.
func newRejects(t *catalog.Table, origin *Origin, sink Sink) (*rejects, error) {
	name := RejectsName(t)
	if sink.Catalog().Table(t.Schema, name) == nil {
		made := catalog.NewTable(t.Schema, name, rejectColumns()...)
		made.Owner = t.Owner
		if err := sink.Edit(catalog.Create(made)); err != nil {
			return nil, err
		}
	}
	r := &rejects{origin: origin, sink: sink, table: sink.Catalog().Table(t.Schema, name)}
	for _, c := range rejectColumns() {
		i := r.table.Column(c.Name)
		if i < 0 || r.table.Columns[i].Type != c.Type {
			return nil, errs.New(errs.DatatypeMismatch, "table %q cannot take the rejected rows of %q", name, t.Name).
				WithDetail("It has no column %q of type %s.", c.Name, c.Type).
				WithHint("Rename it: another is made by itself.")
		}
		r.at = append(r.at, i)
	}
	for i := range r.table.Columns {
		if c := &r.table.Columns[i]; c.NotNull && !slices.Contains(r.at, i) {
			return nil, errs.New(errs.DatatypeMismatch, "table %q cannot take the rejected rows of %q", name, t.Name).
				WithDetail("Its column %q takes no NULL.", c.Name)
		}
	}
	return r, nil
}

const (
	rejectRows  = 1024
	rejectBytes = 1 << 20
)

// add takes a row.
func (r *rejects) add(ctx context.Context, b *format.BadRow) error {
	if r.buf == nil {
		r.buf = batch.New(r.table.Types())
		r.buf.Reset()
	}
	position := b.Index
	if r.origin.Lines {
		position = b.Line
	}
	row := make([]types.Datum, len(r.table.Columns))
	for i := range row {
		row[i] = types.NullOf(r.table.Columns[i].Type)
	}
	for k, d := range []types.Datum{
		types.IntOf(types.T(types.Timestamptz), time.Now().UnixMicro()),
		types.TextOf(r.origin.Source), textOrNull(r.origin.Partition), types.TextOf(strconv.FormatInt(position, 10)),
		textOrNull(b.Column), types.TextOf(string(b.Err.Code)), types.TextOf(b.Reason()), rawOf(b.Text),
	} {
		row[r.at[k]] = d
	}
	for i, v := range r.buf.Cols {
		v.AppendDatum(row[i])
	}
	if r.buf.Len++; r.buf.Len < rejectRows && r.buf.Bytes() < rejectBytes {
		return nil
	}
	return r.flush(ctx)
}

func textOrNull(s string) types.Datum {
	if s == "" {
		return types.NullOf(types.T(types.Text))
	}
	return types.TextOf(s)
}

func rawOf(b []byte) types.Datum {
	if b == nil {
		return types.NullOf(types.T(types.Bytea))
	}
	d := types.TextOf(string(b))
	d.Type = types.T(types.Bytea)
	return d
}

// flush hands the rows to the sink.
func (r *rejects) flush(ctx context.Context) error {
	if r.buf == nil {
		return nil
	}
	b := r.buf
	r.buf = nil
	return r.sink.Insert(ctx, r.table.ID, b)
}
