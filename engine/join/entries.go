package join

import (
	"math/bits"

	"github.com/siltstone-db/siltstone/engine/op"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/kernel"
	"github.com/siltstone-db/siltstone/storage/mem"
)

// A reference to a build row is its batch's number and its row: batches have at most 2,048 rows.
const (
	rowBits    = 11
	rowMask    = 1<<rowBits - 1
	maxBatches = 1 << (32 - rowBits)
)

// slot is a place of the hash table: a key, or the hash of one, and the first of its entries (0: empty).
type slot struct {
	key  uint64
	head uint32
	_    uint32
}

// entries are the build rows by key. Entry numbers count from 1; entry 0 stands for none.
type entries struct {
	n     int
	ref   []uint32 // the row of an entry
	next  []uint32 // the next entry with the same key
	word  []uint64 // its key or hash
	where []uint64 // its key's place in bytes <<24 | length, when keys are bytes
	bytes []byte
	words bool

	direct []uint32 // first entry by key - low, when keys are dense
	low    uint64
	slots  []slot
	shift  uint

	rows      int    // build rows, those with a NULL key too
	nulls     uint32 // first entry of the chain of rows with a NULL key
	low0, hi0 int64  // range of single integer keys
	distinct  int
}

// Direct addressing costs 4 bytes per value of the key range, hashing about 40 per row: up to 8 values per row an
// array is the smaller one, and it needs no comparison.
const directRatio = 8

// build numbers the rows and makes the table.
func (t *entries) build(h *Hash, task *op.Task) error {
	for _, b := range h.batches {
		t.rows += b.Len
	}
	k := newKeys(h.cfg.BuildKeys, h.cfg.Build)
	t.words = k.words
	if err := t.alloc(h.acc); err != nil {
		return err
	}
	for i, b := range h.batches {
		if err := task.Ctx.Err(); err != nil {
			return errs.From(err)
		}
		k.load(b)
		for row := range b.Len {
			t.n++
			t.ref[t.n] = uint32(i<<rowBits | row)
			t.word[t.n] = k.word[row]
			if k.null.Get(row) {
				t.next[t.n] = t.nulls
				t.nulls = uint32(t.n)
				continue
			}
			if !t.words {
				if err := t.keepBytes(h.acc, k.at(row)); err != nil {
					return err
				}
			}
		}
	}
	if len(h.cfg.BuildKeys) == 0 {
		for e := 1; e < t.n; e++ {
			t.next[e] = uint32(e + 1)
		}
		return nil
	}
	return t.fill(h.acc, task)
}

func (t *entries) alloc(acc *mem.Account) (err error) {
	if t.ref, err = mem.Slice[uint32](acc, t.rows+1); err != nil {
		return err
	}
	if t.next, err = mem.Slice[uint32](acc, t.rows+1); err != nil {
		return err
	}
	if t.word, err = mem.Slice[uint64](acc, t.rows+1); err != nil {
		return err
	}
	if !t.words {
		t.where, err = mem.Slice[uint64](acc, t.rows+1)
	}
	return err
}

func (t *entries) release(acc *mem.Account) {
	mem.ReleaseSlice(acc, t.ref)
	mem.ReleaseSlice(acc, t.next)
	mem.ReleaseSlice(acc, t.word)
	mem.ReleaseSlice(acc, t.where)
	mem.ReleaseSlice(acc, t.direct)
	mem.ReleaseSlice(acc, t.slots)
	acc.Free(int64(cap(t.bytes)))
	*t = entries{}
}

// keepBytes keeps the key of entry n.
func (t *entries) keepBytes(acc *mem.Account, b []byte) error {
	if len(b) >= 1<<24 {
		return errs.New(errs.ProgramLimitExceeded, "a join key of %d bytes is too long", len(b))
	}
	if len(t.bytes)+len(b) > cap(t.bytes) {
		size := max(2*cap(t.bytes), len(t.bytes)+len(b), 1<<12)
		if err := acc.Reserve(int64(size)); err != nil {
			return err
		}
		bigger := append(make([]byte, 0, size), t.bytes...)
		acc.Free(int64(cap(t.bytes)))
		t.bytes = bigger
	}
	t.where[t.n] = uint64(len(t.bytes))<<24 | uint64(len(b))
	t.bytes = append(t.bytes, b...)
	return nil
}

