// Package record frames what is written to logs (write-ahead log, manifest, token file) so that a reader knows, for
// every byte, whether it is what was written.
//
// # Format, version 2
//
// All integers are little-endian. A file is a header and frames, each starting at a multiple of 8:
//
//	header  0  4  magic "SLTR"
//	        4  4  kind: "WAL ", "MANI", "TOKN", "ARCH"
//	        8  4  format version, 2; any other is refused
//	       12  4  CRC32C of bytes 0-11 and 16-47
//	       16  8  file number
//	       24  8  sequence of the first record
//	       32  8  bytes that the file has at least, 0 for one that grows: a shorter one was cut
//	       40  8  sequence of the last record before this file: one less than that of the first, unless a loss was accepted
//
//	frame   0  4  CRC32C of: file number (8 bytes), offset of the frame in the file (8), bytes 4-23, payload
//	        4  4  payload bytes, at most 1 MiB
//	        8  4  back: bytes from the start of the group to this frame
//	       12  1  type, never 0
//	       13  1  flags: 1 = the record goes on in the next frame
//	       14  2  zero
//	       16  8  sequence of the record
//	       24     payload, then zeros up to a multiple of 8
//
// The checksum covers the place, so a frame that the disk put elsewhere, or one of a file's earlier life, is not taken
// for this one.
//
// # Torn tail or hole
//
// A group is what was written between two syncs; nothing of a group is written before the one before it is durable.
// So when a frame does not verify at offset x, everything behind it may be missing or scrambled too, but only parts of
// the same group can be. A valid frame behind x whose group starts after x proves that x had been durable: the file is
// damaged in the middle, and Reader says so (XX001) rather than skip. Otherwise x is where a crash cut the last group,
// and the log ends there.
//
// A Reader belongs to one goroutine; the append functions are pure.
package record

import (
	"encoding/binary"
	"hash/crc32"

	"github.com/siltstone-db/siltstone/storage/errs"
)

// Sizes of the format.
const (
	HeaderBytes = 48
	FrameBytes  = 24      // of a frame's header
	MaxPayload  = 1 << 20 // of one frame: what a reader must hold to verify it
	version     = 2
)

// Kind is what a file holds.
type Kind string

// The kinds.
const (
	WAL      Kind = "WAL "
	Manifest Kind = "MANI"
	Tokens   Kind = "TOKN"
	Archive  Kind = "ARCH"
)

// Type is what a record means to its owner. 255 is End.
type Type uint8

// End marks the end of a file that was closed in order. It may name the file that goes on, which is there already: its
// number in 8 bytes.
const End Type = 255

// EndBytes is what an End frame takes at most.
const EndBytes = FrameBytes + 8

// AppendEnd appends an End frame. next is the number of the file that goes on; 0: none is there yet.
func (a *Appender) AppendEnd(dst []byte, seq, next uint64) []byte {
	var payload []byte
	if next != 0 {
		payload = binary.LittleEndian.AppendUint64(nil, next)
	}
	return a.Append(dst, End, seq, payload)
}

// flagMore tells that the record goes on in the next frame.
const flagMore = 1

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Header starts a file.
type Header struct {
	Kind   Kind
	Number uint64
	First  uint64 // sequence of the first record
	Bytes  int64  // that the file has at least; 0: it grows
	After  uint64 // sequence of the last record before it
}

// AppendHeader appends a file header.
func AppendHeader(dst []byte, h Header) []byte {
	at := len(dst)
	dst = append(dst, "SLTR"...)
	dst = append(dst, h.Kind...)
	dst = binary.LittleEndian.AppendUint32(dst, version)
	dst = append(dst, 0, 0, 0, 0)
	dst = binary.LittleEndian.AppendUint64(dst, h.Number)
	dst = binary.LittleEndian.AppendUint64(dst, h.First)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(h.Bytes))
	dst = binary.LittleEndian.AppendUint64(dst, h.After)
	binary.LittleEndian.PutUint32(dst[at+12:], headerCRC(dst[at:]))
	return dst
}

func headerCRC(b []byte) uint32 {
	return crc32.Update(crc32.Checksum(b[:12], castagnoli), castagnoli, b[16:HeaderBytes])
}

