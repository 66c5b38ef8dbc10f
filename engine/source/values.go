package source

import (
	"context"
	"sync/atomic"

	"github.com/siltstone-db/siltstone/engine/op"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Values hands out rows in memory.
type Values struct {
	types []types.Type
	rows  []*batch.Batch
	next  atomic.Int64 // the batch that the next worker takes
}

// NewValues returns a source of rows in memory. The batches have at most batch.MaxAppendRows rows and no selection;
// they belong to the caller and are not changed. No batch means no rows.
func NewValues(ts []types.Type, rows []*batch.Batch) *Values { return &Values{types: ts, rows: rows} }

// Types returns the types of the columns.
func (v *Values) Types() []types.Type { return v.types }

// Rows returns the number of rows.
func (v *Values) Rows() int64 {
	n := int64(0)
	for _, b := range v.rows {
		n += int64(b.Len)
	}
	return n
}

// Open starts from the first row.
func (v *Values) Open(*op.Task) error {
	v.next.Store(0)
	return nil
}

// Producer makes the state of one worker.
func (v *Values) Producer(t *op.Task, _ int) (op.Producer, error) {
	return &valuesProducer{v: v, step: max(1, min(t.BatchRows, batch.MaxRows)), out: batch.New(v.types)}, nil
}

// Close does nothing.
func (v *Values) Close() {}

// valuesProducer cuts the batches it takes into pieces of at most step rows.
type valuesProducer struct {
	v    *Values
	step int
	cur  *batch.Batch
	pos  int // first row of cur not handed out yet
	out  *batch.Batch
	idx  []uint16
}

func (p *valuesProducer) Next(context.Context) (*batch.Batch, error) {
	for p.cur == nil || p.pos >= p.cur.Len {
		i := int(p.v.next.Add(1)) - 1
		if i >= len(p.v.rows) {
			return nil, nil
		}
		p.cur, p.pos = p.v.rows[i], 0
	}
	if p.pos == 0 && p.cur.Len <= p.step {
		p.pos = p.cur.Len
		return p.cur, nil
	}
	n := min(p.step, p.cur.Len-p.pos)
	p.idx = p.idx[:0]
	for i := range n {
		p.idx = append(p.idx, uint16(p.pos+i))
	}
	for i, c := range p.cur.Cols {
		p.out.Cols[i].Gather(c, p.idx)
	}
	p.out.Len = n
	p.pos += n
	return p.out, nil
}

func (p *valuesProducer) Close() {}
