package shelf

import (
	"context"
	"slices"
	"time"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/live"
	"github.com/siltstone-db/siltstone/storage/mem"
)

// Truncate forgets the rows from a number on, of a shelf whose rows are in no log record: a savepoint is rolled back to.
// wait is called, and gives up the owner's lock meanwhile, as long as somebody writes a file of a part that is to be cut.
// account is charged for reading a file back.
func (s *Shelf) Truncate(ctx context.Context, next uint64, wait func(), account *mem.Account) error {
	for s.Next > next {
		p := s.Parts[len(s.Parts)-1]
		if p.Base >= next {
			s.Next = p.Base
			s.drop(p)
			s.Parts = s.Parts[:len(s.Parts)-1]
			continue
		}
		for p.building {
			wait()
		}
		return s.shorten(ctx, p, int(next-p.Base), account)
	}
	return nil
}

// shorten leaves the first n rows of the last part. Those of a file are read back: a savepoint seldom lies within one.
func (s *Shelf) shorten(ctx context.Context, p *Part, n int, account *mem.Account) error {
	s.Next = p.Base
	if p.Live != nil {
		s.Next += uint64(n)
		p.Plain = p.Plain * int64(n) / int64(p.Rows)
		p.Rows = n
		p.Live.Truncate(n)
		p.Closed = !s.takes(p) // when the table was altered back and forth
		p.Frozen, p.Err, p.failures, p.retry = false, nil, 0, time.Time{}
		return nil
	}
	s.Parts = s.Parts[:len(s.Parts)-1]
	err := s.readBack(ctx, p, n, account)
	s.drop(p)
	return err
}

// readBack appends the rows of a sealed part that were the first n, in the order in which they came.
func (s *Shelf) readBack(ctx context.Context, p *Part, n int, account *mem.Account) error {
	if p.Order != nil {
		return s.readSorted(ctx, p, n, account)
	}
	var flat batch.Flattener
	return p.File.Read(ctx, s.Table, account, func(b *batch.Batch) error {
		if n == 0 {
			return nil
		}
		f := flat.Flatten(b)
		f.Len = min(f.Len, n)
		n -= f.Len
		_, _, err := s.Append(Rows{Batch: f})
		return err
	})
}

// readSorted is readBack for a part whose file is sorted. The rows are laid out in memory and then taken one by one.
func (s *Shelf) readSorted(ctx context.Context, p *Part, n int, account *mem.Account) error {
	all := live.New(Live(s.Table), s.env.Live, 0, time.Time{})
	defer all.Release()
	var flat batch.Flattener
	if err := p.File.Read(ctx, s.Table, account, func(b *batch.Batch) error {
		f := flat.Flatten(b)
		return all.Append(f, 0, f.Len)
	}); err != nil {
		return err
	}
	all.Mark(1)
	at := NewPlaces(p.Order).rows // where the rows stand now
	chunks := make([][]*batch.Vector, len(s.Table.Columns))
	for c := range chunks {
		chunks[c] = all.Chunks(c)
	}
	ts := s.Table.Types()
	if ids := all.Identities(); ids != nil {
		chunks, ts = append(chunks, []*batch.Vector{ids}), append(slices.Clip(ts), ids.Type)
	}
	for from := 0; from < n; from += batch.MaxRows {
		out := batch.New(ts)
		out.Reset()
		rows := at[from:min(from+batch.MaxRows, n)]
		for c, vs := range chunks {
			appendAt(out.Cols[c], vs, rows)
		}
		out.Len = len(rows)
		if _, _, err := s.Append(Rows{Batch: out}); err != nil {
			return err
		}
	}
	return nil
}

// appendAt appends some rows of a column that lies in chunks.
func appendAt(out *batch.Vector, chunks []*batch.Vector, rows []uint32) {
	for _, i := range rows {
		k := 0
		for int(i) >= chunks[k].Len {
			i -= uint32(chunks[k].Len)
			k++
		}
		out.AppendDatum(chunks[k].Datum(int(i)))
	}
}
