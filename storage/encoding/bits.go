package encoding

import (
	"encoding/binary"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/kernel"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/scan"
)

// bitsCodec: booleans, or the validity of a column, as a bitmap in whole 64-bit words after the header.
type bitsCodec struct{}

func (bitsCodec) id() ID                       { return Bits }
func (bitsCodec) name() string                 { return "bits" }
func (bitsCodec) plan(*stats) (int, bool)      { return 0, false }
func (bitsCodec) encode([]byte, *stats) []byte { return nil }

// Bits appends the encoding of n booleans: constant when all are equal.
func (e *Encoder) Bits(dst []byte, v batch.Bitmap, n int) []byte {
	c := kernel.CountBits(v, n)
	if c == 0 || c == n {
		dst = appendHeader(dst, Constant, 0, n, 0)
		return binary.LittleEndian.AppendUint64(dst, kernel.Bit(c == n))
	}
	dst = appendHeader(dst, Bits, 0, n, 0)
	at := len(dst)
	dst = extend(dst, batch.Words(n)*8)
	kernel.CopyBits(mem.View[uint64](dst[at:]), 0, v, 0, n)
	return dst
}

func (bitsCodec) open(b *Block) error {
	if b.elem != 0 {
		return b.corrupt("a bitmap for values of %d bytes", b.elem)
	}
	if err := b.need(headerBytes + batch.Words(b.Rows)*8); err != nil {
		return err
	}
	b.data = b.buf[headerBytes : headerBytes+batch.Words(b.Rows)*8]
	if r := uint(b.Rows) & 63; r != 0 && b.Bitmap()[b.Rows>>6]>>r != 0 {
		return b.corrupt("bits set past the last row")
	}
	return nil
}

// Bitmap returns the bits of a Bits block.
func (b *Block) Bitmap() batch.Bitmap { return mem.View[uint64](b.data) }

// BitsOf returns the bits of a vector of a Bits block.
func (b *Block) BitsOf(vector int) batch.Bitmap {
	at := vector * vectorRows / 64
	return b.Bitmap()[at : at+batch.Words(b.Len(vector))]
}

func (bitsCodec) decode(b *Block, vector int, dst []byte) {
	copy(mem.View[uint64](dst), b.BitsOf(vector))
}

func (bitsCodec) gather(b *Block, vector int, idx []uint16, dst []byte) {
	bits := mem.View[uint64](dst)[:batch.Words(len(idx))]
	clear(bits)
	kernel.GatherBits(bits, 0, b.BitsOf(vector), idx)
}

func (bitsCodec) choose(b *Block, vector int, p *scan.Pred, out batch.Bitmap) bool {
	p.Bools(b.BitsOf(vector), b.Len(vector), out)
	return true
}
