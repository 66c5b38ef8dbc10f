package batch

import (
	"math/bits"
	"sort"
	"sync/atomic"
)

// Dictionary is the distinct strings of a segment's or a live segment's column. It is immutable and shared.
type Dictionary struct {
	// ID is unique in the process: codes of one ID mean the same strings. A live segment's dictionary grows; its
	// published prefixes share the ID, and codes of the shorter one are valid in the longer one.
	ID      uint64
	Len     int
	Offsets []uint32 // Len+1
	Heap    []byte
	// Hashes holds kernel.HashBytes of every entry; nil when not computed (derived dictionaries).
	Hashes []uint64
	// Counts holds the rows of each entry over the whole segment, deleted ones included; nil when unknown.
	Counts []uint32
	// Index finds entries by their hash where they are not ordered by it; nil: there is none. It is shared with the
	// writer of a live segment, see Index.
	Index Index
	// HashOrdered tells that entries are sorted by Hashes, then by bytes: dictionaries of several segments can then
	// be merged range by range (partition p of 2^k is one run of entries).
	HashOrdered bool
	// Distinct tells that no two entries are equal. It is false for dictionaries derived by a function.
	Distinct bool

	ascii uint32 // what ASCII has found out; atomic
}

// At returns entry i. The bytes belong to the dictionary.
func (d *Dictionary) At(i int) []byte { return d.Heap[d.Offsets[i]:d.Offsets[i+1]] }

// Searchable tells that Find does not look at all entries.
func (d *Dictionary) Searchable() bool { return d.HashOrdered || d.Index != nil }

// Find returns the code of a string, whose kernel.HashBytes is hash, in a dictionary that has hashes.
func (d *Dictionary) Find(hash uint64, s []byte) (code int, ok bool) {
	switch {
	case d.Index != nil:
		return d.Index.find(d, hash, s)
	case d.HashOrdered:
		for i := SearchHash(d.Hashes, hash); i < d.Len && d.Hashes[i] == hash; i++ {
			if string(d.At(i)) == string(s) {
				return i, true
			}
		}
		return 0, false
	}
	for i, h := range d.Hashes {
		if h == hash && string(d.At(i)) == string(s) {
			return i, true
		}
	}
	return 0, false
}

// SearchHash returns the first position of sorted hashes that is not below hash. Hashes are spread evenly, so the
// search starts near the end of the guess.
func SearchHash(hashes []uint64, hash uint64) int {
	n := len(hashes)
	guess, _ := bits.Mul64(hash, uint64(n))
	lo, hi := 0, n
	for step := 64; step < n; step *= 4 {
		a, b := max(0, int(guess)-step), min(n, int(guess)+step)
		if (a == 0 || hashes[a-1] < hash) && (b == n || hashes[b] >= hash) {
			lo, hi = a, b
			break
		}
	}
	return lo + sort.Search(hi-lo, func(i int) bool { return hashes[lo+i] >= hash })
}

// Index is an open-addressing hash table over the entries of a growing dictionary: at most half of its slots are used,
// a power of two; each has the high 32 bits of a hash, and code+1 below, 0 being free; an entry lies at the slot that
// the low bits of its hash name, or behind it. One writer adds entries while readers of shorter prefixes look, so slots
// are only read and written atomically, an entry's bytes are there before its slot is, and codes behind a reader's
// prefix are none of its business.
type Index []uint64

func (x Index) find(d *Dictionary, hash uint64, s []byte) (code int, ok bool) {
	tag, mask := hash>>32, uint64(len(x)-1)
	for at := hash & mask; ; at = (at + 1) & mask {
		slot := atomic.LoadUint64(&x[at])
		if slot == 0 {
			return 0, false
		}
		if slot>>32 != tag {
			continue
		}
		if c := int(uint32(slot)) - 1; c < d.Len && string(d.At(c)) == string(s) {
			return c, true
		}
	}
}

// Add adds an entry of which the table has no equal. Only the writer may call it, with room left.
func (x Index) Add(hash uint64, code int) {
	mask := uint64(len(x) - 1)
	at := hash & mask
	for x[at] != 0 {
		at = (at + 1) & mask
	}
	atomic.StoreUint64(&x[at], hash>>32<<32|uint64(code+1))
}
