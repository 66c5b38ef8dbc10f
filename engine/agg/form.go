package agg

import (
	"encoding/binary"
	"github.com/siltstone-db/siltstone/engine/hashtable"
	"math"

	"github.com/siltstone-db/siltstone/storage/kernel"
	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/types/decimal"
)

// formVersion is the version of the binary form that is written, and the only one that is read.
const formVersion = 1

// The flags of a record tell what it has behind the key.
const (
	hasStates = 1 << iota
	hasSets
)

// AppendHeader appends what must be the same where states are written and where they are merged: the version of the
// form, the types of the keys, and the kinds and argument types of the states. It is kept once per collection of
// records.
func (g *Group) AppendHeader(dst []byte) []byte {
	dst = append(dst, formVersion)
	for _, n := range [4]int{len(g.cfg.Keys), len(g.prog.inputs), len(g.prog.states), len(g.sets)} {
		dst = binary.AppendUvarint(dst, uint64(n))
	}
	for i := range g.cfg.Keys {
		dst = appendType(dst, g.cfg.In[g.cfg.Keys[i].Column])
	}
	for i := range g.prog.states {
		s := &g.prog.states[i]
		dst = append(dst, byte(s.kind), boolByte(s.min))
		dst = appendType(dst, s.typ)
	}
	for i := range g.sets {
		dst = appendType(dst, g.cfg.In[g.sets[i].column])
	}
	return dst
}

func appendType(dst []byte, t types.Type) []byte {
	return appendBytes(dst, []byte(t.String()))
}

func boolByte(b bool) byte {
	if b {
		return 1
	}
	return 0
}

// writer makes records of groups. It belongs to one goroutine.
type writer struct {
	g   *Group
	buf []byte
}

// group returns the record of a group's states: key as in a table, the number of its rows, the words behind the key.
func (f *writer) group(key []uint64, rows uint64, words []uint64) []byte {
	f.buf = f.g.appendKey(append(f.buf[:0], hasStates), key)
	f.buf = f.g.appendStates(f.buf, rows, words)
	return f.buf
}

// pair returns the record of one distinct value: a packed pair of a set.
func (f *writer) pair(s *setPlan, pair []uint64) []byte {
	f.buf = f.g.appendKey(append(f.buf[:0], hasSets), f.g.keyOfPair(pair))
	for i := range f.g.sets {
		if i != s.index {
			f.buf = append(f.buf, 0)
			continue
		}
		var w [2]uint64
		s.value.Unpack(pair, w[:])
		f.buf = appendValue(append(f.buf, 1), s.value.Phys, s.value.Strings, w[:])
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

// appendKey appends the values of a packed key.
func (g *Group) appendKey(dst []byte, key []uint64) []byte {
	if g.mode == modeDict {
		b := g.dictBytes(key[0])
		if b == nil && g.dictNull(key[0]) {
			return append(dst, 0)
		}
		dst = binary.AppendUvarint(append(dst, 1), uint64(len(b)))
		return append(dst, b...)
	}
	for i := range g.lay.Fields {
		f := &g.lay.Fields[i]
		var w [2]uint64
		if f.Unpack(key, w[:]) {
			dst = append(dst, 0)
			continue
		}
		dst = append(dst, 1)
		if f.Phys == types.PhysInterval { // numbered, but unpacked as itself
			dst = appendValue(dst, f.Phys, nil, w[:])
		} else {
			dst = appendValue(dst, f.Phys, f.Strings, w[:])
		}
	}
	return dst
}

// dictNull tells whether a reference of modeDict is NULL.
func (g *Group) dictNull(ref uint64) bool { return uint32(ref) == 0 && int(ref>>32) == len(g.dicts) }

// hashValues returns a hash of a packed key that depends on its values alone, not on how they are packed or numbered.
func (g *Group) hashValues(key []uint64) uint64 {
	h := uint64(0x9e3779b97f4a7c15)
	if g.mode == modeDict {
		if g.dictNull(key[0]) {
			return hashtable.Mix(h, 0)
		}
		return hashtable.Mix(h, kernel.HashBytes(g.dictBytes(key[0])))
	}
	for i := range g.lay.Fields {
		h = hashtable.Mix(h, g.lay.Fields[i].HashValue(key))
	}
	return h
}

// hashPair is the hash of a packed pair of a set.
func (g *Group) hashPair(s *setPlan, pair []uint64) uint64 {
	return hashtable.Mix(g.hashValues(g.keyOfPair(pair)), s.value.HashValue(pair))
}

// appendValue appends a value that is not NULL: w are its words, or strings has it by the number w[0].
func appendValue(dst []byte, phys types.Physical, strings *hashtable.Interner, w []uint64) []byte {
	switch phys {
	case types.PhysBool:
		return append(dst, byte(w[0]))
	case types.PhysInt16:
		return binary.LittleEndian.AppendUint16(dst, uint16(w[0]))
	case types.PhysInt32:
		return binary.LittleEndian.AppendUint32(dst, uint32(w[0]))
	case types.PhysFloat32:
		return binary.LittleEndian.AppendUint32(dst, math.Float32bits(float32(math.Float64frombits(w[0]))))
	case types.PhysInt64, types.PhysFloat64:
		return binary.LittleEndian.AppendUint64(dst, w[0])
	case types.PhysBytes:
		return appendBytes(dst, strings.Referred(w[0]))
	}
	return binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(dst, w[0]), w[1])
}

func appendBytes(dst, b []byte) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(b))), b...)
}

