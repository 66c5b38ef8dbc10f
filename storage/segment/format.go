// Package segment is the immutable file of a table's settled rows: Write makes one from columns, Open reads it, and an
// open Segment answers scans (package scan) with encoded blocks that were loaded into the cache.
//
// A Segment is safe for concurrent use; so is its Part and a PartScan; a Cursor belongs to one worker. The package
// knows nothing of tables, logs or deletions, never changes a file, and refuses files of a newer major version, files
// with a required feature it does not know, and any bytes whose checksum is wrong.
//
// # Format 2.0
//
// All numbers are little-endian. Every buffer starts at a multiple of 64 bytes, the gaps are zero. CRC32C (Castagnoli)
// covers each buffer as it lies in the file, compressed or not, and is checked once, when the bytes enter the cache.
//
//	+----------+-----------------------------------+-----+-----------------+-----------+--------+
//	| header   | column 0: dictionary, blocks ...  | ... | metadata blobs  | directory | footer |
//	| 64 bytes | each buffer 64-byte aligned       |     | one per column  |           | 128 B  |
//	+----------+-----------------------------------+-----+-----------------+-----------+--------+
//
// Header:
//
//	0         8       10      12      16          24                 32                 40       60
//	+---------+-------+-------+-------+-----------+------------------+------------------+--------+---------+
//	| "SILTSEG\0"     | major | minor | 0 | segment id u64 | required features | optional features | 0 | crc u32 |
//	+---------+-------+-------+-------+-----------+------------------+------------------+--------+---------+
//
// Reference, 24 bytes, names a buffer:
//
//	0            8            12           16          20        21        24
//	+------------+------------+------------+-----------+---------+---------+
//	| offset u64 | stored u32 | plain u32  | crc u32   | codec   | 0       |
//	+------------+------------+------------+-----------+---------+---------+
//
// stored is the bytes in the file, plain those after decompression, codec 0 none, 1 s2 (block format), 2 zstd. The crc
// covers the stored bytes.
//
// A column is cut into blocks of 65,536 rows. Each has up to two buffers: its values (package encoding; absent when all
// are NULL) and, when some but not all are NULL, its validity (encoding bits). Strings with a dictionary are blocks of
// codes; others are blocks of encoding strings.
//
// A dictionary is ordered by the 64-bit hash of its entries (kernel.HashBytes), then by their bytes. For each 65,536
// entries it has three encoded blocks of integers: hashes, lengths, row counts; then the bytes of all entries, in order,
// cut into chunks of up to 256 KiB, compressed with zstd where that saves an eighth.
//
// Behind the columns stand the runs of keys: for each page (package keys) its entries and its filter, a buffer each, not
// compressed.
//
// Metadata blob of a column, see meta.go: statistics, block table, zone maps (package index), sketch, dictionary.
//
// Directory: tagged fields, 2 for each column: where its metadata blob lies {2 offset, 4 length, 6 crc, 8 bytes}; 4 for each
// key: {2 ids of its columns, 4 whether NULLs are equal, 6 number of entries, 8 for each page the offset / 64, length and crc
// of the entries, then of the filter}. What else is to be told of a segment as a whole has its fields here.
//
// Footer, the last 128 bytes:
//
//	0          8             12  16                   24              28            32               40
//	+----------+-------------+---+--------------------+---------------+-------------+----------------+
//	| rows u64 | columns u32 | 0 | directory offs u64 | directory len | dir crc u32 | segment id u64 |
//	+----------+-------------+---+--------------------+---------------+-------------+----------------+
//	40               48                     56     116     118     120       124      128
//	+----------------+----------------------+------+-------+-------+---------+--------+
//	| file bytes u64 | metadata offset u64  | 0    | major | minor | crc u32 | "SLT1" |
//	+----------------+----------------------+------+-------+-------+---------+--------+
//
// The footer's crc covers its first 120 bytes. Everything from the metadata offset to the end is read at once by Open.
//
// Dump prints a file as offset, bytes, meaning; testdata has the dump and the bytes of a small segment of each version.
package segment

