package join

import (
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/kernel"
	"github.com/siltstone-db/siltstone/storage/types"
)

// dictHeads remembers the first entry for each code of the dictionary that the probe side is in: each string is looked
// up once per worker and dictionary, not once per row.
type dictHeads struct {
	id    uint64   // of the dictionary; 0: none yet
	rows  int      // seen with it
	heads []uint32 // by code: entry + 1, 0 when not looked up yet
	key   []byte
}

// dictWarmup: a dictionary with that many times more entries than rows seen is not worth its heads yet.
const dictWarmup = 64

// lookup fills heads for a dictionary vector; false when v is none, or its dictionary is too large to be worth it, or
// the account refuses the memory. What was charged is given back with the join's.
func (d *dictHeads) lookup(h *Hash, v *batch.Vector, heads []uint32) bool {
	if v.Form != batch.Dict || v.Type.Kind == types.Numeric || v.Type.Kind == types.JSONB {
		return false
	}
	if !d.room(h, v.Dict, len(heads)) {
		return false
	}
	for i, c := range v.Codes[:len(heads)] {
		// 0 is "not looked up yet", and no partner is 1: a string without one is asked for once, too. Selective joins
		// are made of these.
		e := d.heads[c]
		if e == 0 {
			d.key = d.key[:0]
			if v.IsNull(i) {
				heads[i] = 0
				continue
			}
			d.key = appendEqual(d.key, v, v.Type, i)
			e = h.tab.find(kernel.HashBytes(d.key), d.key) + 1
			d.heads[c] = e
		}
		heads[i] = e - 1
		if v.Valid != nil && v.IsNull(i) {
			heads[i] = 0
		}
	}
	return true
}

// room makes place for the entries of a dictionary. One that grows keeps its ID, and what is known of its entries.
func (d *dictHeads) room(h *Hash, dict *batch.Dictionary, rows int) bool {
	if d.id != dict.ID {
		d.id, d.rows = dict.ID, 0
		d.heads = d.heads[:0]
	}
	d.rows += rows
	if dict.Len <= len(d.heads) {
		return true
	}
	if dict.Len > dictWarmup*d.rows {
		return false
	}
	known := len(d.heads)
	if dict.Len > cap(d.heads) {
		size := max(dict.Len, known+known/2)
		if h.acc.Reserve(4*int64(size)) != nil {
			return false
		}
		bigger := make([]uint32, size)
		copy(bigger, d.heads)
		h.charged.Add(4 * int64(size-cap(d.heads)))
		h.acc.Free(4 * int64(cap(d.heads)))
		d.heads = bigger
	}
	d.heads = d.heads[:dict.Len]
	clear(d.heads[known:])
	return true
}
