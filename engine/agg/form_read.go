package agg

import (
	"github.com/siltstone-db/siltstone/engine/aggstate"
	"github.com/siltstone-db/siltstone/engine/hashtable"
	"github.com/siltstone-db/siltstone/storage/types"
)

// reader reads one record. Bytes that are no record make it fail; what was read before is then worth nothing.
type reader struct {
	aggstate.Reader
	g *Group
}

// keyValue reads a key's value; intervals are numbered there.
func (x *reader) keyValue(f *hashtable.Field) (w [2]uint64) {
	if f.Phys == types.PhysInterval && f.Strings != nil {
		w[0] = x.Number(f.Strings, x.Take(16))
		return w
	}
	return x.Value(f.Typ, f.Strings)
}

// key reads the key into packed words.
func (x *reader) key(key []uint64) {
	clear(key)
	for i := range x.g.lay.Fields {
		f := &x.g.lay.Fields[i]
		null := !x.Flag()
		var w [2]uint64
		if !null {
			w = x.keyValue(f)
		}
		if !x.Failed() && !f.Put(key, w, null) {
			x.Damaged()
		}
	}
}

// states reads the states into the words behind a key, and returns the number of rows.
func (x *reader) states(words []uint64) (rows uint64) {
	p := x.g.prog
	clear(words)
	rows = x.Uvarint()
	for i := range p.inputs {
		skipped := x.Uvarint()
		words[p.inputs[i].skip] = skipped
		if skipped > rows {
			x.Damaged()
		}
	}
	for i := range p.states {
		s := &p.states[i]
		s.Read(&x.Reader, words[s.at:s.at+s.Words])
	}
	return rows
}