import (
	"encoding/binary"
	"hash/crc32"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

const (
	major = 2
	minor = 0

	headerBytes = 64
	footerBytes = 128
	refBytes    = 24
	alignment   = 64

	// tailBytes is what Open reads first: the metadata of some hundred columns fits.
	tailBytes = 64 << 10
	// maxColumns bounds a directory that is not known to be good yet; PostgreSQL stops at 1,600.
	maxColumns = 1 << 16
)

var (
	headerMagic = [8]byte{'S', 'I', 'L', 'T', 'S', 'E', 'G', 0}
	footerMagic = [4]byte{'S', 'L', 'T', '1'}
	castagnoli  = crc32.MakeTable(crc32.Castagnoli)
)

func checksum(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }

var le = binary.LittleEndian

// Column describes one column of a segment.
type Column struct {
	ID   uint32 // catalog.Column.ID
	Name string // when the segment was written
	Type types.Type
}

// ref names a buffer of the file.
type ref struct {
	offset uint64
	stored uint32
	plain  uint32
	crc    uint32
	codec  uint8
}

func (r ref) append(dst []byte) []byte {
	dst = le.AppendUint64(dst, r.offset)
	dst = le.AppendUint32(dst, r.stored)
	dst = le.AppendUint32(dst, r.plain)
	dst = le.AppendUint32(dst, r.crc)
	return append(dst, r.codec, 0, 0, 0)
}

func readRef(b []byte) ref {
	return ref{le.Uint64(b), le.Uint32(b[8:]), le.Uint32(b[12:]), le.Uint32(b[16:]), b[20]}
}

func header(id uint64) []byte {
	b := make([]byte, headerBytes)
	copy(b, headerMagic[:])
	le.PutUint16(b[8:], major)
	le.PutUint16(b[10:], minor)
	le.PutUint64(b[16:], id)
	le.PutUint32(b[60:], checksum(b[:60]))
	return b
}

// checkHeader checks the first 64 bytes of a file.
func checkHeader(b []byte) error {
	if [8]byte(b) != headerMagic {
		return errs.Corrupt("header: magic %q, want %q", b[:8], headerMagic[:])
	}
	if got, want := checksum(b[:60]), le.Uint32(b[60:]); got != want {
		return errs.Corrupt("header: checksum %08x, want %08x", got, want)
	}
	if v := le.Uint16(b[8:]); v != major {
		return errs.Unsupported("segment format %d.%d", v, le.Uint16(b[10:]))
	}
	if f := le.Uint64(b[24:]); f != 0 {
		return errs.Unsupported("segment feature %#x", f)
	}
	return nil
}

// footer is the last 128 bytes of a file.
type footer struct {
	rows      uint64
	columns   uint32
	directory uint64
	length    uint32
	crc       uint32
	id        uint64
	size      uint64
	metadata  uint64
}

func (f *footer) bytes() []byte {
	b := make([]byte, footerBytes)
	le.PutUint64(b, f.rows)
	le.PutUint32(b[8:], f.columns)
	le.PutUint64(b[16:], f.directory)
	le.PutUint32(b[24:], f.length)
	le.PutUint32(b[28:], f.crc)
	le.PutUint64(b[32:], f.id)
	le.PutUint64(b[40:], f.size)
	le.PutUint64(b[48:], f.metadata)
	le.PutUint16(b[116:], major)
	le.PutUint16(b[118:], minor)
	le.PutUint32(b[120:], checksum(b[:120]))
	copy(b[124:], footerMagic[:])
	return b
}

func readFooter(b []byte, size int64) (f footer, err error) {
	if [4]byte(b[124:]) != footerMagic {
		return f, errs.Corrupt("footer: magic %q, want %q: the file is cut short or not a segment", b[124:], footerMagic[:])
	}
	if got, want := checksum(b[:120]), le.Uint32(b[120:]); got != want {
		return f, errs.Corrupt("footer: checksum %08x, want %08x", got, want)
	}
	if v := le.Uint16(b[116:]); v != major {
		return f, errs.Unsupported("segment format %d.%d", v, le.Uint16(b[118:]))
	}
	f = footer{
		rows: le.Uint64(b), columns: le.Uint32(b[8:]), directory: le.Uint64(b[16:]), length: le.Uint32(b[24:]),
		crc: le.Uint32(b[28:]), id: le.Uint64(b[32:]), size: le.Uint64(b[40:]), metadata: le.Uint64(b[48:]),
	}
	switch {
	case f.size != uint64(size):
		return f, errs.Corrupt("footer: the file has %d bytes, want %d", size, f.size)
	case f.columns > maxColumns || uint64(f.length) > f.size-footerBytes:
		return f, errs.Corrupt("footer: directory of %d bytes for %d columns", f.length, f.columns)
	case f.rows == 0 || f.rows > 1<<32:
		return f, errs.Corrupt("footer: %d rows", f.rows)
	case f.metadata > f.directory || f.metadata < headerBytes || f.directory > f.size-footerBytes-uint64(f.length):
		return f, errs.Corrupt("footer: metadata at %d, directory at %d of %d bytes", f.metadata, f.directory, f.size)
	}
	return f, nil
}
