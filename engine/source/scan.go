// Package source has the sources that need no other pipeline: scans of relations, and rows in memory.
//
// A source is shared by its workers; each worker has a Producer of its own.
package source

import (
	"context"

	"github.com/siltstone-db/siltstone/engine/op"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Scan reads a relation. Batches are those of the relation's readers, lent straight through.
type Scan struct {
	rel   scan.Relation
	req   scan.Request
	types []types.Type
	open  scan.Scan
}

// NewScan returns a source that reads a relation. Account, BatchRows and Counters of the request are set from the
// task, or made, when they are missing.
func NewScan(rel scan.Relation, req scan.Request) *Scan {
	all := rel.Types()
	ts := make([]types.Type, len(req.Columns))
	for i, c := range req.Columns {
		ts[i] = scan.TypeOf(all, c)
	}
	if req.Counted {
		ts = append(ts, types.T(types.Int8))
	}
	if req.Counters == nil {
		req.Counters = &scan.Counters{}
	}
	return &Scan{rel: rel, req: req, types: ts}
}

// Types returns the types of the requested columns, and that of the counts of a counted request.
func (s *Scan) Types() []types.Type { return s.types }

// Rows returns the number of rows of the relation, before any term.
func (s *Scan) Rows() int64 { return s.rel.Rows() }

// Open plans the scan.
func (s *Scan) Open(t *op.Task) (err error) {
	if s.req.Account == nil {
		s.req.Account = t.Account
	}
	if s.req.BatchRows == 0 {
		s.req.BatchRows = t.BatchRows
	}
	s.open, err = s.rel.Open(t.Ctx, &s.req)
	return err
}

// Dictionaries returns the dictionaries of a column of the request, once the source is open.
func (s *Scan) Dictionaries(column int) ([]*batch.Dictionary, bool) {
	if s.open == nil {
		return nil, false
	}
	return s.open.Dictionaries(column)
}

// Producer makes a reader.
func (s *Scan) Producer(*op.Task, int) (op.Producer, error) {
	r, err := s.open.Reader()
	if err != nil {
		return nil, err
	}
	return &scanProducer{reader: r, out: batch.New(s.types)}, nil
}

// Close ends the scan.
func (s *Scan) Close() {
	if s.open != nil {
		s.open.Close()
		s.open = nil
	}
}

type scanProducer struct {
	reader scan.Reader
	out    *batch.Batch
}

func (p *scanProducer) Next(ctx context.Context) (*batch.Batch, error) {
	ok, err := p.reader.Next(ctx, p.out)
	if err != nil || !ok {
		return nil, err
	}
	return p.out, nil
}

func (p *scanProducer) Close() { p.reader.Close() }

var _ op.Source = (*Scan)(nil)
