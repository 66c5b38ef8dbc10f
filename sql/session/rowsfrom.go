package session

import (
	"context"

	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

// sideRows bounds the rows of functions beside each other, which lie in memory: about 80 bytes a value.
const sideRows = 1 << 20

// sideBySide runs the members of ROWS FROM and puts their rows beside each other; the shorter ones end in NULLs. All rows
// lie in memory, so they are bounded.
func sideBySide(v *virtual, f *plan.Function, args []types.Datum) (scan.Relation, error) {
	width := len(f.Results)
	if f.Ordinality {
		width--
	}
	var rows [][]types.Datum
	at := 0
	for _, m := range f.Members {
		one := &plan.Function{Schema: m.Schema, Func: m.Func, Results: f.Results[at : at+m.Results]}
		rel, err := runOne(v, one, args[:m.Args])
		if err != nil {
			return nil, err
		}
		args = args[m.Args:]
		if rel.Rows() > sideRows {
			return nil, errs.New(errs.ProgramLimitExceeded, "%s beside other functions has more than %d rows", m.Func, sideRows)
		}
		for int64(len(rows)) < rel.Rows() {
			row := make([]types.Datum, width)
			for i := range row {
				row[i] = types.NullOf(f.Results[i])
			}
			rows = append(rows, row)
		}
		if err := fill(v.fn.Ctx, rel, one.Results, rows, at); err != nil {
			return nil, err
		}
		at += m.Results
	}
	return rowsRelation(f, rows), nil
}

// fill copies the rows of a relation into the columns of rows from at on.
func fill(ctx context.Context, rel scan.Relation, ts []types.Type, rows [][]types.Datum, at int) error {
	if ctx == nil {
		ctx = context.Background()
	}
	req := &scan.Request{}
	for i := range ts {
		req.Columns = append(req.Columns, i)
	}
	s, err := rel.Open(ctx, req)
	if err != nil {
		return err
	}
	defer s.Close()
	r, err := s.Reader()
	if err != nil {
		return err
	}
	defer r.Close()
	b := batch.New(ts)
	for n := 0; ; {
		more, err := r.Next(ctx, b)
		if err != nil || !more {
			return err
		}
		for i := range b.Len {
			for k, c := range b.Cols {
				rows[n][at+k] = c.Datum(i)
			}
			n++
		}
	}
}
