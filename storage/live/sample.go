package live

import (
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

var _ scan.Sampler = Prefix{}

// Sample implements scan.Sampler.
func (p Prefix) Sample(column, rows, among int, out *batch.Vector) error {
	if err := p.fits(column); err != nil {
		return err
	}
	among = min(among, p.rows)
	c := p.column(column)
	if c < 0 || p.rows == 0 {
		missing := types.NullOf(out.Type)
		if c < 0 {
			missing = p.layout.Value(column)
		}
		var same batch.Vector
		same.ResetConstant(missing, rows)
		out.AppendVector(&same)
		return nil
	}
	var dict *batch.Dictionary
	if p.s.dicts[c] != nil {
		dict = p.s.dicts[c].dictionary()
	}
	chunks := *p.s.chunks.Load()
	var some batch.Vector
	some.Reset(p.s.cols[c].Type, 0)
	var v *batch.Vector
	last := -1
	for i := range rows {
		row := (2*i + 1) * among / (2 * rows)
		index, start := chunkOf(row)
		if index != last {
			v, last = p.s.vector(c, &chunks[index].cols[c], min(p.rows, chunkStart(index+1))-start, dict), index
		}
		scan.AppendSample(&some, v, row-start)
	}
	scan.AppendWide(out, &some)
	return nil
}

// Common implements scan.Sampler: the sample tells of live rows what there is to tell.
func (p Prefix) Common(int) []scan.Common { return nil }
