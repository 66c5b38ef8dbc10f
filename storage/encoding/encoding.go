// Package encoding turns the values of one column and one block (65,536 rows) into bytes, and reads any vector of 2,048
// rows of them alone: decoding it, gathering some of its rows, or applying a predicate without decoding.
//
// Encode functions choose: one pass over the values gathers statistics, each codec says from them how many bytes it
// would take or that it gives up, and the smallest, weighed by how fast it decodes, encodes. A new encoding is one file
// with a codec and one line in the table below; nobody else changes.
//
// # Format
//
// A block starts with 16 bytes, little-endian like everything else:
//
//	0        1        2        4            8            12           16
//	+--------+--------+--------+------------+------------+------------+
//	| id u8  | arg u8 | 0  u16 | rows u32   | count u32  | 0 u32      |
//	+--------+--------+--------+------------+------------+------------+
//
// What follows, and the meaning of arg and count, stands with each codec. Buffers are 8-byte aligned in memory, and
// hosts are little-endian, so arrays are read in place. Values of NULL rows are arbitrary; validity is stored apart.
//
// Open checks everything that later calls rely on, so that damaged bytes give XX001 once and never a panic. A Block
// is state of one reader and not safe for concurrent use; the bytes are.
package encoding

import (
	"encoding/binary"
	"fmt"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/kernel"
	"github.com/siltstone-db/siltstone/storage/scan"
)

// ID names an encoding in files: append only.
type ID uint8

// The encodings.
const (
	Constant ID = 1
	RLE      ID = 2
	FOR      ID = 3
	Delta    ID = 4
	Raw      ID = 5
	Dict     ID = 6
	Bits     ID = 7
	Strings  ID = 8
	Narrow   ID = 9
)

const (
	headerBytes = 16
	vectorRows  = batch.MaxRows
	// maxVectors bounds the rows of a block: 32 vectors of 2,048 rows.
	maxVectors = 32
	// MaxRows is the most rows of a block.
	MaxRows = maxVectors * vectorRows
	// Padding is the bytes that a holder of blocks keeps readable after each of them (within its capacity), for the
	// loops that read whole machine words. A block without padding is read more slowly.
	Padding = 64
)

// codec is one encoding. Codecs have no state.
type codec interface {
	id() ID
	name() string
	// plan returns the bytes that the integers described by s would take, or false to give up.
	plan(s *stats) (bytes int, ok bool)
	// encode appends the block.
	encode(dst []byte, s *stats) []byte
	// open checks b.buf and fills b's fields.
	open(b *Block) error
	// decode writes the values of a vector, b.elem bytes each.
	decode(b *Block, vector int, dst []byte)
	// choose sets the bits of out where p is true, validity aside; false means that it cannot without decoding.
	choose(b *Block, vector int, p *scan.Pred, out batch.Bitmap) bool
	// gather writes the values of the rows idx of a vector.
	gather(b *Block, vector int, idx []uint16, dst []byte)
}

var codecs = [...]codec{
	Constant: constantCodec{},
	RLE:      rleCodec{},
	FOR:      forCodec{},
	Delta:    deltaCodec{},
	Raw:      rawCodec{},
	Dict:     dictCodec{},
	Bits:     bitsCodec{},
	Strings:  stringsCodec{},
	Narrow:   narrowCodec{},
}

// String returns the encoding's name.
func (id ID) String() string {
	if int(id) < len(codecs) && codecs[id] != nil {
		return codecs[id].name()
	}
	return fmt.Sprintf("encoding(%d)", uint8(id))
}

// Block reads an encoded block. The zero value is ready for Open, and an opened one may be opened again.
type Block struct {
	ID   ID
	Rows int

	elem  int // bytes per value: 2, 4, 8, 16; 0 for booleans and strings
	arg   uint8
	count int
	buf   []byte // the block, with its padding as capacity
	codec codec

	base   int64    // RLE, Constant
	wide   []byte   // Constant of 16 bytes: the value
	heads  []head   // FOR, Delta
	starts []uint16 // RLE
	values []int64  // Dict
	data   []byte   // packed words or raw values, with padding where there is some
	offs   []uint32 // Strings
	inner  *Block   // Narrow
}

