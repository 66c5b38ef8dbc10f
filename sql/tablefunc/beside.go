package tablefunc

import (
	"context"
	"sync"

	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

// beside is the relation of ROWS FROM: the rows of some functions beside each other, those of the shorter ones ending in
// NULLs. It reads its members as it is read, and keeps no more than a batch of each.
type beside struct {
	types      []types.Type
	members    []scan.Relation
	first      []int // column of each member
	ordinality bool  // the last column counts the rows from 1
	rows       int64 // of the longest
}

// sideBySide makes the relations of the members of ROWS FROM.
func sideBySide(e *Env, f *plan.Function, args []types.Datum) (scan.Relation, error) {
	b := &beside{types: f.Types(), ordinality: f.Ordinality}
	at := 0
	for _, m := range f.Members {
		one := &plan.Function{Schema: m.Schema, Func: m.Func, Results: f.Results[at : at+m.Results]}
		rel, err := runOne(e, one, args[:m.Args])
		if err != nil {
			return nil, err
		}
		args = args[m.Args:]
		b.members, b.first, b.rows = append(b.members, rel), append(b.first, at), max(b.rows, rel.Rows())
		at += m.Results
	}
	return b, nil
}

// Types returns the column types.
func (b *beside) Types() []types.Type { return b.types }

// Rows returns the number of rows.
func (b *beside) Rows() int64 { return b.rows }

// Stats knows the number of rows only.
func (b *beside) Stats(int) scan.ColumnStats {
	return scan.ColumnStats{Rows: b.rows, Nulls: -1, Distinct: -1}
}

// Open starts a scan. The request must have no terms.
func (b *beside) Open(ctx context.Context, req *scan.Request) (scan.Scan, error) {
	s := &besideScan{b: b, req: req}
	for i, rel := range b.members {
		m, err := openMember(ctx, rel, b.first[i])
		if err != nil {
			s.Close()
			return nil, err
		}
		s.members = append(s.members, m)
	}
	return s, nil
}

// besideScan is one scan. Its readers take rows in turns.
type besideScan struct {
	b       *beside
	req     *scan.Request
	members []*memberRows
	mu      struct {
		sync.Mutex
		row int64 // the next
	}
}

func (s *besideScan) Reader() (scan.Reader, error)                 { return besideReader{s}, nil }
func (s *besideScan) Dictionaries(int) ([]*batch.Dictionary, bool) { return nil, false }

func (s *besideScan) Close() {
	for _, m := range s.members {
		m.close()
	}
}

type besideReader struct{ s *besideScan }

func (r besideReader) Close() {}

// Next puts the next rows of all members beside each other.
func (r besideReader) Next(ctx context.Context, out *batch.Batch) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	s := r.s
	s.mu.Lock()
	defer s.mu.Unlock()
	most := int64(s.req.BatchRows)
	if most <= 0 {
		most = batch.MaxRows
	}
	n := int(min(most, s.b.rows-s.mu.row))
	if n <= 0 {
		return false, nil
	}
	for i, c := range s.req.Columns {
		out.Cols[i].Reset(s.b.types[c], 0)
		if s.b.ordinality && c == len(s.b.types)-1 {
			for k := range n {
				out.Cols[i].AppendDatum(types.IntOf(s.b.types[c], s.mu.row+int64(k)+1))
			}
		}
	}
	for _, m := range s.members {
		if err := m.append(ctx, out, s.req.Columns, n); err != nil {
			return false, err
		}
	}
	out.Len, out.Sel = n, batch.Selection{}
	s.mu.row += int64(n)
	return true, nil
}

// memberRows reads one member from its first row to its last.
type memberRows struct {
	first int // its first column in the relation
	scan  scan.Scan
	in    scan.Reader
	batch *batch.Batch
	pos   int // the next row of batch
	ended bool
}

func openMember(ctx context.Context, rel scan.Relation, first int) (*memberRows, error) {
	req := &scan.Request{}
	for i := range rel.Types() {
		req.Columns = append(req.Columns, i)
	}
	m := &memberRows{first: first, batch: batch.New(rel.Types())}
	var err error
	if m.scan, err = rel.Open(ctx, req); err != nil {
		return nil, err
	}
	if m.in, err = m.scan.Reader(); err != nil {
		m.scan.Close()
		return nil, err
	}
	return m, nil
}

func (m *memberRows) close() {
	m.in.Close()
	m.scan.Close()
}

// append appends n rows to those columns of out that are the member's, NULLs behind its end.
func (m *memberRows) append(ctx context.Context, out *batch.Batch, columns []int, n int) error {
	for n > 0 {
		if err := m.fill(ctx); err != nil {
			return err
		}
		some := n
		if !m.ended {
			some = min(n, m.batch.Len-m.pos)
		}
		for i, c := range columns {
			k := c - m.first
			if k < 0 || k >= len(m.batch.Cols) {
				continue
			}
			for r := range some {
				d := types.NullOf(out.Cols[i].Type)
				if !m.ended {
					d = m.batch.Cols[k].Datum(m.pos + r)
				}
				out.Cols[i].AppendDatum(d)
			}
		}
		m.pos, n = m.pos+some, n-some
	}
	return nil
}

// fill makes sure that a row is there, or the end.
func (m *memberRows) fill(ctx context.Context) error {
	for !m.ended && m.pos >= m.batch.Len {
		more, err := m.in.Next(ctx, m.batch)
		if err != nil {
			return err
		}
		m.pos, m.ended = 0, !more
	}
	return nil
}
