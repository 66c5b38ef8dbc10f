package segment

import (
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

// identities, as the column of an outColumn: the numbers of the rows, but for those that the hidden column tells of.
const identities = -4

// identity returns where the identities of the rows come from.
func (p *Part) identity() outColumn {
	return outColumn{col: identities, typ: types.T(types.Int8), numbers: p.seg.Find(RowNumber), hidden: p.seg.Find(scan.IdentityColumn)}
}

// own tells that the rows have not been committed: their numbers are no identities.
func (p *Part) own() bool { return p.base >= scan.OwnRows }

// emitIdentities writes the identities of rows of the current vector as rows at and following of v.
func (c *cursor) emitIdentities(i int, v *batch.Vector, at int, r chosen) error {
	o, st := &c.s.outs[i], &c.outs[i]
	dst := batch.Values[int64](v)[at : at+r.n]
	switch {
	case c.s.part.own():
		clear(dst)
	case o.numbers < 0:
		c.numbers(dst, c.places(r))
	default:
		if err := c.openValues(o.numbers); err != nil {
			return err
		}
		c.n.values += int64(r.n)
		c.values(&c.blocks[o.numbers], 8, v.Data[at*8:], r)
		c.number(dst)
	}
	if o.hidden < 0 {
		return nil
	}
	m := &c.s.seg.cols[o.hidden].blocks[c.block]
	if m.nulls == m.rows {
		return nil
	}
	valid, err := c.validOf(o.hidden)
	if err != nil {
		return err
	}
	if err := c.openValues(o.hidden); err != nil {
		return err
	}
	c.n.values += int64(r.n)
	if c.hidden == nil {
		c.hidden = make([]int64, batch.MaxRows)
	}
	c.values(&c.blocks[o.hidden], 8, mem.Bytes(c.hidden), r)
	for j, place := range c.places(r) {
		if valid == nil || valid.Get(int(place)) {
			dst[j] = c.hidden[j]
			if st.nulls {
				batch.Bitmap(st.valid[:]).Set(at + j)
			}
		}
	}
	return nil
}
