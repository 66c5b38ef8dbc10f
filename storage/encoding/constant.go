package encoding

import (
	"encoding/binary"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/kernel"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/scan"
)

// constantCodec: all rows have one value, 8 bytes (16 for wide types) after the header.
type constantCodec struct{}

func (constantCodec) id() ID       { return Constant }
func (constantCodec) name() string { return "constant" }

func (constantCodec) plan(s *stats) (int, bool) { return headerBytes + 8, s.min == s.max }

func (constantCodec) encode(dst []byte, s *stats) []byte {
	dst = appendHeader(dst, Constant, 0, len(s.v), 0)
	return binary.LittleEndian.AppendUint64(dst, uint64(s.v[0]))
}

func (constantCodec) open(b *Block) error {
	if b.elem == 16 {
		if err := b.need(headerBytes + 16); err != nil {
			return err
		}
		b.wide = b.buf[headerBytes : headerBytes+16]
		return nil
	}
	if err := b.need(headerBytes + 8); err != nil {
		return err
	}
	b.base = int64(binary.LittleEndian.Uint64(b.buf[headerBytes:]))
	if b.elem > 0 && !b.holds(b.base) {
		return b.corrupt("value %d in %d bytes", b.base, b.elem)
	}
	return nil
}

func (c constantCodec) decode(b *Block, vector int, dst []byte) { c.fill(b, b.Len(vector), dst) }

func (c constantCodec) gather(b *Block, _ int, idx []uint16, dst []byte) { c.fill(b, len(idx), dst) }

func (constantCodec) fill(b *Block, n int, dst []byte) {
	switch b.elem {
	case 2:
		fill(mem.View[int16](dst)[:n], int16(b.base))
	case 4:
		fill(mem.View[int32](dst)[:n], int32(b.base))
	case 8:
		fill(mem.View[int64](dst)[:n], b.base)
	case 16:
		fill(mem.View[[16]byte](dst)[:n], [16]byte(b.wide))
	case 0: // booleans
		bits := batch.Bitmap(mem.View[uint64](dst))[:batch.Words(n)]
		clear(bits)
		if b.base != 0 {
			bits.Fill(n)
		}
	}
}

func fill[T any](v []T, x T) {
	for i := range v {
		v[i] = x
	}
}

func (constantCodec) choose(b *Block, vector int, p *scan.Pred, out batch.Bitmap) bool {
	if b.elem == 16 {
		return false
	}
	clear(out)
	if p.Int(b.base) {
		kernel.SetRange(out, 0, b.Len(vector))
	}
	return true
}

// Constant returns the value of a constant block, as the elem bytes of one row (8 bytes holding 0 or 1 for booleans).
func (b *Block) Constant() (value []byte, ok bool) {
	if b.ID != Constant {
		return nil, false
	}
	if b.elem == 16 {
		return b.wide, true
	}
	return b.buf[headerBytes : headerBytes+8], true
}
