package hashtable

import "github.com/siltstone-db/siltstone/storage/mem"

// KeySet is an open-addressing hash set of packed keys without anything else in its slots: half of what a table of
// groups needs, so that the keys of a partition stay in the second-level cache. A slot of zeros is empty; whether the
// key of zeros is a member stands apart.
type KeySet struct {
	Acc   *mem.Account
	Words []uint64
	Keys  int // words of a key
	Used  int // keys in slots
	log   uint
	zero  bool
}

// NewKeySet returns an empty set, without memory before Reset or Reserve.
func NewKeySet(acc *mem.Account, keys int) *KeySet { return &KeySet{Acc: acc, Keys: keys} }

// Release gives all memory back; the set is empty afterwards.
func (s *KeySet) Release() {
	mem.ReleaseSlice(s.Acc, s.Words)
	s.Words, s.Used, s.log, s.zero = nil, 0, 0, false
}

// Len returns the number of keys.
func (s *KeySet) Len() int {
	if s.zero {
		return s.Used + 1
	}
	return s.Used
}

// Reset empties the set and gives it 2^log slots, reusing its memory.
func (s *KeySet) Reset(log uint) error {
	n := s.Keys << log
	if cap(s.Words) < n {
		mem.ReleaseSlice(s.Acc, s.Words)
		s.Words = nil
		words, err := mem.Slice[uint64](s.Acc, n)
		if err != nil {
			return err
		}
		s.Words = words
	} else {
		s.Words = s.Words[:n]
		clear(s.Words)
	}
	s.Used, s.log, s.zero = 0, log, false
	return nil
}

// Reserve makes room for n more keys at a load of at most 0.8.
func (s *KeySet) Reserve(n int) error {
	if s.log > 0 && (s.Used+n)*5 <= 4<<s.log {
		return nil
	}
	bigger := KeySet{Acc: s.Acc, Keys: s.Keys}
	if err := bigger.Reset(LogFor(2*s.Used + n)); err != nil {
		return err
	}
	for at := 0; at < len(s.Words); at += s.Keys {
		if key := s.Words[at : at+s.Keys]; !isZero(key) {
			bigger.Add(key, 1)
		}
	}
	mem.ReleaseSlice(s.Acc, s.Words)
	s.Words, s.log = bigger.Words, bigger.log
	return nil
}

func isZero(key []uint64) bool {
	x := uint64(0)
	for _, w := range key {
		x |= w
	}
	return x == 0
}

// Add adds the first n keys of keys. reserve(n) must have been called.
func (s *KeySet) Add(keys []uint64, n int) {
	switch s.Keys {
	case 1:
		s.add1(keys[:n])
	case 2:
		s.add2(keys[:2*n])
	default:
		for i := range n {
			s.addN(keys[i*s.Keys : (i+1)*s.Keys])
		}
	}
}

func (s *KeySet) add1(keys []uint64) {
	words, mask, shift := s.Words, uint64(1)<<s.log-1, (64-s.log)&63
	words = words[:mask+1]
	used := s.Used
	for _, k := range keys {
		if k == 0 { // 0 stands for an empty slot
			s.zero = true
			continue
		}
		i := mix1(k) << PartitionBits >> shift // i&mask proves the bounds: the loop has no check and no branch but its two
		for words[i&mask] != k {
			if words[i&mask] == 0 {
				words[i&mask] = k
				used++
				break
			}
			i++
		}
	}
	s.Used = used
}

func (s *KeySet) add2(keys []uint64) {
	words, mask, shift := s.Words, uint64(1)<<s.log-1, (64-s.log)&63
	used := s.Used
	for ; len(keys) >= 2; keys = keys[2:] {
		a, b := keys[0], keys[1]
		if a|b == 0 {
			s.zero = true
			continue
		}
		i := Mix(a, b) << PartitionBits >> shift
		for {
			slot := words[2*(i&mask):]
			slot = slot[:2]
			if slot[0] == a && slot[1] == b {
				break
			}
			if slot[0]|slot[1] == 0 {
				slot[0], slot[1] = a, b
				used++
				break
			}
			i++
		}
	}
	s.Used = used
}

func (s *KeySet) addN(key []uint64) {
	if isZero(key) {
		s.zero = true
		return
	}
	mask := uint64(1)<<s.log - 1
	for i := mixN(key) << PartitionBits >> (64 - s.log); ; i++ {
		slot := s.Words[int(i&mask)*s.Keys:][:s.Keys]
		if equalWords(slot, key) {
			return
		}
		if isZero(slot) {
			copy(slot, key)
			s.Used++
			return
		}
	}
}

// Has tells whether a key is a member.
func (s *KeySet) Has(key []uint64) bool {
	if isZero(key) {
		return s.zero
	}
	mask := uint64(1)<<s.log - 1
	for i := HashKey(key) << PartitionBits >> (64 - s.log); ; i++ {
		slot := s.Words[int(i&mask)*s.Keys:][:s.Keys]
		if equalWords(slot, key) {
			return true
		}
		if isZero(slot) {
			return false
		}
	}
}

// Each calls f for every key, in no order.
func (s *KeySet) Each(f func(key []uint64) error) error {
	if s.zero {
		if err := f(make([]uint64, s.Keys)); err != nil {
			return err
		}
	}
	for at := 0; at < len(s.Words); at += s.Keys {
		if key := s.Words[at : at+s.Keys]; !isZero(key) {
			if err := f(key); err != nil {
				return err
			}
		}
	}
	return nil
}

// CountLow adds each key to the count that the bits of mask of its first word name.
func (s *KeySet) CountLow(counts []uint64, mask uint64) {
	if s.zero {
		counts[0]++
	}
	switch s.Keys {
	case 1:
		for _, w := range s.Words {
			if w != 0 {
				counts[w&mask]++
			}
		}
	default:
		for at := 0; at < len(s.Words); at += s.Keys {
			if key := s.Words[at : at+s.Keys]; !isZero(key) {
				counts[key[0]&mask]++
			}
		}
	}
}
