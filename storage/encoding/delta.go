package encoding

import (
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/kernel"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/scan"
)

// deltaCodec: differences to the row before, packed over the least difference of their vector: for sorted values and
// times. The layout is that of FOR with step, and one value less per vector. Differences wrap around, as do the sums.
type deltaCodec struct{}

func (deltaCodec) id() ID       { return Delta }
func (deltaCodec) name() string { return "delta" }

func (deltaCodec) plan(s *stats) (int, bool) {
	n := vectorsOf(len(s.v))
	bytes := headerBytes + n*headBytes
	for k := range n {
		bytes += align8(kernel.PackedBytes(min(vectorRows, len(s.v)-k*vectorRows)-1, s.delta[k].width()))
	}
	return bytes, true
}

func (deltaCodec) encode(dst []byte, s *stats) []byte {
	n := vectorsOf(len(s.v))
	dst = appendHeader(dst, Delta, 0, len(s.v), n)
	off := 0
	for k := range n {
		w := s.delta[k].width()
		dst = appendHead(dst, s.v[k*vectorRows], s.delta[k].min, off, w)
		off += align8(kernel.PackedBytes(min(vectorRows, len(s.v)-k*vectorRows)-1, w))
	}
	for k := range n {
		v := s.v[k*vectorRows : min((k+1)*vectorRows, len(s.v))]
		step := s.delta[k].min
		for i := range v[1:] {
			s.work[i] = uint64(v[i+1] - v[i] - step)
		}
		dst = appendPacked(dst, s.work[:len(v)-1], s.delta[k].width())
	}
	return dst
}

func (deltaCodec) open(b *Block) error { return b.openHeads(1) }

func (deltaCodec) decode(b *Block, vector int, dst []byte) {
	switch b.elem {
	case 2:
		decodeDelta(b, vector, mem.View[int16](dst))
	case 4:
		decodeDelta(b, vector, mem.View[int32](dst))
	case 8:
		decodeDelta(b, vector, mem.View[int64](dst))
	}
}

func decodeDelta[T kernel.Integer](b *Block, vector int, dst []T) {
	h := &b.heads[vector]
	dst = dst[:b.Len(vector)]
	kernel.UnpackInts(dst[1:], b.data[h.off:], uint8(h.bits), h.step)
	x := T(h.base)
	dst[0] = x
	for i, d := range dst[1:] {
		x += d
		dst[i+1] = x
	}
}

func (c deltaCodec) gather(b *Block, vector int, idx []uint16, dst []byte) {
	var t [vectorRows]int64
	c.decode(b, vector, mem.Bytes(t[:])[:b.Len(vector)*b.elem])
	Gather(b.elem, dst, mem.Bytes(t[:]), idx)
}

func (deltaCodec) choose(*Block, int, *scan.Pred, batch.Bitmap) bool { return false }
