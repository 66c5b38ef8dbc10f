package agg

import (
	"encoding/binary"

	"github.com/siltstone-db/siltstone/engine/aggstate"
	"github.com/siltstone-db/siltstone/engine/hashtable"
)

// The flags of a record tell what it has behind the key.
const (
	hasStates = 1 << iota
	hasSets
)

// writer makes records of groups. It belongs to one goroutine.
type writer struct {
	g   *Group
	buf []byte
}

// group returns the record of a group's states: key as in a table, the number of its rows, the words behind the key.
func (f *writer) group(key []uint64, rows uint64, words []uint64) []byte {
	f.buf = f.g.way.appendKey(append(f.buf[:0], hasStates), key)
	f.buf = f.g.appendStates(f.buf, rows, words)
	return f.buf
}

// pair returns the record of one distinct value: a packed pair of a set.
func (f *writer) pair(s *setPlan, pair []uint64) []byte {
	f.buf = f.g.way.appendKey(append(f.buf[:0], hasSets), f.g.keyOfPair(pair))
	for i := range f.g.sets {
		if i != s.index {
			f.buf = append(f.buf, 0)
			continue
		}
		var w [2]uint64
		s.value.Unpack(pair, w[:])
		f.buf = aggstate.AppendValue(append(f.buf, 1), s.value.Phys, s.value.Strings, w[:])
	}
	return f.buf
}

// keyOfPair cuts the key of the group off a packed pair. The result is valid until the pair changes.
func (g *Group) keyOfPair(pair []uint64) []uint64 {
	k := g.lay.Words
	if k == 0 || g.lay.Bits == 64 {
		return pair[:k]
	}
	key := append([]uint64(nil), pair[:k]...)
	key[k-1] &= 1<<g.lay.Bits - 1
	return key
}

// hashPair is the hash of a packed pair of a set.
func (g *Group) hashPair(s *setPlan, pair []uint64) uint64 {
	return hashtable.Mix(g.way.hashKey(g.keyOfPair(pair)), s.value.HashValue(pair))
}

// appendStates appends the row count, the counts of skipped rows, and the states.
func (g *Group) appendStates(dst []byte, rows uint64, words []uint64) []byte {
	dst = binary.AppendUvarint(dst, rows)
	for i := range g.prog.inputs {
		dst = binary.AppendUvarint(dst, words[g.prog.inputs[i].skip])
	}
	for i := range g.prog.states {
		s := &g.prog.states[i]
		dst = s.Append(dst, words[s.at:s.at+s.Words])
	}
	return dst
}
