package archive

import (
	"fmt"

	"github.com/klauspost/compress/zstd"

	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/field"
	"github.com/siltstone-db/siltstone/storage/record"
)

// Types of records in an archived file.
const (
	typeBlock record.Type = 1
	typeIndex record.Type = 2
)

// blockBytes is how many bytes of log records are compressed together at least, but for the last ones: zstd finds little
// more in larger blocks, and a cursor that begins in the middle unpacks one for nothing.
const blockBytes = 256 << 10

// fileName returns the name of an archived log file.
func fileName(dir string, number uint64) string { return fmt.Sprintf("%s/%010d.arc", dir, number) }

// block is where some log records are in an archived file.
type block struct {
	offset int64
	first  uint64            // sequence of the first record
	tables []catalog.TableID // that its records bring something to
}

// fileIndex is what an archived file has.
type fileIndex struct {
	blocks      []block
	first, last uint64 // sequences
	plain       int64  // bytes of the records before they were compressed
	from, to    int64  // seconds since 1970 when the first and the last were committed
}

func (x *fileIndex) append(dst []byte) []byte {
	w := field.NewWriter(dst)
	w.Uint(2, x.first)
	w.Uint(4, x.last)
	w.Uint(6, uint64(x.plain))
	w.Uint(8, uint64(x.from))
	w.Uint(10, uint64(x.to))
	for _, b := range x.blocks {
		m := w.Begin(12)
		w.Uint(2, uint64(b.offset))
		w.Uint(4, b.first)
		list := make([]uint64, len(b.tables))
		for i, t := range b.tables {
			list[i] = uint64(t)
		}
		w.Uints(6, list)
		w.End(m)
	}
	return w.Record()
}

func readIndex(b []byte) (*fileIndex, error) {
	x := &fileIndex{}
	r := field.NewReader("index of an archived file", b)
	for r.Next() {
		switch r.Number() {
		case 2:
			x.first = r.Uint()
		case 4:
			x.last = r.Uint()
		case 6:
			x.plain = int64(r.Uint())
		case 8:
			x.from = int64(r.Uint())
		case 10:
			x.to = int64(r.Uint())
		case 12:
			x.blocks = append(x.blocks, readBlock(r.Record("block of an archived file")))
		default:
			r.Unknown()
		}
	}
	at, first := int64(record.HeaderBytes), x.first
	for _, b := range x.blocks {
		if b.offset < at || b.offset%8 != 0 || b.first < first || b.first > x.last {
			r.Fail("a block at %d with record %d", b.offset, b.first)
		}
		at, first = b.offset+record.FrameBytes, b.first+1
	}
	if x.plain < 0 || x.first > x.last || len(x.blocks) == 0 {
		r.Fail("records %d to %d in %d blocks", x.first, x.last, len(x.blocks))
	}
	return x, r.Err()
}

func readBlock(r *field.Reader) (b block) {
	for r.Next() {
		switch r.Number() {
		case 2:
			b.offset = int64(r.Uint())
		case 4:
			b.first = r.Uint()
		case 6:
			for _, t := range r.Uints(nil) {
				b.tables = append(b.tables, catalog.TableID(t))
			}
		default:
			r.Unknown()
		}
	}
	return b
}

// entry is a log record in a block.
type entry struct {
	sequence uint64
	typ      record.Type
	payload  []byte
}

func (e *entry) append(dst []byte) []byte {
	var head [24]byte
	h := field.NewWriter(head[:0])
	h.Uint(2, e.sequence)
	h.Uint(4, uint64(e.typ))
	w := field.NewWriter(dst)
	w.Enclose(2, h.Record(), 6, e.payload)
	return w.Record()
}

// entries reads the records of a block.
type entries struct{ r *field.Reader }

// next returns the next record; false at the end, or when the block is damaged.
func (b *entries) next() (e entry, ok bool) {
	for b.r.Next() {
		if b.r.Number() != 2 {
			b.r.Unknown()
			continue
		}
		for r := b.r.Record("log record in the archive"); r.Next(); {
			switch r.Number() {
			case 2:
				e.sequence = r.Uint()
			case 4:
				e.typ = record.Type(r.Uint())
			case 6:
				e.payload = r.Bytes()
			default:
				r.Unknown()
			}
		}
		return e, b.r.Err() == nil
	}
	return e, false
}

// pack compresses records into the payload of a block.
func pack(dst []byte, z *zstd.Encoder, plain []byte) []byte {
	w := field.NewWriter(dst)
	w.Uint(2, uint64(len(plain)))
	w.Bytes(4, z.EncodeAll(plain, nil))
	return w.Record()
}

// unpack returns the records of a block, in dst when they fit; grow is asked before more memory is taken.
func unpack(dst []byte, z *zstd.Decoder, payload []byte, most int64, grow func(int64) error) ([]byte, error) {
	var plain uint64
	var stored []byte
	r := field.NewReader("block of an archived file", payload)
	for r.Next() {
		switch r.Number() {
		case 2:
			plain = r.Uint()
		case 4:
			stored = r.Bytes()
		default:
			r.Unknown()
		}
	}
	if err := r.Err(); err != nil {
		return nil, err
	}
	var h zstd.Header
	if err := h.Decode(stored); err != nil || !h.HasFCS || h.FrameContentSize != plain || plain > uint64(most) {
		return nil, errs.Corrupt("block of an archived file: it does not unpack to %d bytes", plain)
	}
	if more := int64(plain) - int64(cap(dst)); more > 0 {
		if err := grow(more); err != nil {
			return nil, err
		}
		dst = make([]byte, 0, plain)
	}
	dst, err := z.DecodeAll(stored, dst[:0])
	if err != nil || uint64(len(dst)) != plain {
		return nil, errs.Corrupt("block of an archived file: %w", err)
	}
	return dst, nil
}
