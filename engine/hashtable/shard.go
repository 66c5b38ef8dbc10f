package hashtable

import (
	"encoding/binary"
	"sync"
	"sync/atomic"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/mem"
)

// shard numbers the strings whose hashes have the same highest bits. Readers take no lock: slots are published
// after the entries they point to.
type shard struct {
	in      *Interner
	slots   atomic.Pointer[[]uint64] // high 32 bits of the hash <<32 | place + 1; 0: empty
	entries atomic.Pointer[[][]interned]
	heaps   atomic.Pointer[[][]byte]
	n       atomic.Uint32

	mu struct {
		sync.Mutex
		old  [][]uint64 // outgrown slots: readers may still be in them
		free []byte     // rest of the last heap
	}
}

// interned is one string: its hash and where it is, dictionary<<32|code with the highest bit set, or heap<<32|offset.
type interned struct{ hash, ref uint64 }

const (
	entryShift  = 12      // entries per chunk: 64 KiB
	heapBytes   = 1 << 16 // of the first heap chunks
	maxInterned = 1<<32 - 2
)

func (s *shard) init(in *Interner) error {
	s.in = in
	s.entries.Store(&[][]interned{})
	s.heaps.Store(&[][]byte{})
	slots, err := mem.Slice[uint64](in.acc, 1<<9)
	if err != nil {
		return err
	}
	s.slots.Store(&slots)
	return nil
}

func (s *shard) close() {
	if s.slots.Load() == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	mem.ReleaseSlice(s.in.acc, *s.slots.Load())
	for _, o := range s.mu.old {
		mem.ReleaseSlice(s.in.acc, o)
	}
	for _, e := range *s.entries.Load() {
		mem.ReleaseSlice(s.in.acc, e)
	}
	for _, h := range *s.heaps.Load() {
		s.in.acc.Release(h)
	}
	s.mu.old = nil
	s.slots.Store(nil)
}

// interned returns the entry at a place of the shard.
func (s *shard) interned(at uint32) *interned {
	return &(*s.entries.Load())[at>>entryShift][at&(1<<entryShift-1)]
}

// number makes the interner's number of a place.
func (s *shard) number(at uint32, hash uint64) uint32 {
	return s.in.merged + 1 + (at<<s.in.bits | uint32(hash>>(64-s.in.bits)))
}

func (s *shard) at(ref uint64) []byte {
	if ref&fromDict != 0 {
		return s.in.dictBytes(ref)
	}
	h := (*s.heaps.Load())[ref>>32][uint32(ref):]
	return h[4 : 4+binary.LittleEndian.Uint32(h)]
}

// text is a string that is looked for: its bytes, or an entry of a dictionary, whose bytes are read only when another
// string has the same hash.
type text struct {
	b    []byte
	dict *batch.Dictionary
	ref  uint64 // to the entry, else 0
}

func (t *text) bytes() []byte {
	if t.b == nil && t.dict != nil {
		t.b = t.dict.At(int(uint32(t.ref)))
	}
	return t.b
}

// find returns the number of a string, or 0.
func (s *shard) find(hash uint64, t *text) uint32 {
	slots := *s.slots.Load()
	mask := uint64(len(slots) - 1)
	tag := hash << 32
	// No lock: a slot is written once, after its string can be read. A reader of slots that were outgrown meanwhile may
	// miss a string, which insert then finds under the lock.
	for i := hash >> 32 & mask; ; i = (i + 1) & mask {
		x := atomic.LoadUint64(&slots[i])
		if x == 0 {
			return 0
		}
		if x&^0xffffffff == tag { // of 2^32 strings one other passes: below, its string is read for nothing
			at := uint32(x) - 1
			if e := s.interned(at); e.hash == hash && (t.ref != 0 && e.ref == t.ref || s.in.equal(s.at(e.ref), t.bytes())) {
				return s.number(at, hash)
			}
		}
	}
}

// insert adds a string that find did not see; another worker may have been faster.
func (s *shard) insert(hash uint64, t *text) (uint32, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if id := s.find(hash, t); id != 0 {
		return id, nil
	}
	n := s.n.Load()
	if uint64(n) >= (maxInterned-uint64(s.in.merged))>>s.in.bits {
		return 0, errs.New(errs.ProgramLimitExceeded, "more than %d distinct strings in one column", uint64(maxInterned))
	}
	if err := s.growLocked(n); err != nil {
		return 0, err
	}
	ref := t.ref
	if ref == 0 {
		var err error
		if ref, err = s.copyLocked(t.b); err != nil {
			return 0, err
		}
	}
	*s.interned(n) = interned{hash, ref}
	s.n.Store(n + 1)
	publish(*s.slots.Load(), hash, n)
	return s.number(n, hash), nil
}

// publish makes a place visible. Tags are the low half of the hash and slots come from the high half, whose first
// bits all strings of a shard share; the mask keeps the low bits of that half, which they do not.
func publish(slots []uint64, hash uint64, at uint32) {
	mask := uint64(len(slots) - 1)
	i := hash >> 32 & mask
	for slots[i] != 0 {
		i = (i + 1) & mask
	}
	atomic.StoreUint64(&slots[i], hash<<32|uint64(at+1))
}

// growLocked makes room for entry n and its slot; slots are at most 5/8 full.
func (s *shard) growLocked(n uint32) error {
	if n>>entryShift >= uint32(len(*s.entries.Load())) {
		chunk, err := mem.Slice[interned](s.in.acc, 1<<entryShift)
		if err != nil {
			return err
		}
		chunks := append([][]interned(nil), *s.entries.Load()...)
		chunks = append(chunks, chunk)
		s.entries.Store(&chunks)
	}
	slots := *s.slots.Load()
	if int(n)*8 < len(slots)*5 {
		return nil
	}
	bigger, err := mem.Slice[uint64](s.in.acc, len(slots)*4)
	if err != nil {
		return err
	}
	for at := range n {
		publish(bigger, s.interned(at).hash, at)
	}
	s.mu.old = append(s.mu.old, slots)
	s.slots.Store(&bigger)
	return nil
}

// copyLocked keeps a copy of a string behind its length.
func (s *shard) copyLocked(b []byte) (uint64, error) {
	need := 4 + len(b)
	if len(s.mu.free) < need {
		h, err := s.in.acc.Alloc(max(need, heapBytes<<min(10, len(*s.heaps.Load())/4)))
		if err != nil {
			return 0, err
		}
		heaps := append([][]byte(nil), *s.heaps.Load()...)
		heaps = append(heaps, h)
		s.heaps.Store(&heaps)
		s.mu.free = h
	}
	heap := len(*s.heaps.Load()) - 1
	off := len((*s.heaps.Load())[heap]) - len(s.mu.free)
	binary.LittleEndian.PutUint32(s.mu.free, uint32(len(b)))
	copy(s.mu.free[4:], b)
	s.mu.free = s.mu.free[need:]
	return uint64(heap)<<32 | uint64(off), nil
}
