package source

import (
	"context"
	"math"
	"sync/atomic"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Series is a relation of values that are computed when they are read (generate_series). It keeps next to nothing in
// memory, so that generate_series(1, 1000000000) may be counted. A second column, when there is one, numbers the rows
// from 1. It may be opened any number of times, and its readers belong to one goroutine each.
type Series struct {
	ts []types.Type
	n  int64
	at at
}

// at fills out with the n values of a series from one on. out was made by Vector.Reset with n; readers call it at once.
type at func(from int64, n int, out *batch.Vector) error

func newSeries(t types.Type, n int64, ordinality bool, at at) *Series {
	s := &Series{ts: []types.Type{t}, n: n, at: at}
	if ordinality {
		s.ts = append(s.ts, types.T(types.Int8))
	}
	return s
}

// NewIntegers returns the series start, start+step, ... up to stop, of type t, which is int4 or int8. A step of zero is
// 22023.
func NewIntegers(t types.Type, start, stop, step int64, ordinality bool) (*Series, error) {
	if step == 0 {
		return nil, errZeroStep()
	}
	var n uint64
	switch {
	case step > 0 && start <= stop:
		n = (uint64(stop)-uint64(start))/uint64(step) + 1
	case step < 0 && start >= stop:
		n = (uint64(start)-uint64(stop))/(-uint64(step)) + 1
	}
	if n > math.MaxInt64 {
		return nil, errs.New(errs.ProgramLimitExceeded, "generate_series has too many values")
	}
	values := integers[int64](start, step)
	if t.Kind == types.Int4 {
		values = integers[int32](start, step)
	}
	return newSeries(t, int64(n), ordinality, values), nil
}

// integers computes a series that is stored as T.
func integers[T int32 | int64](start, step int64) at {
	return func(from int64, n int, out *batch.Vector) error {
		x := start + from*step
		for i, vals := 0, batch.Values[T](out); i < n; i++ {
			vals[i] = T(x)
			x += step
		}
		return nil
	}
}

func errZeroStep() error {
	return errs.New(errs.InvalidParameterValue, "step size cannot equal zero")
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
	next atomic.Int64 // the row that the next reader begins with
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
