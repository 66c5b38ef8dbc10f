package agg

import (
	"bytes"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/types"
)

// The smallest or largest string of a group replaces another only a few times. Strings of dictionaries that nothing but
// min and max read are therefore not numbered as they come, which would hash every one of them: the word of a row, and
// of a state, refers to the entry where it lies,
//
//	1<<63 | dictionary<<32 | code
//
// with the dictionary's index in interner.dicts. Dictionaries outlive the query's pipelines. Strings from elsewhere have
// the number that the interner gives them, and 0 is no string at all.

// onlyExtremes tells whether min and max of strings are all that reads an argument.
func (g *Group) onlyExtremes(ordinal int) bool {
	if g.cfg.In[ordinal].Physical() != types.PhysBytes {
		return false
	}
	for i := range g.prog.states {
		s := &g.prog.states[i]
		for _, c := range g.prog.inputs[s.in].cols {
			if c == ordinal && s.kind != stateMaxBytes {
				return false
			}
		}
	}
	return true
}

// loadRefs makes words that refer to entries.
func (c *column) loadRefs(v *batch.Vector, n int) {
	if c.dict != v.Dict {
		c.dict, c.dictRef = v.Dict, fromDict|c.strings.refer(v.Dict)<<32
	}
	for i, k := range v.Codes[:n] {
		c.words[i] = c.dictRef | uint64(k)
	}
}

// refer returns the index of a dictionary that references may name: that of the same one, or of a longer one.
func (in *interner) refer(d *batch.Dictionary) uint64 {
	in.mu.Lock()
	defer in.mu.Unlock()
	dicts := *in.dicts.Load()
	for i := len(dicts) - 1; i >= 0; i-- {
		if dicts[i].ID == d.ID && dicts[i].Len >= d.Len {
			return uint64(i)
		}
	}
	next := append(append([]*batch.Dictionary(nil), dicts...), d)
	in.dicts.Store(&next)
	return uint64(len(dicts))
}

// referred returns the string of a reference or of a number, other than 0.
func (in *interner) referred(ref uint64) []byte {
	if ref&fromDict != 0 {
		return in.dictBytes(ref)
	}
	return in.bytes(uint32(ref))
}

// keepBytes replaces the reference r by ref when its string is the better one.
func (s *state) keepBytes(strings *interner, r *uint64, ref uint64) {
	if *r == ref {
		return
	}
	if *r != 0 {
		order := bytes.Compare(strings.referred(ref), strings.referred(*r))
		if order == 0 || order < 0 != s.min {
			return
		}
	}
	*r = ref
}
