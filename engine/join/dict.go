package join

import (
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/kernel"
	"github.com/siltstone-db/siltstone/storage/types"
)

// dictHeads remembers the first entry for each code of the dictionary that the probe side is in: each string is looked
// up once per worker and dictionary, not once per row.
type dictHeads struct {
	dict  *batch.Dictionary
	heads []uint32 // by code: entry + 1, 0 when not looked up yet
	key   []byte
}

// lookup fills heads for a dictionary vector; false when v is none, or its dictionary is too large to be worth it.
func (d *dictHeads) lookup(t *entries, v *batch.Vector, heads []uint32) bool {
	if v.Form != batch.Dict || v.Type.Kind == types.Numeric {
		return false
	}
	if d.dict != v.Dict {
		if d.dict == nil || cap(d.heads) < v.Dict.Len {
			d.heads = make([]uint32, v.Dict.Len)
		} else {
			d.heads = d.heads[:v.Dict.Len]
			clear(d.heads)
		}
		d.dict = v.Dict
	}
	for i, c := range v.Codes[:len(heads)] {
		e := d.heads[c]
		if e == 0 {
			d.key = d.key[:0]
			if v.IsNull(i) {
				heads[i] = 0
				continue
			}
			d.key = appendEqual(d.key, v, v.Type, i)
			e = t.find(kernel.HashBytes(d.key), d.key) + 1
			d.heads[c] = e
		}
		heads[i] = e - 1
		if v.Valid != nil && v.IsNull(i) {
			heads[i] = 0
		}
	}
	return true
}
