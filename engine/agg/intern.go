package agg

import (
	"encoding/binary"
	"sync"
	"sync/atomic"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/kernel"
	"github.com/siltstone-db/siltstone/storage/mem"
)

// interner gives every distinct string of a column a number, from 1 in order of arrival; 0 stands for NULL. All
// workers share it. Looking up a known string takes no lock: slots are published after the entries they point to.
// Strings of dictionaries are not copied: the snapshot keeps dictionaries alive as long as the query runs.
type interner struct {
	acc *mem.Account
	// key returns the part of a string that decides equality; nil: all of it.
	key     func([]byte) []byte
	slots   atomic.Pointer[[]uint64] // high 32 bits of the hash <<32 | number; 0: empty
	entries atomic.Pointer[[][]entry]
	heaps   atomic.Pointer[[][]byte]
	dicts   atomic.Pointer[[]*batch.Dictionary]
	n       atomic.Uint32

	mu struct {
		sync.Mutex
		old   [][]uint64 // outgrown slots: readers may still be in them
		free  []byte     // rest of the last heap
		codes map[uint64]*codeMap
	}
}

// entry is one string: its hash and where it is, dictionary<<32|code with the highest bit set, or heap<<32|offset.
type entry struct{ hash, ref uint64 }

// codeMap gives the number of each code of one dictionary, 0 while it is not known.
type codeMap struct {
	dict    *batch.Dictionary
	index   uint64 // in interner.dicts
	numbers []uint32
}

const (
	entryShift  = 15      // entries per chunk: 512 KiB
	heapBytes   = 1 << 18 // of one heap chunk
	fromDict    = 1 << 63
	maxInterned = 1<<32 - 2
)

func newInterner(acc *mem.Account, key func([]byte) []byte) (*interner, error) {
	in := &interner{acc: acc, key: key}
	in.entries.Store(&[][]entry{})
	in.heaps.Store(&[][]byte{})
	in.dicts.Store(&[]*batch.Dictionary{})
	in.mu.codes = map[uint64]*codeMap{}
	s, err := mem.Slice[uint64](acc, 1<<13)
	if err != nil {
		return nil, err
	}
	in.slots.Store(&s)
	return in, nil
}

