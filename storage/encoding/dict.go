package encoding

import (
	"slices"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/kernel"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/scan"
)

// dictCodec: few distinct values far apart. count is their number, arg the width of the codes. After the header the
// values in ascending order, i64 each, then the codes, packed, in one piece for all vectors (each starts at a whole
// word since it has 2,048 codes).
type dictCodec struct{}

func (dictCodec) id() ID       { return Dict }
func (dictCodec) name() string { return "dict" }

func codeWidth(distinct int) uint8 { return kernel.Width(uint64(distinct - 1)) }

func (dictCodec) plan(s *stats) (int, bool) {
	if len(s.distinct) < 2 {
		return 0, false
	}
	return headerBytes + 8*len(s.distinct) + align8(kernel.PackedBytes(len(s.v), codeWidth(len(s.distinct)))), true
}

func (dictCodec) encode(dst []byte, s *stats) []byte {
	w := codeWidth(len(s.distinct))
	dst = appendHeader(dst, Dict, w, len(s.v), len(s.distinct))
	dst = append(dst, mem.Bytes(s.distinct)...)
	for i := 0; i < len(s.v); i += vectorRows {
		part := s.v[i:min(i+vectorRows, len(s.v))]
		for j, x := range part {
			s.work[j] = uint64(s.codes[s.slot(x)])
		}
		dst = appendPacked(dst, s.work[:len(part)], w)
	}
	return dst
}

func (dictCodec) open(b *Block) error {
	if b.count < 2 || b.count > dictMax || b.arg != codeWidth(b.count) || b.elem < 2 || b.elem > 8 {
		return b.corrupt("%d values, codes of %d bits", b.count, b.arg)
	}
	at := headerBytes + 8*b.count
	if err := b.need(at + kernel.PackedBytes(b.Rows, b.arg)); err != nil {
		return err
	}
	b.values = mem.View[int64](b.buf[headerBytes:at])
	b.data = b.buf[at:cap(b.buf)]
	if !slices.IsSorted(b.values) {
		return b.corrupt("values out of order")
	}
	if lo, hi := b.values[0], b.values[b.count-1]; !b.holds(lo) || !b.holds(hi) {
		return b.corrupt("values from %d to %d in %d bytes", lo, hi, b.elem)
	}
	// Codes past the values are only possible when their number is no power of two.
	if b.count == 1<<b.arg {
		return nil
	}
	var t [256]uint32
	for i := 0; i < b.Rows; i += len(t) {
		part := t[:min(len(t), b.Rows-i)]
		kernel.Unpack32(part, b.data[i*int(b.arg)/8:], b.arg)
		if c := slices.Max(part); int(c) >= b.count {
			return b.corrupt("code %d of %d values", c, b.count)
		}
	}
	return nil
}

func (b *Block) vectorCodes(vector int) []byte { return b.data[vector*vectorRows*int(b.arg)/8:] }

func (dictCodec) decode(b *Block, vector int, dst []byte) {
	switch b.elem {
	case 2:
		decodeDict(b, vector, mem.View[int16](dst))
	case 4:
		decodeDict(b, vector, mem.View[int32](dst))
	case 8:
		decodeDict(b, vector, mem.View[int64](dst))
	}
}

func decodeDict[T kernel.Integer](b *Block, vector int, dst []T) {
	dst = dst[:b.Len(vector)]
	src := b.vectorCodes(vector)
	var t [256]uint32
	var values [dictMax]T // a fixed size, so that an 8-bit code needs no bounds check
	for i, x := range b.values {
		values[i] = T(x)
	}
	for i := 0; i < len(dst); i += len(t) {
		part := t[:min(len(t), len(dst)-i)]
		kernel.Unpack32(part, src[i*int(b.arg)/8:], b.arg)
		to := dst[i:][:len(part)]
		for j, c := range part {
			to[j] = values[c&(dictMax-1)]
		}
	}
}

func (dictCodec) gather(b *Block, vector int, idx []uint16, dst []byte) {
	src := b.vectorCodes(vector)
	switch b.elem {
	case 2:
		gatherDict(b, src, idx, mem.View[int16](dst))
	case 4:
		gatherDict(b, src, idx, mem.View[int32](dst))
	case 8:
		gatherDict(b, src, idx, mem.View[int64](dst))
	}
}

func gatherDict[T kernel.Integer](b *Block, src []byte, idx []uint16, dst []T) {
	for i, j := range idx {
		dst[i] = T(b.values[kernel.UnpackAt(src, int(j), b.arg)])
	}
}

// choose translates the predicate into codes: a range of values is a range of codes, since the values are sorted.
func (dictCodec) choose(b *Block, vector int, p *scan.Pred, out batch.Bitmap) bool {
	n, src := b.Len(vector), b.vectorCodes(vector)
	if p.Kind == scan.PredInts {
		lo, _ := slices.BinarySearch(b.values, p.Lo)
		hi, found := slices.BinarySearch(b.values, p.Hi)
		if !found {
			hi--
		}
		kernel.PackedRange(src, b.arg, n, 0, int64(lo), int64(hi), out)
		if p.Not {
			kernel.Not(out, n)
		}
		return true
	}
	var set [dictMax / 64]uint64
	for i, x := range b.values {
		set[i>>6] |= kernel.Bit(p.Int(x)) << (uint(i) & 63)
	}
	kernel.PackedCodeBits(src, b.arg, n, 0, set[:], out)
	return true
}
