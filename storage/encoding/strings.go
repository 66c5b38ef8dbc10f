package encoding

import (
	"encoding/binary"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/scan"
)

// stringsCodec: strings outside a dictionary. After the header rows+1 offsets, u32 each, from the start of the heap,
// then the heap. The segment compresses the whole block at rest.
type stringsCodec struct{}

func (stringsCodec) id() ID                       { return Strings }
func (stringsCodec) name() string                 { return "strings" }
func (stringsCodec) plan(*stats) (int, bool)      { return 0, false }
func (stringsCodec) encode([]byte, *stats) []byte { return nil }

// Strings appends a block of strings: string i is heap[offsets[i]:offsets[i+1]].
func (e *Encoder) Strings(dst []byte, offsets []uint32, heap []byte) []byte {
	dst = appendHeader(dst, Strings, 0, len(offsets)-1, 0)
	for _, o := range offsets {
		dst = binary.LittleEndian.AppendUint32(dst, o-offsets[0])
	}
	return append(dst, heap[offsets[0]:offsets[len(offsets)-1]]...)
}

func (stringsCodec) open(b *Block) error {
	if b.elem != 0 {
		return b.corrupt("strings for values of %d bytes", b.elem)
	}
	at := headerBytes + 4*(b.Rows+1)
	if err := b.need(at); err != nil {
		return err
	}
	b.offs = mem.View[uint32](b.buf[headerBytes:at])
	b.data = b.buf[at:]
	var prev uint32
	for i, o := range b.offs {
		if o < prev || i == 0 && o != 0 {
			return b.corrupt("offset %d is %d, the one before %d", i, o, prev)
		}
		prev = o
	}
	if int(prev) > len(b.data) {
		return b.corrupt("strings end at %d of %d bytes", prev, len(b.data))
	}
	return nil
}

// Strings returns the offsets (one more than the vector has rows) and the heap of a vector of a Strings block.
func (b *Block) Strings(vector int) (offsets []uint32, heap []byte) {
	at := vector * vectorRows
	return b.offs[at : at+b.Len(vector)+1], b.data
}

func (stringsCodec) decode(*Block, int, []byte)                        {}
func (stringsCodec) gather(*Block, int, []uint16, []byte)              {}
func (stringsCodec) choose(*Block, int, *scan.Pred, batch.Bitmap) bool { return false }