// ParseHeader reads a file header. ok is false when the bytes are not one, as in a file that was made and not begun.
func ParseHeader(b []byte, kind Kind) (h Header, ok bool, err error) {
	if len(b) < HeaderBytes || string(b[:4]) != "SLTR" || string(b[4:8]) != string(kind) ||
		binary.LittleEndian.Uint32(b[12:]) != headerCRC(b) {
		return Header{}, false, nil
	}
	if v := binary.LittleEndian.Uint32(b[8:]); v != version {
		return Header{}, false, errs.Unsupported("format %d of %q files (this server knows %d), written by another version,", v, string(kind), version)
	}
	return Header{
		Kind: kind, Number: binary.LittleEndian.Uint64(b[16:]), First: binary.LittleEndian.Uint64(b[24:]),
		Bytes: int64(binary.LittleEndian.Uint64(b[32:])), After: binary.LittleEndian.Uint64(b[40:]),
	}, true, nil
}

// Appender lays out the frames of one group.
type Appender struct {
	Number uint64
	Group  int64 // offset of the group's first frame
	Offset int64 // of the next frame
}

// Size returns the bytes that a record of n payload bytes takes.
func Size(n int) int64 {
	full, rest := n/MaxPayload, n%MaxPayload
	size := int64(full) * (FrameBytes + MaxPayload)
	if rest > 0 || full == 0 {
		size += int64(FrameBytes + (rest+7)&^7)
	}
	return size
}

// Append appends a record to dst as one or more frames. The payload is the concatenation of its pieces, which are cut
// off as they are used.
func (a *Appender) Append(dst []byte, t Type, seq uint64, pieces ...[]byte) []byte {
	for left := Total(pieces); ; {
		if dst, pieces, left = a.AppendFrame(dst, t, seq, pieces, left); left == 0 {
			return dst
		}
	}
}

// Total returns the bytes of all pieces.
func Total(pieces [][]byte) int {
	n := 0
	for _, p := range pieces {
		n += len(p)
	}
	return n
}

// AppendFrame appends the next frame of a record of which left payload bytes are still to come, and returns what is to
// come after it: for records too large to be laid out whole. The record is complete when that is 0 bytes.
func (a *Appender) AppendFrame(dst []byte, t Type, seq uint64, pieces [][]byte, left int) ([]byte, [][]byte, int) {
	n := min(left, MaxPayload)
	at := len(dst)
	dst = append(dst, make([]byte, FrameBytes)...)
	for todo := n; todo > 0; {
		k := min(todo, len(pieces[0]))
		dst = append(dst, pieces[0][:k]...)
		pieces[0] = pieces[0][k:]
		if len(pieces[0]) == 0 {
			pieces = pieces[1:]
		}
		todo -= k
	}
	f := dst[at:]
	binary.LittleEndian.PutUint32(f[4:], uint32(n))
	binary.LittleEndian.PutUint32(f[8:], uint32(a.Offset-a.Group))
	f[12] = byte(t)
	if left > n {
		f[13] = flagMore
	}
	binary.LittleEndian.PutUint64(f[16:], seq)
	binary.LittleEndian.PutUint32(f, frameCRC(a.Number, a.Offset, f))
	for len(dst)&7 != at&7 {
		dst = append(dst, 0)
	}
	a.Offset += int64(len(dst) - at)
	return dst, pieces, left - n
}

func frameCRC(number uint64, offset int64, f []byte) uint32 {
	var place [16]byte
	binary.LittleEndian.PutUint64(place[:], number)
	binary.LittleEndian.PutUint64(place[8:], uint64(offset))
	return crc32.Update(crc32.Checksum(place[:], castagnoli), castagnoli, f[4:])
}

// Frame is one verified frame.
type Frame struct {
	Offset   int64
	Group    int64 // offset where its group starts
	Type     Type
	More     bool // the record goes on
	Sequence uint64
	Payload  []byte
}

// parse verifies the frame at the start of b, which lies at offset off of the file.
func parse(b []byte, number uint64, off int64) (Frame, bool) {
	if len(b) < FrameBytes {
		return Frame{}, false
	}
	n := binary.LittleEndian.Uint32(b[4:])
	back := int64(binary.LittleEndian.Uint32(b[8:]))
	if n > MaxPayload || int(n) > len(b)-FrameBytes || b[12] == 0 || b[13]&^flagMore != 0 || b[14]|b[15] != 0 || back > off {
		return Frame{}, false
	}
	if binary.LittleEndian.Uint32(b) != frameCRC(number, off, b[:FrameBytes+int(n)]) {
		return Frame{}, false
	}
	return Frame{
		Offset: off, Group: off - back, Type: Type(b[12]), More: b[13]&flagMore != 0,
		Sequence: binary.LittleEndian.Uint64(b[16:]), Payload: b[FrameBytes : FrameBytes+int(n)],
	}, true
}
