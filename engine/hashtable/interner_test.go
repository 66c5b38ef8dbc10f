package hashtable

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/siltstone-db/siltstone/engine/op"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/kernel"
	"github.com/siltstone-db/siltstone/storage/mem/memtest"
)

// dictionaryOf makes a dictionary of distinct strings, ordered by hash if asked for.
func dictionaryOf(words []string, ordered bool) *batch.Dictionary {
	words = slices.Clone(words)
	hash := func(s string) uint64 { return kernel.HashBytes([]byte(s)) }
	if ordered {
		slices.SortFunc(words, func(a, b string) int {
			if hash(a) < hash(b) {
				return -1
			}
			return 1
		})
	}
	d := &batch.Dictionary{ID: batch.NewDictionaryID(), Len: len(words), Offsets: []uint32{0}, HashOrdered: ordered, Distinct: true}
	for _, w := range words {
		d.Heap = append(d.Heap, w...)
		d.Offsets = append(d.Offsets, uint32(len(d.Heap)))
		d.Hashes = append(d.Hashes, hash(w))
	}
	return d
}

// TestNumbering checks that equal strings have one number, whatever dictionary they come from, or none, and that numbers
// lead back to their strings.
func TestNumbering(t *testing.T) {
	for seed := range 12 {
		rng := rand.New(rand.NewPCG(uint64(seed), 21))
		var dicts []*batch.Dictionary
		for range 1 + seed%4 {
			seen := map[string]bool{}
			var words []string
			for range rng.IntN(5000) + 1 {
				if w := fmt.Sprint("w", rng.IntN(8000)); !seen[w] {
					seen[w] = true
					words = append(words, w)
				}
			}
			dicts = append(dicts, dictionaryOf(words, rng.IntN(3) > 0))
		}
		acc := memtest.Pool(t, 0).Account("test", 0)
		in, err := NewInterner(acc, nil, ShardBits)
		if err != nil {
			t.Fatal(err)
		}
		if err := in.Merge(&op.Task{Ctx: context.Background(), Workers: 2, Account: acc}, dicts); err != nil {
			t.Fatal(err)
		}
		numbers, words := map[string]uint32{}, map[uint32]string{}
		check := func(w string, id uint32) {
			t.Helper()
			if old, ok := numbers[w]; ok && old != id || id == 0 || string(in.Bytes(id)) != w || !in.used(id) {
				t.Fatalf("seed %d: %q has number %d and %d, which is %q", seed, w, id, numbers[w], in.Bytes(id))
			}
			if old, ok := words[id]; ok && old != w {
				t.Fatalf("seed %d: number %d is %q and %q", seed, id, old, w)
			}
			numbers[w], words[id] = id, w
		}
		for _, d := range dicts {
			m, err := in.codesOf(d)
			if err != nil || !m.done {
				t.Fatalf("dictionary is not numbered: %v", err)
			}
			for c := range d.Len {
				id := uint32(c) + 1
				if m.list() != nil {
					id = m.list()[c]
				}
				check(string(d.At(c)), id)
			}
		}
		for i := range 9000 { // with dictionaries and without
			w := fmt.Sprint("w", i)
			id, err := in.Number([]byte(w))
			if err != nil {
				t.Fatal(err)
			}
			check(w, id)
		}
		if in.Close(); acc.Used() != 0 {
			t.Fatalf("%d bytes were not given back", acc.Used())
		}
	}
}

// TestKeySet compares with a map, keys of zeros included.
func TestKeySet(t *testing.T) {
	for k := 1; k <= 3; k++ {
		rng := rand.New(rand.NewPCG(uint64(k), 22))
		acc := memtest.Pool(t, 0).Account("test", 0)
		s, want := NewKeySet(acc, k), map[[3]uint64]bool{}
		for range 20000 {
			var key [3]uint64
			for i := range k {
				key[i] = uint64(rng.IntN(40))
			}
			if s.log > 0 && s.Has(key[:k]) != want[key] {
				t.Fatalf("has(%v) is %v", key[:k], !want[key])
			}
			if err := s.Reserve(1); err != nil {
				t.Fatal(err)
			}
			s.Add(key[:k], 1)
			want[key] = true
		}
		n := 0
		if err := s.Each(func(key []uint64) error {
			var a [3]uint64
			copy(a[:], key)
			if !want[a] {
				return fmt.Errorf("key %v was never added", key)
			}
			n++
			return nil
		}); err != nil || n != len(want) || s.Len() != n {
			t.Fatalf("%d words: %d keys, len %d, want %d: %v", k, n, s.Len(), len(want), err)
		}
		if s.Release(); acc.Used() != 0 {
			t.Fatalf("%d bytes were not given back", acc.Used())
		}
	}
}

// used tells whether a number is that of a string.
func (in *Interner) used(id uint32) bool {
	if id <= in.merged {
		return id > 0 && (in.refs == nil || in.refs[id-1] != noRef)
	}
	id -= in.merged + 1
	return id>>in.bits < in.shards[id&(1<<in.bits-1)].n.Load()
}
