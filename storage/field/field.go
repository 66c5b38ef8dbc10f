// Package field writes and reads durable records as tagged fields, so that a record may gain fields for as long as there
// are directories that have it: the catalog, manifest edits, heads of log records, metadata of segments, states of
// aggregates. Bytes around a record tell its length and checksum (packages record and segment); here is what is inside.
//
// # Format
//
// A record is a row of fields in any order, in the wire form of protocol buffers: a key, that is 8 times the number of
// the field plus its form as an unsigned LEB128, and then
//
//	form 0   an unsigned LEB128; signed numbers as zigzag: 0, -1, 1, -2 are 0, 1, 2, 3
//	form 1   8 bytes, little-endian: hashes and bits of floating-point numbers
//	form 2   a length as unsigned LEB128 and as many bytes: text, records inside records, lists of numbers
//
// A number that is zero and text that is empty are left out; a list of records is its field again and again. As an
// example, {2: 300, 4: "ab", 6: {2: 1}} is the bytes 10 ac02, 22 02 6162, 32 02 1001.
//
// # Numbers
//
// A field has one number for ever, and a number one meaning, in the record where it stands. An even number is required:
// who does not know it refuses the record by the field's number, since what it says changes the meaning of the others. An
// odd one may be ignored; who does not know it keeps its bytes, and writes them again with the record. So a new field is
// even unless an older server that passes over it is right all the same.
//
// A Writer and a Reader belong to one goroutine. Neither looks at what the fields mean: ranges and references are checked
// by who reads them.
package field

import (
	"encoding/binary"
	"math/bits"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// Number names a field inside its record; it is at least 1.
type Number = protowire.Number

// Writer appends fields to a record. The zero value begins an empty one.
type Writer struct{ b []byte }

// NewWriter returns a writer that appends to dst.
func NewWriter(dst []byte) *Writer { return &Writer{b: dst} }

// Record returns what was written, behind what the writer began with. It is the writer's until the caller is done with
// writing.
func (w *Writer) Record() []byte { return w.b }

// Uint writes a number, unless it is zero.
func (w *Writer) Uint(n Number, v uint64) {
	if v == 0 {
		return
	}
	w.b = protowire.AppendTag(w.b, n, protowire.VarintType)
	w.b = protowire.AppendVarint(w.b, v)
}

// Int writes a signed number, unless it is zero.
func (w *Writer) Int(n Number, v int64) { w.Uint(n, protowire.EncodeZigZag(v)) }

// Bool writes true as 1, and false not at all.
func (w *Writer) Bool(n Number, v bool) {
	if v {
		w.Uint(n, 1)
	}
}

// Fixed writes 64 bits that are no count, unless all of them are zero.
func (w *Writer) Fixed(n Number, v uint64) {
	if v == 0 {
		return
	}
	w.b = protowire.AppendTag(w.b, n, protowire.Fixed64Type)
	w.b = protowire.AppendFixed64(w.b, v)
}

// Bytes writes bytes, unless there are none.
func (w *Writer) Bytes(n Number, v []byte) {
	if len(v) == 0 {
		return
	}
	w.b = protowire.AppendTag(w.b, n, protowire.BytesType)
	w.b = protowire.AppendBytes(w.b, v)
}

// String writes text, unless it is empty.
func (w *Writer) String(n Number, v string) {
	if v == "" {
		return
	}
	w.b = protowire.AppendTag(w.b, n, protowire.BytesType)
	w.b = protowire.AppendString(w.b, v)
}

// Uints writes a list of numbers, unless it is empty.
func (w *Writer) Uints(n Number, list []uint64) {
	if len(list) == 0 {
		return
	}
	m := w.Begin(n)
	for _, v := range list {
		w.b = protowire.AppendVarint(w.b, v)
	}
	w.End(m)
}

// Mark is where a record inside a record began.
type Mark int

// Begin begins a record inside this one, which is written even when it has no fields; End ends it.
func (w *Writer) Begin(n Number) Mark {
	w.b = protowire.AppendTag(w.b, n, protowire.BytesType)
	w.b = append(w.b, 0) // its length, as long as it is below 128
	return Mark(len(w.b))
}

// End ends the record that Begin began.
func (w *Writer) End(m Mark) {
	size := uint64(len(w.b) - int(m))
	more := max(bits.Len64(size)-1, 0) / 7 // bytes of the length beyond the one that is there
	for range more {
		w.b = append(w.b, 0)
	}
	copy(w.b[int(m)+more:], w.b[m:len(w.b)-more])
	protowire.AppendVarint(w.b[:m-1], size)
}

// Keep writes fields that a Reader did not know.
func (w *Writer) Keep(unknown []byte) { w.b = append(w.b, unknown...) }

// Enclose writes a record inside this one: the fields of head, and behind them bytes, which are copied only once however
// many they are.
func (w *Writer) Enclose(n Number, head []byte, last Number, v []byte) {
	size := len(head) + protowire.SizeTag(last) + protowire.SizeBytes(len(v))
	w.b = slices.Grow(w.b, size+2*binary.MaxVarintLen64)
	w.b = protowire.AppendTag(w.b, n, protowire.BytesType)
	w.b = protowire.AppendVarint(w.b, uint64(size))
	w.b = append(w.b, head...)
	w.b = protowire.AppendTag(w.b, last, protowire.BytesType)
	w.b = protowire.AppendBytes(w.b, v)
}
