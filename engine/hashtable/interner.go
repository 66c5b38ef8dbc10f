package hashtable

import (
	"bytes"
	"sync"
	"sync/atomic"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/kernel"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/types/decimal"
	"github.com/siltstone-db/siltstone/storage/types/jsonb"
)

// Interner gives every distinct string of a column a number; 0 stands for NULL. All workers share it. Where all
// dictionaries of a column are known beforehand, merge numbers their entries at once; other strings get their numbers
// as they arrive, in shards by hash, so that workers seldom wait for each other. Looking up a known string takes no
// lock. Strings of dictionaries are not copied: the snapshot keeps dictionaries alive as long as the query runs.
type Interner struct {
	acc *mem.Account
	// key returns the part of a string that decides equality; nil: all of it.
	key    func([]byte) []byte
	merged uint32   // numbers 1 to merged are those of dictionaries
	refs   []uint64 // where the merged strings are; nil: the number is 1 + the code of the only dictionary
	dicts  atomic.Pointer[[]*batch.Dictionary]
	bits   uint // the shards that are used are the first 1<<bits
	shards [shards]shard

	mu struct {
		sync.Mutex
		codes map[uint64]*codeMap
	}
}

// shards is the number of shards: enough that 8 workers inserting new strings meet once in a while. One of them
// takes at least 192 KiB; where memory is short, one has to do.
const (
	ShardBits = 4
	shards    = 1 << ShardBits
)

// codeMap gives the number of each code of one dictionary, 0 while it is not known.
type codeMap struct {
	dict    *batch.Dictionary
	index   uint64 // in Interner.dicts
	done    bool   // all numbers are known; without a list the number is 1 + the code
	asked   atomic.Int64
	numbers atomic.Pointer[[]uint32] // nil, unless done: too few rows came yet for a list to pay
}

// list returns the numbers, or nil.
func (m *codeMap) list() []uint32 {
	if p := m.numbers.Load(); p != nil {
		return *p
	}
	return nil
}

const fromDict = 1 << 63

// NewInterner returns an empty interner of 1<<bits shards, at most ShardBits of them; key is EqualPart of the type.
func NewInterner(acc *mem.Account, key func([]byte) []byte, bits uint) (*Interner, error) {
	in := &Interner{acc: acc, key: key, bits: bits}
	in.dicts.Store(&[]*batch.Dictionary{})
	in.mu.codes = map[uint64]*codeMap{}
	for i := range 1 << bits {
		if err := in.shards[i].init(in); err != nil {
			in.Close()
			return nil, err
		}
	}
	return in, nil
}

