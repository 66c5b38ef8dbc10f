package hashtable

import "github.com/siltstone-db/siltstone/storage/batch"

// The smallest or largest string of a group replaces another only a few times. Strings of dictionaries that nothing but
// min and max read are therefore not numbered as they come, which would hash every one of them: the word of a row, and
// of a state, refers to the entry where it lies,
//
//	1<<63 | dictionary<<32 | code
//
// with the dictionary's index in Interner.dicts. Dictionaries outlive the query's pipelines. Strings from elsewhere have
// the number that the interner gives them, and 0 is no string at all.

// loadRefs makes words that refer to entries.
func (c *Column) loadRefs(v *batch.Vector, n int) {
	if c.dict != v.Dict {
		c.dict, c.dictRef = v.Dict, fromDict|c.strings.refer(v.Dict)<<32
	}
	for i, k := range v.Codes[:n] {
		c.Words[i] = c.dictRef | uint64(k)
	}
}

// refer returns the index of a dictionary that references may name: that of the same one, or of a longer one.
func (in *Interner) refer(d *batch.Dictionary) uint64 {
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

// Referred returns the string of a reference or of a number, other than 0.
func (in *Interner) Referred(ref uint64) []byte {
	if ref&fromDict != 0 {
		return in.dictBytes(ref)
	}
	return in.Bytes(uint32(ref))
}
