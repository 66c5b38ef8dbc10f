package segment

import (
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/encoding"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

// selectRows applies the terms to the current vector and fills dense, idx and count.
func (c *cursor) selectRows() error {
	n := c.rows
	c.n.scanned += int64(n)
	words := batch.Words(n)
	some := false // bits holds the answer so far; else all rows are in
	bits := batch.Bitmap(c.bits[:words])
	apply := func(col int, p *scan.Pred) (bool, error) {
		to := bits
		if some {
			to = c.tmp[:words]
		}
		if err := c.match(col, p, to); err != nil {
			return false, err
		}
		if some {
			bits.And(to)
		}
		some = true
		return bits.Any(), nil
	}
	c.count = 0
	first := c.block*scan.BlockRows + c.cur*batch.MaxRows
	deleted := c.s.part.deleted.Words(first)
	if deleted != nil && !c.asks() {
		if holes, ok := c.s.part.deleted.Few(first); ok && len(holes) <= holesMost {
			c.holed(holes)
			return nil
		}
	}
	for i, t := range c.s.terms {
		if c.all[i] {
			continue
		}
		p, err := t.ready()
		if err != nil {
			return err
		}
		if left, err := apply(t.col, p); err != nil || !left {
			return err
		}
	}
	for i := range c.late {
		l := &c.late[i]
		if l.term == nil || !l.rows || l.all {
			continue
		}
		asked := n
		if some {
			asked = bits.Count()
		}
		left, err := apply(l.col, &l.pred)
		if err != nil {
			return err
		}
		l.judge(asked, bits)
		if !left {
			return nil
		}
	}
	if deleted != nil { // a term looks at a whole vector anyway
		if !some {
			bits.Fill(n)
		}
		bits.AndNot(deleted)
		some = true
	}
	c.survive(bits, some)
	return nil
}

// asks tells whether a term is to be applied to the rows of the zone.
func (c *cursor) asks() bool {
	for _, all := range c.all {
		if !all {
			return true
		}
	}
	for i := range c.late {
		if l := &c.late[i]; l.term != nil && l.rows && !l.all {
			return true
		}
	}
	return false
}

// survive notes which rows of the current vector are left: those of bits, or all.
func (c *cursor) survive(bits batch.Bitmap, some bool) {
	c.dense, c.count = true, c.rows
	if !some {
		return
	}
	if c.count = bits.Count(); c.count == c.rows {
		return
	}
	c.dense, c.holes, c.moves = false, nil, nil
	if len(c.outs) > 0 {
		c.idx = bits.AppendIndexes(c.index[:0])
	}
}

// holed notes that all rows of the current vector are left but few. Where the order of rows is nobody's concern the last
// ones go into the places of those that are missing; else the runs between these are moved together.
func (c *cursor) holed(holes []uint16) {
	c.count = c.rows - len(holes)
	if c.dense = len(holes) == 0; c.dense {
		return
	}
	c.idx, c.holes, c.moves = nil, holes, nil
	if !c.s.req.AnyOrder || c.count == 0 || len(c.outs) == 0 {
		return
	}
	c.moves = c.swaps[:0]
	from, last := c.rows-1, len(holes)-1
	for _, h := range holes {
		if int(h) >= c.count {
			break
		}
		for last >= 0 && int(holes[last]) == from { // it is missing itself
			from, last = from-1, last-1
		}
		c.moves = append(c.moves, move{h, uint16(from)})
		from--
	}
}

// match sets the bits of out for the rows of the current vector that satisfy p.
func (c *cursor) match(col int, p *scan.Pred, out batch.Bitmap) error {
	m := &c.s.seg.cols[col].blocks[c.block]
	b := &c.blocks[col]
	n := c.rows
	switch {
	case p.Kind == scan.PredNone || p.Kind == scan.PredNull && m.nulls == 0 || p.Kind != scan.PredNull && m.nulls == m.rows:
		clear(out)
		return nil
	case p.Kind == scan.PredNull && m.nulls == m.rows:
		out.Fill(n)
		return nil
	}
	valid, err := c.validOf(col)
	if err != nil {
		return err
	}
	if p.Kind == scan.PredNull || p.Kind == scan.PredAll {
		out.Fill(n)
		p.Nulls(valid, n, out)
		return nil
	}
	if err := c.openValues(col); err != nil {
		return err
	}
	if b.blk.Select(c.cur, p, out) {
		c.n.packed += int64(n)
		p.Nulls(valid, n, out)
		return nil
	}
	c.n.decoded += int64(n)
	c.decodeFlat(col, valid)
	if err := p.Flat(&c.flat, out); err != nil {
		return err
	}
	p.Nulls(valid, n, out)
	return nil
}

// decodeFlat makes c.flat the current vector of a column (codes, if it has a dictionary).
func (c *cursor) decodeFlat(col int, valid batch.Bitmap) {
	m, b := &c.s.seg.cols[col], &c.blocks[col]
	v := &c.flat
	*v = batch.Vector{Type: m.Type, Len: c.rows, Valid: valid}
	switch {
	case m.dict != nil:
		// Predicates on codes work on any encoding of them but delta; then codes are compared as integers.
		v.Type = types.T(types.Int4)
		v.Data = c.decodeScratch(b, 4)
	case b.blk.ID == encoding.Strings:
		v.Offsets, v.Data = b.blk.Strings(c.cur)
	case m.elem == 0:
		v.Data = mem.Bytes(c.scratch[:batch.Words(c.rows)])
		b.blk.Decode(c.cur, v.Data)
	default:
		v.Data = c.decodeScratch(b, m.elem)
	}
}

func (c *cursor) decodeScratch(b *openBlock, elem int) []byte {
	data := mem.Bytes(c.scratch)[:c.rows*elem]
	b.blk.Decode(c.cur, data)
	return data
}

// openValues makes sure that the cursor holds the values of a column's block.
func (c *cursor) openValues(col int) error {
	b := &c.blocks[col]
	if b.number != c.block {
		b.release()
		b.number = c.block
	}
	if b.values != nil {
		return nil
	}
	buf, err := c.s.seg.values(col, c.block, c.s.counters)
	if err != nil {
		return err
	}
	if err := b.blk.Open(buf.Bytes(), c.s.seg.cols[col].elem); err != nil {
		buf.Release()
		return c.s.seg.wrap(err)
	}
	b.values = buf
	return nil
}

// validOf returns the validity of the current vector of a column, nil when no row of the block is NULL. The block must
// not be all NULL.
func (c *cursor) validOf(col int) (batch.Bitmap, error) {
	m := &c.s.seg.cols[col].blocks[c.block]
	if m.nulls == 0 {
		return nil, nil
	}
	b := &c.blocks[col]
	if b.number != c.block {
		b.release()
		b.number = c.block
	}
	if b.validity == nil {
		buf, err := c.s.seg.validity(col, c.block, c.s.counters)
		if err != nil {
			return nil, err
		}
		if err := b.nulls.Open(buf.Bytes(), 0); err != nil {
			buf.Release()
			return nil, c.s.seg.wrap(err)
		}
		b.validity = buf
	}
	return b.nulls.BitsOf(c.cur), nil
}

func (b *openBlock) release() {
	if b.values != nil {
		b.values.Release()
		b.values = nil
	}
	if b.validity != nil {
		b.validity.Release()
		b.validity = nil
	}
	b.number = -1
}