// key returns the bytes of an entry's key.
func (t *entries) key(e uint32) []byte {
	w := t.where[e]
	return t.bytes[w>>24 : w>>24+w&(1<<24-1)]
}

// fill links every entry without a NULL to the head of its key.
func (t *entries) fill(acc *mem.Account, task *op.Task) error {
	isNull, err := t.nullSet(acc)
	if err != nil {
		return err
	}
	defer mem.ReleaseSlice(acc, isNull)
	t.bounds(isNull)
	if t.words && t.distinct == 0 && t.hi0 >= t.low0 && uint64(t.hi0)-uint64(t.low0) < uint64(directRatio*t.n+1024) {
		t.low = uint64(t.low0)
		if t.direct, err = mem.Slice[uint32](acc, int(uint64(t.hi0)-uint64(t.low0))+1); err != nil {
			return err
		}
	} else {
		log := max(4, bits.Len(uint(t.n+t.n/2)))
		t.shift = uint(64 - log)
		if t.slots, err = mem.Slice[slot](acc, 1<<log); err != nil {
			return err
		}
	}
	for e := uint32(t.n); e >= 1; e-- { // from the last, so that chains are in the order of the rows
		if e&0xffff == 0 {
			if err := task.Ctx.Err(); err != nil {
				return errs.From(err)
			}
		}
		if isNull[e>>6]>>(e&63)&1 != 0 {
			continue
		}
		head := t.head(e)
		if *head == 0 {
			t.distinct++
		}
		t.next[e] = *head
		*head = e
	}
	return nil
}

// nullSet returns the entries with a NULL key as a bitmap.
func (t *entries) nullSet(acc *mem.Account) ([]uint64, error) {
	set, err := mem.Slice[uint64](acc, t.n>>6+1)
	if err != nil {
		return nil, err
	}
	for e := t.nulls; e != 0; e = t.next[e] {
		set[e>>6] |= 1 << (e & 63)
	}
	return set, nil
}

// bounds finds the range of word keys.
func (t *entries) bounds(isNull []uint64) {
	t.low0, t.hi0 = 1<<63-1, -1<<63
	for e := 1; e <= t.n; e++ {
		if isNull[e>>6]>>(uint(e)&63)&1 == 0 {
			t.low0 = min(t.low0, int64(t.word[e]))
			t.hi0 = max(t.hi0, int64(t.word[e]))
		}
	}
}

// head returns the place of the first entry for the key of e.
func (t *entries) head(e uint32) *uint32 {
	w := t.word[e]
	if t.direct != nil {
		return &t.direct[w-t.low]
	}
	mask := uint64(len(t.slots) - 1)
	for i := t.start(w); ; i = (i + 1) & mask {
		s := &t.slots[i]
		if s.head == 0 {
			s.key = w
			return &s.head
		}
		if s.key == w && (t.words || string(t.key(s.head)) == string(t.key(e))) {
			return &s.head
		}
	}
}

// start returns the first slot to look at.
func (t *entries) start(w uint64) uint64 {
	if t.words {
		w = kernel.HashUint64(w)
	}
	return w >> t.shift
}

// find returns the first entry of a key, or 0; b is the key when keys are bytes.
func (t *entries) find(w uint64, b []byte) uint32 {
	if t.direct != nil {
		// One comparison is both bounds: below low the difference wraps around. An entry is 4 bytes, so that 32 keys
		// that lie side by side share two lines: 6 million clustered probes take 6 ms, and 67 by way of the slots.
		if i := w - t.low; i < uint64(len(t.direct)) {
			return t.direct[i]
		}
		return 0
	}
	if len(t.slots) == 0 {
		return 0
	}
	mask := uint64(len(t.slots) - 1)
	for i := t.start(w); ; i = (i + 1) & mask {
		s := &t.slots[i]
		if s.head == 0 {
			return 0
		}
		// Words of keys that are no words are hashes: only where these are equal the build row is read.
		if s.key == w && (t.words || string(t.key(s.head)) == string(b)) {
			return s.head
		}
	}
}
