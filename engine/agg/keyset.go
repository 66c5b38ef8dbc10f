package agg

import "github.com/siltstone-db/siltstone/storage/mem"

// keySet is an open-addressing hash set of packed keys without anything else in its slots: half of what a table of
// groups needs, so that the keys of a partition stay in the second-level cache. A slot of zeros is empty; whether the
// key of zeros is a member stands apart.
type keySet struct {
	acc   *mem.Account
	words []uint64
	keys  int // words of a key
	used  int // keys in slots
	log   uint
	zero  bool
}

func newKeySet(acc *mem.Account, keys int) *keySet { return &keySet{acc: acc, keys: keys} }

func (s *keySet) release() {
	mem.ReleaseSlice(s.acc, s.words)
	s.words, s.used, s.log, s.zero = nil, 0, 0, false
}

// len returns the number of keys.
func (s *keySet) len() int {
	if s.zero {
		return s.used + 1
	}
	return s.used
}

// reset empties the set and gives it 2^log slots, reusing its memory.
func (s *keySet) reset(log uint) error {
	n := s.keys << log
	if cap(s.words) < n {
		mem.ReleaseSlice(s.acc, s.words)
		s.words = nil
		words, err := mem.Slice[uint64](s.acc, n)
		if err != nil {
			return err
		}
		s.words = words
	} else {
		s.words = s.words[:n]
		clear(s.words)
	}
	s.used, s.log, s.zero = 0, log, false
	return nil
}

// reserve makes room for n more keys at a load of at most 0.8.
func (s *keySet) reserve(n int) error {
	if s.log > 0 && (s.used+n)*5 <= 4<<s.log {
		return nil
	}
	bigger := keySet{acc: s.acc, keys: s.keys}
	if err := bigger.reset(logFor(2*s.used + n)); err != nil {
		return err
	}
	for at := 0; at < len(s.words); at += s.keys {
		if key := s.words[at : at+s.keys]; !isZero(key) {
			bigger.add(key, 1)
		}
	}
	mem.ReleaseSlice(s.acc, s.words)
	s.words, s.log = bigger.words, bigger.log
	return nil
}

func isZero(key []uint64) bool {
	x := uint64(0)
	for _, w := range key {
		x |= w
	}
	return x == 0
}

// add adds the first n keys of keys. reserve(n) must have been called.
func (s *keySet) add(keys []uint64, n int) {
	switch s.keys {
	case 1:
		s.add1(keys[:n])
	case 2:
		s.add2(keys[:2*n])
	default:
		for i := range n {
			s.addN(keys[i*s.keys : (i+1)*s.keys])
		}
	}
}

func (s *keySet) add1(keys []uint64) {
	words, mask, shift := s.words, uint64(1)<<s.log-1, (64-s.log)&63
	words = words[:mask+1]
	used := s.used
	for _, k := range keys {
		if k == 0 {
			s.zero = true
			continue
		}
		i := mix(k) << partitionBits >> shift
		for words[i&mask] != k {
			if words[i&mask] == 0 {
				words[i&mask] = k
				used++
				break
			}
			i++
		}
	}
	s.used = used
}

func (s *keySet) add2(keys []uint64) {
	words, mask, shift := s.words, uint64(1)<<s.log-1, (64-s.log)&63
	used := s.used
	for ; len(keys) >= 2; keys = keys[2:] {
		a, b := keys[0], keys[1]
		if a|b == 0 {
			s.zero = true
			continue
		}
		i := mix2(a, b) << partitionBits >> shift
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
	s.used = used
}

func (s *keySet) addN(key []uint64) {
	if isZero(key) {
		s.zero = true
		return
	}
	mask := uint64(1)<<s.log - 1
	for i := mixN(key) << partitionBits >> (64 - s.log); ; i++ {
		slot := s.words[int(i&mask)*s.keys:][:s.keys]
		if equalWords(slot, key) {
			return
		}
		if isZero(slot) {
			copy(slot, key)
			s.used++
			return
		}
	}
}

// has tells whether a key is a member.
func (s *keySet) has(key []uint64) bool {
	if isZero(key) {
		return s.zero
	}
	mask := uint64(1)<<s.log - 1
	for i := hashKey(key) << partitionBits >> (64 - s.log); ; i++ {
		slot := s.words[int(i&mask)*s.keys:][:s.keys]
		if equalWords(slot, key) {
			return true
		}
		if isZero(slot) {
			return false
		}
	}
}

// each calls f for every key, in no order.
func (s *keySet) each(f func(key []uint64) error) error {
	if s.zero {
		if err := f(make([]uint64, s.keys)); err != nil {
			return err
		}
	}
	for at := 0; at < len(s.words); at += s.keys {
		if key := s.words[at : at+s.keys]; !isZero(key) {
			if err := f(key); err != nil {
				return err
			}
		}
	}
	return nil
}
