package live

import (
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Chunks returns the vectors of a column over all rows, in order, for the writer of a sealed segment. The segment must
// be frozen, and the vectors are valid while a reference is held.
func (s *Segment) Chunks(column int) []*batch.Vector {
	var d *batch.Dictionary
	if s.dicts[column] != nil {
		d = s.dicts[column].dictionary()
	}
	var out []*batch.Vector
	list := *s.chunks.Load()
	for i, c := range list {
		n := min(s.rows, chunkStart(i+1)) - chunkStart(i)
		if n <= 0 {
			break
		}
		out = append(out, s.vector(column, &c.cols[column], n, d))
	}
	return out
}

func (s *Segment) vector(column int, c *colChunk, n int, d *batch.Dictionary) *batch.Vector {
	t := s.cols[column].Type
	v := &batch.Vector{Type: t, Len: n}
	if c.valid != nil {
		v.Valid = make(batch.Bitmap, batch.Words(n))
		packBits(v.Valid, c.valid[:n])
		if v.Valid.Count() == n {
			v.Valid = nil
		}
	}
	switch t.Physical() {
	case types.PhysBytes:
		v.Form, v.Dict, v.Codes = batch.Dict, d, mem.View[uint32](c.data)[:n]
	case types.PhysBool:
		words := make(batch.Bitmap, batch.Words(n))
		packBits(words, c.data[:n])
		v.Data = mem.Bytes(words)
	default:
		v.Data = c.data[:n*width(t)]
	}
	return v
}
