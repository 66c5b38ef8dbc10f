// Package keys finds the rows that have the key of a primary or unique constraint. A key is the values of some columns
// of a row; two keys are equal as the values of their types are: 1.0 and 1.00, -0.0 and 0.0, two NaNs, char(n) with and
// without trailing blanks, intervals of the same length. A row with a NULL among them has no key, unless the constraint
// says NULLS NOT DISTINCT.
//
// What is stored is never keys but hashes of them, each with the place of its row: an Index in memory for the rows of a
// live segment, a Run in the file of a sealed one. Whoever finds a place compares the row's values (Equal), since
// different keys may have equal hashes. Claims are the hashes of keys that writes on their way will add.
//
// Values are read from vectors, whole columns at a time. An Index and Claims belong to who holds their table's lock; a
// Run and its pages never change. The package knows nothing of files, tables and transactions.
//
// # Hash
//
// The hash of a key begins as 1 and takes in one column after the other: h becomes kernel.HashUint64(rotate(h, 32) ^ x),
// where x is
//
//	boolean, integers, date, time, timestamps                   the value as an int64
//	real, double precision                                      batch.Float64Bits, where -0.0 is 0.0 and all NaNs are one
//	numeric(p<=38)                                              kernel.HashUint128 of the scaled value in 128 bits
//	interval                                                    kernel.HashUint128 of its length in microseconds, a month being 30 days, a day 24 hours
//	uuid                                                        kernel.HashUint128 of its two halves, little-endian
//	strings                                                     kernel.HashBytes; of char(n) without trailing blanks
//	other numeric                                               kernel.HashBytes of decimal.Key
//	NULL                                                        0x6e756c6c6e756c6c, where NULLs are equal
//
// Widening a column (types.Widens) leaves hashes as they are. 0 stands for no
// key; a hash that comes out as 0 becomes 1.
//
// # Run
//
// A run has one entry for each row of a file that has a key and was not deleted when the file was written: the high 40
// bits of the hash, and the row's place. Entries are sorted by both. With n entries, the first B bits of a hash are its
// bucket, where B is the least number for which 2^B buckets have no more than 16 entries on average. 512 buckets, those
// with the same first P = max(B-9, 0) bits, are a page, and the run has 2^P pages. A page is two buffers:
//
//	        +----------------------+-------------------------+------------------------+
//	entries | ends u32 x buckets   | remainders R x entries  | places L x entries     |
//	        +----------------------+-------------------------+------------------------+
//	        +----------------------+
//	filter  | blocks 32 bytes each |
//	        +----------------------+
//
// An end is how many entries of the page are in a bucket and those before it. A remainder is the other 40-B bits of the 40,
// in R = ceil((40-B)/8) bytes; a place takes as many bytes as the number of rows less one, L. All little-endian. A million
// rows take 6.1 bytes each.
//
// The filter is a split-block Bloom filter of ceil(10 m / 256), at least 1, blocks for the page's m entries: 1.25 bytes
// for each entry, and about 1 of 100 hashes that are not there pass. With y = (hash >> 24) * 0x9e3779b97f4a7c15, the hash
// belongs to block (y >> 32) * blocks >> 32, and in each of the block's eight 32-bit words to the bit
// uint32(y) * salt[i] >> 27, the salts being those of Parquet's filter.
//
// As an example, 3 rows of which the second has no key, with hashes 0x0102030405060708 and 0x01020304ffffffff: B and P are
// 0, R is 5, L is 1, and the entries are 02000000 | 0504030201 ff04030201 | 00 02.
package keys

import (
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/types"
)

// None is the hash of a row that has no key.
const None = 0

// Key is a constraint as far as values go.
type Key struct {
	Columns []int // where its columns stand in the table, in the order of the constraint
	// NullsEqual is NULLS NOT DISTINCT: NULL is a value like others.
	NullsEqual bool
}

// Allowed tells whether values of a type can be a key's: those with an equality that this package knows.
func Allowed(t types.Type) bool { return t.Kind != types.Array && t.Physical() != types.PhysNone }

// Of returns the key's columns of a table's, in the slice dst.
func (k *Key) Of(dst []*batch.Vector, columns []*batch.Vector) []*batch.Vector {
	dst = dst[:0]
	for _, c := range k.Columns {
		dst = append(dst, columns[c])
	}
	return dst
}
