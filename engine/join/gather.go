package join

import (
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/types"
)

// gather fills v with column c of the build rows of entries; entry 0 gives NULL.
func (h *Hash) gather(v *batch.Vector, ents []uint32, c int) {
	t := h.cfg.Build[c]
	n := len(ents)
	v.Reset(t, n)
	switch phys := t.Physical(); phys {
	case types.PhysBool:
		to := v.Bools()
		for i, e := range ents {
			if src, at := h.place(e, c); src != nil {
				to.SetTo(i, src.Bools().Get(at))
			}
		}
	case types.PhysInt16:
		gatherFixed[int16](h, v, ents, c)
	case types.PhysInt32, types.PhysFloat32:
		gatherFixed[int32](h, v, ents, c)
	case types.PhysInt64, types.PhysFloat64:
		gatherFixed[int64](h, v, ents, c)
	case types.PhysBytes:
		for _, e := range ents {
			src, at := h.place(e, c)
			if src == nil || src.Form != batch.Dict && src.IsNull(at) {
				v.AppendBytes(nil)
			} else {
				v.AppendBytes(src.BytesAt(at))
			}
		}
	default:
		gatherFixed[batch.Int128](h, v, ents, c)
	}
	for i, e := range ents {
		if src, at := h.place(e, c); src == nil || src.IsNull(at) {
			v.Nulls(n).Clear(i)
		}
	}
}

// place returns the vector of an entry's row and its position in it; nil for entry 0.
func (h *Hash) place(e uint32, c int) (*batch.Vector, int) {
	if e == 0 {
		return nil, 0
	}
	ref := h.tab.ref[e]
	src := h.batches[ref>>rowBits].Cols[c]
	if src.Form == batch.Constant {
		return src, 0
	}
	return src, int(ref & rowMask)
}

func gatherFixed[T any](h *Hash, v *batch.Vector, ents []uint32, c int) {
	to := batch.Values[T](v)
	for i, e := range ents {
		if src, at := h.place(e, c); src != nil {
			to[i] = batch.Values[T](src)[at]
		}
	}
}
