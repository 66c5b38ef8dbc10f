package encoding

import (
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/scan"
)

// narrowCodec: 128-bit integers that all fit 64 bits, as most decimals do. After the header a whole block of integers
// of 8 bytes.
type narrowCodec struct{}

func (narrowCodec) id() ID                       { return Narrow }
func (narrowCodec) name() string                 { return "narrow" }
func (narrowCodec) plan(*stats) (int, bool)      { return 0, false }
func (narrowCodec) encode([]byte, *stats) []byte { return nil }

func (narrowCodec) open(b *Block) error {
	if b.elem != 16 {
		return b.corrupt("narrow values for %d bytes", b.elem)
	}
	if len(b.buf) > headerBytes && ID(b.buf[headerBytes]) == Narrow {
		return b.corrupt("nested twice")
	}
	if b.inner == nil {
		b.inner = new(Block)
	}
	if err := b.inner.Open(b.buf[headerBytes:], 8); err != nil {
		return err
	}
	if b.inner.Rows != b.Rows {
		return b.corrupt("%d values inside", b.inner.Rows)
	}
	return nil
}

func (narrowCodec) decode(b *Block, vector int, dst []byte) {
	var t [vectorRows]int64
	n := b.Len(vector)
	b.inner.Decode(vector, mem.Bytes(t[:n]))
	widen(t[:n], dst)
}

func (narrowCodec) gather(b *Block, vector int, idx []uint16, dst []byte) {
	var t [vectorRows]int64
	b.inner.Gather(vector, idx, mem.Bytes(t[:len(idx)]))
	widen(t[:len(idx)], dst)
}

func widen(v []int64, dst []byte) {
	to := mem.View[batch.Int128](dst)[:len(v)]
	for i, x := range v {
		to[i] = batch.Int128{Lo: uint64(x), Hi: x >> 63}
	}
}

func (narrowCodec) choose(*Block, int, *scan.Pred, batch.Bitmap) bool { return false }
