package pgcatalog

import (
	"context"
	"sync/atomic"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Rows is a relation that lies in memory: a virtual table's rows, or those of a table that its transaction has created
// and not yet committed. It is immutable once built, and safe for concurrent scans.
type Rows struct {
	ts      []types.Type
	batches []*batch.Batch // flat, at most batch.MaxRows rows each
	rows    int64
}

// NewRows returns a relation of flat batches of at most batch.MaxRows rows, which it keeps.
func NewRows(ts []types.Type, batches []*batch.Batch) *Rows {
	r := &Rows{ts: ts, batches: batches}
	for _, b := range batches {
		r.rows += int64(b.Len)
	}
	return r
}

// Types returns the column types.
func (r *Rows) Types() []types.Type { return r.ts }

// Rows returns the number of rows.
func (r *Rows) Rows() int64 { return r.rows }

// Stats knows nothing but the number of rows.
func (r *Rows) Stats(int) scan.ColumnStats {
	return scan.ColumnStats{Rows: r.rows, Nulls: -1, Distinct: -1}
}

// Open starts a scan.
func (r *Rows) Open(_ context.Context, req *scan.Request) (scan.Scan, error) {
	return &rowsScan{r: r, req: req}, nil
}

type rowsScan struct {
	r    *Rows
	req  *scan.Request
	next atomic.Int64 // batch to hand out
}

func (s *rowsScan) Reader() (scan.Reader, error) {
	r := &rowsReader{s: s}
	for i := range s.req.Terms {
		t := &s.req.Terms[i]
		r.matchers = append(r.matchers, scan.NewMatcher(t, s.r.ts[t.Column]))
	}
	return r, nil
}

func (s *rowsScan) Dictionaries(int) ([]*batch.Dictionary, bool) { return nil, false }

func (s *rowsScan) Close() {}

type rowsReader struct {
	s    *rowsScan
	cur  *batch.Batch
	idx  []uint16 // rows of cur that satisfy the terms
	from int      // position in idx of what comes next
	bits batch.Bitmap
	term batch.Bitmap

	matchers []*scan.Matcher // of the request's terms
}

func (r *rowsReader) Close() {}

// Next fills out with up to BatchRows rows that satisfy the terms.
func (r *rowsReader) Next(ctx context.Context, out *batch.Batch) (bool, error) {
	most := r.s.req.BatchRows
	if most <= 0 {
		most = batch.MaxRows
	}
	for r.cur == nil || r.from >= len(r.idx) {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		i := int(r.s.next.Add(1)) - 1
		if i >= len(r.s.r.batches) {
			return false, nil
		}
		r.cur, r.from = r.s.r.batches[i], 0
		if err := r.filter(); err != nil {
			return false, err
		}
	}
	n := min(most, len(r.idx)-r.from)
	rows := r.idx[r.from : r.from+n]
	r.from += n
	whole := n == r.cur.Len
	for i, c := range r.s.req.Columns {
		if whole {
			out.Cols[i].Lend(r.cur.Cols[c])
		} else {
			out.Cols[i].Gather(r.cur.Cols[c], rows)
		}
	}
	out.Len, out.Sel = n, batch.Selection{}
	return true, nil
}

// filter sets idx to the rows of cur that satisfy every term.
func (r *rowsReader) filter() error {
	n := r.cur.Len
	if words := batch.Words(n); cap(r.bits) < words {
		r.bits, r.term = make(batch.Bitmap, words), make(batch.Bitmap, words)
	}
	r.bits, r.term = r.bits[:batch.Words(n)], r.term[:batch.Words(n)]
	r.bits.Fill(n)
	for _, m := range r.matchers {
		if err := m.Match(r.cur.Cols[m.Term.Column], r.term); err != nil {
			return err
		}
		r.bits.And(r.term)
	}
	r.idx = r.bits.AppendIndexes(r.idx[:0])
	return nil
}
