package compile

import (
	"context"
	"sync/atomic"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Series is a relation of values that are computed when they are read: value i is At(i). It keeps nothing in memory,
// so generate_series(1, 1000000000) may be counted. A second column, when there is one, numbers the rows from 1.
type Series struct {
	ts []types.Type
	n  int64
	at At
}

// At fills out with the n values of a series from one on. out was made by Vector.Reset with n; readers call it at once.
type At func(from int64, n int, out *batch.Vector) error

// NewSeries returns a series of n values of type t.
func NewSeries(t types.Type, n int64, ordinality bool, at At) *Series {
	s := &Series{ts: []types.Type{t}, n: n, at: at}
	if ordinality {
		s.ts = append(s.ts, types.T(types.Int8))
	}
	return s
}

// Types returns the column types.
func (s *Series) Types() []types.Type { return s.ts }

// Rows returns the number of values.
func (s *Series) Rows() int64 { return s.n }

// Stats knows the number of rows only.
func (s *Series) Stats(int) scan.ColumnStats {
	return scan.ColumnStats{Rows: s.n, Nulls: 0, Distinct: s.n}
}

// Open starts a scan. The request must have no terms.
func (s *Series) Open(_ context.Context, req *scan.Request) (scan.Scan, error) {
	return &seriesScan{s: s, req: req}, nil
}

type seriesScan struct {
	s    *Series
	req  *scan.Request
	next atomic.Int64
}

func (s *seriesScan) Reader() (scan.Reader, error)                 { return &seriesReader{s}, nil }
func (s *seriesScan) Dictionaries(int) ([]*batch.Dictionary, bool) { return nil, false }
func (s *seriesScan) Close()                                       {}

type seriesReader struct{ s *seriesScan }

func (r *seriesReader) Close() {}

func (r *seriesReader) Next(ctx context.Context, out *batch.Batch) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	most := int64(r.s.req.BatchRows)
	if most <= 0 {
		most = batch.MaxRows
	}
	from := r.s.next.Add(most) - most
	if from >= r.s.s.n {
		return false, nil
	}
	n := int(min(most, r.s.s.n-from))
	for i, c := range r.s.req.Columns {
		v := out.Cols[i]
		v.Reset(r.s.s.ts[c], n)
		if c == 1 {
			for k, vals := 0, batch.Values[int64](v); k < n; k++ {
				vals[k] = from + int64(k) + 1
			}
			continue
		}
		if err := r.s.s.at(from, n, v); err != nil {
			return false, err
		}
	}
	out.Len, out.Sel = n, batch.Selection{}
	return true, nil
}