func (in *interner) close() {
	if in == nil || in.slots.Load() == nil {
		return
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	mem.ReleaseSlice(in.acc, *in.slots.Load())
	for _, s := range in.mu.old {
		mem.ReleaseSlice(in.acc, s)
	}
	for _, e := range *in.entries.Load() {
		mem.ReleaseSlice(in.acc, e)
	}
	for _, h := range *in.heaps.Load() {
		in.acc.Release(h)
	}
	for _, c := range in.mu.codes {
		mem.ReleaseSlice(in.acc, c.numbers)
	}
	in.mu.codes, in.mu.old = nil, nil
	in.slots.Store(nil)
}

func (in *interner) entry(id uint32) *entry {
	id--
	return &(*in.entries.Load())[id>>entryShift][id&(1<<entryShift-1)]
}

// bytes returns the string of a number other than 0.
func (in *interner) bytes(id uint32) []byte { return in.at(in.entry(id).ref) }

func (in *interner) at(ref uint64) []byte {
	if ref&fromDict != 0 {
		return (*in.dicts.Load())[ref>>32&0x7fffffff].At(int(uint32(ref)))
	}
	h := (*in.heaps.Load())[ref>>32][uint32(ref):]
	return h[4 : 4+binary.LittleEndian.Uint32(h)]
}

// find returns the number of a string, or 0.
func (in *interner) find(hash uint64, b []byte) uint32 {
	slots := *in.slots.Load()
	mask := uint64(len(slots) - 1)
	tag := hash &^ 0xffffffff
	for i := hash & mask; ; i = (i + 1) & mask {
		s := atomic.LoadUint64(&slots[i])
		if s == 0 {
			return 0
		}
		if s&^0xffffffff == tag {
			if e := in.entry(uint32(s)); e.hash == hash && in.equal(in.at(e.ref), b) {
				return uint32(s)
			}
		}
	}
}

func (in *interner) equal(a, b []byte) bool {
	if in.key == nil {
		return string(a) == string(b)
	}
	return string(in.key(a)) == string(in.key(b))
}

func (in *interner) hash(b []byte) uint64 {
	if in.key != nil {
		b = in.key(b)
	}
	return kernel.HashBytes(b)
}

// number returns the number of a string, which it copies when it is new.
func (in *interner) number(b []byte) (uint32, error) {
	hash := in.hash(b)
	if id := in.find(hash, b); id != 0 {
		return id, nil
	}
	return in.insert(hash, b, 0)
}

// code returns the number of a dictionary's entry.
func (in *interner) code(m *codeMap, c uint32) (uint32, error) {
	if id := atomic.LoadUint32(&m.numbers[c]); id != 0 {
		return id, nil
	}
	b := m.dict.At(int(c))
	hash := uint64(0)
	if m.dict.Hashes != nil && in.key == nil {
		hash = m.dict.Hashes[c]
	} else {
		hash = in.hash(b)
	}
	id := in.find(hash, b)
	if id == 0 {
		var err error
		if id, err = in.insert(hash, b, fromDict|m.index<<32|uint64(c)); err != nil {
			return 0, err
		}
	}
	atomic.StoreUint32(&m.numbers[c], id)
	return id, nil
}

// codesOf returns the map of a dictionary, which workers share. A longer prefix of a growing dictionary gets another.
func (in *interner) codesOf(d *batch.Dictionary) (*codeMap, error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	key := d.ID*0x9e3779b97f4a7c15 ^ uint64(d.Len)
	if m := in.mu.codes[key]; m != nil && m.dict.ID == d.ID && m.dict.Len == d.Len {
		return m, nil
	}
	numbers, err := mem.Slice[uint32](in.acc, d.Len)
	if err != nil {
		return nil, err
	}
	dicts := append([]*batch.Dictionary(nil), *in.dicts.Load()...)
	m := &codeMap{dict: d, index: uint64(len(dicts)), numbers: numbers}
	dicts = append(dicts, d)
	in.dicts.Store(&dicts)
	for in.mu.codes[key] != nil { // another dictionary with the same key: never seen, but cheap to survive
		key++
	}
	in.mu.codes[key] = m
	return m, nil
}

// insert adds a string that find did not see; another worker may have been faster.
func (in *interner) insert(hash uint64, b []byte, ref uint64) (uint32, error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if id := in.find(hash, b); id != 0 {
		return id, nil
	}
	n := in.n.Load()
	if n >= maxInterned {
		return 0, errs.New(errs.ProgramLimitExceeded, "more than %d distinct strings in one column", uint64(maxInterned))
	}
	if err := in.growLocked(n); err != nil {
		return 0, err
	}
	if ref == 0 {
		var err error
		if ref, err = in.copyLocked(b); err != nil {
			return 0, err
		}
	}
	id := n + 1
	*in.entry(id) = entry{hash, ref}
	in.n.Store(id)
	in.publish(*in.slots.Load(), hash, id)
	return id, nil
}

func (in *interner) publish(slots []uint64, hash uint64, id uint32) {
	mask := uint64(len(slots) - 1)
	i := hash & mask
	for slots[i] != 0 {
		i = (i + 1) & mask
	}
	atomic.StoreUint64(&slots[i], hash&^0xffffffff|uint64(id))
}

// growLocked makes room for entry n and its slot; slots are at most 5/8 full.
func (in *interner) growLocked(n uint32) error {
	if n>>entryShift >= uint32(len(*in.entries.Load())) {
		chunk, err := mem.Slice[entry](in.acc, 1<<entryShift)
		if err != nil {
			return err
		}
		chunks := append([][]entry(nil), *in.entries.Load()...)
		chunks = append(chunks, chunk)
		in.entries.Store(&chunks)
	}
	slots := *in.slots.Load()
	if int(n)*8 < len(slots)*5 {
		return nil
	}
	bigger, err := mem.Slice[uint64](in.acc, len(slots)*4)
	if err != nil {
		return err
	}
	for id := uint32(1); id <= n; id++ {
		in.publish(bigger, in.entry(id).hash, id)
	}
	in.mu.old = append(in.mu.old, slots)
	in.slots.Store(&bigger)
	return nil
}

// copyLocked keeps a copy of a string behind its length.
func (in *interner) copyLocked(b []byte) (uint64, error) {
	need := 4 + len(b)
	if len(in.mu.free) < need {
		h, err := in.acc.Alloc(max(need, heapBytes<<min(8, len(*in.heaps.Load())/4)))
		if err != nil {
			return 0, err
		}
		heaps := append([][]byte(nil), *in.heaps.Load()...)
		heaps = append(heaps, h)
		in.heaps.Store(&heaps)
		in.mu.free = h
	}
	heap := len(*in.heaps.Load()) - 1
	off := len((*in.heaps.Load())[heap]) - len(in.mu.free)
	binary.LittleEndian.PutUint32(in.mu.free, uint32(len(b)))
	copy(in.mu.free[4:], b)
	in.mu.free = in.mu.free[need:]
	return uint64(heap)<<32 | uint64(off), nil
}
