package batch

import "github.com/siltstone-db/siltstone/storage/types"

// Append copies all rows of src to the end of b, whose vectors are flat. The columns must have the same physical forms.
func (b *Batch) Append(src *Batch) {
	for i, v := range b.Cols {
		v.AppendVector(src.Cols[i])
	}
	b.Len += src.Len
}

// Clone returns a copy of a batch without a selection, in flat vectors that share nothing with it.
func (b *Batch) Clone() *Batch {
	c := New(b.Types())
	c.Reset()
	c.Append(b)
	return c
}

// AppendVector appends all rows of src, of any form, to a flat vector of the same physical form.
func (v *Vector) AppendVector(src *Vector) {
	at, n := v.Len, src.Len
	switch phys := v.Type.Physical(); {
	case n == 0:
		return
	case phys == types.PhysBytes:
		for i := range n {
			if src.IsNull(i) {
				v.AppendBytes(nil)
			} else {
				v.AppendBytes(src.BytesAt(i))
			}
		}
	case src.Form == Flat && phys == types.PhysBool:
		v.extend(at + n)
		from, to := src.Bools(), v.Bools()
		for i := range n {
			to.SetTo(at+i, from.Get(i))
		}
	case src.Form == Flat:
		v.extend(at + n)
		w := phys.Width()
		copy(v.Data[at*w:], src.Data[:n*w])
	default:
		v.extend(at + n)
		for i := range n {
			if d := src.Datum(i); !d.Null {
				d.Type = v.Type
				v.setDatum(at+i, d)
			}
		}
	}
	if v.Valid == nil && src.Valid == nil {
		return
	}
	if v.Valid == nil {
		v.Valid = resize(v.own.valid, at)
		v.Valid.Fill(at)
	}
	v.growValid(at + n)
	for i := range n {
		v.Valid.SetTo(at+i, !src.IsNull(i))
	}
}
