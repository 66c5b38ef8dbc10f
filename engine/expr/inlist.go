package expr

import (
	"bytes"
	"math/bits"
	"slices"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/kernel"
	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/types/jsonb"
)

func trailingZeros(w uint64) int { return bits.TrailingZeros64(w) }

// inNode is arg [NOT] IN (constants).
type inNode struct {
	arg     node
	list    []types.Datum
	ints    *kernel.IntSet
	strings *stringSet
	hasNull bool
	negate  bool
	flat    batch.Vector
	found   batch.Bitmap
	out     batch.Vector
}

func (c *compiler) inList(e *In) (node, error) {
	arg, err := c.node(e.Arg)
	if err != nil {
		return nil, err
	}
	n := &inNode{arg: arg, list: e.List, hasNull: e.HasNull, negate: e.Negate}
	switch t := e.Arg.Type(); t.Physical() {
	case types.PhysInt16, types.PhysInt32, types.PhysInt64:
		vs := make([]int64, len(e.List))
		for i, d := range e.List {
			vs[i] = d.I
		}
		slices.Sort(vs)
		n.ints = kernel.NewIntSet(slices.Compact(vs))
	case types.PhysBytes:
		n.strings = newStringSet(e.List, t.Kind)
	}
	return n, nil
}

func (n *inNode) eval(r *run, active batch.Bitmap) (*batch.Vector, error) {
	v, err := n.arg.eval(r, active)
	if err != nil {
		return nil, err
	}
	if v.Form == batch.Packed || v.Form == batch.Constant {
		n.flat.Flatten(v)
		v = &n.flat
	}
	n.out.Reset(boolType, r.n)
	out := n.out.Bools()
	switch {
	case n.ints != nil:
		switch v.Type.Physical() {
		case types.PhysInt16:
			kernel.SetBits(batch.Values[int16](v)[:r.n], n.ints, out)
		case types.PhysInt32:
			kernel.SetBits(batch.Values[int32](v)[:r.n], n.ints, out)
		default:
			kernel.SetBits(batch.Values[int64](v)[:r.n], n.ints, out)
		}
	case n.strings != nil:
		kind := v.Type.Kind
		for i := range r.n {
			if n.strings.contains(keyOf(kind, v.BytesAt(i))) {
				out.Set(i)
			}
		}
	default:
		n.search(v, active, r.n, out)
	}
	n.out.Valid = v.Valid
	if n.hasNull { // rows not found are NULL
		n.found = sized(n.found, r.n)
		copy(n.found, out)
		n.found.And(v.Valid)
		n.out.Valid = n.found
	}
	if n.negate {
		out.Not(r.n)
	}
	return &n.out, nil
}

// keyOf returns what two values of a kind are equal by: a character(n) without its blanks, an encoded numeric without the
// number of digits that it shows.
func keyOf(k types.Kind, b []byte) []byte {
	switch k {
	case types.Char:
		return bytes.TrimRight(b, " ")
	case types.Numeric:
		return types.NumericKey(b)
	case types.JSONB:
		return jsonb.Key(b)
	}
	return b
}

// search looks values up one by one, for the types without a faster set.
func (n *inNode) search(v *batch.Vector, active batch.Bitmap, rows int, out batch.Bitmap) {
	for i := range rows {
		if active != nil && !active.Get(i) || v.IsNull(i) {
			continue
		}
		d := v.Datum(i)
		if _, ok := slices.BinarySearchFunc(n.list, d, types.Compare); ok {
			out.Set(i)
		}
	}
}

// stringSet is a hash table of byte strings with open addressing, at most half full.
type stringSet struct {
	slots []string
	used  []bool
	mask  uint64
}

func newStringSet(list []types.Datum, kind types.Kind) *stringSet {
	size := 1 << bits.Len(uint(2*len(list)))
	s := &stringSet{slots: make([]string, size), used: make([]bool, size), mask: uint64(size - 1)}
	for _, d := range list {
		k := keyOf(kind, []byte(d.S))
		h := kernel.HashBytes(k) & s.mask
		for s.used[h] && s.slots[h] != string(k) {
			h = (h + 1) & s.mask
		}
		s.slots[h], s.used[h] = string(k), true
	}
	return s
}

func (s *stringSet) contains(b []byte) bool {
	for h := kernel.HashBytes(b) & s.mask; s.used[h]; h = (h + 1) & s.mask {
		if s.slots[h] == string(b) {
			return true
		}
	}
	return false
}
