package httpapi

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/siltstone-db/siltstone/sql/session"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/format"
	"github.com/siltstone-db/siltstone/storage/types"
)

// columnsOf returns the columns of a table with their defaults evaluated: by the SQL layer, once for a push, as one
// statement does. A default that gives another value each time (random, a sequence) would be the same in all rows of
// the push and is refused when it is needed.
func (s *Server) columnsOf(ctx context.Context, t *catalog.Table, user string, remote net.Addr) ([]format.Column, error) {
	cols := make([]format.Column, len(t.Columns))
	var exprs []string
	var ordinals []int
	for i, c := range t.Columns {
		cols[i] = format.Column{Name: c.Name, Type: c.Type, NotNull: c.NotNull}
		if c.Default != "" {
			// Twice: a difference shows that the value changes.
			e := fmt.Sprintf("CAST((%s) AS %s)", c.Default, c.Type)
			exprs = append(exprs, e, e)
			ordinals = append(ordinals, i)
		}
	}
	if len(exprs) == 0 {
		return cols, nil
	}
	conn, err := s.opt.Open(ctx, user, remote)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	out := &firstRow{}
	if err := conn.Simple(ctx, "SELECT "+strings.Join(exprs, ", "), out); err != nil {
		return nil, fmt.Errorf("defaults of table %q: %w", t.Name, err)
	}
	if len(out.values) != len(exprs) {
		return nil, errs.Internal("%d defaults gave %d values", len(exprs), len(out.values))
	}
	for n, i := range ordinals {
		once, again := out.values[2*n], out.values[2*n+1]
		once.Type, again.Type = cols[i].Type, cols[i].Type
		if once != again {
			return nil, errs.Unsupported("a push into table %q, whose default of column %q changes from row to row,", t.Name, t.Columns[i].Name).
				WithHint("Use INSERT or COPY.")
		}
		cols[i].Default = &once
	}
	return cols, nil
}

// firstRow is the session.Output that keeps the first row.
type firstRow struct{ values []types.Datum }

func (o *firstRow) Columns([]session.Column) error { return nil }

func (o *firstRow) Rows(b *batch.Batch) error {
	if o.values == nil && b.Len > 0 {
		for _, v := range b.Cols {
			o.values = append(o.values, v.Datum(0))
		}
	}
	return nil
}

func (o *firstRow) Complete(string) error               { return nil }
func (o *firstRow) Empty() error                        { return nil }
func (o *firstRow) Notice(string, string, string) error { return nil }
func (o *firstRow) Setting(string, string) error        { return nil }

func (o *firstRow) CopyIn(int8, int) (io.Reader, error) {
	return nil, errs.Internal("a default is a COPY")
}

func (o *firstRow) CopyOut(int8, int) (io.WriteCloser, error) {
	return nil, errs.Internal("a default is a COPY")
}
