package hashtable

import (
	"testing"

	"github.com/siltstone-db/siltstone/storage/mem/memtest"
)

// TestInternEqualHashes gives different strings one hash, as one pair in 2^64 has it: they keep numbers of their own, be
// they copies or entries of a dictionary.
func TestInternEqualHashes(t *testing.T) {
	acc := memtest.Pool(t, 0).Account("test", 0)
	in, err := NewInterner(acc, nil, ShardBits)
	if err != nil {
		t.Fatal(err)
	}
	const hash = 0x0123456789abcdef
	s := in.shardOf(hash)
	m, err := in.codesOf(dictionaryOf([]string{"c", "d"}, false))
	if err != nil {
		t.Fatal(err)
	}
	texts := []func() *text{
		func() *text { return &text{b: []byte("a")} },
		func() *text { return &text{b: []byte("b")} },
		func() *text { return &text{dict: m.dict, ref: fromDict | m.index<<32} },
		func() *text { return &text{dict: m.dict, ref: fromDict | m.index<<32 | 1} },
	}
	var ids []uint32
	for i, x := range texts {
		if id := s.find(hash, x()); id != 0 {
			t.Errorf("string %d has the number %d before it came", i, id)
		}
		id, err := s.insert(hash, x())
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	for i, x := range texts {
		if id := s.find(hash, x()); id != ids[i] || string(in.Bytes(id)) != string("abcd"[i]) {
			t.Errorf("string %d has the number %d, and had %d, which is %q", i, id, ids[i], in.Bytes(id))
		}
	}
	in.Close()
	if n := acc.Close(); n != 0 {
		t.Errorf("%d bytes are left", n)
	}
}
