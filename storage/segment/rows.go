package segment

import (
	"context"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/scan"
)

// At reads the rows at some places, which do not descend, deleted or not. Columns are those of a request. It hands out
// batches with the number of the first of their rows among the places; they are valid until the call returns. Of blocks it
// reads those that have such rows, and of packed values these alone.
func (p *Part) At(ctx context.Context, columns []int, places []uint32, yield func(first int, b *batch.Batch) error) error {
	opened, err := p.Open(ctx, &scan.Request{Columns: columns, Few: true, BatchRows: min(len(places), batch.MaxRows)})
	if err != nil {
		return err
	}
	s := opened.(*partScan) // no term has pruned it, nothing is counted
	defer s.Close()
	c := newCursor(s)
	defer c.Close()
	var out batch.Batch
	for first := 0; first < len(places); {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := c.pick(places[first:], &out)
		if err != nil {
			return err
		}
		if err := yield(first, &out); err != nil {
			return err
		}
		first += n
	}
	return nil
}

// pick fills out with the rows at the first places, as many as lie in one block and fit, and returns their number.
func (c *cursor) pick(places []uint32, out *batch.Batch) (int, error) {
	if int(places[len(places)-1]) >= c.s.seg.rows {
		return 0, errs.Internal("place %d of %d rows", places[len(places)-1], c.s.seg.rows)
	}
	c.block = int(places[0] / scan.BlockRows)
	if err := c.begin(out); err != nil {
		return 0, err
	}
	n := 0
	for n < min(len(places), c.s.limit) && int(places[n]/scan.BlockRows) == c.block {
		vector := places[n] / batch.MaxRows
		idx := c.index[:0]
		for _, at := range places[n:min(len(places), c.s.limit)] {
			if at/batch.MaxRows != vector {
				break
			}
			idx = append(idx, uint16(at%batch.MaxRows))
		}
		c.cur = int(vector % (scan.BlockRows / batch.MaxRows))
		c.rows = min(c.s.seg.rows-int(vector)*batch.MaxRows, batch.MaxRows)
		c.dense, c.idx, c.holes, c.moves, c.pos, c.count = false, idx, nil, nil, 0, len(idx)
		if err := c.emit(out, n, len(idx)); err != nil {
			return 0, err
		}
		n += len(idx)
	}
	c.finish(out, n)
	return n, nil
}
