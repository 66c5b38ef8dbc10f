package encoding

import (
	"encoding/binary"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/kernel"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/scan"
)

// head describes one vector of a FOR or Delta block: the value of row i is base plus the width bits at bit i*width
// after data byte off. Delta: the difference of row i+1 to row i is step plus those bits, and base is row 0.
type head struct {
	base int64
	step int64
	off  uint32
	bits uint32
}

const headBytes = 24

// forCodec: frame of reference and bit-packing, with a base and a width per vector. After the header a head per vector
// (base i64, step i64 (0), offset u32, bits u32), then the packed values, each vector 8-byte aligned.
type forCodec struct{}

func (forCodec) id() ID       { return FOR }
func (forCodec) name() string { return "for" }

func vectorsOf(rows int) int { return (rows + vectorRows - 1) / vectorRows }

func (forCodec) plan(s *stats) (int, bool) {
	n := vectorsOf(len(s.v))
	bytes := headerBytes + n*headBytes
	for k := range n {
		bytes += align8(kernel.PackedBytes(min(vectorRows, len(s.v)-k*vectorRows), s.vec[k].width()))
	}
	return bytes, true
}

func appendHead(dst []byte, base, step int64, off int, width uint8) []byte {
	dst = binary.LittleEndian.AppendUint64(dst, uint64(base))
	dst = binary.LittleEndian.AppendUint64(dst, uint64(step))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(off))
	return binary.LittleEndian.AppendUint32(dst, uint32(width))
}

func (forCodec) encode(dst []byte, s *stats) []byte {
	n := vectorsOf(len(s.v))
	dst = appendHeader(dst, FOR, 0, len(s.v), n)
	off := 0
	for k := range n {
		w := s.vec[k].width()
		dst = appendHead(dst, s.vec[k].min, 0, off, w)
		off += align8(kernel.PackedBytes(min(vectorRows, len(s.v)-k*vectorRows), w))
	}
	for k := range n {
		v := s.v[k*vectorRows : min((k+1)*vectorRows, len(s.v))]
		base := s.vec[k].min
		for i, x := range v {
			s.work[i] = uint64(x - base)
		}
		dst = appendPacked(dst, s.work[:len(v)], s.vec[k].width())
	}
	return dst
}

// appendPacked appends packed values up to the next multiple of 8 bytes.
func appendPacked(dst []byte, v []uint64, width uint8) []byte {
	at := len(dst)
	dst = extend(dst, align8(kernel.PackedBytes(len(v), width)))
	kernel.Pack64(dst[at:], v, width)
	return dst
}

func (forCodec) open(b *Block) error { return b.openHeads(0) }

// openHeads checks the heads; each vector has fewer values packed than rows by less.
func (b *Block) openHeads(less int) error {
	n := vectorsOf(b.Rows)
	if b.count != n || b.elem < 2 || b.elem > 8 {
		return b.corrupt("%d vectors of %d-byte values, want %d", b.count, b.elem, n)
	}
	if err := b.need(headerBytes + n*headBytes); err != nil {
		return err
	}
	b.heads = mem.View[head](b.buf[headerBytes : headerBytes+n*headBytes])
	size := len(b.buf) - headerBytes - n*headBytes
	b.data = b.buf[headerBytes+n*headBytes : cap(b.buf)]
	for k, h := range b.heads {
		if h.bits > 64 || h.off&7 != 0 || int(h.off)+kernel.PackedBytes(b.Len(k)-less, uint8(h.bits)) > size {
			return b.corrupt("vector %d: %d bits at %d of %d bytes", k, h.bits, h.off, size)
		}
	}
	return nil
}

func (forCodec) decode(b *Block, vector int, dst []byte) {
	h, n := &b.heads[vector], b.Len(vector)
	switch b.elem {
	case 2:
		kernel.UnpackInts(mem.View[int16](dst)[:n], b.data[h.off:], uint8(h.bits), h.base)
	case 4:
		kernel.UnpackInts(mem.View[int32](dst)[:n], b.data[h.off:], uint8(h.bits), h.base)
	case 8:
		kernel.UnpackInts(mem.View[int64](dst)[:n], b.data[h.off:], uint8(h.bits), h.base)
	}
}

func (forCodec) gather(b *Block, vector int, idx []uint16, dst []byte) {
	h := &b.heads[vector]
	gatherPacked(b.elem, b.data[h.off:], uint8(h.bits), h.base, idx, dst)
}

func gatherPacked(elem int, data []byte, width uint8, base int64, idx []uint16, dst []byte) {
	switch elem {
	case 2:
		kernel.GatherPacked(mem.View[int16](dst)[:len(idx)], data, width, base, idx)
	case 4:
		kernel.GatherPacked(mem.View[int32](dst)[:len(idx)], data, width, base, idx)
	case 8:
		kernel.GatherPacked(mem.View[int64](dst)[:len(idx)], data, width, base, idx)
	}
}

func (forCodec) choose(b *Block, vector int, p *scan.Pred, out batch.Bitmap) bool {
	h := &b.heads[vector]
	return choosePacked(b.data[h.off:], uint8(h.bits), b.Len(vector), h.base, p, out)
}

// Packed returns the packed form of a vector of a FOR block.
func (b *Block) Packed(vector int) (words []byte, base int64, width uint8, ok bool) {
	if b.ID != FOR {
		return nil, 0, 0, false
	}
	h := &b.heads[vector]
	return b.data[h.off:], h.base, uint8(h.bits), true
}
