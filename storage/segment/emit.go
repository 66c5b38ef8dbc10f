package segment

import (
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/encoding"
	"github.com/siltstone-db/siltstone/storage/kernel"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

// outState is a column of the batch that is being filled.
type outState struct {
	constant bool // the whole batch has one value
	nulls    bool // valid is in use
	valid    [batch.MaxRows / 64]uint64
	raw      *batch.Vector // of a wide column: its values as the segment has them
}

// begin prepares out for up to the limit's rows of the current block.
func (c *cursor) begin(out *batch.Batch) error {
	for len(out.Cols) < len(c.outs) {
		out.Cols = append(out.Cols, new(batch.Vector))
	}
	out.Cols = out.Cols[:len(c.outs)]
	out.Sel = batch.Selection{}
	for i := range c.outs {
		if err := c.beginColumn(i, c.target(out, i)); err != nil {
			return err
		}
	}
	return nil
}

// target returns the vector that takes the values of a column as the segment has them.
func (c *cursor) target(out *batch.Batch, i int) *batch.Vector {
	if !c.s.outs[i].wide {
		return out.Cols[i]
	}
	if c.outs[i].raw == nil {
		c.outs[i].raw = new(batch.Vector)
	}
	return c.outs[i].raw
}

func (c *cursor) beginColumn(i int, v *batch.Vector) error {
	o, st := &c.s.outs[i], &c.outs[i]
	st.constant, st.nulls = false, false
	if o.col == rowNumbers {
		v.Reset(o.typ, c.s.limit)
		return nil
	}
	if o.col == identities {
		v.Reset(o.typ, c.s.limit)
		if st.nulls = c.s.part.own(); st.nulls {
			clear(st.valid[:])
		}
		return nil
	}
	if o.col < 0 {
		st.constant = true
		v.ResetConstant(o.value, c.s.limit)
		return nil
	}
	typ := o.typ
	if o.wide {
		typ = c.s.seg.cols[o.col].Type
	}
	m := &c.s.seg.cols[o.col].blocks[c.block]
	allNull := m.nulls == m.rows
	switch {
	case o.dict != nil:
		// Codes even where the block is constant or NULL: who asked for a dictionary wants codes of it.
		v.ResetDict(o.typ, o.dict, c.s.limit)
	case allNull:
		st.constant = true
		v.ResetConstant(types.NullOf(typ), c.s.limit)
	case m.encoding == encoding.Constant && m.nulls == 0:
		st.constant = true
		if err := c.beginConstant(o, typ, v); err != nil || !o.number {
			return err
		}
		c.number(batch.Values[int64](v)[:1])
		return nil
	default:
		v.Reset(typ, c.s.limit)
	}
	if m.nulls > 0 && !st.constant {
		st.nulls = true
		clear(st.valid[:])
	}
	return nil
}

// beginConstant makes v the value of a constant block.
func (c *cursor) beginConstant(o *outColumn, typ types.Type, v *batch.Vector) error {
	if err := c.openValues(o.col); err != nil {
		return err
	}
	value, _ := c.blocks[o.col].blk.Constant()
	v.Reset(typ, 1)
	copy(v.Data, value)
	if typ.Physical() == types.PhysBool {
		v.Bools()[0] = uint64(value[0])
	}
	v.Form, v.Len = batch.Constant, c.s.limit
	c.n.values++
	return nil
}

// holesMost is how many rows of a vector may be missing for the others to be copied in runs, of which one costs about as
// much as ten values that are picked one by one.
const holesMost = batch.MaxRows / 16

// chosen are survivors of the current vector.
type chosen struct {
	n     int      // of them
	from  int      // the first, among the survivors
	whole bool     // all rows of the vector
	holes []uint16 // all rows but these; nil: see places
	moves []move   // how the holes are filled; nil: by what follows
}

// places lists the rows.
func (c *cursor) places(r chosen) []uint16 {
	switch {
	case c.dense:
		return identity[r.from : r.from+r.n]
	case c.idx != nil:
	case c.moves != nil:
		c.idx = append(c.index[:0], identity[:c.count]...)
		for _, m := range c.moves {
			c.idx[m.to] = m.from
		}
	default:
		c.idx = c.index[:0]
		from := 0
		for _, h := range c.holes {
			c.idx = append(c.idx, identity[from:h]...)
			from = int(h) + 1
		}
		c.idx = append(c.idx, identity[from:c.rows]...)
	}
	return c.idx[r.from : r.from+r.n]
}

// emit appends k survivors of the current vector, from c.pos on, as rows at and following of out.
func (c *cursor) emit(out *batch.Batch, at, k int) error {
	r := chosen{n: k, from: c.pos, whole: c.dense && k == c.rows}
	if !c.dense && k == c.count {
		r.holes, r.moves = c.holes, c.moves
	}
	for i := range c.outs {
		if c.outs[i].constant {
			continue
		}
		if err := c.emitColumn(i, c.target(out, i), at, r); err != nil {
			return err
		}
	}
	return nil
}

func (c *cursor) emitColumn(i int, v *batch.Vector, at int, r chosen) error {
	o, st := &c.s.outs[i], &c.outs[i]
	if o.col == rowNumbers {
		c.numbers(batch.Values[int64](v)[at:], c.places(r))
		return nil
	}
	if o.col == identities {
		return c.emitIdentities(i, v, at, r)
	}
	m := &c.s.seg.cols[o.col].blocks[c.block]
	k := r.n
	if m.nulls == m.rows { // of a column with a dictionary
		clear(v.Codes[at : at+k])
		return c.texts(o, v.Codes[at:at+k])
	}
	if st.nulls {
		valid, err := c.validOf(o.col)
		if err != nil {
			return err
		}
		c.copyBits(st.valid[:], at, valid, r)
	}
	if err := c.openValues(o.col); err != nil {
		return err
	}
	c.n.values += int64(k)
	b := &c.blocks[o.col]
	switch {
	case o.dict != nil:
		c.values(b, 4, mem.Bytes(v.Codes)[at*4:], r)
		return c.texts(o, v.Codes[at:at+k])
	case b.blk.ID == encoding.Strings:
		c.strings(b, v, r)
	case c.s.seg.cols[o.col].elem == 0:
		c.bools(b, v.Bools(), at, r)
	default:
		elem := c.s.seg.cols[o.col].elem
		c.values(b, elem, v.Data[at*elem:], r)
		if o.number {
			c.number(batch.Values[int64](v)[at : at+k])
		}
	}
	return nil
}

// texts makes sure that the strings of codes are there.
func (c *cursor) texts(o *outColumn, codes []uint32) error {
	if o.text == nil {
		return nil
	}
	return o.text.need(codes, c.s.counters)
}

// numbers writes the numbers of the rows idx of the current vector.
func (c *cursor) numbers(dst []int64, idx []uint16) {
	first := int64(c.s.part.base) + int64(c.block*scan.BlockRows+c.cur*batch.MaxRows)
	for i, j := range idx {
		dst[i] = first + int64(j)
	}
}

// number makes numbers in the table of numbers in the segment.
func (c *cursor) number(values []int64) {
	for i := range values {
		values[i] += int64(c.s.part.base)
	}
}

// values writes rows of the current vector to dst. Few of them are picked out of the packed values; for more it is
// cheaper to decode the vector and pick from that, or to decode it where the rows go and close the gaps.
func (c *cursor) values(b *openBlock, elem int, dst []byte, r chosen) {
	switch {
	case r.whole:
		b.blk.Decode(c.cur, dst[:c.rows*elem])
	case r.holes != nil:
		src := dst
		if len(dst) < c.rows*elem {
			src = c.decodeScratch(b, elem)
		} else {
			b.blk.Decode(c.cur, dst[:c.rows*elem])
		}
		if r.moves == nil {
			closeGaps(src[:c.rows*elem], dst, elem, r.holes)
			return
		}
		fill(src, elem, r.moves)
		if len(dst) < c.rows*elem {
			copy(dst, src[:r.n*elem])
		}
	case r.n*8 < c.rows:
		b.blk.Gather(c.cur, c.places(r), dst[:r.n*elem])
	default:
		encoding.Gather(elem, dst, c.decodeScratch(b, elem), c.places(r))
	}
}

// closeGaps copies the values of src but those at some places to dst, which may begin where src does.
func closeGaps(src, dst []byte, elem int, holes []uint16) {
	from, to := 0, 0
	for _, h := range holes {
		end := int(h) * elem
		to += copy(dst[to:], src[from:end])
		from = end + elem
	}
	copy(dst[to:], src[from:])
}

// fill moves values.
func fill(data []byte, elem int, moves []move) {
	switch elem {
	case 2:
		moveValues(mem.View[int16](data), moves)
	case 4:
		moveValues(mem.View[int32](data), moves)
	case 8:
		moveValues(mem.View[int64](data), moves)
	case 16:
		moveValues(mem.View[[16]byte](data), moves)
	}
}

func moveValues[T any](values []T, moves []move) {
	for _, m := range moves {
		values[m.to] = values[m.from]
	}
}

// copyBits copies bits of rows of the current vector to dst, as bits at and following.
func (c *cursor) copyBits(dst []uint64, at int, src []uint64, r chosen) {
	switch {
	case r.whole:
		kernel.CopyBits(dst, at, src, 0, c.rows)
	case r.moves != nil:
		kernel.CopyBits(dst, at, src, 0, r.n)
		for _, m := range r.moves {
			k := uint(at) + uint(m.to)
			dst[k>>6] = dst[k>>6]&^(1<<(k&63)) | src[m.from>>6]>>(m.from&63)&1<<(k&63)
		}
	case r.holes != nil:
		from := 0
		for _, h := range r.holes {
			kernel.CopyBits(dst, at, src, from, int(h)-from)
			at += int(h) - from
			from = int(h) + 1
		}
		kernel.CopyBits(dst, at, src, from, c.rows-from)
	default:
		kernel.GatherBits(dst, at, src, c.places(r))
	}
}

func (c *cursor) bools(b *openBlock, dst batch.Bitmap, at int, r chosen) {
	src := batch.Bitmap(c.scratch[:batch.Words(c.rows)])
	b.blk.Decode(c.cur, mem.Bytes(src))
	c.copyBits(dst, at, src, r)
}

func (c *cursor) strings(b *openBlock, v *batch.Vector, r chosen) {
	offsets, heap := b.blk.Strings(c.cur)
	for _, j := range c.places(r) {
		v.AppendBytes(heap[offsets[j]:offsets[j+1]])
	}
}

// finish gives out its n rows.
func (c *cursor) finish(out *batch.Batch, n int) {
	out.Len = n
	for i := range c.outs {
		v, st := c.target(out, i), &c.outs[i]
		switch {
		case st.constant:
		case v.Form == batch.Dict:
			v.Codes = v.Codes[:n]
		case v.Type.Physical() == types.PhysBytes:
		case v.Type.Physical() == types.PhysBool:
			v.Data = v.Data[:batch.Words(n)*8]
		default:
			v.Data = v.Data[:n*v.Type.Physical().Width()]
		}
		v.Len = n
		if st.nulls {
			v.Valid = st.valid[:batch.Words(n)]
		}
		if c.s.outs[i].wide {
			out.Cols[i].Widen(v, c.s.outs[i].typ)
		}
	}
}
