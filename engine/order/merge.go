package order

import (
	"context"

	"github.com/siltstone-db/siltstone/engine/op"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
)

// cursor is a place in a sorted run: one in memory, or the block of a file that is being read.
type cursor struct {
	rows *rows
	pos  int
	file *fileRun // nil: all rows are in memory
}

func memoryCursors(runs []*rows) []*cursor {
	cs := make([]*cursor, len(runs))
	for i, r := range runs {
		cs[i] = &cursor{rows: r}
	}
	return cs
}

// next goes to the next row. At the end of a file's block that is the first row of the next one.
func (c *cursor) next() error {
	c.pos++
	if c.pos < len(c.rows.entries) || c.file == nil {
		return nil
	}
	c.pos = 0
	return c.file.load()
}

// merge reads sorted runs in order. There are as many runs as workers, or mergeWays, so the smallest head is found by
// looking at each.
type merge struct {
	cursors []*cursor
	take    int64 // -1: all
	refs    []ref
	out     *batch.Batch
}

func newMerge(cfg Config, cursors []*cursor, t *op.Task, worker int) *merge {
	m := &merge{cursors: cursors, take: cfg.Limit, out: batch.New(cfg.In)}
	if worker > 0 {
		m.take = 0
	}
	m.refs = make([]ref, 0, max(1, min(t.BatchRows, batch.MaxRows)))
	return m
}

// head returns the cursor with the smallest row left, or nil.
func (m *merge) head() *cursor {
	var best *cursor
	for _, c := range m.cursors {
		if c.pos == len(c.rows.entries) {
			continue
		}
		if best == nil || compare(c.rows, &c.rows.entries[c.pos], best.rows, &best.rows.entries[best.pos]) < 0 {
			best = c
		}
	}
	return best
}

// collect names the next rows: as many as refs has room for.
func (m *merge) collect() error {
	m.refs = m.refs[:0]
	for _, c := range m.cursors {
		if c.file != nil {
			c.file.recycle()
		}
	}
	for len(m.refs) < cap(m.refs) && m.take != 0 {
		c := m.head()
		if c == nil {
			return nil
		}
		r := c.rows.ref(&c.rows.entries[c.pos])
		if err := c.next(); err != nil {
			return err
		}
		m.refs = append(m.refs, r)
		if m.take > 0 {
			m.take--
		}
	}
	return nil
}

// Next returns the next rows.
func (m *merge) Next(ctx context.Context) (*batch.Batch, error) {
	if err := ctx.Err(); err != nil {
		return nil, errs.From(err)
	}
	if err := m.collect(); err != nil || len(m.refs) == 0 {
		return nil, err
	}
	gather(m.out, m.refs)
	return m.out, nil
}

// Close gives back the buffers of files; the sink owns the rows.
func (m *merge) Close() {
	for _, c := range m.cursors {
		if c.file != nil {
			c.file.close()
		}
	}
	m.cursors = nil
}