// Close gives all memory back. Nil may be closed.
func (in *Interner) Close() {
	if in == nil {
		return
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	for i := range in.shards {
		in.shards[i].close()
	}
	for _, c := range in.mu.codes {
		mem.ReleaseSlice(in.acc, c.list())
	}
	mem.ReleaseSlice(in.acc, in.refs)
	in.mu.codes, in.refs = nil, nil
}

// shardOf returns the shard that numbers the strings of a hash.
func (in *Interner) shardOf(hash uint64) *shard { return &in.shards[hash>>(64-in.bits)] }

// interned returns what is known of a string that was not merged.
func (in *Interner) interned(id uint32) (*shard, *interned) {
	id -= in.merged + 1
	s := &in.shards[id&(1<<in.bits-1)]
	return s, s.interned(id >> in.bits)
}

// Bytes returns the string of a number other than 0.
func (in *Interner) Bytes(id uint32) []byte {
	if id <= in.merged {
		ref := uint64(id - 1)
		if in.refs != nil {
			ref = in.refs[id-1]
		}
		return in.dictBytes(ref)
	}
	s, e := in.interned(id)
	return s.at(e.ref)
}

// dictBytes returns the string of a reference to a dictionary.
func (in *Interner) dictBytes(ref uint64) []byte {
	return (*in.dicts.Load())[ref>>32&0x7fffffff].At(int(uint32(ref)))
}

func (in *Interner) equal(a, b []byte) bool {
	if in.key == nil {
		return string(a) == string(b)
	}
	return string(in.key(a)) == string(in.key(b))
}

func (in *Interner) hash(b []byte) uint64 {
	if in.key != nil {
		b = in.key(b)
	}
	return kernel.HashBytes(b)
}

// Number returns the number of a string, which it copies when it is new.
func (in *Interner) Number(b []byte) (uint32, error) {
	hash := in.hash(b)
	if in.merged > 0 {
		if id := in.findMerged(hash, b); id != 0 {
			return id, nil
		}
	}
	s, t := in.shardOf(hash), text{b: b}
	if id := s.find(hash, &t); id != 0 {
		return id, nil
	}
	return s.insert(hash, &t)
}

// code returns the number of a dictionary's entry, which nobody has looked up yet.
func (in *Interner) code(m *codeMap, c uint32) (id uint32, err error) {
	t := text{dict: m.dict, ref: fromDict | m.index<<32 | uint64(c)}
	hash := uint64(0)
	if in.knows(m.dict) {
		hash = m.dict.Hashes[c]
	} else {
		hash = in.hash(t.bytes())
	}
	if in.merged > 0 {
		id = in.findMerged(hash, t.bytes())
	}
	s := in.shardOf(hash)
	if id == 0 {
		id = s.find(hash, &t)
	}
	if id == 0 {
		id, err = s.insert(hash, &t)
	}
	return id, err
}

// knows tells whether the hashes of a dictionary's entries are stored.
func (in *Interner) knows(d *batch.Dictionary) bool { return d.Hashes != nil && in.key == nil }

// codeKey is the key of a dictionary's map. A longer prefix of a growing dictionary gets another.
func codeKey(d *batch.Dictionary) uint64 { return d.ID*0x9e3779b97f4a7c15 ^ uint64(d.Len) }

// codesOf returns the map of a dictionary, which workers share.
func (in *Interner) codesOf(d *batch.Dictionary) (*codeMap, error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if m := in.mu.codes[codeKey(d)]; m != nil && m.dict.ID == d.ID && m.dict.Len == d.Len {
		return m, nil
	}
	return in.addCodesLocked(d, nil), nil
}

// unlistedPart is the part of a dictionary's entries, an eighth, up to which rows look their strings up by their hashes. A
// list of numbers costs to be cleared, and each of a few rows would touch a page of its own in it.
const unlistedPart = 8

// numbersFor returns the list of a map that n more rows are looked up in, nil when there is none yet.
func (in *Interner) numbersFor(m *codeMap, n int) ([]uint32, error) {
	if few := m.asked.Add(int64(n))*unlistedPart <= int64(m.dict.Len); few && in.knows(m.dict) {
		return nil, nil
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	if l := m.list(); l != nil {
		return l, nil
	}
	numbers, err := mem.Slice[uint32](in.acc, m.dict.Len)
	if err != nil {
		return nil, err
	}
	m.numbers.Store(&numbers)
	return numbers, nil
}

func (in *Interner) addCodesLocked(d *batch.Dictionary, numbers []uint32) *codeMap {
	dicts := append([]*batch.Dictionary(nil), *in.dicts.Load()...)
	m := &codeMap{dict: d, index: uint64(len(dicts))}
	if numbers != nil {
		m.numbers.Store(&numbers)
	}
	dicts = append(dicts, d)
	in.dicts.Store(&dicts)
	key := codeKey(d)
	for in.mu.codes[key] != nil { // another dictionary with the same key: never seen, but cheap to survive
		key++
	}
	in.mu.codes[key] = m
	return m
}

func trimBlanks(b []byte) []byte { return bytes.TrimRight(b, " ") }

// EqualPart returns what decides the equality of a string-like key type, nil for all its bytes.
func EqualPart(t types.Type) func([]byte) []byte {
	switch t.Kind {
	case types.Numeric:
		return decimal.Key
	case types.JSONB:
		return jsonb.Key
	case types.Interval:
		return intervalKey
	case types.Char:
		if t.Width == 0 { // of several lengths; else all have the same blanks
			return trimBlanks
		}
	}
	return nil
}

// Find returns the number of a string that was not merged, or 0.
func (in *Interner) Find(hash uint64, b []byte) uint32 {
	return in.shardOf(hash).find(hash, &text{b: b})
}

// HashOf returns the hash of a string that was not merged.
func (in *Interner) HashOf(id uint32) uint64 {
	_, e := in.interned(id)
	return e.hash
}

// MergedMax returns the largest number that merge gave, 0 when nothing was merged.
func (in *Interner) MergedMax() int { return int(in.merged) }
