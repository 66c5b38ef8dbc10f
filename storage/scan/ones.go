package scan

import (
	"context"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Ones answers a counted request with the rows of a part that cannot count them: each stands for one.
func Ones(ps PartScan) PartScan { return onesScan{ps} }

type onesScan struct{ PartScan }

// Cursor implements PartScan.
func (s onesScan) Cursor() (Cursor, error) {
	c, err := s.PartScan.Cursor()
	if err != nil {
		return nil, err
	}
	return &onesCursor{Cursor: c}, nil
}

type onesCursor struct {
	Cursor
	ones batch.Vector
}

// Next implements Cursor.
func (c *onesCursor) Next(ctx context.Context, out *batch.Batch) (bool, error) {
	out.Cols = out.Cols[:min(1, len(out.Cols))]
	ok, err := c.Cursor.Next(ctx, out)
	if err != nil || !ok {
		return false, err
	}
	c.ones.ResetConstant(types.IntOf(types.T(types.Int8), 1), out.Len)
	out.Cols = append(out.Cols[:1:1], &c.ones)
	return true, nil
}
