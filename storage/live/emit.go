package live

import (
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/kernel"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

// columns gives out as many columns as the request has.
func (c *cursor) columns(out *batch.Batch) {
	for len(out.Cols) < len(c.outs) {
		out.Cols = append(out.Cols, new(batch.Vector))
	}
	out.Cols, out.Sel = out.Cols[:len(c.outs)], batch.Selection{}
}

// lend hands out the whole current vector without a copy.
func (c *cursor) lend(out *batch.Batch) {
	c.columns(out)
	for i, col := range c.want {
		out.Cols[i].Lend(c.cols[col])
	}
	out.Len, c.pos = c.rows, c.count
}

// begin prepares out for rows of several vectors.
func (c *cursor) begin(out *batch.Batch) {
	c.columns(out)
	for i, col := range c.want {
		v := out.Cols[i]
		c.outs[i].nulls = false
		switch t := scan.TypeOf(c.ps.types, c.ps.req.Columns[i]); {
		case col >= c.numbers:
			v.Reset(t, c.batchRows)
		case c.ps.p.column(col) < 0:
			v.ResetConstant(c.ps.p.layout.Value(col), c.batchRows)
		case t.Physical() == types.PhysBytes:
			v.ResetDict(t, c.ps.dicts[col], c.batchRows)
		default:
			v.Reset(t, c.batchRows)
		}
	}
}

// emit appends the next k rows of the current vector as rows at and following of out.
func (c *cursor) emit(out *batch.Batch, at, k int) {
	idx := identity[c.pos : c.pos+k]
	if c.index != nil {
		idx = c.index[c.pos : c.pos+k]
	}
	for i, col := range c.want {
		src, st := c.cols[col], &c.outs[i]
		if src.Form == batch.Constant {
			continue
		}
		out.Cols[i].GatherAt(at, src, idx)
		switch {
		case src.Valid != nil:
			if !st.nulls {
				st.nulls = true
				clear(st.valid[:])
				kernel.SetRange(st.valid[:], 0, at)
			}
			kernel.GatherBits(st.valid[:], at, src.Valid, idx)
		case st.nulls:
			kernel.SetRange(st.valid[:], at, k)
		}
	}
}

// finish gives out its n rows.
func (c *cursor) finish(out *batch.Batch, n int) {
	out.Len = n
	for i := range c.outs {
		v, st := out.Cols[i], &c.outs[i]
		switch {
		case v.Form == batch.Constant:
			v.Len = n
			continue
		case v.Form == batch.Dict:
			v.Codes, v.Len = v.Codes[:n], n
		default:
			v.Truncate(n)
		}
		if st.nulls {
			v.Valid = st.valid[:batch.Words(n)]
		}
	}
}