// appendStates appends the row count, the counts of skipped rows, and the states.
func (g *Group) appendStates(dst []byte, rows uint64, words []uint64) []byte {
	dst = binary.AppendUvarint(dst, rows)
	for i := range g.prog.inputs {
		dst = binary.AppendUvarint(dst, words[g.prog.inputs[i].skip])
	}
	for i := range g.prog.states {
		s := &g.prog.states[i]
		dst = g.appendState(dst, s, words[s.at:s.at+stateWords[s.kind]])
	}
	return dst
}

// appendState appends one state.
func (g *Group) appendState(dst []byte, s *state, r []uint64) []byte {
	switch s.kind {
	case stateCount:
		return binary.AppendUvarint(dst, r[0])
	case stateSumDecimal, stateDecimals:
		for _, w := range r {
			if w == 0 {
				dst = append(dst, 0)
				continue
			}
			dst = appendBytes(dst, decimal.AppendEncoded(nil, g.side.decimals.get(w)))
		}
		return dst
	case stateMaxBytes, stateMaxSpan, stateFirst:
		if r[0] == 0 {
			return append(dst, 0)
		}
		if s.kind == stateMaxBytes {
			return appendBytes(append(dst, 1), g.prog.stringsOf(&g.side, s).Referred(r[0]))
		}
		return appendValue(append(dst, 1), s.phys, g.prog.stringsOf(&g.side, s), r[1:])
	case stateList:
		return g.appendList(dst, s, r[0])
	}
	for _, w := range r {
		dst = binary.LittleEndian.AppendUint64(dst, w)
	}
	return dst
}

// appendList appends the values of a list, in order of arrival.
func (g *Group) appendList(dst []byte, s *state, first uint64) []byte {
	cols := g.prog.inputs[s.in].cols
	dst = binary.AppendUvarint(dst, uint64(g.side.lists.len(first)))
	for first != 0 {
		n := g.side.lists.node(first)
		nulls, words := n[1], n[2:]
		first = n[0]
		dst = binary.AppendUvarint(dst, nulls)
		for x, c := range cols {
			wide := hashtable.Wide(g.cfg.In[c])
			if nulls>>uint(x)&1 == 0 {
				dst = appendValue(dst, g.cfg.In[c].Physical(), g.side.strings[c], words[:wide])
			}
			words = words[wide:]
		}
	}
	return dst
}
