package encoding

import (
	"encoding/binary"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/kernel"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/scan"
)

// rawCodec: the values as they are in vectors, elem bytes each, after the header; arg is elem.
type rawCodec struct{}

func (rawCodec) id() ID       { return Raw }
func (rawCodec) name() string { return "raw" }

func (rawCodec) plan(s *stats) (int, bool) { return headerBytes + len(s.v)*s.elem, true }

func (rawCodec) encode(dst []byte, s *stats) []byte {
	dst = appendHeader(dst, Raw, uint8(s.elem), len(s.v), 0)
	switch s.elem {
	case 2:
		for _, x := range s.v {
			dst = binary.LittleEndian.AppendUint16(dst, uint16(x))
		}
	case 4:
		for _, x := range s.v {
			dst = binary.LittleEndian.AppendUint32(dst, uint32(x))
		}
	default:
		dst = append(dst, mem.Bytes(s.v)...)
	}
	return dst
}

func (rawCodec) open(b *Block) error {
	if int(b.arg) != b.elem || b.elem == 0 {
		return b.corrupt("values of %d bytes, want %d", b.arg, b.elem)
	}
	if err := b.need(headerBytes + b.Rows*b.elem); err != nil {
		return err
	}
	b.data = b.buf[headerBytes : headerBytes+b.Rows*b.elem]
	return nil
}

// Raw returns the values of a vector of a Raw block, which need no decoding.
func (b *Block) Raw(vector int) (values []byte, ok bool) {
	if b.ID != Raw {
		return nil, false
	}
	return b.raw(vector), true
}

func (b *Block) raw(vector int) []byte {
	at := vector * vectorRows * b.elem
	return b.data[at : at+b.Len(vector)*b.elem]
}

func (rawCodec) decode(b *Block, vector int, dst []byte) { copy(dst, b.raw(vector)) }

func (rawCodec) gather(b *Block, vector int, idx []uint16, dst []byte) {
	Gather(b.elem, dst, b.raw(vector), idx)
}

// Gather sets value i of dst to value idx[i] of src; values are elem bytes wide (2, 4, 8 or 16).
func Gather(elem int, dst, src []byte, idx []uint16) {
	switch elem {
	case 2:
		kernel.Gather(mem.View[int16](dst), mem.View[int16](src), idx)
	case 4:
		kernel.Gather(mem.View[int32](dst), mem.View[int32](src), idx)
	case 8:
		kernel.Gather(mem.View[int64](dst), mem.View[int64](src), idx)
	case 16:
		kernel.Gather(mem.View[[16]byte](dst), mem.View[[16]byte](src), idx)
	}
}

func (rawCodec) choose(b *Block, vector int, p *scan.Pred, out batch.Bitmap) bool {
	switch b.elem {
	case 2:
		chooseInts(mem.View[int16](b.raw(vector)), p, out)
	case 4:
		chooseInts(mem.View[int32](b.raw(vector)), p, out)
	case 8:
		chooseInts(mem.View[int64](b.raw(vector)), p, out)
	default:
		return false
	}
	return true
}

func chooseInts[T kernel.Integer](v []T, p *scan.Pred, out batch.Bitmap) {
	switch p.Kind {
	case scan.PredSet:
		kernel.SetBits(v, p.Set, out)
	case scan.PredInts:
		kernel.Between(v, p.Lo, p.Hi, out)
	case scan.PredCodes:
		clear(out)
		for i, x := range v {
			out[i>>6] |= kernel.Bit(p.Codes.Get(int(x))) << (uint(i) & 63)
		}
	}
	if p.Not {
		kernel.Not(out, len(v))
	}
}

// Wide appends the encoding of values of 16 bytes: constant when all are equal, Narrow when they are int128 that
// fit 64 bits, else raw.
func (e *Encoder) Wide(dst []byte, v []batch.Int128, isInt bool) []byte {
	same, narrow := true, isInt
	for _, x := range v {
		same = same && x == v[0]
		narrow = narrow && x.Hi == int64(x.Lo)>>63
	}
	switch {
	case same:
		dst = appendHeader(dst, Constant, 0, len(v), 0)
		return append(dst, mem.Bytes(v[:1])...)
	case narrow:
		e.ints = e.ints[:0]
		for _, x := range v {
			e.ints = append(e.ints, int64(x.Lo))
		}
		return e.Ints(appendHeader(dst, Narrow, 0, len(v), 0), e.ints, 8)
	}
	return append(appendHeader(dst, Raw, 16, len(v), 0), mem.Bytes(v)...)
}
