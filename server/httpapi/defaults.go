package httpapi

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/siltstone-db/siltstone/sql/session"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/format"
	"github.com/siltstone-db/siltstone/storage/table"
	"github.com/siltstone-db/siltstone/storage/types"
)

// defaults evaluates the defaults of a table's columns for a push: by the SQL layer, once, as one statement does. A
// default that gives another value each time (random, a sequence) would be the same in all rows of the push and is
// refused.
func (s *Server) defaults(r *http.Request, user string, t *catalog.Table, cols []format.Column) error {
	var exprs []string
	var ordinals []int
	for i, c := range t.Columns {
		if c.Default != "" {
			// Twice: a difference shows that the value changes.
			e := fmt.Sprintf("CAST((%s) AS %s)", c.Default, c.Type)
			exprs = append(exprs, e, e)
			ordinals = append(ordinals, i)
		}
	}
	conn, err := s.opt.Open(r.Context(), user, remoteAddr(r))
	if err != nil {
		return err
	}
	defer conn.Close()
	out := &firstRow{}
	if err := conn.Simple(r.Context(), "SELECT "+strings.Join(exprs, ", "), out); err != nil {
		return fmt.Errorf("defaults of table %q: %w", t.Name, err)
	}
	if len(out.values) != len(exprs) {
		return errs.Internal("%d defaults gave %d values", len(exprs), len(out.values))
	}
	for n, i := range ordinals {
		once, again := out.values[2*n], out.values[2*n+1]
		once.Type, again.Type = cols[i].Type, cols[i].Type
		if once != again {
			return errs.Unsupported("a push into table %q, whose default of column %q changes from row to row,", t.Name, t.Columns[i].Name).
				WithHint("Use INSERT or COPY.")
		}
		cols[i].Default = &once
	}
	return nil
}

// conditions compiles the CHECK constraints of a table for a push.
func (s *Server) conditions(r *http.Request, user string, t *catalog.Table) ([]table.Condition, func(), error) {
	conn, err := s.opt.Open(r.Context(), user, remoteAddr(r))
	if err != nil {
		return nil, nil, err
	}
	list, err := conn.Conditions(r.Context(), t)
	if err != nil {
		conn.Close()
		return nil, nil, err
	}
	return list, conn.Close, nil
}

// firstRow is the session.Output that keeps the first row.
type firstRow struct {
	session.Discard
	values []types.Datum
}

// Rows keeps the values of the first row.
func (o *firstRow) Rows(b *batch.Batch) error {
	if o.values == nil && b.Len > 0 {
		for _, v := range b.Cols {
			o.values = append(o.values, v.Datum(0))
		}
	}
	return nil
}