// Open starts to read a block whose values are elem bytes wide (0 for booleans and strings).
func (b *Block) Open(buf []byte, elem int) error {
	if len(buf) < headerBytes {
		return errs.Corrupt("encoded block: %d bytes, want at least %d", len(buf), headerBytes)
	}
	id := ID(buf[0])
	if int(id) >= len(codecs) || codecs[id] == nil {
		return errs.Corrupt("encoded block: encoding %d is unknown", buf[0])
	}
	rows := binary.LittleEndian.Uint32(buf[4:])
	if rows == 0 || rows > MaxRows {
		return errs.Corrupt("encoded block: %d rows, want 1 to %d", rows, MaxRows)
	}
	*b = Block{
		ID: id, Rows: int(rows), elem: elem, arg: buf[1], count: int(binary.LittleEndian.Uint32(buf[8:])),
		buf: buf, codec: codecs[id], inner: b.inner,
	}
	if err := b.codec.open(b); err != nil {
		*b = Block{inner: b.inner}
		return err
	}
	return nil
}

// holds tells whether a value has room in an element: what is found without decoding is what is decoded.
func (b *Block) holds(x int64) bool {
	unused := 64 - 8*uint(b.elem)
	return x<<unused>>unused == x
}

// Vectors returns the number of vectors.
func (b *Block) Vectors() int { return (b.Rows + vectorRows - 1) / vectorRows }

// Len returns the rows of a vector.
func (b *Block) Len(vector int) int { return min(vectorRows, b.Rows-vector*vectorRows) }

// Decode writes the values of a vector into dst, which has Len(vector) values' bytes, 8-byte aligned.
func (b *Block) Decode(vector int, dst []byte) { b.codec.decode(b, vector, dst) }

// Gather writes the values of the rows idx of a vector into dst.
func (b *Block) Gather(vector int, idx []uint16, dst []byte) { b.codec.gather(b, vector, idx, dst) }

// Select sets bit i of out to whether row i of a vector satisfies p, validity aside. It returns false, and leaves out
// undefined, when that takes decoding.
func (b *Block) Select(vector int, p *scan.Pred, out batch.Bitmap) bool {
	n := b.Len(vector)
	switch p.Kind {
	case scan.PredNone:
		clear(out[:batch.Words(n)])
		return true
	case scan.PredAll, scan.PredNull:
		out[:batch.Words(n)].Fill(n)
		return true
	case scan.PredInts, scan.PredSet, scan.PredCodes:
		return b.codec.choose(b, vector, p, out[:batch.Words(n)])
	}
	return false
}

func (b *Block) corrupt(format string, args ...any) error {
	return errs.Corrupt("%s block of %d rows: %s", b.ID, b.Rows, fmt.Sprintf(format, args...))
}

// need checks that the block has at least n bytes.
func (b *Block) need(n int) error {
	if len(b.buf) < n {
		return b.corrupt("%d bytes, want %d", len(b.buf), n)
	}
	return nil
}

func appendHeader(dst []byte, id ID, arg uint8, rows, count int) []byte {
	dst = append(dst, byte(id), arg, 0, 0)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(rows))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(count))
	return append(dst, 0, 0, 0, 0)
}

// extend appends n zero bytes.
func extend(dst []byte, n int) []byte {
	at := len(dst)
	if cap(dst) < at+n {
		dst = append(dst, make([]byte, n)...)
	}
	dst = dst[:at+n]
	clear(dst[at:])
	return dst
}

func align8(n int) int { return (n + 7) &^ 7 }

func choosePacked(data []byte, width uint8, n int, base int64, p *scan.Pred, out batch.Bitmap) bool {
	switch p.Kind {
	case scan.PredInts:
		kernel.PackedRange(data, width, n, base, p.Lo, p.Hi, out)
		if p.Not {
			kernel.Not(out, n)
		}
		return true
	case scan.PredCodes:
		kernel.PackedCodeBits(data, width, n, uint32(base), p.Codes, out)
		return true
	}
	return false
}
